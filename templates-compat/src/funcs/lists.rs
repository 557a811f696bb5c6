//! Sprig's functions over lists. They take any slice and mostly give a
//! `[]interface {}`; `must…` forms have the same texts as the others, which
//! panic in Go with the error that the `must…` forms return.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::args::{Body, fixed, from, take, variadic};
use super::reflect::deep_equal;
use super::strings::{string_of, strings_of, too_many};
use crate::cast::{float_to_int, to_int64};
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::limits::MAX_LIST_ITEMS;
use crate::value::{Elem, List, Str, Value};

const ANY: &[Param] = &[Param::Any];
const ANY_ANY: &[Param] = &[Param::Any, Param::Any];
const INT_ANY: &[Param] = &[Param::Int, Param::Any];

pub(crate) const FUNCS: &[Func] = &[
    variadic("list", ANY, Param::AnyList, LIST),
    variadic("tuple", ANY, Param::AnyList, LIST),
    fixed("append", ANY_ANY, Param::AnyList, APPEND),
    fixed("push", ANY_ANY, Param::AnyList, APPEND),
    fixed("mustAppend", ANY_ANY, Param::AnyList, APPEND),
    fixed("mustPush", ANY_ANY, Param::AnyList, APPEND),
    fixed("prepend", ANY_ANY, Param::AnyList, PREPEND),
    fixed("mustPrepend", ANY_ANY, Param::AnyList, PREPEND),
    fixed("first", ANY, Param::Any, FIRST),
    fixed("mustFirst", ANY, Param::Any, FIRST),
    fixed("last", ANY, Param::Any, LAST),
    fixed("mustLast", ANY, Param::Any, LAST),
    fixed("rest", ANY, Param::AnyList, REST),
    fixed("mustRest", ANY, Param::AnyList, REST),
    fixed("initial", ANY, Param::AnyList, INITIAL),
    fixed("mustInitial", ANY, Param::AnyList, INITIAL),
    fixed("reverse", ANY, Param::AnyList, REVERSE),
    fixed("mustReverse", ANY, Param::AnyList, REVERSE),
    fixed("uniq", ANY, Param::AnyList, UNIQ),
    fixed("mustUniq", ANY, Param::AnyList, UNIQ),
    variadic("without", ANY_ANY, Param::AnyList, WITHOUT),
    variadic("mustWithout", ANY_ANY, Param::AnyList, WITHOUT),
    fixed("has", ANY_ANY, Param::Bool, has),
    fixed("mustHas", ANY_ANY, Param::Bool, has),
    variadic("slice", ANY_ANY, Param::Any, slice),
    variadic("mustSlice", ANY_ANY, Param::Any, slice),
    fixed("chunk", INT_ANY, Param::AnyListList, chunk),
    fixed("mustChunk", INT_ANY, Param::AnyListList, chunk),
    variadic("concat", ANY, Param::Any, concat),
    fixed("sortAlpha", ANY, Param::StrList, sort_alpha),
];

/// A slice argument; `refusal` begins the error for any other kind.
pub(super) fn items(_: &Cx<'_>, value: Value, refusal: &str) -> Result<List, FuncError> {
    match value {
        Value::List(list) => Ok(list),
        // Go asks the type of nil for its kind.
        Value::Nil => Err(FuncError::panic("runtime error: invalid memory address or nil pointer dereference")),
        other => Err(FuncError::error(format!("{refusal} {}", other.kind().name()))),
    }
}

fn any_list(items: &[Value]) -> FuncResult {
    Ok(Value::list(items.to_vec()))
}

/// What an empty list has before its last or behind its first element.
fn nil_list() -> FuncResult {
    Ok(Value::List(List::nil(Elem::Any)))
}

const LIST: Body = |_, a| Ok(Value::list(a.iter_mut().map(std::mem::take).collect()));

const APPEND: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot push on type")?;
    check_items(list.len())?;
    let mut out = Vec::with_capacity(list.len() + 1);
    out.extend_from_slice(list.as_slice());
    out.push(take(a, 1));
    Ok(Value::list(out))
};

const PREPEND: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot prepend on type")?;
    check_items(list.len())?;
    let mut out = Vec::with_capacity(list.len() + 1);
    out.push(take(a, 1));
    out.extend_from_slice(list.as_slice());
    Ok(Value::list(out))
};

fn check_items(count: usize) -> Result<(), FuncError> {
    if count < MAX_LIST_ITEMS { Ok(()) } else { Err(too_many()) }
}

const FIRST: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot find first on type")?;
    Ok(list.as_slice().first().cloned().unwrap_or_default())
};

const LAST: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot find last on type")?;
    Ok(list.as_slice().last().cloned().unwrap_or_default())
};

const REST: Body = |cx, a| match items(cx, take(a, 0), "Cannot find rest on type")?.as_slice() {
    [] => nil_list(),
    [_, rest @ ..] => any_list(rest),
};

const INITIAL: Body = |cx, a| match items(cx, take(a, 0), "Cannot find initial on type")?.as_slice() {
    [] => nil_list(),
    [initial @ .., _] => any_list(initial),
};

const REVERSE: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot find reverse on type")?;
    Ok(Value::list(list.iter().rev().cloned().collect()))
};

const UNIQ: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot find uniq on type")?;
    let mut seen = Seen::default();
    let mut kept = Vec::new();
    for value in list.iter() {
        if seen.is_new(cx, value)? {
            kept.push(value.clone());
        }
    }
    Ok(Value::list(kept))
};

/// Which values came before, found by a rough hash and then compared.
#[derive(Default)]
struct Seen<'a>(HashMap<u64, Vec<&'a Value>>);

impl<'a> Seen<'a> {
    fn is_new(&mut self, cx: &Cx<'_>, value: &'a Value) -> Result<bool, FuncError> {
        cx.spend(HASH_STEPS)?;
        let mut hasher = DefaultHasher::new();
        rough_hash(value, &mut hasher, 0);
        let alike = self.0.entry(hasher.finish()).or_default();
        for other in alike.iter() {
            if deep_equal(cx, value, other)? {
                return Ok(false);
            }
        }
        alike.push(value);
        Ok(true)
    }
}

/// What a rough hash takes of a large value.
const HASH_STEPS: u64 = 4;

/// Equal values hash the same. Only the first few parts are looked at.
fn rough_hash(value: &Value, hasher: &mut DefaultHasher, depth: usize) {
    const PARTS: usize = 8;
    const DEPTH: usize = 2;
    const TEXT: usize = 64;
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Bool(b) => b.hash(hasher),
        Value::Int(n) => n.hash(hasher),
        // Nought equals its negative.
        Value::Float(f) => (f + 0.0).to_bits().hash(hasher),
        Value::Str(s) => {
            s.len().hash(hasher);
            s[..s.len().min(TEXT)].hash(hasher);
        }
        Value::List(l) => {
            l.len().hash(hasher);
            if depth < DEPTH {
                l.iter().take(PARTS).for_each(|v| rough_hash(v, hasher, depth + 1));
            }
        }
        Value::Map(m) => {
            m.len().hash(hasher);
            if depth < DEPTH && m.len() <= PARTS {
                for (key, v) in m.snapshot() {
                    key.hash(hasher);
                    rough_hash(&v, hasher, depth + 1);
                }
            }
        }
        Value::Nil | Value::Complex(_) | Value::Object(_) => {}
    }
}

const WITHOUT: Body = |cx, a| {
    let list = items(cx, take(a, 0), "Cannot find without on type")?;
    let omitted = from(a, 1);
    let mut kept = Vec::new();
    for value in list.iter() {
        if !contains(cx, omitted, value)? {
            kept.push(value.clone());
        }
    }
    Ok(Value::list(kept))
};

fn contains(cx: &Cx<'_>, list: &[Value], value: &Value) -> Result<bool, FuncError> {
    for item in list {
        if deep_equal(cx, item, value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (needle, list) = (take(args, 0), take(args, 1));
    if list.is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = items(cx, list, "Cannot find has on type")?;
    Ok(Value::Bool(contains(cx, list.as_slice(), &needle)?))
}

fn slice(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let list = items(cx, take(args, 0), "list should be type of slice or array but")?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let index = |at: usize, unset| args.get(at).map_or(unset, to_int64);
    let (start, end) = (index(1, 0), index(2, list.len() as i64));
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| list.as_slice().get(start..end));
    let part = part.ok_or_else(|| FuncError::panic("reflect.Value.Slice: slice index out of bounds"))?;
    Ok(Value::List(List::new(list.elem(), part.to_vec())))
}

fn chunk(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let size = super::args::int(args, 0);
    let list = items(cx, take(args, 1), "Cannot chunk type")?;
    let refused = || FuncError::panic("runtime error: makeslice: len out of range");
    // Sprig counts in floats, which decides what odd sizes give.
    let len = list.len() as f64;
    let chunks = float_to_int(((len - 1.0) / size as f64).floor() + 1.0);
    let chunks = usize::try_from(chunks).ok().filter(|&n| n <= MAX_LIST_ITEMS).ok_or_else(refused)?;
    let mut rest = list.as_slice();
    let mut out = Vec::with_capacity(chunks);
    for i in 0..chunks {
        let mut count = size;
        if i + 1 == chunks {
            let last = float_to_int((len % size as f64).floor());
            count = if last == 0 { size } else { last };
        }
        let count = usize::try_from(count).map_err(|_| refused())?;
        let (part, after) = rest.split_at_checked(count).ok_or_else(refused)?;
        out.push(Value::list(part.to_vec()));
        rest = after;
    }
    Ok(Value::List(List::new(Elem::AnyList, out)))
}

fn concat(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut out = Vec::new();
    for index in 0..args.len() {
        let list = match take(args, index) {
            Value::List(list) => list,
            Value::Nil => items(cx, Value::Nil, "")?,
            other => return Err(FuncError::panic(format!("Cannot concat type {} as list", other.kind().name()))),
        };
        check_items(out.len().saturating_add(list.len()))?;
        out.extend_from_slice(list.as_slice());
    }
    if out.is_empty() { nil_list() } else { Ok(Value::list(out)) }
}

fn sort_alpha(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut texts: Vec<Str> = match take(args, 0) {
        // A slice of strings is taken as it is, and sorted where it is.
        Value::List(list) if list.elem() == Elem::String && !list.is_nil() => {
            list.sort_strings();
            return Ok(Value::List(list));
        }
        list @ Value::List(_) => strings_of(list, cx.compat)?,
        other => vec![string_of(other, cx.compat)?],
    };
    texts.sort_unstable();
    Ok(Value::strings(texts))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, seeded};
    use super::*;
    use crate::{Compat, gofmt};

    #[test]
    fn equal_values_are_seen_once() {
        let values = [
            Value::int(1),
            Value::int64(1),
            Value::Float(1.0),
            Value::Float(0.0),
            Value::Float(-0.0),
            Value::str("1"),
            Value::str("1"),
            Value::list(vec![Value::int(1)]),
            Value::list(vec![Value::int(1)]),
            Value::Nil,
            Value::Nil,
        ];
        let kept = call(FUNCS, "uniq", &[Value::list(values.to_vec())], &seeded(1)).unwrap();
        let new = [true, true, true, true, false, true, false, true, false, true, false];
        let wanted: Vec<Value> =
            values.iter().zip(new).filter(|(_, new)| *new).map(|(value, _)| value.clone()).collect();
        assert_eq!(
            gofmt::sprint(&[kept], Compat::Helm4).unwrap(),
            gofmt::sprint(&[Value::list(wanted)], Compat::Helm4).unwrap()
        );
    }
}
