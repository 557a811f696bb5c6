//! The functions that Go's template language brings itself, without the
//! comparisons (see [`super::compare`]). `and`, `or` and `call` are answered by
//! the evaluator; they stand here for their signatures.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::{self, unicode, utf8};
use crate::template::is_true;
use crate::value::{GoType, Int, IntKind, MapType, Str, Value};

const fn func(
    name: &'static str,
    params: &'static [Param],
    variadic: bool,
    result: Param,
    call: fn(&Cx<'_>, &mut [Value]) -> FuncResult,
) -> Func {
    Func { name, params, variadic, result, call }
}

/// Go's own functions.
pub(crate) const FUNCS: &[Func] = &[
    func("and", &[Param::Reflect, Param::Reflect], true, Param::Reflect, by_the_evaluator),
    func("or", &[Param::Reflect, Param::Reflect], true, Param::Reflect, by_the_evaluator),
    func("call", &[Param::Reflect, Param::Reflect], true, Param::Reflect, by_the_evaluator),
    func("not", &[Param::Reflect], false, Param::Bool, not),
    func("len", &[Param::Reflect], false, Param::Int, len),
    func("index", &[Param::Reflect, Param::Reflect], true, Param::Reflect, index),
    func("html", &[Param::Any], true, Param::Str, html),
    func("js", &[Param::Any], true, Param::Str, js),
    func("urlquery", &[Param::Any], true, Param::Str, urlquery),
    func("print", &[Param::Any], true, Param::Str, print),
    func("printf", &[Param::Str, Param::Any], true, Param::Str, printf),
    func("println", &[Param::Any], true, Param::Str, println),
];

fn by_the_evaluator(_: &Cx<'_>, _: &mut [Value]) -> FuncResult {
    Err(FuncError::panic("unreachable"))
}

fn not(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    Ok(Value::Bool(!args.first().is_some_and(is_true)))
}

fn int(n: usize) -> Value {
    Value::int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn len(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    match args.first().unwrap_or(&Value::Nil) {
        Value::Str(s) => Ok(int(s.len())),
        Value::List(l) => Ok(int(l.len())),
        Value::Map(m) => Ok(int(m.len())),
        Value::Object(o) if o.kind() == GoType::Map => Ok(int(o.map_entries().len())),
        Value::Nil => Err(FuncError::panic("reflect: call of reflect.Value.Type on zero Value")),
        Value::Object(o) if o.kind() == GoType::Ptr => {
            let name = o.type_name(cx.compat);
            Err(FuncError::error(format!("len of type {}", name.strip_prefix('*').unwrap_or(&name))))
        }
        other => Err(FuncError::error(format!("len of type {}", other.type_name(cx.compat)))),
    }
}

fn index(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let Some((item, indexes)) = args.split_first_mut() else { return by_the_evaluator(cx, args) };
    if item.is_nil() {
        return Err(FuncError::error("index of untyped nil"));
    }
    let mut item = std::mem::take(item);
    for index in indexes {
        item = index_one(cx, &item, index)?;
    }
    Ok(item)
}

fn index_one(cx: &Cx<'_>, item: &Value, index: &Value) -> FuncResult {
    match item {
        Value::Nil => Err(FuncError::error("index of nil pointer")),
        Value::Str(text) => {
            let at = index_arg(cx, index, text.len())?;
            let byte = text.get(at).ok_or_else(|| FuncError::panic("reflect: string index out of range"))?;
            Ok(Value::Int(Int { value: i64::from(*byte), kind: IntKind::Uint8 }))
        }
        Value::List(list) => {
            let at = index_arg(cx, index, list.len())?;
            list.get(at).cloned().ok_or_else(|| FuncError::panic("reflect: slice index out of range"))
        }
        Value::Map(map) => {
            let key = key_arg(cx, index)?;
            Ok(map.get(key).unwrap_or_else(|| match map.map_type() {
                MapType::String => Value::Str(Str::default()),
                _ => Value::Nil,
            }))
        }
        Value::Object(object) if object.kind() == GoType::Map => {
            let key = key_arg(cx, index)?;
            Ok(object.map_get(key).unwrap_or_else(|| object.map_zero()))
        }
        other => {
            let name = other.type_name(cx.compat);
            let name = match other.kind() {
                GoType::Ptr => name.strip_prefix('*').unwrap_or(&name),
                _ => &name,
            };
            Err(FuncError::error(format!("can't index item of type {name}")))
        }
    }
}

/// A list index; one past the end passes here and fails later, as in Go.
fn index_arg(cx: &Cx<'_>, index: &Value, len: usize) -> Result<usize, FuncError> {
    if let Some(i) = super::compare::number(index) {
        return match usize::try_from(i.value) {
            Ok(at) if at <= len => Ok(at),
            _ => Err(FuncError::error(format!("index out of range: {}", i.value))),
        };
    }
    match index {
        Value::Nil => Err(FuncError::error("cannot index slice/array with nil")),
        other => Err(FuncError::error(format!("cannot index slice/array with type {}", other.type_name(cx.compat)))),
    }
}

fn key_arg<'v>(cx: &Cx<'_>, index: &'v Value) -> Result<&'v [u8], FuncError> {
    match index {
        Value::Str(key) => Ok(key),
        Value::Nil => Err(FuncError::error("value is nil; should be of type string")),
        other => Err(FuncError::error(format!("value has type {}; should be string", other.type_name(cx.compat)))),
    }
}

/// The text of the arguments of `html`, `js` and `urlquery`.
fn text_of(cx: &Cx<'_>, args: &mut [Value]) -> Result<Str, FuncError> {
    if let [Value::Str(text)] = args {
        return Ok(text.clone());
    }
    for arg in args.iter_mut().filter(|arg| arg.is_nil()) {
        *arg = Value::Str(Str::from_static("<no value>"));
    }
    Ok(Str::from(gofmt::sprint(args, cx.compat)?))
}

fn html(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = text_of(cx, args)?;
    let mut out = Vec::with_capacity(text.len());
    for &b in text.iter() {
        match b {
            0 => out.extend_from_slice("\u{FFFD}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b => out.push(b),
        }
    }
    Ok(Value::str(out))
}

fn js(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = text_of(cx, args)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(&b) = rest.first() {
        let mut width = 1;
        match b {
            b'\\' | b'\'' | b'"' => out.extend_from_slice(&[b'\\', b]),
            b'<' | b'>' | b'&' | b'=' | 0..b' ' => out.extend_from_slice(format!("\\u{b:04X}").as_bytes()),
            0x80.. => {
                let (rune, taken) = utf8::decode(rest);
                width = taken.max(1);
                if unicode::is_print(rune, cx.compat) {
                    out.extend_from_slice(rest.get(..width).unwrap_or_default());
                } else {
                    out.extend_from_slice(format!("\\u{:04X}", u32::from(rune)).as_bytes());
                }
            }
            b => out.push(b),
        }
        rest = rest.get(width..).unwrap_or_default();
    }
    Ok(Value::str(out))
}

fn urlquery(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = text_of(cx, args)?;
    let mut out = Vec::with_capacity(text.len());
    for &b in text.iter() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(b),
            b' ' => out.push(b'+'),
            b => out.extend_from_slice(format!("%{b:02X}").as_bytes()),
        }
    }
    Ok(Value::str(out))
}

fn print(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    gofmt::sprint(args, cx.compat).map(Value::str)
}

fn println(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    gofmt::sprintln(args, cx.compat).map(Value::str)
}

fn printf(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let Some((format, args)) = args.split_first() else { return by_the_evaluator(cx, args) };
    gofmt::sprintf(format.as_bytes().unwrap_or_default(), args, cx.compat).map(Value::str)
}
