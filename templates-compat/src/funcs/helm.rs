//! The functions that Helm's engine adds, apart from the codecs. `include`
//! and `tpl` run templates, so the evaluator answers them itself; they stand
//! here for their signatures.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::host::LetPass;
use crate::template;
use crate::value::{Map, Value};

/// Helm's own functions.
pub(crate) const FUNCS: &[Func] = &[
    Func {
        name: "include",
        params: &[Param::Str, Param::Any],
        variadic: false,
        result: Param::Str,
        call: only_in_templates,
    },
    Func {
        name: "tpl",
        params: &[Param::Str, Param::Any],
        variadic: false,
        result: Param::Str,
        call: only_in_templates,
    },
    Func { name: "required", params: &[Param::Str, Param::Any], variadic: false, result: Param::Any, call: required },
    Func { name: "fail", params: &[Param::Str], variadic: false, result: Param::Str, call: fail },
    Func {
        name: "lookup",
        params: &[Param::Str, Param::Str, Param::Str, Param::Str],
        variadic: false,
        result: Param::Map,
        call: lookup,
    },
];

fn only_in_templates(_: &Cx<'_>, _: &mut [Value]) -> FuncResult {
    Err(FuncError::error("not implemented"))
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned()
}

fn required(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let [message, value] = args else { return only_in_templates(cx, args) };
    let missing = match value {
        Value::Nil => LetPass::MissingValue,
        Value::Str(s) if s.is_empty() => LetPass::EmptyValue,
        _ => return Ok(std::mem::take(value)),
    };
    refuse(cx, missing, &text(message))
}

fn fail(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    refuse(cx, LetPass::Failure, &args.first().map(text).unwrap_or_default())
}

/// The error of a chart that is rendered; one that is linted goes on.
fn refuse(cx: &Cx<'_>, what: LetPass, message: &str) -> FuncResult {
    if cx.lint {
        cx.host.let_pass(what, message);
        return Ok(Value::str(""));
    }
    Err(FuncError::error(template::warn(message)))
}

fn lookup(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let [api_version, kind, namespace, name] = args else { return only_in_templates(cx, args) };
    if cx.lint {
        return Ok(Value::Map(Map::new()));
    }
    cx.host.lookup(&text(api_version), &text(kind), &text(namespace), &text(name)).map_err(FuncError::error)
}
