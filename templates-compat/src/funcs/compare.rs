//! Go's comparisons: `eq ne lt le gt ge` with the rules of its basic kinds.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt;
use crate::value::{Int, Value};

const PAIR: &[Param] = &[Param::Reflect, Param::Reflect];

/// The comparisons.
pub(crate) const FUNCS: &[Func] = &[
    Func { name: "eq", params: PAIR, variadic: true, result: Param::Bool, call: |cx, args| bool(eq(cx, args)) },
    Func {
        name: "ne",
        params: PAIR,
        variadic: false,
        result: Param::Bool,
        call: |cx, args| bool(eq(cx, args).map(not)),
    },
    Func { name: "lt", params: PAIR, variadic: false, result: Param::Bool, call: |cx, args| bool(lt(cx, args)) },
    Func { name: "le", params: PAIR, variadic: false, result: Param::Bool, call: |cx, args| bool(le(cx, args)) },
    Func {
        name: "gt",
        params: PAIR,
        variadic: false,
        result: Param::Bool,
        call: |cx, args| bool(le(cx, args).map(not)),
    },
    Func {
        name: "ge",
        params: PAIR,
        variadic: false,
        result: Param::Bool,
        call: |cx, args| bool(lt(cx, args).map(not)),
    },
];

type Truth = Result<bool, FuncError>;

fn bool(truth: Truth) -> FuncResult {
    truth.map(Value::Bool)
}

fn not(truth: bool) -> bool {
    !truth
}

/// What Go calls the basic kind of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::Complex(_) => Kind::Complex,
        Value::Int(i) if i.kind.is_unsigned() => Kind::Uint,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::Str(_) => Kind::String,
        Value::Object(o) => match o.kind() {
            crate::value::GoType::Int(k) if k.is_unsigned() => Kind::Uint,
            crate::value::GoType::Int(_) => Kind::Int,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// The number that a value is, by its kind: durations are numbers, too.
pub(super) fn number(value: &Value) -> Option<Int> {
    match value {
        Value::Int(i) => Some(*i),
        Value::Object(o) => match o.underlying() {
            Some(Value::Int(i)) => Some(i),
            _ => None,
        },
        _ => None,
    }
}

fn eq(cx: &Cx<'_>, args: &[Value]) -> Truth {
    let Some((first, others)) = args.split_first() else {
        return Err(FuncError::error("missing argument for comparison"));
    };
    if others.is_empty() {
        return Err(FuncError::error("missing argument for comparison"));
    }
    for other in others {
        if eq_two(cx, first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn eq_two(cx: &Cx<'_>, a: &Value, b: &Value) -> Truth {
    if kind(a) != kind(b) {
        if let (Some(a), Some(b)) = (number(a), number(b)) {
            // Signed and unsigned: equal bits of which neither is a sign.
            return Ok(a.value == b.value && a.value >= 0);
        }
        // Nil is comparable with everything and equal to nothing basic.
        return if a.is_nil() || b.is_nil() { Ok(false) } else { Err(incompatible(cx, a, b)) };
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return Ok(a.value == b.value);
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Complex(a), Value::Complex(b)) => Ok(a.0 == b.0 && a.1 == b.1),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Str(a), Value::Str(b)) => Ok(a == b),
        (a, b) => eq_others(cx, a, b),
    }
}

/// Equality of what has no basic kind: nil, maps, slices, structs.
fn eq_others(cx: &Cx<'_>, a: &Value, b: &Value) -> Truth {
    if !a.is_nil() && !b.is_nil() && a.kind() != b.kind() {
        let (a_type, b_type) = (a.type_name(cx.compat), b.type_name(cx.compat));
        let (a, b) = (formatted(cx, b"%s", a)?, formatted(cx, b"%v", b)?);
        return Err(FuncError::error(format!("non-comparable types {a}: {a_type}, {b_type}: {b}")));
    }
    if is_nil(a) || is_nil(b) {
        return Ok(is_nil(a) == is_nil(b));
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.kind() != crate::value::GoType::Map => Ok(a.equals(&**b)),
        _ => {
            let type_name = b.type_name(cx.compat);
            Err(FuncError::error(format!("non-comparable type {}: {type_name}", formatted(cx, b"%s", b)?)))
        }
    }
}

fn formatted(cx: &Cx<'_>, format: &[u8], value: &Value) -> Result<String, FuncError> {
    let text = gofmt::sprintf(format, std::slice::from_ref(value), cx.compat)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(l) => l.is_nil(),
        Value::Map(m) => m.is_nil(),
        _ => false,
    }
}

fn incompatible(cx: &Cx<'_>, a: &Value, b: &Value) -> FuncError {
    FuncError::error(match cx.compat.names_incompatible_types() {
        false => "incompatible types for comparison".to_owned(),
        true => {
            format!("incompatible types for comparison: {} and {}", a.type_name(cx.compat), b.type_name(cx.compat))
        }
    })
}

fn lt(cx: &Cx<'_>, args: &[Value]) -> Truth {
    let bad = || FuncError::error("invalid type for comparison");
    let [a, b] = args else { return Err(bad()) };
    if kind(a) == Kind::Other || kind(b) == Kind::Other {
        return Err(bad());
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return Ok(lt_int(a, b));
    }
    match (a, b) {
        _ if kind(a) != kind(b) => Err(incompatible(cx, a, b)),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Str(a), Value::Str(b)) => Ok(a < b),
        _ => Err(bad()),
    }
}

fn lt_int(a: Int, b: Int) -> bool {
    let wide = |i: Int| if i.kind.is_unsigned() { i128::from(i.as_u64()) } else { i128::from(i.value) };
    wide(a) < wide(b)
}

fn le(cx: &Cx<'_>, args: &[Value]) -> Truth {
    if lt(cx, args)? {
        return Ok(true);
    }
    eq(cx, args)
}
