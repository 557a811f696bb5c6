//! Constraints: what they look like, and which versions they admit. What an
//! operator means is in `ops`.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::ops::{Comparator, Op, Open, Reason};
use super::{SemverError, Version, plain};
use crate::compat::Compat;

/// The longest constraint that semver 3.5 (Helm 4) takes, in bytes.
pub(super) const MAX_CONSTRAINT_LEN: usize = 512;

/// The most `||` groups that semver 3.5 (Helm 4) takes.
pub(super) const MAX_CONSTRAINT_GROUPS: usize = 32;

/// A parsed constraint: groups joined by `||`, each of comparators that must
/// all hold.
#[derive(Debug, Clone)]
pub struct Constraints {
    groups: Vec<Group>,
    compat: Compat,
    include_prerelease: bool,
}

#[derive(Debug, Clone)]
struct Group {
    comparators: Vec<Comparator>,
    /// Whether one of them names a prerelease: then prereleases count.
    names_prerelease: bool,
}

/// The patterns that constraints are read with. The alternatives of the
/// operator are tried in order, and none comes second: `=` alone is taken
/// before `=>` or `=<` is looked at, unless the version then does not follow.
struct Patterns {
    one: Regex,
    range: Regex,
    find: Regex,
    valid: Regex,
}

/// `None` can only happen if a pattern below is wrong, which a test excludes.
static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(Patterns::new);

impl Patterns {
    fn new() -> Option<Patterns> {
        const OP: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
        const SPACE: &str = r"[\t\n\f\r ]";
        const NUMBER: &str = r"[0-9|xX*]+";
        const IDS: &str = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*";
        let version = format!(r"v?{NUMBER}(?:\.{NUMBER})?(?:\.{NUMBER})?(?:-{IDS})?(?:\+{IDS})?");
        let named = format!(
            r"v?(?<major>{NUMBER})(?:\.(?<minor>{NUMBER}))?(?:\.(?<patch>{NUMBER}))?(?<pre>-{IDS})?(?:\+{IDS})?"
        );
        let compile = |pattern: String| Regex::new(&format!("(?-u){pattern}")).ok();
        Some(Patterns {
            one: compile(format!("^{SPACE}*(?<op>{OP}){SPACE}*(?<version>{named}){SPACE}*$"))?,
            range: compile(format!("{SPACE}*(?<low>{version}){SPACE}+-{SPACE}+(?<high>{version}){SPACE}*"))?,
            find: compile(format!("(?:{OP}){SPACE}*(?:{version})"))?,
            valid: compile(format!(
                "^{SPACE}*(?:{OP}){SPACE}*(?:{version}){SPACE}*\
                 (?:(?:{SPACE}+|,{SPACE}*)(?:{OP}){SPACE}*(?:{version}){SPACE}*)*$"
            ))?,
        })
    }
}

impl Constraints {
    /// Reads a constraint.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn parse(text: impl AsRef<[u8]>, compat: Compat) -> Result<Constraints, SemverError> {
        let text = text.as_ref();
        let limited = compat.limits_versions();
        if limited && text.len() > MAX_CONSTRAINT_LEN {
            return Err(SemverError::ConstraintTooLong);
        }
        let groups = match plain_groups(text, compat) {
            Some(groups) => groups,
            None => groups_by_patterns(text, compat)?,
        };
        Ok(Constraints { groups, compat, include_prerelease: false })
    }

    /// Lets prereleases match everywhere (Helm's `--devel` does not need
    /// this; it asks for `>0.0.0-0`).
    #[must_use]
    pub fn including_prereleases(mut self) -> Self {
        self.include_prerelease = true;
        self
    }

    /// Whether a version satisfies the constraint.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let with_prerelease = self.include_prerelease || group.names_prerelease;
            group.comparators.iter().all(|c| c.check(version, with_prerelease).is_ok())
        })
    }

    /// As [`Constraints::check`], with the reasons.
    ///
    /// # Errors
    /// One sentence for each comparator that does not hold.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut said_prerelease = false;
        for group in &self.groups {
            let with_prerelease = self.include_prerelease || group.names_prerelease;
            let before = reasons.len();
            let mut holds = true;
            for c in &group.comparators {
                if let Err(reason) = c.check(version, with_prerelease) {
                    holds = false;
                    // Said once for all groups.
                    if reason != Reason::Prerelease || !std::mem::replace(&mut said_prerelease, true) {
                        reasons.push(reason.text(version, &c.text, self.compat));
                    }
                }
            }
            if holds && reasons.len() == before {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

impl std::fmt::Display for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, group) in self.groups.iter().enumerate() {
            f.write_str(if i > 0 { " || " } else { "" })?;
            for (k, c) in group.comparators.iter().enumerate() {
                write!(f, "{}{}{}", if k > 0 { " " } else { "" }, c.op_text, c.text)?;
            }
        }
        Ok(())
    }
}

/// The groups of a constraint that needs no patterns.
fn plain_groups(text: &[u8], compat: Compat) -> Option<Vec<Group>> {
    let parts = split_or(text);
    if parts.len() > MAX_CONSTRAINT_GROUPS {
        return None;
    }
    parts.into_iter().map(|part| plain::comparators(part, compat).map(Group::new)).collect()
}

fn groups_by_patterns(text: &[u8], compat: Compat) -> Result<Vec<Group>, SemverError> {
    let patterns = PATTERNS.as_ref().ok_or(SemverError::ConstraintParser)?;
    let text = rewrite_ranges(patterns, text);
    let alternatives = split_or(&text);
    if compat.limits_versions() && alternatives.len() > MAX_CONSTRAINT_GROUPS {
        return Err(SemverError::TooManyGroups);
    }
    alternatives.into_iter().map(|part| parse_group(patterns, part, compat)).collect()
}

impl Group {
    fn new(comparators: Vec<Comparator>) -> Group {
        let names_prerelease = comparators.iter().any(|c| !c.version.prerelease().is_empty());
        Group { comparators, names_prerelease }
    }
}

fn parse_group(patterns: &Patterns, text: &[u8], compat: Compat) -> Result<Group, SemverError> {
    if !patterns.valid.is_match(text) {
        return Err(improper(text, compat));
    }
    let comparators: Vec<_> = patterns
        .find
        .find_iter(text)
        .map(|found| parse_one(patterns, found.as_bytes(), compat))
        .collect::<Result<_, _>>()?;
    Ok(Group::new(comparators))
}

fn parse_one(patterns: &Patterns, text: &[u8], compat: Compat) -> Result<Comparator, SemverError> {
    let captures = patterns.one.captures(text).ok_or_else(|| improper(text, compat))?;
    let part = |name: &str| group_text(&captures, name);
    comparator(part("op"), part("version"), [part("major"), part("minor"), part("patch")], &part("pre"), compat)
}

/// A comparator of its parts: the operator, the version as it is written, its
/// numbers (empty where there is none) and its prerelease with the dash.
pub(super) fn comparator(
    op_text: String,
    text: String,
    [major, minor, patch]: [String; 3],
    pre: &str,
    compat: Compat,
) -> Result<Comparator, SemverError> {
    let is_open = |number: &str| matches!(number, "" | "x" | "X" | "*");
    let (open, version) = if is_open(&major) {
        (Open::All, format!("0.0.0{pre}"))
    } else if is_open(&minor) {
        (Open::Minor, format!("{major}.0.0{pre}"))
    } else if is_open(&patch) {
        (Open::Patch, format!("{major}.{minor}.0{pre}"))
    } else {
        (Open::Nothing, text.clone())
    };
    let version = Version::parse(version, compat).map_err(|_| SemverError::ConstraintParser)?;
    let op = Op::parse(op_text.as_bytes()).ok_or(SemverError::ConstraintParser)?;
    Ok(Comparator { op, op_text, text, version, open })
}

fn group_text(captures: &Captures<'_>, name: &str) -> String {
    captures.name(name).map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned()).unwrap_or_default()
}

fn improper(text: &[u8], compat: Compat) -> SemverError {
    SemverError::ImproperConstraint(match compat.quotes_constraints() {
        false => String::from_utf8_lossy(text).into_owned(),
        true => crate::gofmt::quote::quote_text(text, compat),
    })
}

/// `1.2 - 3` means `>= 1.2, <= 3`.
fn rewrite_ranges(patterns: &Patterns, text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    for captures in patterns.range.captures_iter(text) {
        let whole = captures.get(0).map(|m| m.as_bytes()).unwrap_or_default();
        let new = format!(">= {}, <= {} ", group_text(&captures, "low"), group_text(&captures, "high"));
        // The first occurrence in what is there by now, as the library does.
        if let Some(at) = find(&out, whole) {
            out.splice(at..at + whole.len(), new.into_bytes());
        }
    }
    out
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|w| w == part) }
}

fn split_or(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, b"||") {
        parts.push(&rest[..at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, version: &str) -> bool {
        Constraints::parse(constraint, Compat::Helm4).unwrap().check(&Version::parse(version, Compat::Helm4).unwrap())
    }

    #[test]
    fn operators() {
        for (constraint, inside, outside) in [
            ("=1.2.3", "1.2.3", "1.2.4"),
            ("1.2", "1.2.9", "1.3.0"),
            ("!=1.2.x", "1.3.0", "1.2.0"),
            (">1.2", "1.3.0", "1.2.9"),
            (">=1.2, <2", "1.9.9", "2.0.0"),
            ("=>1.2 =<2", "2.9.0", "3.0.0"),
            ("~1.2.3", "1.2.9", "1.3.0"),
            ("^1.2.3", "1.9.0", "2.0.0"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("1.1 - 2", "2.0.1", "3.0.0"),
            ("<1 || >=3", "3.1.0", "2.0.0"),
            (">=1.0.0-1", "1.1.0-beta", "1.0.0-0"),
        ] {
            assert!(check(constraint, inside), "{constraint} {inside}");
            assert!(!check(constraint, outside), "{constraint} {outside}");
        }
        assert!(!check("*", "1.0.0-beta"));
        assert!(check("*", "1.0.0"));
    }

    #[test]
    fn refusals() {
        let error = |text: &str, compat| Constraints::parse(text, compat).unwrap_err().to_string();
        assert_eq!(error("bad range", Compat::Helm3), "improper constraint: bad range");
        assert_eq!(error("bad range", Compat::Helm4), "improper constraint: \"bad range\"");
        assert_eq!(error("1x.2.3", Compat::Helm4), "constraint parser error");
        assert_eq!(error("", Compat::Helm4), "improper constraint: \"\"");
        let long = format!(">=1{}", " ".repeat(600));
        assert_eq!(error(&long, Compat::Helm4), "constraint string is too long (max 512 bytes)");
        assert!(Constraints::parse(&long, Compat::Helm3).is_ok());
        assert_eq!(error(&["1"; 40].join("||"), Compat::Helm4), "too many constraint groups (max 32)");
    }

    #[test]
    fn what_needs_no_patterns_is_read_as_they_do() {
        let parts = [
            "", " ", "  ", ",", ", ", "||", " || ", "|", "-", " - ", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~",
            "~>", "^", "v", "1", "20", "0", "x", "X", "*", ".", ".1", ".x", ".2.3", "1.2.3", "-a", "-0.b", "-a-", "+c",
            "01", "\t", "a",
        ];
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as usize) % below
        };
        let mut plain = 0;
        for _ in 0..30_000 {
            let text: String = (0..1 + next(9)).map(|_| parts[next(parts.len())]).collect();
            for compat in [Compat::Helm3, Compat::Helm4] {
                let Some(quick) = plain_groups(text.as_bytes(), compat) else { continue };
                plain += 1;
                let slow = groups_by_patterns(text.as_bytes(), compat);
                assert_eq!(format!("{:?}", Ok::<_, SemverError>(quick)), format!("{slow:?}"), "{text:?}");
            }
        }
        assert!(plain > 1000, "{plain}");
    }

    #[test]
    fn reasons() {
        let reasons = |constraint: &str, version: &str, compat| {
            Constraints::parse(constraint, compat).unwrap().validate(&Version::parse(version, compat).unwrap())
        };
        assert_eq!(reasons(">1 || <0.5", "2.0.0", Compat::Helm4), Ok(()));
        assert_eq!(reasons("<1", "2.0.0", Compat::Helm3), Err(vec!["2.0.0 is greater than or equal to 1".into()]));
        assert_eq!(
            reasons("^1, <0.1", "2.0.0-a", Compat::Helm4),
            Err(vec![
                "\"2.0.0-a\" is a prerelease version and the constraint is only looking for release versions".into()
            ])
        );
    }

    #[test]
    fn prints_as_it_was_read() {
        assert_eq!(Constraints::parse(">= 1.2, <2||^3.x", Compat::Helm4).unwrap().to_string(), ">=1.2 <2 || ^3.x");
    }
}
