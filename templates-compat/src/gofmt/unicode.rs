//! What Go's `unicode` package says of a rune: classes, simple case mapping
//! and printability, in the Unicode version of the Go that built each Helm.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::compat::Compat;

/// The runes that Unicode 15.1, 16 and 17 added; Go 1.24 does not know them.
/// (The crate in use, and Rust's own case tables, are at Unicode 17.)
const ADDED_AFTER_15: &[(u32, u32)] = &[
    (0x88F, 0x88F),
    (0x897, 0x897),
    (0xC5C, 0xC5C),
    (0xCDC, 0xCDC),
    (0x1ACF, 0x1ADD),
    (0x1AE0, 0x1AEB),
    (0x1B4E, 0x1B4F),
    (0x1B7F, 0x1B7F),
    (0x1C89, 0x1C8A),
    (0x20C1, 0x20C1),
    (0x2427, 0x2429),
    (0x2B96, 0x2B96),
    (0x2FFC, 0x2FFF),
    (0x31E4, 0x31E5),
    (0x31EF, 0x31EF),
    (0xA7CB, 0xA7CF),
    (0xA7D2, 0xA7D2),
    (0xA7D4, 0xA7D4),
    (0xA7DA, 0xA7DC),
    (0xA7F1, 0xA7F1),
    (0xFBC3, 0xFBD2),
    (0xFD90, 0xFD91),
    (0xFDC8, 0xFDCE),
    (0x105C0, 0x105F3),
    (0x10940, 0x10959),
    (0x10D40, 0x10D65),
    (0x10D69, 0x10D85),
    (0x10D8E, 0x10D8F),
    (0x10EC2, 0x10EC7),
    (0x10ED0, 0x10ED8),
    (0x10EFA, 0x10EFC),
    (0x11380, 0x11389),
    (0x1138B, 0x1138B),
    (0x1138E, 0x1138E),
    (0x11390, 0x113B5),
    (0x113B7, 0x113C0),
    (0x113C2, 0x113C2),
    (0x113C5, 0x113C5),
    (0x113C7, 0x113CA),
    (0x113CC, 0x113D5),
    (0x113D7, 0x113D8),
    (0x113E1, 0x113E2),
    (0x116D0, 0x116E3),
    (0x11B60, 0x11B67),
    (0x11BC0, 0x11BE1),
    (0x11BF0, 0x11BF9),
    (0x11DB0, 0x11DDB),
    (0x11DE0, 0x11DE9),
    (0x11F5A, 0x11F5A),
    (0x13460, 0x143FA),
    (0x16100, 0x16139),
    (0x16D40, 0x16D79),
    (0x16EA0, 0x16EB8),
    (0x16EBB, 0x16ED3),
    (0x16FF2, 0x16FF6),
    (0x187F8, 0x187FF),
    (0x18CFF, 0x18CFF),
    (0x18D09, 0x18D1E),
    (0x18D80, 0x18DF2),
    (0x1CC00, 0x1CCFC),
    (0x1CD00, 0x1CEB3),
    (0x1CEBA, 0x1CED0),
    (0x1CEE0, 0x1CEF0),
    (0x1E5D0, 0x1E5FA),
    (0x1E5FF, 0x1E5FF),
    (0x1E6C0, 0x1E6DE),
    (0x1E6E0, 0x1E6F5),
    (0x1E6FE, 0x1E6FF),
    (0x1F6D8, 0x1F6D8),
    (0x1F777, 0x1F77A),
    (0x1F8B2, 0x1F8BB),
    (0x1F8C0, 0x1F8C1),
    (0x1F8D0, 0x1F8D8),
    (0x1FA54, 0x1FA57),
    (0x1FA89, 0x1FA8A),
    (0x1FA8E, 0x1FA8F),
    (0x1FABE, 0x1FABE),
    (0x1FAC6, 0x1FAC6),
    (0x1FAC8, 0x1FAC8),
    (0x1FACD, 0x1FACD),
    (0x1FADC, 0x1FADC),
    (0x1FADF, 0x1FADF),
    (0x1FAE9, 0x1FAEA),
    (0x1FAEF, 0x1FAEF),
    (0x1FBCB, 0x1FBEF),
    (0x1FBFA, 0x1FBFA),
    (0x2B73A, 0x2B73F),
    (0x2CEA2, 0x2CEAD),
    (0x2EBF0, 0x2EE5D),
    (0x323B0, 0x33479),
];

/// Whether this Helm's Go has the rune in its tables at all.
fn is_known(c: char, compat: Compat) -> bool {
    if compat.has_unicode_17() {
        return true;
    }
    let c = c as u32;
    let at = ADDED_AFTER_15.partition_point(|&(_, last)| last < c);
    ADDED_AFTER_15.get(at).is_none_or(|&(first, _)| c < first)
}

fn has_group(c: char, group: GeneralCategoryGroup, compat: Compat) -> bool {
    c.general_category_group() == group && is_known(c, compat)
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the
/// ASCII space.
pub fn is_print(c: char, compat: Compat) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    matches!(c.general_category_group(), Letter | Mark | Number | Punctuation | Symbol) && is_known(c, compat)
}

/// `unicode.IsLetter`.
pub fn is_letter(c: char, compat: Compat) -> bool {
    c.is_ascii_alphabetic() || !c.is_ascii() && has_group(c, GeneralCategoryGroup::Letter, compat)
}

/// `unicode.IsNumber`.
pub fn is_number(c: char, compat: Compat) -> bool {
    c.is_ascii_digit() || !c.is_ascii() && has_group(c, GeneralCategoryGroup::Number, compat)
}

/// `unicode.IsPunct`. ASCII symbols such as `$` and `+` are not punctuation.
pub fn is_punct(c: char, compat: Compat) -> bool {
    has_group(c, GeneralCategoryGroup::Punctuation, compat)
}

/// `unicode.IsDigit`.
pub fn is_digit(c: char, compat: Compat) -> bool {
    c.is_ascii_digit() || c.general_category() == GeneralCategory::DecimalNumber && is_known(c, compat)
}

/// `unicode.IsUpper`.
pub fn is_upper(c: char, compat: Compat) -> bool {
    c.is_ascii_uppercase() || c.general_category() == GeneralCategory::UppercaseLetter && is_known(c, compat)
}

/// `unicode.IsLower`.
pub fn is_lower(c: char, compat: Compat) -> bool {
    if c == '\u{295}' && !compat.has_unicode_17() {
        return true; // Became a letter without case in Unicode 16.
    }
    c.is_ascii_lowercase() || c.general_category() == GeneralCategory::LowercaseLetter && is_known(c, compat)
}

/// `unicode.IsTitle`.
pub fn is_title(c: char) -> bool {
    c.general_category() == GeneralCategory::TitlecaseLetter
}

/// `unicode.IsSpace`.
pub fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// `unicode.ToUpper`: one rune to one rune.
pub fn to_upper(c: char, compat: Compat) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut full = c.to_uppercase();
    let upper = match (full.next(), full.next()) {
        (Some(one), None) => one,
        _ => upper_with_iota(c),
    };
    if upper == c || (is_known(c, compat) && is_known(upper, compat)) { upper } else { c }
}

/// The Greek letters with a iota below have a capital of their own, although
/// their full mapping is two letters; other such letters have none.
fn upper_with_iota(c: char) -> char {
    let offset = match c as u32 {
        n @ 0x1F80..=0x1FAF if n % 16 < 8 => 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => 9,
        _ => 0,
    };
    char::from_u32(c as u32 + offset).unwrap_or(c)
}

/// `unicode.ToLower`.
pub fn to_lower(c: char, compat: Compat) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // Only U+0130 has more than one; its first is the one that Go takes.
    let lower = c.to_lowercase().next().unwrap_or(c);
    if lower == c || (is_known(c, compat) && is_known(lower, compat)) { lower } else { c }
}

/// `unicode.ToTitle`.
pub fn to_title(c: char, compat: Compat) -> char {
    match c as u32 {
        0x1C4..=0x1C6 => '\u{1C5}',
        0x1C7..=0x1C9 => '\u{1C8}',
        0x1CA..=0x1CC => '\u{1CB}',
        0x1F1..=0x1F3 => '\u{1F2}',
        // Georgian has capitals, but no title case.
        0x10D0..=0x10FA | 0x10FD..=0x10FF => c,
        _ => to_upper(c, compat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(ADDED_AFTER_15.windows(2).all(|w| w[0].1 < w[1].0));
        assert!(ADDED_AFTER_15.iter().all(|r| r.0 <= r.1));
    }

    #[test]
    fn simple_case() {
        let upper = |c| to_upper(c, Compat::Helm4);
        assert_eq!(upper('ß'), 'ß');
        assert_eq!(upper('ŉ'), 'ŉ');
        assert_eq!(upper('\u{1F80}'), '\u{1F88}');
        assert_eq!(upper('\u{1FB3}'), '\u{1FBC}');
        assert_eq!(upper('ÿ'), 'Ÿ');
        assert_eq!(to_lower('İ', Compat::Helm4), 'i');
        assert_eq!(to_title('ǆ', Compat::Helm4), 'ǅ');
        assert_eq!(to_upper('\u{264}', Compat::Helm4), '\u{A7CB}');
        assert_eq!(to_upper('\u{264}', Compat::Helm3), '\u{264}');
    }

    #[test]
    fn printable() {
        for (c, helm3, helm4) in
            [('\u{AD}', false, false), ('\u{A0}', false, false), ('é', true, true), ('\u{1FAE9}', false, true)]
        {
            assert_eq!((is_print(c, Compat::Helm3), is_print(c, Compat::Helm4)), (helm3, helm4), "{c:?}");
        }
    }
}
