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
    use super::masked;

    #[test]
    fn only_what_may_differ_is_made_equal() {
        assert_eq!(masked("at 0xc000123456 x"), masked("at 0xc0001a34f8 x"));
        assert_ne!(masked("c0ffee"), masked("c0ffef"));
        assert_eq!(masked("invalid character 'æ' looking"), masked("invalid character '日' looking"));
        assert_ne!(masked("invalid character 'a' looking"), masked("invalid character 'b' looking"));
    }
}
