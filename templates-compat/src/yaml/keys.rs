//! The order in which go-yaml writes a mapping's keys: letters after
//! everything else, numbers inside keys by their value.

use std::cmp::Ordering;

use super::emit::Version;
use crate::compat::Compat;
use crate::gofmt::unicode;
use crate::value::{Str, Value};

/// Puts a mapping's entries into the order in which go-yaml writes them.
///
/// Its comparison is no order for all keys (`1a`, `01`, `0b` can go round in a
/// circle), and what Go makes of those depends on its random order of maps. So
/// this merges by itself: the standard library's sort panics on them.
pub(super) fn sort(entries: &mut Vec<(Str, Value)>, version: Version) {
    let before = |a: &(Str, Value), b: &(Str, Value)| natural(&b.0, &a.0, version) != Ordering::Less;
    if entries.windows(2).all(|pair| before(&pair[0], &pair[1])) {
        return;
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    let mut merged = Vec::with_capacity(order.len());
    let mut width = 1;
    while width < order.len() {
        for pair in order.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([l, ..], [r, ..]) = (left, right) {
                let side = if before(&entries[*l], &entries[*r]) { &mut left } else { &mut right };
                merged.push(side[0]);
                *side = &side[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        width *= 2;
    }
    *entries = order.into_iter().map(|at| std::mem::take(&mut entries[at])).collect();
}

/// Compares two keys as yaml.v2 or yaml.v3 does.
fn natural(a: &[u8], b: &[u8], version: Version) -> Ordering {
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

#[cfg(test)]
mod tests {
    use super::{Str, Value, sort};
    use crate::yaml::emit::Version;

    fn sorted(keys: &[&str], version: Version) -> Vec<String> {
        let mut entries: Vec<(Str, Value)> = keys.iter().map(|key| ((*key).into(), Value::str(*key))).collect();
        sort(&mut entries, version);
        assert!(entries.iter().all(|(key, value)| value.as_bytes() == Some(key.as_bytes())));
        entries.iter().map(|(key, _)| key.to_text().into_owned()).collect()
    }

    #[test]
    fn letters_come_last_and_numbers_by_value() {
        let keys = ["b", "a10", "A", "a9", "10", "9", "_", "a", "z1", "é", ""];
        assert_eq!(sorted(&keys, Version::V2), ["", "_", "9", "10", "A", "a", "a9", "a10", "b", "z1", "é"]);
    }

    #[test]
    fn keys_without_an_order_are_all_kept() {
        let parts = ["0", "1", "a", "_", "01", "0x", "-"];
        let keys: Vec<String> = (0..400u32)
            .map(|n| [7, 49, 343, 3].iter().map(|d| parts[(n / d % 7) as usize]).collect::<String>() + &n.to_string())
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for version in [Version::V2, Version::V3] {
            for from in 0..40 {
                let mut left = sorted(&keys[from * 10..], version);
                left.sort();
                let mut all: Vec<&str> = keys[from * 10..].to_vec();
                all.sort_unstable();
                assert_eq!(left, all);
            }
        }
    }
}
