//! The one value model: what YAML and `--set` give is what a template sees.
//!
//! It keeps what Go's output or error texts tell apart (kinds of integers,
//! element types of slices, types of maps) and nothing else. Maps are shared
//! and mutable, as in Go: `set` on one holder is seen by all. Slices are
//! immutable. Strings are bytes, not necessarily UTF-8.

mod list;
mod map;
mod object;
mod string;
mod teardown;

pub use list::{Elem, List};
pub use map::{Map, MapType};
pub use object::{Method, Object};
pub use string::Str;

use std::borrow::Cow;
use std::sync::Arc;

use crate::compat::Compat;

/// Which of Go's integer types a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntKind {
    /// `int`: literals, `len`, `int`, `.Release.Revision`
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32` (also `rune`, the elements of `range` over a string literal)
    Int32,
    /// `int64`: `--set`, `add`, TOML
    Int64,
    /// `uint`
    Uint,
    /// `uint8`: the elements of `[]byte`
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`: the fields of a semantic version
    Uint64,
}

impl IntKind {
    /// Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            IntKind::Int => "int",
            IntKind::Int8 => "int8",
            IntKind::Int16 => "int16",
            IntKind::Int32 => "int32",
            IntKind::Int64 => "int64",
            IntKind::Uint => "uint",
            IntKind::Uint8 => "uint8",
            IntKind::Uint16 => "uint16",
            IntKind::Uint32 => "uint32",
            IntKind::Uint64 => "uint64",
        }
    }

    /// Whether the type is one of the unsigned ones.
    pub fn is_unsigned(self) -> bool {
        matches!(self, IntKind::Uint | IntKind::Uint8 | IntKind::Uint16 | IntKind::Uint32 | IntKind::Uint64)
    }
}

/// An integer with its Go type. Unsigned 64-bit values are kept as the same
/// bits; [`Int::as_u64`] reads them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int {
    /// The number (for unsigned types: its bits).
    pub value: i64,
    /// Its Go type.
    pub kind: IntKind,
}

impl Int {
    /// The bits as an unsigned number.
    pub fn as_u64(self) -> u64 {
        self.value as u64
    }
}

/// A value as Go's templates see it. 24 bytes; cloning shares.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// An untyped nil, or a key that a map does not have.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// Any of Go's integers.
    Int(Int),
    /// `float64`
    Float(f64),
    /// `complex128`, real and imaginary part.
    Complex(Arc<(f64, f64)>),
    /// `string`
    Str(Str),
    /// Any slice.
    List(List),
    /// Any map with string keys.
    Map(Map),
    /// A struct, a pointer to one, or a named type with methods.
    Object(Arc<dyn Object>),
}

/// Names of Go's reflect kinds, as error texts print them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoType {
    /// No value at all.
    Invalid,
    /// `bool`
    Bool,
    /// Any integer type.
    Int(IntKind),
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// A slice.
    Slice,
    /// A map.
    Map,
    /// A struct.
    Struct,
    /// A pointer.
    Ptr,
    /// A function.
    Func,
}

impl GoType {
    /// `reflect.Kind`'s own name.
    pub fn name(self) -> &'static str {
        match self {
            GoType::Invalid => "invalid",
            GoType::Bool => "bool",
            GoType::Int(k) => k.name(),
            GoType::Float64 => "float64",
            GoType::Complex128 => "complex128",
            GoType::String => "string",
            GoType::Slice => "slice",
            GoType::Map => "map",
            GoType::Struct => "struct",
            GoType::Ptr => "ptr",
            GoType::Func => "func",
        }
    }
}

impl Value {
    /// A Go `int`.
    pub fn int(value: i64) -> Self {
        Value::Int(Int { value, kind: IntKind::Int })
    }

    /// A Go `int64`.
    pub fn int64(value: i64) -> Self {
        Value::Int(Int { value, kind: IntKind::Int64 })
    }

    /// A string.
    pub fn str(text: impl Into<Str>) -> Self {
        Value::Str(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Self {
        Value::List(List::new(Elem::Any, items))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Self {
        Value::List(List::new(Elem::String, items.into_iter().map(|s| Value::Str(s.into())).collect()))
    }

    /// An empty `map[string]interface {}`.
    pub fn empty_map() -> Self {
        Value::Map(Map::new())
    }

    /// The bytes of a string value.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Str(s) => Some(s.as_bytes()),
            _ => None,
        }
    }

    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(m) => Some(m),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Value::List(l) => Some(l),
            _ => None,
        }
    }

    /// Whether this is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// The reflect kind.
    pub fn kind(&self) -> GoType {
        match self {
            Value::Nil => GoType::Invalid,
            Value::Bool(_) => GoType::Bool,
            Value::Int(i) => GoType::Int(i.kind),
            Value::Float(_) => GoType::Float64,
            Value::Complex(_) => GoType::Complex128,
            Value::Str(_) => GoType::String,
            Value::List(_) => GoType::Slice,
            Value::Map(_) => GoType::Map,
            Value::Object(o) => o.kind(),
        }
    }

    /// The type as `%T` prints it (`<nil>` for nil).
    pub fn type_name(&self, compat: Compat) -> Cow<'static, str> {
        match self {
            Value::Nil => Cow::Borrowed("<nil>"),
            Value::Bool(_) => Cow::Borrowed("bool"),
            Value::Int(i) => Cow::Borrowed(i.kind.name()),
            Value::Float(_) => Cow::Borrowed("float64"),
            Value::Complex(_) => Cow::Borrowed("complex128"),
            Value::Str(_) => Cow::Borrowed("string"),
            Value::List(l) => Cow::Borrowed(l.elem().type_name(compat)),
            Value::Map(m) => Cow::Borrowed(m.map_type().name(compat)),
            Value::Object(o) => o.type_name(compat),
        }
    }

    /// A copy of everything: no map is shared with the original. Go types of
    /// maps and slices stay.
    pub fn deep_copy(&self) -> Value {
        match self {
            Value::List(l) => Value::List(List::new(l.elem(), l.iter().map(Value::deep_copy).collect())),
            Value::Map(m) => Value::Map(m.deep_copy()),
            other => other.clone(),
        }
    }
}
