//! The TOML parser: items to tables. Owns which keys may be defined again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::TomlError;
use super::datetime;
use super::key::dotted;
use super::lex::{Item, Kind, Lexer};
use crate::compat::Compat;
use crate::gofmt::quote::quote_text;
use crate::gotime::TimeObject;
use crate::value::{Elem, List, Map, Str, Value};

/// How deep keys and values may be nested; the library has no limit.
const MAX_DEPTH: usize = 250;

/// What a key stands for while the document is read. Clones are the same
/// table or array.
#[derive(Clone)]
enum Node {
    /// An index into `tables`.
    Table(usize),
    /// An array of tables.
    Tables(Vec<usize>),
    Array(Arc<Vec<Node>>),
    Value(Value),
}

type Table = BTreeMap<Str, Node>;

pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    compat: Compat,
    /// The first is the document.
    tables: Vec<Table>,
    context: Vec<Str>,
    current: Str,
    /// Where the last name stood.
    line: usize,
    /// Dotted keys that were only implied so far, and those that are arrays.
    implicit: HashSet<Vec<u8>>,
    arrays: HashSet<Vec<u8>>,
    depth: usize,
}

type Parse<T> = Result<T, TomlError>;

pub(super) fn read(bytes: &[u8], compat: Compat) -> Parse<Map> {
    let bytes = match bytes {
        [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] | [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
        _ => bytes,
    };
    if bytes.iter().take(6).any(|b| *b == 0) {
        return Err(TomlError::new(
            "toml: line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8",
        ));
    }
    let mut parser = Parser {
        lexer: Lexer::new(bytes, compat),
        compat,
        tables: vec![Table::new()],
        context: Vec::new(),
        current: Str::default(),
        line: 0,
        implicit: HashSet::new(),
        arrays: HashSet::new(),
        depth: 0,
    };
    loop {
        let item = parser.next()?;
        if item.kind == Kind::Eof {
            break;
        }
        parser.top_level(item)?;
    }
    let maps = vec![None; parser.tables.len()];
    Ok(Finish { tables: parser.tables, maps }.table(0))
}

/// Turns what was read into values, each table once.
struct Finish {
    tables: Vec<Table>,
    maps: Vec<Option<Map>>,
}

impl Finish {
    fn table(&mut self, index: usize) -> Map {
        if let Some(Some(map)) = self.maps.get(index) {
            return map.clone();
        }
        let table = self.tables.get_mut(index).map(std::mem::take).unwrap_or_default();
        let map: Map = table.into_iter().map(|(key, node)| (key, self.value(node))).collect();
        if let Some(slot) = self.maps.get_mut(index) {
            *slot = Some(map.clone());
        }
        map
    }

    fn value(&mut self, node: Node) -> Value {
        match node {
            Node::Value(value) => value,
            Node::Table(index) => Value::Map(self.table(index)),
            Node::Tables(indices) => {
                let items = indices.into_iter().map(|i| Value::Map(self.table(i))).collect();
                Value::List(List::new(Elem::Map, items))
            }
            Node::Array(nodes) => Value::list(nodes.iter().map(|n| self.value(n.clone())).collect()),
        }
    }
}

impl<'t> Parser<'t> {
    // ---- errors

    fn error(&self, line: usize, text: &str) -> TomlError {
        let last = if self.current.is_empty() {
            dotted(&self.context)
        } else if self.context.is_empty() {
            self.current.to_vec()
        } else {
            [&dotted(&self.context)[..], b".", &self.current].concat()
        };
        TomlError::new(if last.is_empty() {
            format!("toml: line {line}: {text}")
        } else {
            format!("toml: line {line} (last key {}): {text}", quote_text(&last, self.compat))
        })
    }

    fn item_error(&self, item: &Item<'_>, text: &str) -> TomlError {
        self.error(item.line, text)
    }

    fn key_error(&self, key: &[Str], what: &str) -> TomlError {
        let key = dotted(key);
        self.error(self.line, &format!("Key '{}' {what}", String::from_utf8_lossy(&key)))
    }

    // ---- items

    fn next(&mut self) -> Parse<Item<'t>> {
        self.lexer.next_item().map_err(|e| self.error(e.line, &e.text))
    }

    fn top_level(&mut self, item: Item<'t>) -> Parse<()> {
        match item.kind {
            Kind::TableStart | Kind::ArrayTableStart => {
                let array = item.kind == Kind::ArrayTableStart;
                let end = if array { Kind::ArrayTableEnd } else { Kind::TableEnd };
                let key = self.key_parts(end)?;
                self.add_context(&key, array)?;
                let context = dotted(&self.context);
                self.arrays.remove(&context);
            }
            Kind::KeyStart => {
                let outer = self.context.clone();
                let key = self.key_parts(Kind::KeyEnd)?;
                self.enter_dotted(&key)?;
                let value_item = self.next()?;
                let (value, is_array) = self.value(value_item, false)?;
                self.set_value(self.current.clone(), value)?;
                self.set_type(is_array);
                self.context = outer;
                self.current = Str::default();
            }
            // A comment's text follows.
            _ => {
                self.next()?;
            }
        }
        Ok(())
    }

    /// The parts of a name up to its end.
    fn key_parts(&mut self, end: Kind) -> Parse<Vec<Str>> {
        let mut key = Vec::new();
        let mut item = self.next()?;
        self.line = item.line;
        while item.kind != end && item.kind != Kind::Eof {
            let part = match item.kind {
                Kind::Text => Str::from(item.text),
                _ => match self.value(item, false)?.0 {
                    Node::Value(Value::Str(s)) => s,
                    _ => Str::default(),
                },
            };
            if key.len() + self.context.len() >= MAX_DEPTH {
                return Err(self.item_error(&item, "exceeded max depth"));
            }
            key.push(part);
            item = self.next()?;
        }
        Ok(key)
    }

    /// Makes the tables that a dotted key implies.
    fn enter_dotted(&mut self, key: &[Str]) -> Parse<()> {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        self.current = last.clone();
        for part in parents {
            let mut context = self.context.clone();
            context.push(part.clone());
            self.implicit.insert(dotted(&context));
            self.add_context(&context, false)?;
        }
        Ok(())
    }

    // ---- tables

    fn add_context(&mut self, key: &[Str], array: bool) -> Parse<()> {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        let mut at = 0;
        let mut context: Vec<Str> = Vec::with_capacity(key.len());
        for part in parents {
            context.push(part.clone());
            if !self.tables[at].contains_key(part) {
                self.implicit.insert(dotted(&context));
                self.tables.push(Table::new());
                let new = self.tables.len() - 1;
                self.tables[at].insert(part.clone(), Node::Table(new));
            }
            match self.child(at, part) {
                Some(child) => at = child,
                None => return Err(self.key_error(&context, "was already created as a hash.")),
            }
        }
        self.context = context;
        if array {
            let new = self.tables.len();
            match self.tables[at].entry(last.clone()).or_insert_with(|| Node::Tables(Vec::new())) {
                Node::Tables(list) => list.push(new),
                _ => return Err(self.key_error(key, "was already created and cannot be used as an array.")),
            }
            self.tables.push(Table::new());
        } else {
            self.tables.push(Table::new());
            let new = self.tables.len() - 1;
            self.set_value(last.clone(), Node::Table(new))?;
        }
        self.context.push(last.clone());
        Ok(())
    }

    /// The table under a key; of an array of tables the last one.
    fn child(&self, table: usize, key: &Str) -> Option<usize> {
        match self.tables.get(table)?.get(key)? {
            Node::Table(index) => Some(*index),
            Node::Tables(indices) => indices.last().copied(),
            Node::Array(_) | Node::Value(_) => None,
        }
    }

    fn set_value(&mut self, key: Str, value: Node) -> Parse<()> {
        let mut at = 0;
        let mut context: Vec<Str> = Vec::with_capacity(self.context.len() + 1);
        for part in &self.context {
            context.push(part.clone());
            match self.child(at, part) {
                Some(child) => at = child,
                None => return Err(self.key_error(&context, "has already been defined.")),
            }
        }
        context.push(key.clone());
        if self.tables[at].contains_key(&key) {
            let name = dotted(&context);
            let implicit = self.implicit.contains(&name);
            if self.arrays.contains(&name) {
                if !implicit && self.compat.has_toml_1_1() {
                    return Err(self.key_error(&context, "has already been defined."));
                }
                self.implicit.remove(&name);
                self.tables[at].insert(key, value);
                return Ok(());
            }
            if implicit {
                self.implicit.remove(&name);
                return Ok(());
            }
            return Err(self.key_error(&context, "has already been defined."));
        }
        self.tables[at].insert(key, value);
        Ok(())
    }

    /// Notes whether the present key is an array.
    fn set_type(&mut self, is_array: bool) {
        let mut key = self.context.clone();
        if !self.current.is_empty() || key.is_empty() {
            key.push(self.current.clone());
        }
        let name = dotted(&key);
        if is_array {
            self.arrays.insert(name);
        } else {
            self.arrays.remove(&name);
        }
    }

    // ---- values

    /// The value, and whether it is an array.
    fn value(&mut self, item: Item<'t>, in_array: bool) -> Parse<(Node, bool)> {
        let string = |bytes: &[u8]| Node::Value(Value::Str(Str::from(bytes)));
        Ok((
            match item.kind {
                Kind::Str | Kind::RawStr => string(item.text),
                Kind::EscapedStr => string(&self.unescape(&item, item.text)?),
                Kind::MultilineStr => {
                    let text = strip_escaped_newlines(strip_first_newline(item.text));
                    string(&self.unescape(&item, &text)?)
                }
                Kind::RawMultilineStr => string(strip_first_newline(item.text)),
                Kind::Bool => Node::Value(Value::Bool(item.text == b"true")),
                Kind::Integer => Node::Value(self.integer(&item)?),
                Kind::Float => Node::Value(self.float(&item)?),
                Kind::Datetime => Node::Value(self.datetime(&item)?),
                Kind::Array | Kind::InlineTableStart => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(self.item_error(&item, "exceeded max depth"));
                    }
                    let array = item.kind == Kind::Array;
                    let node = if array { self.array()? } else { self.inline_table(in_array)? };
                    self.depth -= 1;
                    return Ok((node, array));
                }
                _ => return Err(self.item_error(&item, "unexpected value")),
            },
            false,
        ))
    }

    fn array(&mut self) -> Parse<Node> {
        self.set_type(true);
        let mut nodes = Vec::new();
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::ArrayEnd => return Ok(Node::Array(Arc::new(nodes))),
                Kind::CommentStart => {
                    self.next()?;
                }
                _ => nodes.push(self.value(item, true)?.0),
            }
        }
    }

    fn inline_table(&mut self, in_array: bool) -> Parse<Node> {
        let (outer_context, outer_key) = (self.context.clone(), self.current.clone());
        self.tables.push(Table::new());
        let top = self.tables.len() - 1;
        self.context.push(self.current.clone());
        if self.context.len() > MAX_DEPTH {
            return Err(self.error(self.line, "exceeded max depth"));
        }
        let own_context = self.context.clone();
        self.current = Str::default();
        self.implicit.insert(dotted(&own_context));
        self.add_context(&own_context, in_array)?;
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::InlineTableEnd => break,
                Kind::CommentStart => {
                    self.next()?;
                    continue;
                }
                _ => {}
            }
            let key = self.key_parts(Kind::KeyEnd)?;
            self.enter_dotted(&key)?;
            let value_item = self.next()?;
            let (value, is_array) = self.value(value_item, false)?;
            let copy = value.clone();
            self.set_value(self.current.clone(), value)?;
            self.set_type(is_array);
            self.insert_inline(top, &key, copy)?;
            self.context.clone_from(&own_context);
        }
        self.context = outer_context;
        self.current = outer_key;
        Ok(Node::Table(top))
    }

    /// Puts a value into the table that the inline table itself becomes.
    fn insert_inline(&mut self, top: usize, key: &[Str], value: Node) -> Parse<()> {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        let mut at = top;
        for part in parents {
            if !self.tables[at].contains_key(part) {
                self.tables.push(Table::new());
                let new = self.tables.len() - 1;
                self.tables[at].insert(part.clone(), Node::Table(new));
            }
            match self.tables[at].get(part) {
                Some(Node::Table(index)) => at = *index,
                _ => {
                    let context = String::from_utf8_lossy(&dotted(&self.context)).into_owned();
                    return Err(self.error(self.line, &format!("{context:?} is not a table")));
                }
            }
        }
        self.tables[at].insert(last.clone(), value);
        Ok(())
    }

    fn integer(&mut self, item: &Item<'_>) -> Parse<Value> {
        let shown = || quote_text(item.text, self.compat);
        if !underscores_ok(item.text) {
            let text = format!("Invalid integer {}: underscores must be surrounded by digits", shown());
            return Err(self.item_error(item, &text));
        }
        if has_leading_zero(item.text) {
            let text = format!("Invalid integer {}: cannot have leading zeroes", shown());
            return Err(self.item_error(item, &text));
        }
        parse_integer(item.text).map(Value::int64).ok_or_else(|| {
            let text = format!("{} is out of range for int64", String::from_utf8_lossy(item.text));
            self.item_error(item, &text)
        })
    }

    fn float(&mut self, item: &Item<'_>) -> Parse<Value> {
        let problem = |what: &str| {
            self.item_error(item, &format!("Invalid float {}: {what}", quote_text(item.text, self.compat)))
        };
        let parts: Vec<&[u8]> =
            item.text.split(|b| matches!(b, b'.' | b'e' | b'E')).filter(|part| !part.is_empty()).collect();
        if parts.iter().any(|part| !underscores_ok(part)) {
            return Err(problem("underscores must be surrounded by digits"));
        }
        if parts.first().is_some_and(|part| has_leading_zero(part)) {
            return Err(problem("cannot have leading zeroes"));
        }
        let period_without_digit = item
            .text
            .iter()
            .enumerate()
            .any(|(i, b)| *b == b'.' && !item.text.get(i + 1).is_some_and(u8::is_ascii_digit));
        if period_without_digit {
            return Err(problem("'.' must be followed by one or more digits"));
        }
        let text: Vec<u8> = item.text.iter().copied().filter(|b| *b != b'_').collect();
        let text = String::from_utf8_lossy(&text);
        match &*text {
            "inf" | "+inf" => return Ok(Value::Float(f64::INFINITY)),
            "-inf" => return Ok(Value::Float(f64::NEG_INFINITY)),
            "nan" | "+nan" => return Ok(Value::Float(f64::NAN)),
            "-nan" => return Ok(Value::Float(-f64::NAN)),
            _ => {}
        }
        match text.parse::<f64>() {
            Ok(f) if f.is_finite() => Ok(Value::Float(f)),
            Ok(_) => {
                let text = format!("{} is out of range for float64", String::from_utf8_lossy(item.text));
                Err(self.item_error(item, &text))
            }
            Err(_) => {
                Err(self.item_error(item, &format!("Invalid float value: {}", quote_text(item.text, self.compat))))
            }
        }
    }

    fn datetime(&mut self, item: &Item<'_>) -> Parse<Value> {
        let text: Vec<u8> = item
            .text
            .iter()
            .map(|b| match b {
                b'z' => b'Z',
                b't' | b' ' => b'T',
                b => *b,
            })
            .collect();
        match datetime::parse(&text, self.compat) {
            Some(time) => Ok(TimeObject::value(time)),
            None => Err(self.item_error(item, &format!("invalid datetime: {}", quote_text(&text, self.compat)))),
        }
    }

    /// Replaces escapes; the lexer has checked their form.
    fn unescape(&self, item: &Item<'_>, text: &[u8]) -> Parse<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        let mut i = 0;
        while let Some(&b) = text.get(i) {
            if b != b'\\' {
                out.push(b);
                i += 1;
                continue;
            }
            let code = text.get(i + 1).copied().unwrap_or(b' ');
            i += 2;
            let digits = match code {
                b'x' => 2,
                b'u' => 4,
                b'U' => 8,
                _ => {
                    out.push(match code {
                        b'b' => 8,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 12,
                        b'r' => b'\r',
                        b'e' => 0x1B,
                        b'"' | b'\\' => code,
                        _ => return Err(self.item_error(item, &format!("invalid escape: '\\{}'", code as char))),
                    });
                    continue;
                }
            };
            let hex = String::from_utf8_lossy(text.get(i..i + digits).unwrap_or_default());
            match u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32) {
                Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    return Err(self.item_error(item, &format!("Escaped character '\\u{hex}' is not valid UTF-8.")));
                }
            }
            i += digits;
        }
        Ok(out)
    }
}

/// Go's `ParseInt(text, 0, 64)` for texts that the lexer let through.
fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits: Vec<u8> = text.iter().copied().filter(|b| *b != b'_').collect();
    let (base, rest) = match &digits[..] {
        [b'0', b'x', rest @ ..] => (16, rest),
        [b'0', b'o', rest @ ..] => (8, rest),
        [b'0', b'b', rest @ ..] => (2, rest),
        all => (10, all),
    };
    i64::from_str_radix(std::str::from_utf8(rest).ok()?, base).ok()
}

/// Whether every underscore stands between characters that may be digits.
fn underscores_ok(text: &[u8]) -> bool {
    if matches!(text, b"nan" | b"+nan" | b"-nan" | b"inf" | b"+inf" | b"-inf") {
        return true;
    }
    let mut accept = false;
    for b in text {
        if *b == b'_' && !accept {
            return false;
        }
        accept = b.is_ascii_hexdigit();
    }
    accept
}

fn has_leading_zero(text: &[u8]) -> bool {
    match text {
        [b'0', b'b' | b'o' | b'x', ..] => false,
        [b'0', _, ..] | [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

fn strip_first_newline(text: &[u8]) -> &[u8] {
    match text {
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
        _ => text,
    }
}

/// Drops each backslash at a line's end with the white space after it.
fn strip_escaped_newlines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while let Some(&b) = text.get(i) {
        if b != b'\\' {
            out.push(b);
            i += 1;
            continue;
        }
        if text.get(i + 1) == Some(&b'\\') {
            out.extend_from_slice(b"\\\\");
            i += 2;
            continue;
        }
        let space = text[i + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        if text[i + 1..i + 1 + space].contains(&b'\n') {
            i += 1 + space;
        } else {
            out.push(b);
            i += 1;
        }
    }
    out
}
