//! Go string and rune literals: quoting, whether a backquote would do, and
//! reading them back. Which runes are printable is decided in `unicode`.

use std::borrow::Cow;

use super::unicode::is_print;
use super::utf8;
use crate::compat::Compat;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends the text as a double-quoted Go literal; with `ascii`, everything
/// beyond ASCII is escaped.
pub fn append_quoted(out: &mut Vec<u8>, text: &[u8], ascii: bool, compat: Compat) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|&&b| matches!(b, 0x20..=0x7E) && b != b'"' && b != b'\\').count();
        if plain > 0 {
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        let (c, width) = utf8::decode(rest);
        if width == 1 && c == utf8::RUNE_ERROR {
            push_hex_byte(out, rest[0]);
        } else {
            append_escaped(out, c, '"', ascii, compat);
        }
        rest = &rest[width..];
    }
    out.push(b'"');
}

/// Appends a rune as a single-quoted Go literal.
pub fn append_quoted_rune(out: &mut Vec<u8>, c: char, ascii: bool, compat: Compat) {
    out.push(b'\'');
    append_escaped(out, c, '\'', ascii, compat);
    out.push(b'\'');
}

/// The text as a double-quoted Go literal, as `%q` prints it.
pub fn quote(text: &[u8], compat: Compat) -> Vec<u8> {
    let mut out = Vec::new();
    append_quoted(&mut out, text, false, compat);
    out
}

/// The text as a double-quoted Go literal, for messages.
pub fn quote_text(text: &[u8], compat: Compat) -> String {
    // A quoted text is always UTF-8: every other byte is escaped.
    String::from_utf8_lossy(&quote(text, compat)).into_owned()
}

fn push_hex_byte(out: &mut Vec<u8>, b: u8) {
    out.extend_from_slice(b"\\x");
    out.push(HEX[usize::from(b >> 4)]);
    out.push(HEX[usize::from(b & 15)]);
}

fn push_hex(out: &mut Vec<u8>, value: u32, digits: u32) {
    for i in (0..digits).rev() {
        out.push(HEX[((value >> (4 * i)) & 15) as usize]);
    }
}

fn append_escaped(out: &mut Vec<u8>, c: char, quote: char, ascii: bool, compat: Compat) {
    if c == quote || c == '\\' {
        out.push(b'\\');
        return utf8::push(out, c);
    }
    if (!ascii || c.is_ascii()) && is_print(c, compat) {
        return utf8::push(out, c);
    }
    match c {
        '\x07' => out.extend_from_slice(b"\\a"),
        '\x08' => out.extend_from_slice(b"\\b"),
        '\x0C' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\x0B' => out.extend_from_slice(b"\\v"),
        c if c < ' ' || c == '\x7F' => push_hex_byte(out, c as u8),
        c if (c as u32) < 0x10000 => {
            out.extend_from_slice(b"\\u");
            push_hex(out, c as u32, 4);
        }
        c => {
            out.extend_from_slice(b"\\U");
            push_hex(out, c as u32, 8);
        }
    }
}

/// Whether the text can stand between backquotes unchanged.
pub fn can_backquote(text: &[u8]) -> bool {
    utf8::runes(text).all(|(c, width)| match c {
        utf8::RUNE_ERROR => width > 1,
        '\u{FEFF}' | '`' | '\x7F' => false,
        c => c >= ' ' || c == '\t',
    })
}

/// What one element of a literal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unquoted {
    /// A byte written as `\x..` or in octal.
    Byte(u8),
    /// A rune.
    Rune(char),
}

impl Unquoted {
    /// The number, as a rune literal has it.
    pub fn value(self) -> u32 {
        match self {
            Unquoted::Byte(b) => u32::from(b),
            Unquoted::Rune(c) => c as u32,
        }
    }
}

/// Reads the first character or escape of a literal's inside. Gives what it
/// stands for and how many bytes it took; nothing when it is not valid.
pub fn unquote_char(text: &[u8], quote: u8) -> Option<(Unquoted, usize)> {
    let &first = text.first()?;
    if first != b'\\' {
        if first == quote && (quote == b'\'' || quote == b'"') {
            return None;
        }
        let (c, width) = utf8::decode(text);
        return Some((Unquoted::Rune(c), width));
    }
    let &kind = text.get(1)?;
    let simple = |c: char| Some((Unquoted::Rune(c), 2));
    match kind {
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b'f' => simple('\x0C'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\x0B'),
        b'\\' => simple('\\'),
        b'\'' | b'"' if kind == quote => simple(char::from(kind)),
        b'x' => Some((Unquoted::Byte(u8::try_from(digits(text.get(2..4)?, 16)?).ok()?), 4)),
        b'u' => Some((Unquoted::Rune(char::from_u32(digits(text.get(2..6)?, 16)?)?), 6)),
        b'U' => Some((Unquoted::Rune(char::from_u32(digits(text.get(2..10)?, 16)?)?), 10)),
        b'0'..=b'7' => Some((Unquoted::Byte(u8::try_from(digits(text.get(1..4)?, 8)?).ok()?), 4)),
        _ => None,
    }
}

fn digits(text: &[u8], base: u32) -> Option<u32> {
    text.iter().try_fold(0u32, |n, &b| Some(n.checked_mul(base)?.wrapping_add(char::from(b).to_digit(base)?)))
}

/// Reads a whole Go literal (double quotes, backquotes or a rune in single
/// quotes); nothing when it is not one. Most stand for themselves and are not
/// copied.
pub fn unquote(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (&quote, rest) = text.split_first()?;
    let (&last, inside) = rest.split_last()?;
    if quote == b'`' {
        if last != b'`' || inside.contains(&b'`') {
            return None;
        }
        return Some(match inside.contains(&b'\r') {
            true => Cow::Owned(inside.iter().copied().filter(|&b| b != b'\r').collect()),
            false => Cow::Borrowed(inside),
        });
    }
    if last != quote || (quote != b'"' && quote != b'\'') {
        return None;
    }
    if quote == b'"' && memchr::memchr3(b'\\', b'"', b'\n', inside).is_none() && std::str::from_utf8(inside).is_ok() {
        return Some(Cow::Borrowed(inside));
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    let mut elements = 0;
    while !rest.is_empty() {
        if rest[0] == b'\n' {
            return None;
        }
        let (element, width) = unquote_char(rest, quote)?;
        match element {
            Unquoted::Byte(b) => out.push(b),
            Unquoted::Rune(c) => utf8::push(&mut out, c),
        }
        rest = &rest[width..];
        elements += 1;
    }
    (quote == b'"' || elements == 1).then_some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &[u8]) -> String {
        quote_text(text, Compat::Helm4)
    }

    #[test]
    fn quotes() {
        assert_eq!(q(b"a\"b\\c\n\x00\x7f\xff"), r#""a\"b\\c\n\x00\x7f\xff""#);
        assert_eq!(q("é\u{ad}\u{200b}\u{1f600}\u{10ffff}".as_bytes()), "\"é\\u00ad\\u200b\u{1f600}\\U0010ffff\"");
        let mut out = Vec::new();
        append_quoted(&mut out, "é\u{1f600}".as_bytes(), true, Compat::Helm4);
        assert_eq!(out, br#""\u00e9\U0001f600""#);
        out.clear();
        append_quoted_rune(&mut out, '\'', false, Compat::Helm4);
        assert_eq!(out, br"'\''");
    }

    #[test]
    fn backquotes() {
        assert!(can_backquote("a\té\"".as_bytes()));
        for bad in [&b"`"[..], b"\n", b"\xff", "\u{feff}".as_bytes(), b"\x7f"] {
            assert!(!can_backquote(bad), "{bad:?}");
        }
    }

    #[test]
    fn unquotes() {
        assert_eq!(&*unquote(br#""a\n\x41\101\u00e9\U0001f600""#).unwrap(), "a\nAAé\u{1f600}".as_bytes());
        assert_eq!(&*unquote(b"`a\r\\n`").unwrap(), b"a\\n");
        assert_eq!(&*unquote(b"'\\''").unwrap(), b"'");
        assert_eq!(&*unquote("\"é\"".as_bytes()).unwrap(), "é".as_bytes());
        assert_eq!(&*unquote(b"\"a\xff\"").unwrap(), "a\u{fffd}".as_bytes());
        for bad in [
            &b"\""[..],
            b"",
            b"'ab'",
            b"''",
            br#""\'""#,
            br#""\400""#,
            br#""\ud800""#,
            b"\"a\nb\"",
            b"\"a\"b\"",
            b"`a`b`",
        ] {
            assert_eq!(unquote(bad), None, "{bad:?}");
        }
    }
}
