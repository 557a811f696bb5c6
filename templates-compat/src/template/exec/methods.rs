//! What can be called: functions of the table, and methods of values.

use std::sync::Arc;

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::quote;
use crate::template::ast::Special;
use crate::value::{Elem, List, Map, MapType, Method, Object, Str, Value};
use crate::yaml;

/// A function or a method with its receiver.
pub(super) enum Callee<'v> {
    Func(&'static Func, Special),
    Object(&'v Arc<dyn Object>, &'v Str, Method),
    /// A method of `.Values` and of other maps of its type.
    Values(&'v Map, ValuesMethod),
    /// `.Capabilities.APIVersions.Has`
    Has(&'v List),
}

/// The methods of Helm's `Values` type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValuesMethod {
    AsMap,
    Encode,
    PathValue,
    Table,
    Yaml,
}

impl ValuesMethod {
    fn find(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"AsMap" => ValuesMethod::AsMap,
            b"Encode" => ValuesMethod::Encode,
            b"PathValue" => ValuesMethod::PathValue,
            b"Table" => ValuesMethod::Table,
            b"YAML" => ValuesMethod::Yaml,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            ValuesMethod::AsMap => "AsMap",
            ValuesMethod::Encode => "Encode",
            ValuesMethod::PathValue => "PathValue",
            ValuesMethod::Table => "Table",
            ValuesMethod::Yaml => "YAML",
        }
    }
}

impl<'v> Callee<'v> {
    /// The method of this name, if the value's type has it.
    pub(super) fn method(value: &'v Value, name: &'v Str) -> Option<Self> {
        match value {
            Value::Map(map) if map.map_type() == MapType::Values => {
                ValuesMethod::find(name).map(|method| Callee::Values(map, method))
            }
            Value::List(list) if list.elem() == Elem::VersionSet && name == "Has" => Some(Callee::Has(list)),
            Value::Object(object) => object.method(name).map(|method| Callee::Object(object, name, method)),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Callee::Func(func, _) => func.name,
            Callee::Object(_, name, _) => name.as_utf8().unwrap_or_default(),
            Callee::Values(_, method) => method.name(),
            Callee::Has(_) => "Has",
        }
    }

    /// The declared parameters, and whether the last one repeats.
    pub(super) fn params(&self) -> (&'static [Param], bool) {
        match self {
            Callee::Func(func, _) => (func.params, func.variadic),
            Callee::Object(_, _, method) => (method.params, method.variadic),
            Callee::Values(_, ValuesMethod::AsMap | ValuesMethod::Yaml) => (&[], false),
            Callee::Values(_, _) | Callee::Has(_) => (&[Param::Str], false),
        }
    }

    pub(super) fn call(&self, cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
        match self {
            Callee::Func(func, _) => (func.call)(cx, args),
            Callee::Object(object, _, method) => (method.call)(cx, &***object, args),
            Callee::Has(list) => {
                let wanted = args.first().and_then(Value::as_bytes);
                Ok(Value::Bool(list.iter().any(|version| version.as_bytes() == wanted)))
            }
            Callee::Values(map, method) => call_values(cx, map, *method, args),
        }
    }
}

fn call_values(cx: &Cx<'_>, map: &Map, method: ValuesMethod, args: &[Value]) -> FuncResult {
    let path = args.first().and_then(Value::as_bytes).unwrap_or_default();
    match method {
        ValuesMethod::AsMap => Ok(Value::Map(if map.is_empty() { Map::new() } else { map.with_type(MapType::Any) })),
        ValuesMethod::Yaml => match yaml::write(&Value::Map(map.clone()), cx.compat) {
            Ok(text) => Ok(Value::str(text)),
            Err(error) => Err(FuncError::error(error.to_string())),
        },
        ValuesMethod::Table => match table(map, path) {
            Ok(table) => Ok(Value::Map(table)),
            Err(key) => Err(FuncError::error(format!("{} is not a table", quote::quote_text(key, cx.compat)))),
        },
        // It wants a writer, which no template has.
        ValuesMethod::Encode => {
            Err(FuncError::panic("runtime error: invalid memory address or nil pointer dereference"))
        }
        ValuesMethod::PathValue if path.is_empty() => Err(FuncError::error("YAML path cannot be empty")),
        ValuesMethod::PathValue => {
            let (parent, key) = match path.iter().rposition(|&b| b == b'.') {
                Some(dot) => {
                    (table(map, path.get(..dot).unwrap_or_default()).ok(), path.get(dot + 1..).unwrap_or_default())
                }
                None => (Some(map.clone()), path),
            };
            let is_table = |value: &Value| matches!(value, Value::Map(m) if m.map_type() == MapType::Any);
            let value = parent.and_then(|parent| parent.get(key)).filter(|value| !is_table(value));
            value.ok_or_else(|| FuncError::error(format!("{} is not a value", quote::quote_text(key, cx.compat))))
        }
    }
}

/// The table at a path of keys with dots between, or the key that is none.
fn table<'p>(map: &Map, path: &'p [u8]) -> Result<Map, &'p [u8]> {
    let mut table = map.clone();
    for key in path.split(|&b| b == b'.') {
        match table.get(key) {
            Some(Value::Map(inner)) => table = inner.with_type(MapType::Values),
            _ => return Err(key),
        }
    }
    Ok(table)
}
