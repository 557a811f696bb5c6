//! Emptiness: `default`, `empty`, `coalesce`, `all`, `any`, `ternary`,
//! `compact`.

use super::args::{Body, fixed, take, variadic};
use super::lists::items;
use crate::func::{Cx, Func, FuncResult, Param};
use crate::value::Value;

const ANY: &[Param] = &[Param::Any];

pub(crate) const FUNCS: &[Func] = &[
    variadic("default", &[Param::Any, Param::Any], Param::Any, default),
    fixed("empty", ANY, Param::Bool, |_, a| Ok(Value::Bool(is_empty(&take(a, 0))))),
    variadic("coalesce", ANY, Param::Any, |_, a| {
        Ok(a.iter_mut().find(|v| !is_empty(v)).map(std::mem::take).unwrap_or_default())
    }),
    variadic("all", ANY, Param::Bool, |_, a| Ok(Value::Bool(!a.iter().any(is_empty)))),
    variadic("any", ANY, Param::Bool, |_, a| Ok(Value::Bool(!a.iter().all(is_empty)))),
    fixed("ternary", &[Param::Any, Param::Any, Param::Bool], Param::Any, |_, a| {
        let chosen = usize::from(!matches!(a.get(2), Some(Value::Bool(true))));
        Ok(take(a, chosen))
    }),
    fixed("compact", ANY, Param::AnyList, COMPACT),
    fixed("mustCompact", ANY, Param::AnyList, COMPACT),
];

/// Whether Sprig takes a value as not set.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::Bool(b) => !b,
        Value::Int(n) => n.value == 0,
        Value::Float(f) => *f == 0.0,
        Value::Complex(c) => c.0 == 0.0 && c.1 == 0.0,
        Value::Str(s) => s.is_empty(),
        Value::List(l) => l.is_empty(),
        Value::Map(m) => m.is_empty(),
        Value::Object(o) => !o.truth(),
    }
}

fn default(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let given = usize::from(args.get(1).is_some_and(|v| !is_empty(v)));
    Ok(take(args, given))
}

const COMPACT: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot compact on type")?;
    Ok(Value::list(list.iter().filter(|v| !is_empty(v)).cloned().collect()))
};
