//! `merge`, `mergeOverwrite` and their `must…` forms: the rules of mergo 1.0
//! for maps. The first map is changed in place; parts of the others that it
//! takes over are shared with them.

use super::args::{Body, from, take_map, variadic};
use super::defaults::is_empty;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::limits::MAX_DEPTH;
use crate::value::{Map, MapType, Value};

const MAPS: &[Param] = &[Param::Map, Param::Map];

pub(crate) const FUNCS: &[Func] = &[
    variadic("merge", MAPS, Param::Any, FILL),
    variadic("mustMerge", MAPS, Param::Any, FILL),
    variadic("mergeOverwrite", MAPS, Param::Any, OVERWRITE),
    variadic("mustMergeOverwrite", MAPS, Param::Any, OVERWRITE),
];

const FILL: Body = |cx, a| merge_all(cx, a, false);
const OVERWRITE: Body = |cx, a| merge_all(cx, a, true);

fn merge_all(cx: &Cx<'_>, args: &mut [Value], overwrite: bool) -> FuncResult {
    let mut target = take_map(args, 0).with_type(MapType::Any);
    for source in from(args, 1).iter().filter_map(Value::as_map) {
        if target.is_nil() && !source.is_nil() {
            target = Map::new();
        }
        merge(cx, &target, source, overwrite, 0)?;
    }
    Ok(Value::Map(target))
}

fn merge(cx: &Cx<'_>, target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::error(format!("maps to merge are nested deeper than {MAX_DEPTH}")));
    }
    cx.spend(1 + source.len() as u64)?;
    for (key, new) in source.snapshot() {
        let old = target.get(&key);
        if new.is_nil() {
            if overwrite {
                target.insert(key, new);
            }
            continue;
        }
        match (&old, &new) {
            (Some(Value::Map(old)), Value::Map(new)) => merge(cx, old, new, overwrite, depth + 1)?,
            (_, Value::List(_)) if overwrite => {
                target.insert(key.clone(), new.clone());
            }
            _ => {}
        }
        let set = old.as_ref().is_some_and(|old| !is_unset(old));
        let done = match (&old, &new) {
            (_, Value::List(_)) => true,
            (Some(old), Value::Map(_)) => is_mapping(old),
            _ => false,
        };
        if set && done {
            continue;
        }
        if overwrite || !set {
            target.insert(key, new);
        }
    }
    Ok(())
}

fn is_mapping(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// What mergo takes as free to be filled: as empty for Sprig, but a complex
/// number or a struct never is.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Complex(_) => false,
        Value::Object(o) => o.kind() != crate::value::GoType::Struct && is_empty(value),
        other => is_empty(other),
    }
}
