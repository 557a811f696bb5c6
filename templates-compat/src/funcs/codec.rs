//! `toYaml`, `fromJson`, `toToml` and their kin: Helm's and Sprig's rules for
//! errors around the readers and writers of [`crate::yaml`], [`crate::json`]
//! and [`crate::toml`].

use super::args::{bytes, fixed, take, text};
use crate::compat::Compat;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::json::{self, Options};
use crate::value::{Elem, List, Map, MapType, Value};
use crate::{toml, yaml};

const ANY: &[Param] = &[Param::Any];
const STR: &[Param] = &[Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("toYaml", ANY, Param::Str, |cx, a| match to_yaml(&take(a, 0), cx.compat) {
        Ok(out) => text(out),
        Err(e) if e.is_limit() => Err(FuncError::error(e.to_string())),
        Err(e) => instead(cx, e.parts(), Vec::new()),
    }),
    // Helm's own `must…` functions panic with the error, which shows the same.
    fixed("mustToYaml", ANY, Param::Str, |cx, a| text(to_yaml(&take(a, 0), cx.compat).map_err(panic)?)),
    fixed("toYamlPretty", ANY, Param::Str, |cx, a| match yaml::write_pretty(&take(a, 0), cx.compat) {
        Ok(out) => text(without_newline(out)),
        Err(e) if e.is_panic() || e.is_limit() => Err(panic(e)),
        Err(e) => instead(cx, e.parts(), Vec::new()),
    }),
    fixed("fromYaml", STR, Param::Map, |cx, a| {
        let mut nodes = 0;
        let read = yaml::read_map_counted(bytes(a, 0), cx.compat, &mut nodes);
        cx.spend(nodes)?;
        Ok(match read {
            Ok(map) => Value::Map(map.unwrap_or_default()),
            Err(e) => error_map(Map::new(), &e),
        })
    }),
    fixed("fromYamlArray", STR, Param::AnyList, |cx, a| {
        let mut nodes = 0;
        let read = yaml::read_list_counted(bytes(a, 0), cx.compat, &mut nodes);
        cx.spend(nodes)?;
        Ok(match read {
            Ok(list) => list.map_or_else(|| Value::list(Vec::new()), Value::List),
            Err(e) => error_list(&e),
        })
    }),
    fixed("toJson", ANY, Param::Str, |cx, a| json_or_nothing(cx, a, Options::default())),
    fixed("mustToJson", ANY, Param::Str, |cx, a| to_json(a, Options::default(), cx.compat)),
    fixed("toPrettyJson", ANY, Param::Str, |cx, a| json_or_nothing(cx, a, PRETTY)),
    fixed("mustToPrettyJson", ANY, Param::Str, |cx, a| to_json(a, PRETTY, cx.compat)),
    fixed("toRawJson", ANY, Param::Str, |cx, a| to_json(a, RAW, cx.compat)),
    fixed("mustToRawJson", ANY, Param::Str, |cx, a| to_json(a, RAW, cx.compat)),
    fixed("fromJson", STR, Param::Map, |cx, a| from_json(bytes(a, 0), cx.compat)),
    fixed("mustFromJson", STR, Param::Any, |cx, a| {
        json::read(bytes(a, 0), cx.compat).map_err(|e| FuncError::error(e.to_string()))
    }),
    fixed("fromJsonArray", STR, Param::AnyList, |cx, a| from_json_array(bytes(a, 0), cx.compat)),
    fixed("toToml", ANY, Param::Str, |cx, a| match toml::write(&take(a, 0), cx.compat) {
        Ok(out) => text(out),
        Err(e) if e.is_panic() => Err(panic(e)),
        Err(e) => instead(cx, e.parts(), e.to_string().into_bytes()),
    }),
    fixed("mustToToml", ANY, Param::Str, |cx, a| text(toml::write(&take(a, 0), cx.compat).map_err(panic)?)),
    fixed("fromToml", STR, Param::Map, |cx, a| match toml::read(bytes(a, 0), cx.compat) {
        Ok(map) => Ok(Value::Map(map)),
        Err(e) => Ok(error_map(Map::new(), &e)),
    }),
];

const PRETTY: Options = Options { escape_html: true, indent: "  " };
const RAW: Options = Options { escape_html: false, indent: "" };

fn panic(error: impl std::fmt::Display) -> FuncError {
    FuncError::panic(error.to_string())
}

/// Helm drops one newline from the end, no more.
fn without_newline(mut out: Vec<u8>) -> Vec<u8> {
    if out.last() == Some(&b'\n') {
        out.pop();
    }
    out
}

fn to_yaml(value: &Value, compat: Compat) -> Result<Vec<u8>, yaml::YamlError> {
    yaml::write(value, compat).map(without_newline)
}

/// Helm leaves out what JSON cannot say.
fn json_or_nothing(cx: &Cx<'_>, args: &mut [Value], options: Options) -> FuncResult {
    match json::write(&take(args, 0), &options, cx.compat) {
        Ok(out) => text(out),
        Err(e) if e.is_limit() => Err(FuncError::error(e.to_string())),
        Err(e) => instead(cx, e.parts(), Vec::new()),
    }
}

/// What stands in place of a result that could not be written. The attempt is
/// paid for: it can be had again and again.
fn instead(cx: &Cx<'_>, parts: usize, result: Vec<u8>) -> FuncResult {
    cx.spend(parts as u64 / 4)?;
    text(result)
}

fn to_json(args: &mut [Value], options: Options, compat: Compat) -> FuncResult {
    match json::write(&take(args, 0), &options, compat) {
        Ok(out) => text(out),
        Err(e) => Err(FuncError::error(e.to_string())),
    }
}

/// Helm's `from…` functions give their error under the key `Error`.
fn error_map(map: Map, error: &impl std::fmt::Display) -> Value {
    map.insert("Error", Value::str(error.to_string()));
    Value::Map(map)
}

/// And as the only element where a list is wanted.
fn error_list(error: &impl std::fmt::Display) -> Value {
    Value::list(vec![Value::str(error.to_string())])
}

fn wrong_type(value: &Value, wanted: &str) -> String {
    let word = match value {
        Value::Bool(_) => "bool",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    };
    format!("json: cannot unmarshal {word} into Go value of type {wanted}")
}

fn from_json(input: &[u8], compat: Compat) -> FuncResult {
    Ok(match json::read_partly(input, compat) {
        Ok((Value::Map(map), None)) => Value::Map(map),
        Ok((Value::Map(map), Some(e))) => error_map(map, &e),
        Ok((Value::Nil, None)) => Value::Map(Map::nil(MapType::Any)),
        Ok((other, _)) => error_map(Map::new(), &wrong_type(&other, "map[string]interface {}")),
        Err(e) => error_map(Map::new(), &e),
    })
}

fn from_json_array(input: &[u8], compat: Compat) -> FuncResult {
    Ok(match json::read_partly(input, compat) {
        Ok((list @ Value::List(_), None)) => list,
        Ok((Value::List(_), Some(e))) => error_list(&e),
        // Go makes the slice nil, which is written as `null` again.
        Ok((Value::Nil, None)) => Value::List(List::nil(Elem::Any)),
        Ok((other, _)) => error_list(&wrong_type(&other, "[]interface {}")),
        Err(e) => error_list(&e),
    })
}
