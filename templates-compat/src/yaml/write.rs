//! `toYaml`: a value as JSON has it, written by yaml.v2.
//!
//! The original writes JSON, reads that as YAML and writes the result. Here a
//! value is written at once; only texts that would not survive the way
//! through the YAML reader unchanged take it.

use super::YamlError;
use super::decode::{Decoder, MAX_DEPTH, Numbers, Want};
use super::emit::{Emitter, Version};
use super::input::Input;
use super::keys;
use super::node::Document;
use super::parse::Parser;
use super::resolve::{Resolved, resolve_plain};
use super::scan::Scanner;
use super::shape::Shape;
use super::token::Fail;
use crate::compat::Compat;
use crate::gotime::TimeObject;
use crate::json::{self, number};
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{Elem, Str, Value};

/// Why the direct way ends.
enum Stop {
    /// This value must go through JSON.
    Detour,
    Depth,
    TooLarge,
}

pub(super) fn write(value: &Value, compat: Compat) -> Result<Vec<u8>, YamlError> {
    let mut writer = Writer { emitter: Emitter::new(Version::V2), depth: 0, from_json: false };
    match writer.value(value, false) {
        Ok(()) => Ok(writer.emitter.finish()),
        Err(Stop::Depth) => Err(too_deep().after(writer.emitter.out.len())),
        Err(Stop::TooLarge) => Err(YamlError::too_large()),
        Err(Stop::Detour) => through_json(value, compat),
    }
}

fn too_deep() -> YamlError {
    YamlError::new("error marshaling into JSON: json: unsupported value: encountered a cycle")
}

fn through_json(value: &Value, compat: Compat) -> Result<Vec<u8>, YamlError> {
    let text = json::write(value, &json::Options::default(), compat).map_err(|e| {
        let parts = e.parts();
        if e.is_limit() { e.into() } else { YamlError::new(format!("error marshaling into JSON: {e}")).after(parts) }
    })?;
    let yaml = |fail: Fail| YamlError::new(format!("yaml: {}", fail.0)).after(text.len());
    let input = Input::new(&text);
    let document = Document::parse(Parser::new(Scanner::new(&input))).map_err(yaml)?;
    let value = Decoder::new(&document, Numbers::Typed, false).value(0, Want::Build(&Shape::Any)).map_err(yaml)?;
    let mut writer = Writer { emitter: Emitter::new(Version::V2), depth: 0, from_json: true };
    match writer.value(&value, false) {
        Ok(()) => Ok(writer.emitter.finish()),
        Err(Stop::TooLarge) => Err(YamlError::too_large()),
        Err(_) => Err(too_deep().after(text.len())),
    }
}

struct Writer {
    emitter: Emitter,
    depth: usize,
    /// The value has been through JSON and YAML: nothing to change any more.
    from_json: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, in_mapping: bool) -> Result<(), Stop> {
        if self.emitter.out.len() > MAX_TEXT_BYTES {
            return Err(Stop::TooLarge);
        }
        match value {
            Value::Nil => self.emitter.word(b"null"),
            Value::Bool(true) => self.emitter.word(b"true"),
            Value::Bool(false) => self.emitter.word(b"false"),
            Value::Int(i) if i.kind.is_unsigned() => self.emitter.word(i.as_u64().to_string().as_bytes()),
            Value::Int(i) => self.emitter.word(i.value.to_string().as_bytes()),
            Value::Float(f) => self.float(*f)?,
            Value::Complex(_) => return Err(Stop::Detour),
            Value::Str(s) => {
                self.check(s)?;
                self.emitter.value_string(s);
            }
            Value::List(list) if list.is_nil() => self.emitter.word(b"null"),
            Value::Map(map) if map.is_nil() => self.emitter.word(b"null"),
            // `[]byte` is base64 in JSON.
            Value::List(list) if list.elem() == Elem::Byte => return Err(Stop::Detour),
            Value::List(list) if list.is_empty() => self.emitter.empty_sequence(),
            Value::List(list) => {
                self.deeper()?;
                let outer = self.emitter.enter_sequence(in_mapping);
                for item in list.iter() {
                    self.emitter.sequence_item();
                    self.value(item, false)?;
                }
                self.emitter.leave(outer);
                self.depth -= 1;
            }
            Value::Map(map) => self.mapping(map.snapshot())?,
            // A time that JSON refuses.
            Value::Object(object) if TimeObject::get(value).is_some() && object.to_json_value().is_none() => {
                return Err(Stop::Detour);
            }
            Value::Object(object) => match object.to_json_value() {
                Some(value) => {
                    self.deeper()?;
                    self.value(&value, in_mapping)?;
                    self.depth -= 1;
                }
                None => {
                    let fields = object.fields();
                    self.mapping(fields.into_iter().map(|(k, v)| (Str::from_static(k), v)).collect())?;
                }
            },
        }
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Stop::Depth) } else { Ok(()) }
    }

    fn mapping(&mut self, mut entries: Vec<(Str, Value)>) -> Result<(), Stop> {
        if entries.is_empty() {
            self.emitter.empty_mapping();
            return Ok(());
        }
        self.deeper()?;
        keys::sort(&mut entries, Version::V2);
        let outer = self.emitter.enter_mapping();
        for (key, value) in &entries {
            if key.len() > MAX_DIRECT_KEY && !self.from_json {
                return Err(Stop::Detour);
            }
            self.check(key)?;
            self.emitter.key(key);
            self.value(value, true)?;
        }
        self.emitter.leave(outer);
        self.depth -= 1;
        Ok(())
    }

    /// A number as JSON writes it and YAML reads that.
    fn float(&mut self, f: f64) -> Result<(), Stop> {
        if self.from_json {
            self.emitter.word(number::general(f).as_bytes());
            return Ok(());
        }
        if f.fract() == 0.0 && f.abs() < MAX_EXACT {
            self.emitter.word((f as i64).to_string().as_bytes());
            return Ok(());
        }
        let Some(text) = number::json(f) else { return Err(Stop::Detour) };
        match resolve_plain(text.as_bytes()) {
            Resolved::Float(f) => self.emitter.word(number::general(f).as_bytes()),
            _ => self.emitter.word(text.as_bytes()),
        }
        Ok(())
    }

    /// Texts that the YAML reader takes from JSON unchanged.
    fn check(&self, text: &[u8]) -> Result<(), Stop> {
        if self.from_json || text.iter().all(|b| *b < 0x7F) {
            return Ok(());
        }
        let same = |c: char| !matches!(c, '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}');
        match std::str::from_utf8(text) {
            Ok(s) if s.chars().all(same) => Ok(()),
            _ => Err(Stop::Detour),
        }
    }
}

/// Whole numbers below this are exact and have no exponent in JSON.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// A key of this many bytes is surely short enough to be read as a simple key
/// (1024 characters), escaped as it may be.
const MAX_DIRECT_KEY: usize = 160;
