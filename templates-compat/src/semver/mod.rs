//! Semantic versions the way Masterminds' library reads and orders them,
//! which is how Helm does: `v1`, `1.2` and `01.2.3` are versions too.
//!
//! Constraints (`>=1.2 <2 || ^3`) are in [`Constraints`]. The template
//! functions on top of both are elsewhere (`funcs`).

mod constraint;
mod object;
mod ops;
mod plain;

pub use constraint::Constraints;
pub use object::SemverObject;

use std::cmp::Ordering;
use std::fmt;

use crate::compat::Compat;
use crate::value::{Int, IntKind, Value};

/// The longest version text that semver 3.5 (Helm 4) takes, in bytes.
pub const MAX_VERSION_LEN: usize = 256;

/// Why a version or a constraint was refused, with Go's texts as `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SemverError {
    /// Not a version at all.
    Invalid,
    /// An empty text (strict reading only).
    Empty,
    /// Longer than [`MAX_VERSION_LEN`].
    VersionTooLong,
    /// Something else than digits in a number (strict reading only).
    InvalidCharacters,
    /// `01` where it is not allowed.
    SegmentStartsZero,
    /// A malformed part after `+`.
    InvalidMetadata,
    /// A malformed part after `-`.
    InvalidPrerelease,
    /// A number that does not fit into 64 bits; the text of the number.
    SegmentOverflow {
        /// The number as written.
        segment: String,
        /// Whether the strict reader said it: its text lacks a prefix.
        strict: bool,
    },
    /// An empty number (strict reading only).
    SegmentEmpty,
    /// A constraint that is not one, already quoted as the release of the
    /// library does.
    ImproperConstraint(String),
    /// A constraint whose version part cannot be read.
    ConstraintParser,
    /// A constraint longer than semver 3.5 allows.
    ConstraintTooLong,
    /// More `||` groups than semver 3.5 allows.
    TooManyGroups,
}

impl fmt::Display for SemverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SemverError::Invalid => f.write_str("invalid semantic version"),
            SemverError::Empty => f.write_str("version string empty"),
            SemverError::VersionTooLong => write!(f, "version string is too long (max {MAX_VERSION_LEN} bytes)"),
            SemverError::InvalidCharacters => f.write_str("invalid characters in version"),
            SemverError::SegmentStartsZero => f.write_str("version segment starts with 0"),
            SemverError::InvalidMetadata => f.write_str("invalid metadata string"),
            SemverError::InvalidPrerelease => f.write_str("invalid prerelease string"),
            SemverError::SegmentOverflow { segment, strict } => {
                let head = if *strict { "" } else { "error parsing version segment: " };
                write!(f, "{head}strconv.ParseUint: parsing \"{segment}\": value out of range")
            }
            SemverError::SegmentEmpty => f.write_str("strconv.ParseUint: parsing \"\": invalid syntax"),
            SemverError::ImproperConstraint(text) => write!(f, "improper constraint: {text}"),
            SemverError::ConstraintParser => f.write_str("constraint parser error"),
            SemverError::ConstraintTooLong => {
                write!(f, "constraint string is too long (max {} bytes)", constraint::MAX_CONSTRAINT_LEN)
            }
            SemverError::TooManyGroups => {
                write!(f, "too many constraint groups (max {})", constraint::MAX_CONSTRAINT_GROUPS)
            }
        }
    }
}

impl std::error::Error for SemverError {}

/// A semantic version. Equality of Rust is equality of the whole text;
/// precedence is [`Version::compare`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    /// A version from its three numbers.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        let mut version = Version {
            major,
            minor,
            patch,
            prerelease: String::new(),
            metadata: String::new(),
            original: String::new(),
        };
        version.original = version.to_string();
        version
    }

    /// The fields as Go's struct has them, for verbs that ask for no text.
    pub(crate) fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        let number = |n: u64| Value::Int(Int { value: n as i64, kind: IntKind::Uint64 });
        let text = |s: &String| Value::str(s.as_str());
        vec![
            ("major", number(self.major)),
            ("minor", number(self.minor)),
            ("patch", number(self.patch)),
            ("pre", text(&self.prerelease)),
            ("metadata", text(&self.metadata)),
            ("original", text(&self.original)),
        ]
    }

    /// Reads a version leniently: a leading `v`, missing parts and leading
    /// zeros are accepted.
    ///
    /// # Errors
    /// Why it is not a version.
    pub fn parse(text: impl AsRef<[u8]>, compat: Compat) -> Result<Version, SemverError> {
        let text = text.as_ref();
        if compat.limits_versions() && text.len() > MAX_VERSION_LEN {
            return Err(SemverError::VersionTooLong);
        }
        let loose = Loose::split(text).ok_or(SemverError::Invalid)?;
        let number = |digits: &[u8]| if digits.is_empty() { Ok(0) } else { segment(digits, false) };
        let version = Version {
            major: number(loose.major)?,
            minor: number(loose.minor)?,
            patch: number(loose.patch)?,
            prerelease: lossy(loose.prerelease),
            metadata: lossy(loose.metadata),
            original: lossy(text),
        };
        if !version.prerelease.is_empty() {
            validate_prerelease(version.prerelease.as_bytes())?;
        }
        if !version.metadata.is_empty() {
            validate_metadata(version.metadata.as_bytes())?;
        }
        Ok(version)
    }

    /// Reads exactly what semver.org allows: three numbers, no `v`.
    ///
    /// # Errors
    /// Why it is not a version.
    pub fn parse_strict(text: impl AsRef<[u8]>, compat: Compat) -> Result<Version, SemverError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(SemverError::Empty);
        }
        if compat.limits_versions() && text.len() > MAX_VERSION_LEN {
            return Err(SemverError::VersionTooLong);
        }
        let mut parts = text.splitn(3, |b| *b == b'.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SemverError::Invalid);
        };
        let (rest, metadata) = split_once(rest, b'+');
        if let Some(metadata) = metadata {
            validate_metadata(metadata)?;
        }
        let (patch, prerelease) = split_once(rest, b'-');
        if let Some(prerelease) = prerelease {
            validate_prerelease(prerelease)?;
        }
        for part in [major, minor, patch] {
            if !part.iter().all(u8::is_ascii_digit) {
                return Err(SemverError::InvalidCharacters);
            }
            if part.len() > 1 && part.starts_with(b"0") {
                return Err(SemverError::SegmentStartsZero);
            }
        }
        Ok(Version {
            major: segment(major, true)?,
            minor: segment(minor, true)?,
            patch: segment(patch, true)?,
            prerelease: lossy(prerelease.unwrap_or_default()),
            metadata: lossy(metadata.unwrap_or_default()),
            original: lossy(text),
        })
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The third number.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// What stands between `-` and `+`, or nothing.
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What stands after `+`, or nothing.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text that was read.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Precedence: the numbers, then the prerelease; metadata does not count.
    pub fn compare(&self, other: &Version) -> Ordering {
        let numbers = |v: &Version| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_prerelease(a, b),
        })
    }

    /// The next patch release (of a prerelease: the release itself).
    ///
    /// # Errors
    /// The text of Go's panic when the number would overflow.
    pub fn inc_patch(&self, compat: Compat) -> Result<Version, String> {
        let patch = if self.prerelease.is_empty() { increment(self.patch, "patch", compat)? } else { self.patch };
        Ok(self.successor(self.major, self.minor, patch))
    }

    /// The next minor release.
    ///
    /// # Errors
    /// The text of Go's panic when the number would overflow.
    pub fn inc_minor(&self, compat: Compat) -> Result<Version, String> {
        Ok(self.successor(self.major, increment(self.minor, "minor", compat)?, 0))
    }

    /// The next major release.
    ///
    /// # Errors
    /// The text of Go's panic when the number would overflow.
    pub fn inc_major(&self, compat: Compat) -> Result<Version, String> {
        Ok(self.successor(increment(self.major, "major", compat)?, 0, 0))
    }

    /// The same version with another prerelease.
    ///
    /// # Errors
    /// When the new part is malformed.
    pub fn with_prerelease(&self, prerelease: &[u8]) -> Result<Version, SemverError> {
        if !prerelease.is_empty() {
            validate_prerelease(prerelease)?;
        }
        Ok(Version { prerelease: lossy(prerelease), ..self.clone() }.renamed(self))
    }

    /// The same version with other metadata.
    ///
    /// # Errors
    /// When the new part is malformed.
    pub fn with_metadata(&self, metadata: &[u8]) -> Result<Version, SemverError> {
        if !metadata.is_empty() {
            validate_metadata(metadata)?;
        }
        Ok(Version { metadata: lossy(metadata), ..self.clone() }.renamed(self))
    }

    fn successor(&self, major: u64, minor: u64, patch: u64) -> Version {
        Version::new(major, minor, patch).renamed(self)
    }

    /// Gives a derived version its text, with the `v` of the one it came from.
    fn renamed(mut self, from: &Version) -> Version {
        let prefix = if from.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{prefix}{self}");
        self
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// The parts of a leniently written version; a missing part is empty.
struct Loose<'a> {
    major: &'a [u8],
    minor: &'a [u8],
    patch: &'a [u8],
    prerelease: &'a [u8],
    metadata: &'a [u8],
}

impl<'a> Loose<'a> {
    fn split(text: &'a [u8]) -> Option<Loose<'a>> {
        let mut rest = text.strip_prefix(b"v").unwrap_or(text);
        let major = take_while(&mut rest, u8::is_ascii_digit);
        if major.is_empty() {
            return None;
        }
        let minor = after(&mut rest, b'.', |r| take_while(r, u8::is_ascii_digit))?;
        let patch =
            if minor.is_empty() { minor } else { after(&mut rest, b'.', |r| take_while(r, u8::is_ascii_digit))? };
        let prerelease = after(&mut rest, b'-', take_identifiers)?;
        let metadata = after(&mut rest, b'+', take_identifiers)?;
        rest.is_empty().then_some(Loose { major, minor, patch, prerelease, metadata })
    }
}

/// What follows `mark`, if `mark` is next; nothing after it is a failure.
fn after<'a>(rest: &mut &'a [u8], mark: u8, take: impl Fn(&mut &'a [u8]) -> &'a [u8]) -> Option<&'a [u8]> {
    let Some(tail) = rest.strip_prefix(&[mark]) else {
        return Some(&[]);
    };
    *rest = tail;
    let found = take(rest);
    (!found.is_empty()).then_some(found)
}

fn take_while<'a>(rest: &mut &'a [u8], allowed: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = rest.iter().position(|b| !allowed(b)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    *rest = tail;
    head
}

/// Dot-separated identifiers, none of them empty; nothing otherwise.
fn take_identifiers<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let mut look = *rest;
    let taken = take_while(&mut look, |b| is_identifier_byte(*b) || *b == b'.');
    if taken.split(|b| *b == b'.').any(<[u8]>::is_empty) {
        return &[];
    }
    *rest = look;
    taken
}

fn is_identifier_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-'
}

fn split_once(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == mark) {
        Some(at) => (&text[..at], text.get(at + 1..)),
        None => (text, None),
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

fn segment(digits: &[u8], strict: bool) -> Result<u64, SemverError> {
    if digits.is_empty() {
        return Err(SemverError::SegmentEmpty);
    }
    lossy(digits).parse().map_err(|_| SemverError::SegmentOverflow { segment: lossy(digits), strict })
}

fn increment(number: u64, name: &str, compat: Compat) -> Result<u64, String> {
    match (number.checked_add(1), compat.versions_overflow()) {
        (Some(next), _) => Ok(next),
        // semver 3.4 does not look: Go's numbers wrap round.
        (None, true) => Ok(0),
        (None, false) => Err(format!("{name} version increment would overflow uint64")),
    }
}

fn validate_prerelease(text: &[u8]) -> Result<(), SemverError> {
    for part in text.split(|b| *b == b'.') {
        if part.is_empty() || !part.iter().all(|b| is_identifier_byte(*b)) {
            return Err(SemverError::InvalidPrerelease);
        }
        if part.len() > 1 && part.starts_with(b"0") && part.iter().all(u8::is_ascii_digit) {
            return Err(SemverError::SegmentStartsZero);
        }
    }
    Ok(())
}

fn validate_metadata(text: &[u8]) -> Result<(), SemverError> {
    let good = |part: &[u8]| !part.is_empty() && part.iter().all(|b| is_identifier_byte(*b));
    if text.split(|b| *b == b'.').all(good) { Ok(()) } else { Err(SemverError::InvalidMetadata) }
}

/// The order of two prereleases, part by part; a missing part is the least.
fn compare_prerelease(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            return Ordering::Equal;
        }
        let order = compare_part(l.unwrap_or_default(), r.unwrap_or_default());
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_part(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    if a.is_empty() {
        return Ordering::Less;
    }
    if b.is_empty() {
        return Ordering::Greater;
    }
    match (decimal(a), decimal(b)) {
        (None, None) => a.cmp(b),
        (_, None) => Ordering::Less,
        (None, _) => Ordering::Greater,
        (Some(l), Some(r)) if l > r => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// Go's ParseUint: digits only, no sign, 64 bits.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text, Compat::Helm4).unwrap()
    }

    #[test]
    fn lenient_reading_fills_in_what_is_missing() {
        assert_eq!(version("v1").to_string(), "1.0.0");
        assert_eq!(version("01.02").to_string(), "1.2.0");
        assert_eq!(version("1.2-5").prerelease(), "5");
        assert_eq!(version("1.2.3-a-b.c+d.01").metadata(), "d.01");
        assert_eq!(version("v1.2").original(), "v1.2");
    }

    #[test]
    fn refused_texts_say_why() {
        let error = |text: &str| Version::parse(text, Compat::Helm4).unwrap_err().to_string();
        for text in ["", "v", "1.", "1.2.3.4", "1.2.3-", "1.2.3-a..b", "1.2.3+", " 1", "1\n", "x"] {
            assert_eq!(error(text), "invalid semantic version", "{text:?}");
        }
        assert_eq!(error("1.2.3-01"), "version segment starts with 0");
        assert_eq!(
            error("99999999999999999999"),
            "error parsing version segment: strconv.ParseUint: parsing \"99999999999999999999\": value out of range"
        );
        let long = format!("1.2.3-{}", "a".repeat(300));
        assert_eq!(error(&long), "version string is too long (max 256 bytes)");
        assert!(Version::parse(&long, Compat::Helm3).is_ok());
    }

    #[test]
    fn strict_reading_wants_three_plain_numbers() {
        let error = |text: &str| Version::parse_strict(text, Compat::Helm4).unwrap_err().to_string();
        assert!(Version::parse_strict("1.2.3-rc.1+b", Compat::Helm4).is_ok());
        assert_eq!(error(""), "version string empty");
        assert_eq!(error("1.2"), "invalid semantic version");
        assert_eq!(error("v1.2.3"), "invalid characters in version");
        assert_eq!(error("1.02.3"), "version segment starts with 0");
        assert_eq!(error("1..3"), "strconv.ParseUint: parsing \"\": invalid syntax");
        assert_eq!(error("1.2.3-a..b"), "invalid prerelease string");
        assert_eq!(error("1.2.3+"), "invalid metadata string");
    }

    #[test]
    fn precedence_follows_semver_org() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.10.0",
            "2",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(version(pair[0]).compare(&version(pair[1])), Ordering::Less, "{pair:?}");
            assert_eq!(version(pair[1]).compare(&version(pair[0])), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(version("1+a").compare(&version("1.0.0+b")), Ordering::Equal);
    }

    #[test]
    fn successors_keep_the_v() {
        let v = version("v1.2.3-rc.1+x");
        assert_eq!(v.inc_patch(Compat::Helm4).unwrap().original(), "v1.2.3");
        assert_eq!(v.inc_minor(Compat::Helm4).unwrap().original(), "v1.3.0");
        assert_eq!(v.inc_major(Compat::Helm4).unwrap().to_string(), "2.0.0");
        assert_eq!(v.with_prerelease(b"b").unwrap().original(), "v1.2.3-b+x");
        let last = version("18446744073709551615");
        assert_eq!(last.inc_major(Compat::Helm3).unwrap().major(), 0);
        assert!(last.inc_major(Compat::Helm4).is_err());
    }
}
