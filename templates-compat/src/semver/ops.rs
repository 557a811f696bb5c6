//! What each constraint operator means for one version, with the reasons
//! that the library gives when it does not hold.

use std::cmp::Ordering;

use super::{Version, compare_prerelease};
use crate::compat::Compat;

/// The operator in front of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

impl Op {
    pub(super) fn parse(text: &[u8]) -> Option<Op> {
        Some(match text {
            b"" | b"=" => Op::TildeOrEqual,
            b"!=" => Op::NotEqual,
            b">" => Op::Greater,
            b"<" => Op::Less,
            b">=" | b"=>" => Op::GreaterEqual,
            b"<=" | b"=<" => Op::LessEqual,
            b"~" | b"~>" => Op::Tilde,
            b"^" => Op::Caret,
            _ => return None,
        })
    }
}

/// How much of a constraint's version was left open (`1`, `1.x`, `*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// All three numbers are given.
    Nothing,
    /// `1.2` or `1.2.x`
    Patch,
    /// `1` or `1.x`
    Minor,
    /// `*`
    All,
}

/// One operator with its version.
#[derive(Debug, Clone)]
pub(super) struct Comparator {
    pub(super) op: Op,
    /// The operator as written.
    pub(super) op_text: String,
    /// The version as written.
    pub(super) text: String,
    pub(super) version: Version,
    pub(super) open: Open,
}

/// Why a comparator does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Prerelease,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    OtherMajor,
    OtherMajorOrMinor,
    OtherMinorBelowOne,
    OtherMinor,
    NotThePatch,
}

impl Reason {
    /// The library's sentence. semver 3.5 puts both names in quotes; neither
    /// can hold a character that quoting would change.
    pub(super) fn text(self, version: &Version, constraint: &str, compat: Compat) -> String {
        let quote = if compat.quotes_constraints() { "\"" } else { "" };
        let v = format!("{quote}{version}{quote}");
        let c = format!("{quote}{constraint}{quote}");
        match self {
            Reason::Prerelease => {
                format!("{v} is a prerelease version and the constraint is only looking for release versions")
            }
            Reason::Equal => format!("{v} is equal to {c}"),
            Reason::NotEqual => format!("{v} is not equal to {c}"),
            Reason::LessOrEqual => format!("{v} is less than or equal to {c}"),
            Reason::GreaterOrEqual => format!("{v} is greater than or equal to {c}"),
            Reason::Less => format!("{v} is less than {c}"),
            Reason::Greater => format!("{v} is greater than {c}"),
            Reason::OtherMajor => format!("{v} does not have same major version as {c}"),
            Reason::OtherMajorOrMinor => format!("{v} does not have same major and minor version as {c}"),
            Reason::OtherMinorBelowOne => format!(
                "{v} does not have same minor version as {c}. \
                 Expected minor versions to match when constraint major version is 0"
            ),
            Reason::OtherMinor => format!("{v} does not have same minor version as {c}"),
            Reason::NotThePatch => format!(
                "{v} does not equal {c}. Expect version and constraint to equal when major and minor versions are 0"
            ),
        }
    }
}

fn hold(holds: bool, otherwise: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Comparator {
    /// Whether `v` is inside; prereleases only with `with_prerelease`.
    pub(super) fn check(&self, v: &Version, with_prerelease: bool) -> Result<(), Reason> {
        hold(with_prerelease || v.prerelease().is_empty(), Reason::Prerelease)?;
        let order = v.compare(&self.version);
        match self.op {
            Op::TildeOrEqual if self.open != Open::Nothing => self.tilde(v),
            Op::TildeOrEqual => hold(order == Ordering::Equal, Reason::NotEqual),
            Op::NotEqual => self.not_equal(v),
            Op::Greater => self.greater(v),
            Op::Less => hold(order == Ordering::Less, Reason::GreaterOrEqual),
            Op::GreaterEqual => hold(order != Ordering::Less, Reason::Less),
            Op::LessEqual => self.less_equal(v),
            Op::Tilde => self.tilde(v),
            Op::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> Result<(), Reason> {
        let c = &self.version;
        let same_major = v.major() == c.major();
        let same_minor = same_major && v.minor() == c.minor();
        match self.open {
            Open::Minor => hold(!same_major, Reason::Equal),
            Open::Patch if !same_minor => Ok(()),
            // The open patch covers every release; prereleases are told apart.
            Open::Patch => hold(compare_prerelease(v.prerelease(), c.prerelease()) != Ordering::Equal, Reason::Equal),
            Open::Nothing | Open::All => hold(v.compare(c) != Ordering::Equal, Reason::Equal),
        }
    }

    fn greater(&self, v: &Version) -> Result<(), Reason> {
        let c = &self.version;
        let holds = match self.open {
            Open::Minor => v.major() > c.major(),
            Open::Patch => (v.major(), v.minor()) > (c.major(), c.minor()),
            Open::Nothing | Open::All => v.compare(c) == Ordering::Greater,
        };
        hold(holds, Reason::LessOrEqual)
    }

    fn less_equal(&self, v: &Version) -> Result<(), Reason> {
        let c = &self.version;
        let holds = match self.open {
            Open::Nothing => v.compare(c) != Ordering::Greater,
            Open::Minor => v.major() <= c.major(),
            Open::Patch | Open::All => (v.major(), v.minor()) <= (c.major(), c.minor()),
        };
        hold(holds, Reason::Greater)
    }

    fn tilde(&self, v: &Version) -> Result<(), Reason> {
        let c = &self.version;
        hold(v.compare(c) != Ordering::Less, Reason::Less)?;
        let zero = c.major() == 0 && c.minor() == 0 && c.patch() == 0;
        if zero && matches!(self.open, Open::Nothing | Open::All) {
            return Ok(());
        }
        hold(v.major() == c.major(), Reason::OtherMajor)?;
        hold(self.open == Open::Minor || v.minor() == c.minor(), Reason::OtherMajorOrMinor)
    }

    fn caret(&self, v: &Version) -> Result<(), Reason> {
        let c = &self.version;
        hold(v.compare(c) != Ordering::Less, Reason::Less)?;
        hold(v.major() == c.major(), Reason::OtherMajor)?;
        if c.major() > 0 || self.open == Open::Minor {
            return Ok(());
        }
        if c.minor() > 0 || self.open == Open::Patch {
            return hold(v.minor() == c.minor(), Reason::OtherMinorBelowOne);
        }
        hold(v.minor() == 0, Reason::OtherMinor)?;
        hold(v.patch() == c.patch(), Reason::NotThePatch)
    }
}
