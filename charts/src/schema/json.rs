//! JSON documents of schemas: numbers keep their text, which shows in
//! messages.

use templates_compat::{Compat, json};

/// Documents nested deeper than this are refused.
const MAX_DEPTH: usize = 500;

/// A part of a schema's document.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Node>),
    /// Sorted by key.
    Object(Vec<(String, Node)>),
}

/// A number as it is written and what it is worth.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) value: f64,
}

impl Node {
    /// Reads a document.
    pub(super) fn parse(text: &[u8], compat: Compat) -> Result<Node, String> {
        let mut parser = Parser { text, at: 0 };
        match parser.value(0) {
            Some(node) => {
                parser.space();
                if parser.at == text.len() { Ok(node) } else { Err("invalid character after top-level value".into()) }
            }
            None => Err(problem(text, compat)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Object(entries) => entries.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok().map(|i| &entries[i].1),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Object(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> Option<&[Node]> {
        match self {
            Node::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Node::String(s) => Some(s),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The node at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(self, |node, token| match node {
            Node::Object(_) => node.get(&unescape(token)?),
            Node::Array(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// A token of a JSON pointer as it is meant.
fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        match part.as_bytes().first() {
            Some(b'0') => out.push('~'),
            Some(b'1') => out.push('/'),
            _ => return None,
        }
        out.push_str(&part[1..]);
    }
    Some(out)
}

/// Go's words for what is wrong with a document.
fn problem(text: &[u8], compat: Compat) -> String {
    match json::read(text, compat) {
        Err(_) if text.iter().all(u8::is_ascii_whitespace) => "EOF".to_string(),
        Err(e) => e.to_string().replace("unexpected end of JSON input", "unexpected EOF"),
        Ok(_) => "exceeded max depth".to_string(),
    }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.text.get(self.at)? {
            b'n' => self.take(b"null").map(|()| Node::Null),
            b't' => self.take(b"true").map(|()| Node::Bool(true)),
            b'f' => self.take(b"false").map(|()| Node::Bool(false)),
            b'"' => self.string().map(Node::String),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Node> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b"]").is_some() {
            return Some(Node::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b"]").is_some() {
                return Some(Node::Array(items));
            }
            self.take(b",")?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        self.at += 1;
        let mut entries: Vec<(String, Node)> = Vec::new();
        self.space();
        if self.take(b"}").is_some() {
            return Some(Node::Object(entries));
        }
        loop {
            self.space();
            let key = (self.text.get(self.at) == Some(&b'"')).then(|| self.string())??;
            self.space();
            self.take(b":")?;
            entries.push((key, self.value(depth + 1)?));
            self.space();
            if self.take(b"}").is_some() {
                break;
            }
            self.take(b",")?;
        }
        // Of equal keys the last counts.
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Some(Node::Object(entries))
    }

    fn number(&mut self) -> Option<Node> {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        let value = if is_number(text) { text.parse().ok()? } else { return None };
        Some(Node::Number(Number { text: text.to_string(), value }))
    }

    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.text.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        if !raw.contains(&b'\\') {
            return Some(String::from_utf8_lossy(raw).into_owned());
        }
        unquote(raw)
    }
}

/// JSON is stricter about numbers than Rust is.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, _) = digits.split_once(['e', 'E']).unwrap_or((digits, ""));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// The text of a string with escapes.
fn unquote(raw: &[u8]) -> Option<String> {
    let raw = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(raw.len());
    let mut rest = &*raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + escape.len_utf8()..];
        match escape {
            '"' | '\\' | '/' => out.push(escape),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let unit = hex4(rest)?;
                rest = &rest[4..];
                let low = rest.strip_prefix("\\u").and_then(hex4).filter(|l| (0xdc00..0xe000).contains(l));
                let code = match (unit, low) {
                    (0xd800..0xdc00, Some(low)) => {
                        rest = &rest[6..];
                        0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                    }
                    _ => unit,
                };
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        let node =
            Node::parse(br#"{"b":[1.50,"x\u00e9\ud83d\ude00\n"],"a/b":{"~":true},"b":[2.50,null]}"#, Compat::Helm4)
                .unwrap();
        assert!(matches!(node.at("/a~1b/~0"), Some(Node::Bool(true))));
        assert!(matches!(node.at("/b/0"), Some(Node::Number(n)) if n.text == "2.50"));
        assert!(node.at("/b/2").is_none());
        for (text, want) in [
            ("{\"a\":", "unexpected EOF"),
            ("", "EOF"),
            ("{} x", "invalid character after top-level value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
        ] {
            assert_eq!(Node::parse(text.as_bytes(), Compat::Helm4).unwrap_err(), want, "{text}");
        }
        assert_eq!(Node::parse("[".repeat(5000).as_bytes(), Compat::Helm4).unwrap_err(), "unexpected EOF");
    }
}
