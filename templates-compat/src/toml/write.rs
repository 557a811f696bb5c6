//! The TOML writer: direct keys first, then tables, two spaces of indentation
//! for each level; inline tables inside arrays that are not of tables only.

use super::TomlError;
use super::key::{dotted, push_part, push_quoted};
use crate::compat::Compat;
use crate::gotime::{DurationObject, TimeObject};
use crate::json::number;
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{GoType, Str, Value};

/// How deep values may be nested: a map may hold itself.
const MAX_DEPTH: usize = 250;

/// How many values are looked at: what is shared comes up again and again.
const MAX_VISITS: usize = 1 << 24;

/// What a value is to TOML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nil,
    Scalar,
    Array,
    Table,
    Tables,
}

pub(super) fn write(value: &Value, compat: Compat) -> Result<Vec<u8>, TomlError> {
    if value.is_nil() {
        return Err(TomlError::panic("reflect: call of reflect.Value.Type on zero Value"));
    }
    let mut writer = Writer { out: Vec::new(), compat, depth: 0, visits: 0 };
    match writer.encode(&[], value) {
        Ok(()) => Ok(writer.out),
        Err(error) => Err(error.after(writer.visits)),
    }
}

/// Nil slices and maps are left out like nil itself.
fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

struct Writer {
    out: Vec<u8>,
    compat: Compat,
    depth: usize,
    visits: usize,
}

type Done = Result<(), TomlError>;

impl Writer {
    fn encode(&mut self, key: &[Str], value: &Value) -> Done {
        // The entries of a table are looked at by their types before, which
        // has other words for it.
        if matches!(value, Value::Complex(_)) {
            return Err(TomlError::new("unsupported type for key '': complex128"));
        }
        match self.kind(value)? {
            // A nil slice that stands alone is written like an empty one.
            Kind::Nil if value.as_list().is_some() => self.key_value(key, value, false),
            Kind::Nil => Ok(()),
            Kind::Table => self.table(key, value),
            Kind::Tables => self.tables(key, value),
            Kind::Scalar | Kind::Array => self.key_value(key, value, false),
        }
    }

    fn kind(&mut self, value: &Value) -> Result<Kind, TomlError> {
        self.visit()?;
        Ok(match value {
            value if is_nil(value) => Kind::Nil,
            Value::Map(_) => Kind::Table,
            Value::Complex(_) => return Err(TomlError::new("unsupported type: complex128")),
            Value::List(list) => {
                let mut all_tables = !list.is_empty();
                for item in list.iter() {
                    self.deeper()?;
                    let kind = self.kind(item)?;
                    self.depth -= 1;
                    if kind == Kind::Nil {
                        return Err(TomlError::new("toml: cannot encode array with nil element"));
                    }
                    all_tables &= kind == Kind::Table;
                }
                if all_tables { Kind::Tables } else { Kind::Array }
            }
            Value::Object(object) => match object.to_json_value() {
                Some(Value::Str(_)) => Kind::Scalar,
                _ if TimeObject::get(value).is_some() || DurationObject::get(value).is_some() => Kind::Scalar,
                _ if object.kind() == GoType::Map => Kind::Table,
                _ if object.fields().is_empty() => Kind::Scalar,
                _ => Kind::Table,
            },
            _ => Kind::Scalar,
        })
    }

    fn visit(&mut self) -> Done {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(TomlError::panic(format!("value to write has more than {MAX_VISITS} parts")));
        }
        if self.out.len() > MAX_TEXT_BYTES {
            return Err(TomlError::panic(format!("result is larger than {MAX_TEXT_BYTES} bytes")));
        }
        Ok(())
    }

    fn deeper(&mut self) -> Done {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(TomlError::new("toml: exceeded max depth")) } else { Ok(()) }
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b'\n');
        }
    }

    fn indent(&mut self, key: &[Str]) {
        for _ in 1..key.len() {
            self.out.extend_from_slice(b"  ");
        }
    }

    fn header(&mut self, key: &[Str], open: &[u8], close: &[u8]) {
        self.indent(key);
        self.out.extend_from_slice(open);
        self.out.extend_from_slice(&dotted(key));
        self.out.extend_from_slice(close);
        self.newline();
    }

    fn table(&mut self, key: &[Str], value: &Value) -> Done {
        if key.len() == 1 {
            self.newline();
        }
        if !key.is_empty() {
            self.header(key, b"[", b"]");
        }
        self.entries(key, value)
    }

    fn tables(&mut self, key: &[Str], value: &Value) -> Done {
        if key.is_empty() {
            return Err(TomlError::new("toml: top-level values must be Go maps or structs"));
        }
        for item in value.as_list().iter().flat_map(|l| l.iter()) {
            self.newline();
            self.header(key, b"[[", b"]]");
            self.entries(key, item)?;
        }
        Ok(())
    }

    /// A table's entries: those that are no tables, then the tables.
    fn split(&mut self, value: &Value) -> Result<[Vec<(Str, Value)>; 2], TomlError> {
        let all: Vec<(Str, Value)> = match value {
            Value::Map(map) => map.snapshot(),
            Value::Object(object) if object.kind() == GoType::Map => object.map_entries(),
            Value::Object(object) => object.fields().into_iter().map(|(k, v)| (Str::from_static(k), v)).collect(),
            _ => Vec::new(),
        };
        let (mut direct, mut sub) = (Vec::new(), Vec::new());
        for entry in all {
            match self.kind(&entry.1)? {
                Kind::Table | Kind::Tables => sub.push(entry),
                Kind::Nil | Kind::Scalar | Kind::Array => direct.push(entry),
            }
        }
        Ok([direct, sub])
    }

    fn entries(&mut self, key: &[Str], value: &Value) -> Done {
        self.deeper()?;
        for (name, value) in self.split(value)?.into_iter().flatten() {
            if is_nil(&value) {
                continue;
            }
            let mut inner = key.to_vec();
            inner.push(name);
            self.encode(&inner, &value)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn inline_table(&mut self, value: &Value) -> Done {
        self.deeper()?;
        self.out.push(b'{');
        let [direct, sub] = self.split(value)?;
        let (last_direct, last_sub) = (direct.len(), sub.len());
        // A nil entry is skipped, but the comma before it stays.
        for (i, (name, value)) in direct.into_iter().enumerate() {
            if !is_nil(&value) {
                self.key_value(std::slice::from_ref(&name), &value, true)?;
                if last_sub > 0 || i + 1 != last_direct {
                    self.out.extend_from_slice(b", ");
                }
            }
        }
        for (i, (name, value)) in sub.into_iter().enumerate() {
            self.key_value(std::slice::from_ref(&name), &value, true)?;
            if i + 1 != last_sub {
                self.out.extend_from_slice(b", ");
            }
        }
        self.out.push(b'}');
        self.depth -= 1;
        Ok(())
    }

    fn key_value(&mut self, key: &[Str], value: &Value, inline: bool) -> Done {
        let Some(name) = key.last() else { return self.element(value) };
        self.indent(key);
        push_part(&mut self.out, name);
        self.out.extend_from_slice(b" = ");
        self.element(value)?;
        if !inline {
            self.newline();
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Done {
        self.visit()?;
        match value {
            Value::Nil | Value::Complex(_) => {}
            Value::Bool(b) => self.out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Int(i) if i.kind.is_unsigned() => self.out.extend_from_slice(i.as_u64().to_string().as_bytes()),
            Value::Int(i) => self.out.extend_from_slice(i.value.to_string().as_bytes()),
            Value::Float(f) => self.float(*f),
            Value::Str(s) => push_quoted(&mut self.out, s),
            Value::List(list) => {
                self.deeper()?;
                self.out.push(b'[');
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        self.out.extend_from_slice(b", ");
                    }
                    self.element(item)?;
                }
                self.out.push(b']');
                self.depth -= 1;
            }
            Value::Map(_) => self.inline_table(value)?,
            Value::Object(object) => {
                if let Some(time) = TimeObject::get(value) {
                    self.out.extend_from_slice(&super::datetime::format(time));
                } else if let Some(duration) = DurationObject::get(value) {
                    push_quoted(&mut self.out, duration.to_string().as_bytes());
                } else if let Some(Value::Str(text)) = object.to_json_value() {
                    push_quoted(&mut self.out, &text);
                } else {
                    self.inline_table(value)?;
                }
            }
        }
        Ok(())
    }

    fn float(&mut self, f: f64) {
        let text = if f.is_nan() {
            if f.is_sign_negative() { "-nan".to_owned() } else { "nan".to_owned() }
        } else if f.is_infinite() {
            if f < 0.0 { "-inf".to_owned() } else { "inf".to_owned() }
        } else {
            let text = match self.compat.has_toml_1_1() {
                false => number::fixed(f),
                true => number::general(f),
            };
            if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
        };
        self.out.extend_from_slice(text.as_bytes());
    }
}
