//! The JSON reader: one pass, an explicit stack, the error texts of both of
//! Go's implementations (the old one of Go 1.24, the new one of Go 1.27).

use std::borrow::Cow;

use super::JsonError;
use crate::compat::Compat;
use crate::gofmt::quote::{append_quoted_rune, quote_text};
use crate::gofmt::unicode::{is_print, is_space};
use crate::gofmt::utf8;
use crate::value::{Elem, List, Map, Str, Value};

/// Go's limit of nested arrays and objects.
const MAX_DEPTH: usize = 10_000;
/// How deep values may be nested to be built: they are walked recursively.
const MAX_BUILT_DEPTH: usize = 1000;

/// What was expected where a wrong character stands.
#[derive(Debug, Clone, Copy)]
enum Where {
    Value,
    KeyString,
    AfterKey,
    AfterPair,
    AfterElement,
    TopLevel,
    String,
    Number,
    Fraction,
    Exponent,
    /// The literal and the character that should stand here.
    Literal(&'static str, u8),
}

impl Where {
    fn text(self, compat: Compat) -> Cow<'static, str> {
        let old = compat.has_old_json_reader();
        Cow::Borrowed(match self {
            Where::Value => "looking for beginning of value",
            Where::KeyString => "looking for beginning of object key string",
            Where::AfterKey => "after object key",
            Where::AfterPair => "after object key:value pair",
            Where::AfterElement => "after array element",
            Where::TopLevel => "after top-level value",
            Where::String if old => "in string literal",
            Where::String => "in string",
            Where::Fraction if old => "after decimal point in numeric literal",
            Where::Exponent if old => "in exponent of numeric literal",
            Where::Number | Where::Fraction | Where::Exponent => "in numeric literal",
            Where::Literal(literal, expected) => {
                return Cow::Owned(format!("in literal {literal} (expecting '{}')", expected as char));
            }
        })
    }
}

/// A container that is not closed yet.
enum Open {
    Array(Vec<Value>),
    Object(Map, Str),
}

pub(super) struct Reader<'t> {
    text: &'t [u8],
    pos: usize,
    compat: Compat,
    /// The first number that `float64` does not hold, with its path.
    range_error: Option<(String, String)>,
}

/// The value, and the number error that Go reports beside it.
pub(super) type Read = (Value, Option<JsonError>);

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t [u8], compat: Compat) -> Self {
        Reader { text, pos: 0, compat, range_error: None }
    }

    pub(super) fn read(mut self) -> Result<Read, JsonError> {
        let value = self.document()?;
        self.skip_space();
        if self.pos < self.text.len() {
            return Err(self.wrong(Where::TopLevel));
        }
        let error = self.range_error.take().map(|(number, path)| {
            let into = match (path.is_empty(), self.compat.has_old_json_reader()) {
                (true, _) | (_, true) => "Go value".to_owned(),
                // The new implementation names the path, and takes a name
                // that looks like an index for one.
                (false, false) => {
                    let last = path.rsplit('.').next().unwrap_or_default();
                    let index = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
                    format!("{}.{path}", if index { "" } else { "Go struct field " })
                }
            };
            JsonError::new(format!("json: cannot unmarshal number {number} into {into} of type float64"))
        });
        Ok((value, error))
    }

    fn document(&mut self) -> Result<Value, JsonError> {
        let mut open: Vec<Open> = Vec::new();
        let mut too_deep = false;
        loop {
            // A value must stand here.
            self.skip_space();
            let mut value = match self.next_byte()? {
                b'[' => {
                    self.enter(&mut open, Open::Array(Vec::new()), &mut too_deep)?;
                    self.skip_space();
                    if self.next_byte()? != b']' {
                        continue;
                    }
                    self.pos += 1;
                    close(open.pop())
                }
                b'{' => {
                    self.enter(&mut open, Open::Object(Map::new(), Str::default()), &mut too_deep)?;
                    self.skip_space();
                    if self.next_byte()? != b'}' {
                        self.key(&mut open)?;
                        continue;
                    }
                    self.pos += 1;
                    close(open.pop())
                }
                b'"' => Value::Str(self.string()?),
                b't' => self.literal("true", Value::Bool(true))?,
                b'f' => self.literal("false", Value::Bool(false))?,
                b'n' => self.literal("null", Value::Nil)?,
                b'-' | b'0'..=b'9' => self.number(&open)?,
                _ => return Err(self.wrong(Where::Value)),
            };
            // A value is complete: put it where it belongs.
            loop {
                if too_deep {
                    // Nothing is kept any more.
                    value = Value::Nil;
                }
                let Some(top) = open.last_mut() else {
                    if too_deep {
                        return Err(JsonError::new("exceeded max depth"));
                    }
                    return Ok(value);
                };
                match top {
                    Open::Array(items) => items.push(value),
                    Open::Object(map, key) => {
                        map.insert(std::mem::take(key), value);
                    }
                }
                let array = matches!(top, Open::Array(_));
                self.skip_space();
                match self.next_byte()? {
                    b',' => {
                        self.pos += 1;
                        self.skip_space();
                        if !array {
                            self.next_byte()?;
                            self.key(&mut open)?;
                        }
                        break;
                    }
                    b']' if array => {}
                    b'}' if !array => {}
                    _ => return Err(self.wrong(if array { Where::AfterElement } else { Where::AfterPair })),
                }
                self.pos += 1;
                value = close(open.pop());
            }
        }
    }

    fn enter(&mut self, open: &mut Vec<Open>, container: Open, too_deep: &mut bool) -> Result<(), JsonError> {
        if open.len() >= MAX_DEPTH {
            return Err(JsonError::new("exceeded max depth"));
        }
        *too_deep |= open.len() >= MAX_BUILT_DEPTH;
        open.push(container);
        self.pos += 1;
        Ok(())
    }

    /// A key, its colon, and the space before the value.
    fn key(&mut self, open: &mut [Open]) -> Result<(), JsonError> {
        if self.next_byte()? != b'"' {
            return Err(self.wrong(Where::KeyString));
        }
        let name = self.string()?;
        self.skip_space();
        if self.next_byte()? != b':' {
            return Err(self.wrong(Where::AfterKey));
        }
        self.pos += 1;
        if let Some(Open::Object(_, key)) = open.last_mut() {
            *key = name;
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.pos) {
            self.pos += 1;
        }
    }

    fn next_byte(&self) -> Result<u8, JsonError> {
        self.text.get(self.pos).copied().ok_or_else(end_of_input)
    }

    /// The next byte of something that a space cannot continue: Go 1.24 takes
    /// the end for a space there.
    fn byte_in(&self, at: Where) -> Result<u8, JsonError> {
        match self.text.get(self.pos) {
            Some(b) => Ok(*b),
            None if self.compat.has_old_json_reader() => {
                Err(JsonError::new(format!("invalid character ' ' {}", at.text(self.compat))))
            }
            None => Err(end_of_input()),
        }
    }

    fn literal(&mut self, literal: &'static str, value: Value) -> Result<Value, JsonError> {
        for expected in literal.bytes() {
            if self.byte_in(Where::Literal(literal, expected))? != expected {
                return Err(self.wrong(Where::Literal(literal, expected)));
            }
            self.pos += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, at: Where) -> Result<(), JsonError> {
        if !self.byte_in(at)?.is_ascii_digit() {
            return Err(self.wrong(at));
        }
        while self.text.get(self.pos).is_some_and(u8::is_ascii_digit) {
            self.pos += 1;
        }
        Ok(())
    }

    fn number(&mut self, open: &[Open]) -> Result<Value, JsonError> {
        let start = self.pos;
        if self.text[start] == b'-' {
            self.pos += 1;
        }
        if self.byte_in(Where::Number)? == b'0' {
            self.pos += 1;
        } else {
            self.digits(Where::Number)?;
        }
        if self.text.get(self.pos) == Some(&b'.') {
            self.pos += 1;
            self.digits(Where::Fraction)?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.pos) {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.text.get(self.pos) {
                self.pos += 1;
            }
            self.digits(Where::Exponent)?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.pos]);
        let value: f64 = text.parse().unwrap_or(f64::INFINITY);
        if value.is_finite() {
            return Ok(Value::Float(value));
        }
        if self.range_error.is_none() {
            let path: Vec<String> = open
                .iter()
                .map(|o| match o {
                    Open::Array(items) => items.len().to_string(),
                    Open::Object(_, key) => key.to_text().replace('~', "~0").replace('/', "~1"),
                })
                .collect();
            self.range_error = Some((text.into_owned(), path.join(".")));
        }
        Ok(Value::Nil)
    }

    fn string(&mut self) -> Result<Str, JsonError> {
        self.pos += 1;
        let start = self.pos;
        loop {
            match self.next_byte()? {
                b'"' => {
                    let bytes = &self.text[start..self.pos];
                    self.pos += 1;
                    return Ok(match std::str::from_utf8(bytes) {
                        Ok(_) => Str::from(bytes),
                        Err(_) => Str::from(super::replace_invalid_utf8(bytes)),
                    });
                }
                b'\\' => break,
                0..=0x1F => return Err(self.wrong(Where::String)),
                _ => self.pos += 1,
            }
        }
        let mut out = self.text[start..self.pos].to_vec();
        loop {
            match self.next_byte()? {
                b'"' => break,
                b'\\' => self.escape(&mut out)?,
                0..=0x1F => return Err(self.wrong(Where::String)),
                b => {
                    out.push(b);
                    self.pos += 1;
                }
            }
        }
        self.pos += 1;
        Ok(match String::from_utf8(out) {
            Ok(text) => Str::from(text),
            Err(bad) => Str::from(super::replace_invalid_utf8(bad.as_bytes())),
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let Some(&code) = self.text.get(self.pos + 1) else { return Err(self.cut_escape(2)) };
        out.push(match code {
            b'"' | b'\\' | b'/' => code,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.unicode_escape()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.bad_escape(2)),
        });
        self.pos += 2;
        Ok(())
    }

    /// `\uXXXX`, or a pair of them; what is no character is U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        for k in 2..6 {
            match self.text.get(self.pos + k) {
                Some(b) if b.is_ascii_hexdigit() => {}
                Some(_) => return Err(self.bad_escape(k + 1)),
                None => return Err(self.cut_escape(k + 1)),
            }
        }
        let first = self.hex4(self.pos + 2).unwrap_or(0);
        self.pos += 6;
        if !(0xD800..0xE000).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or('\u{FFFD}'));
        }
        if first < 0xDC00
            && self.text.get(self.pos..self.pos + 2) == Some(b"\\u")
            && let Some(second @ 0xDC00..0xE000) = self.hex4(self.pos + 2)
        {
            self.pos += 6;
            let c = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return Ok(char::from_u32(c).unwrap_or('\u{FFFD}'));
        }
        Ok('\u{FFFD}')
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let four = self.text.get(at..at + 4)?;
        four.iter().try_fold(0, |n, b| Some(n << 4 | (*b as char).to_digit(16)?))
    }

    /// The text ends inside an escape.
    fn cut_escape(&self, wrong: usize) -> JsonError {
        if self.compat.has_old_json_reader() { self.old_bad_escape(wrong, b' ') } else { end_of_input() }
    }

    fn old_bad_escape(&self, wrong: usize, byte: u8) -> JsonError {
        let context = if wrong == 2 { "in string escape code" } else { "in \\u hexadecimal character escape" };
        JsonError::new(format!("invalid character {} {context}", quote_byte(byte)))
    }

    /// `wrong` is how many bytes of the escape are read up to and with the
    /// wrong one.
    fn bad_escape(&self, wrong: usize) -> JsonError {
        if self.compat.has_old_json_reader() {
            let byte = self.text.get(self.pos + wrong - 1).copied().unwrap_or(0);
            return self.old_bad_escape(wrong, byte);
        }
        let len = if wrong == 2 { 2 } else { 6 };
        let end = (self.pos + len).min(self.text.len());
        let what = &self.text[self.pos..end];
        let odd = |c: char| c == '`' || c == '\u{FFFD}' || is_space(c) || !is_print(c, self.compat);
        let text = String::from_utf8_lossy(what);
        let shown = if text.chars().any(odd) { quote_text(what, self.compat) } else { format!("`{text}`") };
        JsonError::new(format!("invalid escape sequence {shown} in string"))
    }

    fn wrong(&self, at: Where) -> JsonError {
        let shown = match self.compat.has_old_json_reader() {
            true => quote_byte(self.text.get(self.pos).copied().unwrap_or(0)),
            false => quote_first_char(self.text.get(self.pos..).unwrap_or_default()),
        };
        JsonError::new(format!("invalid character {shown} {}", at.text(self.compat)))
    }
}

fn end_of_input() -> JsonError {
    JsonError::new("unexpected end of JSON input")
}

fn close(container: Option<Open>) -> Value {
    match container {
        Some(Open::Array(items)) => Value::List(List::new(Elem::Any, items)),
        Some(Open::Object(map, _)) => Value::Map(map),
        None => Value::Nil,
    }
}

/// Go 1.24 takes the byte for a character of its own.
fn quote_byte(b: u8) -> String {
    match b {
        b'"' => "'\"'".to_owned(),
        _ => quote_char(b as char),
    }
}

/// `strconv.QuoteRune` of the first character.
fn quote_first_char(text: &[u8]) -> String {
    let (c, width) = utf8::decode(text);
    if c == utf8::RUNE_ERROR && width <= 1 {
        return format!("'\\x{:x}'", text.first().copied().unwrap_or(0));
    }
    quote_char(c)
}

fn quote_char(c: char) -> String {
    let mut out = Vec::new();
    append_quoted_rune(&mut out, c, false, Compat::Helm4);
    String::from_utf8_lossy(&out).into_owned()
}
