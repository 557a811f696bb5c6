//! Puts a decoded value into a Go type, as `encoding/json` does: which fields
//! keys belong to, what null does, and the error texts.

use super::go_syntax::go_string;
use super::shape::{Shape, StructShape};
use crate::compat::Compat;
use crate::value::{Elem, Int, IntKind, List, Map, MapType, Str, Value};

struct Fit<'s> {
    compat: Compat,
    strict: bool,
    /// Names and indices from the root to the present value.
    path: Vec<String>,
    /// Go 1.24: the innermost struct's name, and the fields that led to it.
    inner: Option<&'s str>,
    fields: Vec<&'s str>,
    error: Option<String>,
}

/// The value as the Go type holds it (a struct's fields under their own
/// names), or the first error in the order in which JSON is read.
pub(super) fn fit(value: Value, shape: &Shape, strict: bool, compat: Compat) -> Result<Value, String> {
    if let Shape::Any = shape {
        return Ok(value);
    }
    let mut fit = Fit { compat, strict, path: Vec::new(), inner: None, fields: Vec::new(), error: None };
    let value = fit.value(&value, shape);
    match fit.error {
        None => Ok(value.unwrap_or_default()),
        Some(error) => Err(error),
    }
}

impl<'s> Fit<'s> {
    /// `None` if the Go value stays as it was.
    fn value(&mut self, value: &Value, shape: &'s Shape) -> Option<Value> {
        let word = match value {
            Value::Nil => return None,
            Value::Bool(_) => "bool",
            Value::Float(_) | Value::Int(_) | Value::Complex(_) => "number",
            Value::Str(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) | Value::Object(_) => "object",
        };
        match (shape, value) {
            (Shape::Any, _)
            | (Shape::Str | Shape::Time, Value::Str(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Float, Value::Float(_)) => return Some(value.clone()),
            (Shape::Int(kind), Value::Float(f)) => {
                if f.fract() == 0.0 && in_range(*f, *kind) {
                    let value = if *f >= I64_END { *f as u64 as i64 } else { *f as i64 };
                    return Some(Value::Int(Int { value, kind: *kind }));
                }
                let text = crate::json::number::json(*f).unwrap_or_default();
                self.mismatch(&format!("number {text}"), shape);
            }
            (Shape::List(of), Value::List(list)) => return Some(self.list(list, of)),
            (Shape::Map(of), Value::Map(map)) => return Some(self.map(map, of)),
            (Shape::Struct(shape), Value::Map(map)) => return Some(self.fields(map, shape)),
            _ => self.mismatch(word, shape),
        }
        None
    }

    fn list(&mut self, list: &List, of: &'s Shape) -> Value {
        let elem = match of {
            Shape::Str => Elem::String,
            Shape::Any => return Value::List(list.clone()),
            _ => Elem::Any,
        };
        let mut items = Vec::with_capacity(list.len());
        for (i, item) in list.iter().enumerate() {
            self.path.push(i.to_string());
            items.push(self.value(item, of).unwrap_or_else(|| zero(of)));
            self.path.pop();
        }
        Value::List(List::new(elem, items))
    }

    fn map(&mut self, map: &Map, of: &'s Shape) -> Value {
        let out = match of {
            Shape::Str => Map::of_type(MapType::String),
            Shape::Any => return Value::Map(map.clone()),
            _ => Map::new(),
        };
        for (key, item) in map.snapshot() {
            self.path.push(key.to_text().into_owned());
            let item = self.value(&item, of).unwrap_or_else(|| zero(of));
            self.path.pop();
            out.insert(key, item);
        }
        Value::Map(out)
    }

    fn fields(&mut self, map: &Map, shape: &'s StructShape) -> Value {
        let out = Map::new();
        let outer = self.inner.replace(shape.name);
        for (key, item) in map.snapshot() {
            let Some(field) = shape.field(&key) else {
                if self.strict && self.error.is_none() {
                    self.error = Some(format!("json: unknown field {}", go_string(&key)));
                }
                continue;
            };
            self.path.push(key.to_text().into_owned());
            self.fields.push(field.json);
            match self.value(&item, &field.shape) {
                Some(value) => {
                    out.insert(field.json, value);
                }
                // Null empties what can be nil and leaves the rest alone.
                None if item.is_nil() && (field.pointer || is_nillable(&field.shape)) => {
                    out.remove(field.json.as_bytes());
                }
                None => {}
            }
            self.fields.pop();
            self.path.pop();
        }
        self.inner = outer;
        Value::Map(out)
    }

    fn mismatch(&mut self, what: &str, shape: &Shape) {
        if self.error.is_some() {
            return;
        }
        let (owner, path) = match !self.compat.has_old_json_reader() {
            false => (self.inner, self.fields.join(".")),
            // Helm decodes by way of an interface, which has no name.
            true => ((!self.path.is_empty()).then_some(""), self.path.join(".")),
        };
        let into = match owner {
            None => "Go value".to_owned(),
            Some(owner) => {
                let last = self.path.last().map(String::as_str).unwrap_or_default();
                let index =
                    !self.compat.has_old_json_reader() && !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
                format!("{}{owner}.{path}", if index { "" } else { "Go struct field " })
            }
        };
        self.error =
            Some(format!("json: cannot unmarshal {what} into {into} of type {}", type_name(shape, self.compat)));
    }
}

/// 2^63, the first number past `int64`.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

fn is_nillable(shape: &Shape) -> bool {
    matches!(shape, Shape::Any | Shape::List(_) | Shape::Map(_))
}

/// What Go has where nothing was decoded.
fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Str => Value::Str(Str::default()),
        Shape::Bool => Value::Bool(false),
        Shape::Int(kind) => Value::Int(Int { value: 0, kind: *kind }),
        Shape::Float => Value::Float(0.0),
        Shape::Any | Shape::Time | Shape::List(_) | Shape::Map(_) | Shape::Struct(_) => Value::Nil,
    }
}

fn in_range(f: f64, kind: IntKind) -> bool {
    let (low, high) = match kind {
        IntKind::Int8 => (-128.0, 127.0),
        IntKind::Int16 => (-32768.0, 32767.0),
        IntKind::Int32 => (-2147483648.0, 2147483647.0),
        IntKind::Int | IntKind::Int64 => (-9223372036854775808.0, 9223372036854774784.0),
        IntKind::Uint8 => (0.0, 255.0),
        IntKind::Uint16 => (0.0, 65535.0),
        IntKind::Uint32 => (0.0, 4294967295.0),
        IntKind::Uint | IntKind::Uint64 => (0.0, 18446744073709549568.0),
    };
    (low..=high).contains(&f)
}

/// The type as Go prints it.
fn type_name(shape: &Shape, compat: Compat) -> String {
    match shape {
        Shape::Any => "interface {}".to_owned(),
        Shape::Str => "string".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Int(kind) => kind.name().to_owned(),
        Shape::Float => "float64".to_owned(),
        Shape::Time => "time.Time".to_owned(),
        Shape::List(of) => format!("[]{}", element_name(of, compat)),
        Shape::Map(of) => format!("map[string]{}", element_name(of, compat)),
        Shape::Struct(s) => struct_name(s, compat),
    }
}

/// A struct inside a collection is a pointer in Helm's types.
fn element_name(shape: &Shape, compat: Compat) -> String {
    match shape {
        Shape::Struct(s) => format!("*{}", struct_name(s, compat)),
        _ => type_name(shape, compat),
    }
}

/// The package of a chart's types is `chart` in Helm 3, `v2` in Helm 4.
fn struct_name(shape: &StructShape, compat: Compat) -> String {
    match (compat.has_versioned_packages(), shape.full_name.strip_prefix("chart.")) {
        (true, Some(name)) => format!("v2.{name}"),
        _ => shape.full_name.to_owned(),
    }
}

impl StructShape {
    /// The field that a key belongs to: the exact name, else one that differs
    /// in case only.
    pub(super) fn field(&self, key: &[u8]) -> Option<&super::shape::Field> {
        self.fields
            .iter()
            .find(|f| f.json.as_bytes() == key)
            .or_else(|| self.fields.iter().find(|f| f.json.as_bytes().eq_ignore_ascii_case(key)))
    }
}
