//! Where the two may differ without either being wrong, as data: the words of
//! another version of Go, and addresses.

/// Sentences of Go's JSON reader that changed between Go 1.26, which the
/// testbed builds Helm with, and Go 1.27, whose words this project prints.
const JSON_SENTENCES: [&str; 12] = [
    "unexpected end of JSON input",
    "invalid character ' ' in exponent of numeric literal",
    "invalid character ' ' after decimal point in numeric literal",
    "invalid character ' ' in numeric literal",
    "invalid character ' ' in literal true (expecting 'r')",
    "invalid character ' ' in literal true (expecting 'u')",
    "invalid character ' ' in literal true (expecting 'e')",
    "invalid character ' ' in literal null (expecting 'u')",
    "invalid character ' ' in literal null (expecting 'l')",
    "invalid character ' ' in literal false (expecting 'a')",
    "invalid character ' ' in literal false (expecting 'l')",
    "invalid character ' ' in literal false (expecting 's')",
];

/// What stands for whatever may differ.
const ANY: &str = "\u{1}";

/// The text with everything that may differ made equal.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut text = addresses(text);
    for sentence in JSON_SENTENCES {
        text = text.replace(sentence, ANY);
    }
    wrong_characters(&text)
}

/// Whether the other text is this one but for the addresses in it. Ours are
/// known, and in each base begin as Go's heap does; in their place there may
/// be any number, however it is padded.
#[must_use]
pub fn differs_by_addresses(ours: &str, helms: &str) -> bool {
    const BEGIN: [(&str, usize); 4] = [("c0000", 10), ("82463372", 12), ("140000000", 14), ("110000000000000000", 40)];
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (ours, 0);
    while let Some(at) = BEGIN.iter().filter_map(|(begin, len)| found(&rest[from..], begin, *len)).min() {
        let (start, len) = (from + at.0, at.1);
        pieces.push(&rest[..start]);
        (rest, from) = (&rest[start + len..], 0);
    }
    pieces.push(rest);
    let mut left = helms;
    for (at, piece) in pieces.iter().enumerate() {
        let piece = if at > 0 { piece.trim_start_matches(' ') } else { piece };
        let piece = if at + 1 < pieces.len() { piece.trim_end_matches([' ', '+']) } else { piece };
        let left_of = if at > 0 { without_number(left) } else { left };
        let Some(next) = left_of.strip_prefix(piece) else { return false };
        left = next;
    }
    pieces.len() > 1 && left.is_empty()
}

/// What stands behind a number and its padding.
fn without_number(text: &str) -> &str {
    let digits = |c: char| c.is_ascii_hexdigit() || matches!(c, 'x' | 'X' | 'o');
    text.trim_start_matches([' ', '+']).trim_start_matches(digits).trim_start_matches(' ')
}

/// Where a number of so many digits begins so, and how many there are.
fn found(text: &str, begin: &str, len: usize) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(begin).map(|(at, _)| at).find_map(|at| {
        let digits = text[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
        (digits >= len).then_some((at, len))
    })
}

/// `0xc000123456`: where Go keeps something.
fn addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("c0") {
        let (before, from) = rest.split_at(at);
        let digits = from.bytes().take_while(u8::is_ascii_hexdigit).count();
        out.push_str(before);
        if digits >= 9 {
            out.push_str(ANY);
            rest = &from[digits..];
        } else {
            out.push_str("c0");
            rest = &from[2..];
        }
    }
    out + rest
}

/// `invalid character 'æ' looking for …`: Go 1.26 names the first byte of a
/// character, Go 1.27 the character.
fn wrong_characters(text: &str) -> String {
    const BEFORE: &str = "invalid character '";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(BEFORE) {
        let (before, from) = rest.split_at(at + BEFORE.len());
        out.push_str(before);
        let mut chars = from.chars();
        match chars.next() {
            Some(c) if !c.is_ascii() => {
                out.push_str(ANY);
                rest = chars.as_str();
            }
            _ => rest = from,
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{differs_by_addresses, masked};

    #[test]
    fn only_what_may_differ_is_made_equal() {
        assert_eq!(masked("at 0xc000123456 x"), masked("at 0xc0001a34f8 x"));
        assert_ne!(masked("c0ffee"), masked("c0ffef"));
        assert!(differs_by_addresses("a {0 824633720832} 0xc000000010 b", "a {0  71027008} 0x18b281286080 b"));
        assert!(differs_by_addresses("[824633720832 1]", "[0x43bc940 1]"));
        assert!(!differs_by_addresses("[824633720832 1]", "[0x43bc940 2]"));
        assert!(!differs_by_addresses("a", "a"));
        assert!(!differs_by_addresses("[824633720832 1]", "[nothing 1]"));
        assert_eq!(masked("invalid character 'æ' looking"), masked("invalid character '日' looking"));
        assert_ne!(masked("invalid character 'a' looking"), masked("invalid character 'b' looking"));
    }
}
