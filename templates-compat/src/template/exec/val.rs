//! A value under evaluation: beside the value, whether Go would hold it as
//! an `interface {}` or as its own type, and where. Only error texts, nil and
//! methods of pointers care.

use crate::value::{Elem, MapType, Value};

/// What Go's evaluator holds as a `reflect.Value`.
#[derive(Debug, Clone, Default)]
pub(super) struct Val {
    pub(super) value: Value,
    /// Its static type is `interface {}`: it came out of a map or a list of
    /// such. A nil without this is no value at all.
    pub(super) iface: bool,
    /// Go can take its address: it is a field of a struct behind a pointer.
    pub(super) addressable: bool,
}

impl Val {
    /// No value at all: Go's zero `reflect.Value`.
    pub(super) const INVALID: Val = Val { value: Value::Nil, iface: false, addressable: false };

    /// A value held as its own type.
    pub(super) fn concrete(value: Value) -> Self {
        Val { value, iface: false, addressable: false }
    }

    /// A field of a struct, which is behind a pointer or a copy.
    pub(super) fn field(value: Value, addressable: bool) -> Self {
        Val { value, iface: false, addressable }
    }

    /// A value held as `interface {}`.
    pub(super) fn iface(value: Value) -> Self {
        Val { value, iface: true, addressable: false }
    }

    /// An element of a list.
    pub(super) fn element(elem: Elem, value: Value) -> Self {
        Val { value, iface: elem == Elem::Any, addressable: false }
    }

    /// An entry of a map.
    pub(super) fn entry(map_type: MapType, value: Value) -> Self {
        Val { value, iface: map_type != MapType::String, addressable: false }
    }

    pub(super) fn is_invalid(&self) -> bool {
        self.value.is_nil() && !self.iface
    }
}

/// Go's truth: not the zero of the type.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(b) => *b,
        Value::Int(i) => i.value != 0,
        Value::Float(f) => *f != 0.0,
        Value::Complex(c) => c.0 != 0.0 || c.1 != 0.0,
        Value::Str(s) => !s.is_empty(),
        Value::List(l) => !l.is_empty(),
        Value::Map(m) => !m.is_empty(),
        Value::Object(o) => o.truth(),
    }
}
