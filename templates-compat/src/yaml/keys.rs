//! The order in which go-yaml writes a mapping's keys: letters after
//! everything else, numbers inside keys by their value.

use std::cmp::Ordering;

use super::emit::Version;
use crate::compat::Compat;
use crate::gofmt::unicode;

/// Compares two keys as yaml.v2 or yaml.v3 does.
pub(super) fn natural(a: &[u8], b: &[u8], version: Version) -> Ordering {
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    if common == a.len() || common == b.len() {
        return a.len().cmp(&b.len());
    }
    let ascii = a[common] < 0x80 && b[common] < 0x80 && a[..common].is_ascii();
    if ascii {
        let char_at = |t: &[u8], i: usize| t.get(i).map(|b| *b as char);
        return if less(a.len(), b.len(), |i| char_at(a, i), |i| char_at(b, i), common, version) {
            Ordering::Less
        } else {
            Ordering::Greater
        };
    }
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    if common == a.len() || common == b.len() {
        return a.len().cmp(&b.len());
    }
    let at = |t: &[char], i: usize| t.get(i).copied();
    if less(a.len(), b.len(), |i| at(&a, i), |i| at(&b, i), common, version) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

fn is_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit() || (!c.is_ascii() && unicode::is_digit(c, Compat::Helm4)))
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || (!c.is_ascii() && unicode::is_letter(c, Compat::Helm4))
}

fn digit_value(c: Option<char>) -> i64 {
    c.map_or(0, |c| i64::from(c as u32) - i64::from(b'0'))
}

/// Whether the first key comes first; they differ first at `i`.
fn less(
    a_len: usize,
    b_len: usize,
    a: impl Fn(usize) -> Option<char>,
    b: impl Fn(usize) -> Option<char>,
    i: usize,
    version: Version,
) -> bool {
    let (Some(ac), Some(bc)) = (a(i), b(i)) else { return a_len < b_len };
    let (al, bl) = (is_letter(ac), is_letter(bc));
    if al && bl {
        return ac < bc;
    }
    if al || bl {
        // After a digit, yaml.v3 puts the shorter number first.
        let after_digit = version == Version::V3 && i > 0 && is_digit(a(i - 1));
        return if after_digit { al } else { bl };
    }
    let (mut an, mut bn) = (0i64, 0i64);
    if ac == '0' || bc == '0' {
        let mut j = i;
        while j > 0 && is_digit(a(j - 1)) {
            j -= 1;
            if a(j) != Some('0') {
                (an, bn) = (1, 1);
                break;
            }
        }
    }
    let mut ai = i;
    while is_digit(a(ai)) {
        an = an.wrapping_mul(10).wrapping_add(digit_value(a(ai)));
        ai += 1;
    }
    let mut bi = i;
    while is_digit(b(bi)) {
        bn = bn.wrapping_mul(10).wrapping_add(digit_value(b(bi)));
        bi += 1;
    }
    if an != bn {
        return an < bn;
    }
    if ai != bi {
        return ai < bi;
    }
    ac < bc
}
