//! Constraints as people write them, read without the patterns.
//!
//! The patterns decide what a constraint is, but building them takes longer
//! than rendering a small chart. What is read here can be read in one way
//! only; everything else is left to them.

use super::constraint::comparator;
use super::ops::Comparator;
use crate::compat::Compat;

/// The comparators of one group, if they are plain: an operator, spaces, a
/// version of numbers or wildcards, and between two of them a comma or spaces.
pub(super) fn comparators(text: &[u8], compat: Compat) -> Option<Vec<Comparator>> {
    let mut rest = trim(text);
    let mut all = Vec::new();
    loop {
        let op = rest.iter().take_while(|b| b"=!<>~^".contains(b)).count();
        let (op, after) = rest.split_at(op);
        if !matches!(op, b"" | b"=" | b"!=" | b">" | b"<" | b">=" | b"=>" | b"<=" | b"=<" | b"~" | b"~>" | b"^") {
            return None;
        }
        let after = trim(after);
        let version = Version::read(after)?;
        let (whole, left) = after.split_at(version.length);
        let text = |part: &[u8]| std::str::from_utf8(part).ok().map(str::to_owned);
        let [major, minor, patch] = version.numbers;
        let made = comparator(
            text(op)?,
            text(whole)?,
            [text(major)?, text(minor)?, text(patch)?],
            &text(version.pre)?,
            compat,
        );
        all.push(made.ok()?);
        let next = trim(left);
        let next = match next.strip_prefix(b",") {
            Some(next) => trim(next),
            None if next.is_empty() => return Some(all),
            None if next.len() == left.len() => return None,
            // A dash between spaces makes a range of the two.
            None => next,
        };
        if next.is_empty() || next.starts_with(b"-") {
            return None;
        }
        rest = next;
    }
}

/// A version at the beginning of a text.
struct Version<'t> {
    numbers: [&'t [u8]; 3],
    pre: &'t [u8],
    length: usize,
}

impl<'t> Version<'t> {
    fn read(text: &'t [u8]) -> Option<Version<'t>> {
        let mut at = usize::from(text.starts_with(b"v"));
        let mut numbers: [&[u8]; 3] = [b""; 3];
        for (i, number) in numbers.iter_mut().enumerate() {
            if i > 0 {
                if text.get(at) != Some(&b'.') {
                    break;
                }
                at += 1;
            }
            let rest = text.get(at..).unwrap_or_default();
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let wildcard = usize::from(digits == 0 && rest.first().is_some_and(|b| b"xX*".contains(b)));
            *number = rest.get(..digits + wildcard).filter(|number| !number.is_empty())?;
            at += number.len();
        }
        let mut pre: &[u8] = b"";
        if text.get(at) == Some(&b'-') {
            let length = identifiers(&text[at + 1..])? + 1;
            pre = &text[at..at + length];
            at += length;
        }
        if text.get(at) == Some(&b'+') {
            at += identifiers(&text[at + 1..])? + 1;
        }
        // Whatever else follows may change what stands here.
        let ends = text.get(at).is_none_or(|b| *b == b',' || is_space(*b));
        ends.then_some(Version { numbers, pre, length: at })
    }
}

/// How long the identifiers with dots between them are.
fn identifiers(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"-.".contains(b)).count();
    let whole = &text[..length];
    whole.split(|b| *b == b'.').all(|part| !part.is_empty()).then_some(length)
}

fn is_space(byte: u8) -> bool {
    b"\t\n\x0c\r ".contains(&byte)
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().take_while(|b| is_space(**b)).count();
    &text[start..]
}
