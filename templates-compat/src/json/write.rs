//! The JSON writer.

use super::{JsonError, Options, number};
use crate::compat::Compat;
use crate::gotime::TimeObject;
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{Elem, Value};

/// How deep values may be nested to be written. Go has no limit but its
/// stack; a map that holds itself must end somewhere.
const MAX_DEPTH: usize = 1000;

/// Bytes that do not stand for themselves inside quotes: 1 always, 2 with
/// HTML escaping, 4 for the beginning of a longer character.
static ESCAPES: [u8; 256] = escape_table();

const fn escape_table() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut i = 0usize;
    while i < 256 {
        let b = i as u8;
        t[i] = match b {
            0..=0x1F | b'"' | b'\\' => 1,
            b'<' | b'>' | b'&' => 2,
            0x80..=0xFF => 4,
            _ => 0,
        };
        i += 1;
    }
    t
}

pub(super) struct Writer<'o> {
    pub(super) out: Vec<u8>,
    options: &'o Options,
    compat: Compat,
    depth: usize,
    /// How many objects are being written that stand for something else.
    objects: usize,
}

impl<'o> Writer<'o> {
    pub(super) fn new(options: &'o Options, compat: Compat) -> Self {
        Writer { out: Vec::with_capacity(128), options, compat, depth: 0, objects: 0 }
    }

    pub(super) fn value(&mut self, value: &Value) -> Result<(), JsonError> {
        // What is shared is written each time that it comes up.
        if self.out.len() > MAX_TEXT_BYTES {
            return Err(JsonError::limit(format!("result is larger than {MAX_TEXT_BYTES} bytes")));
        }
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            // Most numbers of large values have one digit.
            Value::Int(i) if (0..10).contains(&i.value) => self.out.push(b'0' + i.value as u8),
            Value::Int(i) if i.kind.is_unsigned() => self.display(i.as_u64()),
            Value::Int(i) => self.display(i.value),
            Value::Float(f) => match number::json(*f) {
                Some(text) => self.out.extend_from_slice(text.as_bytes()),
                None => return Err(JsonError::new(format!("json: unsupported value: {}", number::general(*f)))),
            },
            Value::Complex(_) => return Err(JsonError::new("json: unsupported type: complex128")),
            Value::Str(s) => write_string(&mut self.out, s, self.options.escape_html),
            Value::List(list) if list.is_nil() => self.out.extend_from_slice(b"null"),
            Value::Map(map) if map.is_nil() => self.out.extend_from_slice(b"null"),
            Value::List(list) if list.elem() == Elem::Byte => {
                let bytes: Vec<u8> = list
                    .iter()
                    .map(|v| match v {
                        Value::Int(i) => i.value as u8,
                        _ => 0,
                    })
                    .collect();
                self.out.push(b'"');
                self.out.extend_from_slice(crate::yaml::encode_base64(&bytes).as_bytes());
                self.out.push(b'"');
            }
            Value::List(list) => {
                self.open(b'[')?;
                for (i, item) in list.iter().enumerate() {
                    self.separate(i == 0);
                    self.value(item)?;
                }
                self.close(b']', list.is_empty());
            }
            Value::Map(map) => {
                self.open(b'{')?;
                let mut result = Ok(());
                let mut first = true;
                map.for_each(|key, value| {
                    if result.is_ok() {
                        self.member(std::mem::take(&mut first), key);
                        result = self.value(value);
                    }
                });
                result?;
                self.close(b'}', first);
            }
            Value::Object(object) => match object.to_json_value() {
                Some(value) => return self.object(value),
                None if TimeObject::get(value).is_some() => return Err(time_error(value)),
                None => return self.fields(&object.fields()),
            },
        }
        Ok(())
    }

    /// Writes a number without a text of its own.
    fn display(&mut self, number: impl std::fmt::Display) {
        use std::io::Write;
        // A vector takes everything.
        let _ = write!(self.out, "{number}");
    }

    /// What an object stands for; it may be an object again.
    fn object(&mut self, value: Value) -> Result<(), JsonError> {
        // It is no level of its own where lines are indented.
        self.deeper()?;
        self.depth -= 1;
        self.objects += 1;
        let result = self.value(&value);
        self.objects -= 1;
        result
    }

    fn fields(&mut self, fields: &[(&'static str, Value)]) -> Result<(), JsonError> {
        self.open(b'{')?;
        for (i, (name, value)) in fields.iter().enumerate() {
            self.member(i == 0, name.as_bytes());
            self.value(value)?;
        }
        self.close(b'}', fields.is_empty());
        Ok(())
    }

    fn member(&mut self, first: bool, key: &[u8]) {
        self.separate(first);
        write_string(&mut self.out, key, self.options.escape_html);
        self.out.push(b':');
        if !self.options.indent.is_empty() {
            self.out.push(b' ');
        }
    }

    fn deeper(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth + self.objects > MAX_DEPTH {
            return Err(JsonError::new(self.compat.json_cycle_error()));
        }
        Ok(())
    }

    fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        self.deeper()?;
        self.out.push(bracket);
        Ok(())
    }

    fn separate(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
        }
        self.new_line();
    }

    fn close(&mut self, bracket: u8, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.new_line();
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self) {
        if !self.options.indent.is_empty() {
            self.out.push(b'\n');
            for _ in 0..self.depth {
                self.out.extend_from_slice(self.options.indent.as_bytes());
            }
        }
    }
}

/// Why a time cannot be written: its year or offset has too many digits.
fn time_error(value: &Value) -> JsonError {
    let why = TimeObject::get(value).and_then(|t| t.to_rfc3339_nano().err()).unwrap_or_default();
    JsonError::new(format!("json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {why}"))
}

/// A string in quotes. What is not UTF-8 becomes `\ufffd`, byte for byte.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8], escape_html: bool) {
    let stop = if escape_html { 7 } else { 5 };
    out.push(b'"');
    let mut start = 0;
    let mut i = 0;
    while let Some(&b) = text.get(i) {
        let class = ESCAPES[b as usize];
        if class & stop == 0 {
            i += 1;
            continue;
        }
        let (len, escaped): (usize, Option<&[u8]>) = if class == 4 {
            match first_char(&text[i..]) {
                Some('\u{2028}') => (3, Some(b"\\u2028")),
                Some('\u{2029}') => (3, Some(b"\\u2029")),
                Some(c) => (c.len_utf8(), None),
                None => (1, Some(b"\\ufffd")),
            }
        } else {
            (1, Some(b""))
        };
        if let Some(escaped) = escaped {
            out.extend_from_slice(&text[start..i]);
            if escaped.is_empty() {
                write_escape(out, b);
            } else {
                out.extend_from_slice(escaped);
            }
            start = i + len;
        }
        i += len;
    }
    out.extend_from_slice(&text[start..]);
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, b: u8) {
    match b {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        8 => out.extend_from_slice(b"\\b"),
        12 => out.extend_from_slice(b"\\f"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(b >> 4)]);
            out.push(HEX[usize::from(b & 15)]);
        }
    }
}

/// The character that the bytes start with, if they are UTF-8 so far.
pub(super) fn first_char(text: &[u8]) -> Option<char> {
    let head = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(s) => s,
        Err(e) => std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next()
}
