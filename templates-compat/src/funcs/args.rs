//! Shorthand for the bodies of functions: reading checked arguments and
//! writing entries of the table. The evaluator has checked the kinds, so an
//! argument that is not there or of another kind reads as its zero value.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{Map, Str, Value};

/// The body of a function.
pub(super) type Body = fn(&Cx<'_>, &mut [Value]) -> FuncResult;

/// An entry with a fixed number of parameters.
pub(super) const fn fixed(name: &'static str, params: &'static [Param], result: Param, call: Body) -> Func {
    Func { name, params, variadic: false, result, call }
}

/// An entry whose last parameter repeats.
pub(super) const fn variadic(name: &'static str, params: &'static [Param], result: Param, call: Body) -> Func {
    Func { name, params, variadic: true, result, call }
}

/// A string argument's bytes.
pub(super) fn bytes(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

/// Takes a string argument.
pub(super) fn take_str(args: &mut [Value], index: usize) -> Str {
    match take(args, index) {
        Value::Str(s) => s,
        _ => Str::default(),
    }
}

/// An integer argument.
pub(super) fn int(args: &[Value], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(n)) => n.value,
        _ => 0,
    }
}

/// Takes any argument.
pub(super) fn take(args: &mut [Value], index: usize) -> Value {
    args.get_mut(index).map(std::mem::take).unwrap_or_default()
}

/// Takes a map argument.
pub(super) fn take_map(args: &mut [Value], index: usize) -> Map {
    match take(args, index) {
        Value::Map(m) => m,
        _ => Map::new(),
    }
}

/// The arguments from this one on.
pub(super) fn from(args: &mut [Value], index: usize) -> &mut [Value] {
    args.get_mut(index..).unwrap_or_default()
}

/// A text result.
pub(super) fn text(out: Vec<u8>) -> FuncResult {
    Ok(Value::str(out))
}

/// Fails when a text of this length would be too large.
pub(super) fn check_len(len: Option<usize>) -> Result<usize, FuncError> {
    len.filter(|&n| n <= MAX_TEXT_BYTES).ok_or_else(crate::gofmt::too_large)
}
