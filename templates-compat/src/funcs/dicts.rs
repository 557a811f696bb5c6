//! Sprig's functions over maps with string keys, merging apart (`merge`).
//! Where Go's order of keys is random, ours is sorted.

use super::args::{Body, bytes, fixed, from, take, take_map, take_str, variadic};
use super::strings::string_of;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::limits::{MAX_DEPTH, MAX_LIST_ITEMS};
use crate::value::{List, Map, MapType, Value};

const MAP_STR: &[Param] = &[Param::Map, Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    variadic("dict", &[Param::Any], Param::Map, dict),
    fixed("get", MAP_STR, Param::Any, |_, a| {
        let map = take_map(a, 0);
        Ok(map.get(bytes(a, 1)).unwrap_or_else(|| Value::str("")))
    }),
    fixed("set", &[Param::Map, Param::Str, Param::Any], Param::Map, set),
    fixed("unset", MAP_STR, Param::Map, |_, a| {
        let map = take(a, 0);
        if let Value::Map(map) = &map {
            map.remove(bytes(a, 1));
        }
        plain(map)
    }),
    fixed("hasKey", MAP_STR, Param::Bool, |_, a| {
        let map = take_map(a, 0);
        Ok(Value::Bool(map.contains_key(bytes(a, 1))))
    }),
    variadic("pluck", &[Param::Str, Param::Map], Param::AnyList, |_, a| {
        let key = take_str(a, 0);
        Ok(Value::list(from(a, 1).iter().filter_map(|m| m.as_map()?.get(&key)).collect()))
    }),
    variadic("keys", &[Param::Map], Param::StrList, |_, a| {
        Ok(Value::strings(a.iter().filter_map(Value::as_map).flat_map(Map::keys)))
    }),
    fixed("values", &[Param::Map], Param::AnyList, |_, a| {
        Ok(Value::list(take_map(a, 0).snapshot().into_iter().map(|(_, v)| v).collect()))
    }),
    variadic("pick", MAP_STR, Param::Map, pick),
    variadic("omit", MAP_STR, Param::Map, omit),
    variadic("dig", &[Param::Any], Param::Any, dig),
    fixed("deepCopy", &[Param::Any], Param::Any, DEEP_COPY),
    fixed("mustDeepCopy", &[Param::Any], Param::Any, DEEP_COPY),
];

/// A map as the declared result type: `.Values` comes back as a plain map.
fn plain(map: Value) -> FuncResult {
    Ok(match map {
        Value::Map(m) => Value::Map(m.with_type(MapType::Any)),
        other => other,
    })
}

fn dict(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let map = Map::new();
    for pair in args.chunks_mut(2) {
        let key = string_of(take(pair, 0), cx.compat)?;
        let value = if pair.len() == 2 { take(pair, 1) } else { Value::str("") };
        map.insert(key, value);
    }
    Ok(Value::Map(map))
}

fn set(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (map, key, value) = (take(args, 0), take_str(args, 1), take(args, 2));
    let map = match map {
        Value::Map(map) if !map.is_nil() => map,
        _ => return Err(FuncError::panic("assignment to entry in nil map")),
    };
    map.insert(key, value);
    plain(Value::Map(map))
}

fn pick(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let map = take_map(args, 0);
    let out = Map::new();
    for key in from(args, 1) {
        if let Value::Str(key) = key
            && let Some(value) = map.get(key)
        {
            out.insert(key.clone(), value);
        }
    }
    Ok(Value::Map(out))
}

fn omit(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let map = take_map(args, 0);
    let omitted: Vec<&[u8]> = from(args, 1).iter().filter_map(|key| key.as_bytes()).collect();
    Ok(Value::Map(map.snapshot().into_iter().filter(|(key, _)| !omitted.contains(&&key[..])).collect()))
}

/// Go's text for a type assertion that does not hold.
fn conversion(cx: &Cx<'_>, value: &Value, wanted: &str) -> FuncError {
    let is = if value.is_nil() { "nil".into() } else { value.type_name(cx.compat) };
    FuncError::panic(format!("interface conversion: interface {{}} is {is}, not {wanted}"))
}

fn dig_map(cx: &Cx<'_>, value: Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(m) if m.map_type() == MapType::Any => Ok(m),
        other => Err(conversion(cx, &other, "map[string]interface {}")),
    }
}

fn dig(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let [keys @ .., default, map] = args else {
        return Err(FuncError::panic("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(FuncError::panic("dig needs at least three arguments"));
    }
    let mut map = dig_map(cx, std::mem::take(map))?;
    if let Some(key) = keys.iter().find(|k| !matches!(k, Value::Str(_))) {
        return Err(conversion(cx, key, "string"));
    }
    for at in 0..keys.len() {
        match map.get(bytes(keys, at)) {
            None => return Ok(std::mem::take(default)),
            Some(value) if at + 1 == keys.len() => return Ok(value),
            Some(value) => map = dig_map(cx, value)?,
        }
    }
    Ok(Value::Nil)
}

const DEEP_COPY: Body = |cx, a| match take(a, 0) {
    Value::Nil => Err(FuncError::panic("reflect: call of reflect.Value.Type on zero Value")),
    value => {
        let mut copying = Copying { left: MAX_LIST_ITEMS };
        let copy = copying.copy(&value, 0)?;
        cx.spend((MAX_LIST_ITEMS - copying.left) as u64)?;
        Ok(copy)
    }
};

/// A deep copy that ends: a map that holds itself, or holds the same parts
/// over and over, would grow without end.
struct Copying {
    left: usize,
}

impl Copying {
    fn copy(&mut self, value: &Value, depth: usize) -> FuncResult {
        if depth > MAX_DEPTH || self.left == 0 {
            return Err(FuncError::error(format!(
                "value to copy is nested deeper than {MAX_DEPTH} or has more than {MAX_LIST_ITEMS} parts"
            )));
        }
        self.left -= 1;
        Ok(match value {
            Value::List(l) if l.is_nil() => value.clone(),
            Value::Map(m) if m.is_nil() => value.clone(),
            Value::List(l) => {
                let copies: Result<Vec<Value>, FuncError> = l.iter().map(|v| self.copy(v, depth + 1)).collect();
                Value::List(List::new(l.elem(), copies?))
            }
            Value::Map(m) => {
                let copy = Map::of_type(m.map_type());
                for (key, item) in m.snapshot() {
                    copy.insert(key, self.copy(&item, depth + 1)?);
                }
                Value::Map(copy)
            }
            Value::Object(object) => object.deep_copy().unwrap_or_else(|| value.clone()),
            other => other.clone(),
        })
    }
}
