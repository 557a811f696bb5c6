//! Whether a decoded value fits a Go type, and what `encoding/json` says if
//! not. Changes nothing.

use super::shape::{Shape, StructShape};
use crate::compat::Compat;
use crate::value::{IntKind, Value};

struct Fit<'s> {
    compat: Compat,
    strict: bool,
    /// Names and indices from the root to the present value.
    path: Vec<String>,
    /// Go 1.24: the innermost struct's name, and the fields that led to it.
    inner: Option<&'s str>,
    fields: Vec<&'s str>,
    /// Go 1.27: the root's name.
    root: &'s str,
    error: Option<String>,
}

/// The first error in the order in which JSON is read (sorted keys).
pub(super) fn fit(value: &Value, shape: &Shape, strict: bool, compat: Compat) -> Result<(), String> {
    let root = match shape {
        Shape::Any => return Ok(()),
        Shape::Struct(s) => s.name,
        _ => "",
    };
    let mut fit = Fit { compat, strict, path: Vec::new(), inner: None, fields: Vec::new(), root, error: None };
    fit.value(value, shape);
    fit.error.map_or(Ok(()), Err)
}

impl<'s> Fit<'s> {
    fn value(&mut self, value: &Value, shape: &'s Shape) {
        let word = match value {
            Value::Nil => return,
            Value::Bool(_) => "bool",
            Value::Float(_) | Value::Int(_) | Value::Complex(_) => "number",
            Value::Str(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) | Value::Object(_) => "object",
        };
        match (shape, value) {
            (Shape::Any, _) | (Shape::Str | Shape::Time, Value::Str(_)) => {}
            (Shape::Bool, Value::Bool(_)) | (Shape::Float, Value::Float(_)) => {}
            (Shape::Int(kind), Value::Float(f)) => {
                if f.fract() != 0.0 || !in_range(*f, *kind) {
                    let text = crate::json::number::json(*f).unwrap_or_default();
                    self.mismatch(&format!("number {text}"), shape);
                }
            }
            (Shape::List(of), Value::List(list)) => {
                if !matches!(of, Shape::Any) {
                    for (i, item) in list.iter().enumerate() {
                        self.path.push(i.to_string());
                        self.value(item, of);
                        self.path.pop();
                    }
                }
            }
            (Shape::Map(of), Value::Map(map)) => {
                if !matches!(of, Shape::Any) {
                    for (key, item) in map.snapshot() {
                        self.path.push(key.to_text().into_owned());
                        self.value(&item, of);
                        self.path.pop();
                    }
                }
            }
            (Shape::Struct(shape), Value::Map(map)) => {
                let outer = self.inner.replace(shape.name);
                for (key, item) in map.snapshot() {
                    let Some(field) = shape.field(&key) else {
                        if self.strict && self.error.is_none() {
                            self.error = Some(format!("json: unknown field {:?}", key.to_text()));
                        }
                        continue;
                    };
                    self.path.push(key.to_text().into_owned());
                    self.fields.push(field.json);
                    self.value(&item, &field.shape);
                    self.fields.pop();
                    self.path.pop();
                }
                self.inner = outer;
            }
            _ => self.mismatch(word, shape),
        }
    }

    fn mismatch(&mut self, what: &str, shape: &Shape) {
        if self.error.is_some() {
            return;
        }
        let (owner, path) = match self.compat {
            Compat::Helm3 => (self.inner, self.fields.join(".")),
            Compat::Helm4 => ((!self.path.is_empty()).then_some(self.root), self.path.join(".")),
        };
        let into = match owner {
            None => "Go value".to_owned(),
            Some(owner) => {
                let last = self.path.last().map(String::as_str).unwrap_or_default();
                let index =
                    self.compat == Compat::Helm4 && !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
                format!("{}{owner}.{path}", if index { "" } else { "Go struct field " })
            }
        };
        self.error = Some(format!("json: cannot unmarshal {what} into {into} of type {}", type_name(shape)));
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
fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Any => "interface {}".to_owned(),
        Shape::Str => "string".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Int(kind) => kind.name().to_owned(),
        Shape::Float => "float64".to_owned(),
        Shape::Time => "time.Time".to_owned(),
        Shape::List(of) => format!("[]{}", element_name(of)),
        Shape::Map(of) => format!("map[string]{}", element_name(of)),
        Shape::Struct(s) => s.full_name.to_owned(),
    }
}

/// A struct inside a collection is a pointer in Helm's types.
fn element_name(shape: &Shape) -> String {
    match shape {
        Shape::Struct(s) => format!("*{}", s.full_name),
        _ => type_name(shape),
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
