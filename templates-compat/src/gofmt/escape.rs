//! The escapers of Go's template language: HTML, JavaScript, URL queries.

use super::unicode::is_print;
use super::utf8;
use crate::compat::Compat;

/// `template.HTMLEscapeString`.
pub fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    for &b in text {
        match b {
            0 => out.extend_from_slice("\u{FFFD}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b => out.push(b),
        }
    }
    out
}

/// `template.JSEscapeString`.
pub fn js(text: &[u8], compat: Compat) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    for (c, width) in utf8::runes(text) {
        let (bytes, after) = rest.split_at(width);
        rest = after;
        match c {
            '\\' | '\'' | '"' => out.extend_from_slice(&[b'\\', c as u8]),
            '<' | '>' | '&' | '=' | '\0'..'\x20' => out.extend_from_slice(format!("\\u{:04X}", c as u32).as_bytes()),
            // A byte that is no text counts as U+FFFD, which can be printed.
            c if c.is_ascii() || is_print(c, compat) => out.extend_from_slice(bytes),
            c => out.extend_from_slice(format!("\\u{:04X}", c as u32).as_bytes()),
        }
    }
    out
}

/// `url.QueryEscape`.
pub fn url_query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for &b in text {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(b),
            b' ' => out.push(b'+'),
            b => out.extend_from_slice(format!("%{b:02X}").as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(html(b"<a href=\"x\">'&\0"), "&lt;a href=&#34;x&#34;&gt;&#39;&amp;\u{FFFD}".as_bytes());
        let text = js("'\\<=\n\u{7f}é\u{2028}\u{1F600}".as_bytes(), Compat::Helm4);
        assert_eq!(String::from_utf8(text).unwrap(), "\\'\\\\\\u003C\\u003D\\u000A\u{7f}é\\u2028\u{1F600}");
        assert_eq!(js(b"\xff", Compat::Helm4), b"\xff");
        assert_eq!(url_query("a b/é~".as_bytes()), b"a+b%2F%C3%A9~");
    }
}
