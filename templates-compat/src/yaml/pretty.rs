//! `toYamlPretty`: a value written by yaml.v3, not by way of JSON.

use super::YamlError;
use super::decode::MAX_DEPTH;
use super::emit::{Emitter, Version};
use super::keys;
use crate::gotime::{DurationObject, TimeObject};
use crate::json::number;
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{GoType, Str, Value};

pub(super) fn write(value: &Value) -> Result<Vec<u8>, YamlError> {
    let mut writer = Writer { emitter: Emitter::new(Version::V3), depth: 0 };
    writer.value(value)?;
    Ok(writer.emitter.finish())
}

struct Writer {
    emitter: Emitter,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), YamlError> {
        if self.emitter.out.len() > MAX_TEXT_BYTES {
            return Err(YamlError::too_large());
        }
        match value {
            Value::Nil => self.emitter.word(b"null"),
            Value::Bool(true) => self.emitter.word(b"true"),
            Value::Bool(false) => self.emitter.word(b"false"),
            Value::Int(i) if i.kind.is_unsigned() => self.emitter.word(i.as_u64().to_string().as_bytes()),
            Value::Int(i) => self.emitter.word(i.value.to_string().as_bytes()),
            Value::Float(f) => {
                let text = number::general(*f);
                self.emitter.word(match text.as_str() {
                    "+Inf" => b".inf",
                    "-Inf" => b"-.inf",
                    "NaN" => b".nan",
                    _ => text.as_bytes(),
                });
            }
            Value::Complex(_) => return Err(YamlError::panic("cannot marshal type: complex128")),
            Value::Str(s) => self.string(s),
            Value::List(list) if list.is_empty() => self.emitter.empty_sequence(),
            Value::List(list) => {
                self.deeper()?;
                let outer = self.emitter.enter_sequence(true);
                for item in list.iter() {
                    self.emitter.sequence_item();
                    self.value(item)?;
                }
                self.emitter.leave(outer);
                self.depth -= 1;
            }
            Value::Map(map) => self.mapping(map.snapshot(), true)?,
            Value::Object(object) => match object.to_json_value() {
                _ if TimeObject::get(value).is_some() || DurationObject::get(value).is_some() => self.time(value),
                Some(Value::Str(text)) => self.string(&text),
                _ if object.kind() == GoType::Map => self.mapping(object.map_entries(), true)?,
                _ => {
                    // Go's field names in lower case, in their order.
                    let fields = object.fields();
                    let fields = fields.into_iter().map(|(k, v)| (Str::from(k.to_lowercase()), v)).collect();
                    self.mapping(fields, false)?;
                }
            },
        }
        Ok(())
    }

    /// A time is a plain timestamp, a duration a string.
    fn time(&mut self, value: &Value) {
        if let Some(time) = TimeObject::get(value) {
            self.emitter.word(&time.format(b"2006-01-02T15:04:05.999999999Z07:00"));
        } else if let Some(duration) = DurationObject::get(value) {
            self.emitter.value_string(duration.to_string().as_bytes());
        }
    }

    fn string(&mut self, text: &[u8]) {
        if std::str::from_utf8(text).is_ok() {
            self.emitter.value_string(text);
        } else {
            self.emitter.binary(text);
        }
    }

    fn deeper(&mut self) -> Result<(), YamlError> {
        self.depth += 1;
        // Go has no limit here and would end the process.
        if self.depth > MAX_DEPTH { Err(YamlError::new("yaml: exceeded max depth")) } else { Ok(()) }
    }

    fn mapping(&mut self, mut entries: Vec<(Str, Value)>, sort: bool) -> Result<(), YamlError> {
        if entries.is_empty() {
            self.emitter.empty_mapping();
            return Ok(());
        }
        self.deeper()?;
        if sort {
            keys::sort(&mut entries, self.emitter.version());
        }
        let outer = self.emitter.enter_mapping();
        for (key, value) in &entries {
            self.emitter.key(key);
            self.value(value)?;
        }
        self.emitter.leave(outer);
        self.depth -= 1;
        Ok(())
    }
}
