//! From a manifest's text to objects that can be sent. Owns the texts that
//! Helm's users see when that is not possible.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;
use templates_compat::{Compat, Value, yaml};

use super::Cluster;
use super::discovery::{Discovery, Resource};
use super::object::{Object, ObjectRef};
use crate::error::{Error, Result, Stage};

/// How deep an object may be nested; the API server refuses far less.
const MAX_DEPTH: usize = 200;

impl Cluster {
    /// Makes objects of every document of a manifest, in order. Objects
    /// without a namespace get `namespace` if their kind has one.
    ///
    /// # Errors
    /// Each document that cannot be read or whose kind the server does not
    /// have, joined as Helm joins them.
    pub async fn build(&self, manifest: &str, namespace: &str) -> Result<Vec<Object>> {
        let discovery = self.discovery().await?;
        build(&discovery, manifest, namespace)
    }
}

/// The pure part of [`Cluster::build`].
pub(crate) fn build(discovery: &Discovery, manifest: &str, namespace: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    let mut errors = Vec::new();
    for document in yaml::documents(manifest.as_bytes()) {
        let value = match document.and_then(|d| yaml::read(&d, Compat::Helm4)) {
            Ok(value) => value,
            Err(e) => {
                // The stream ends at a document that is not YAML.
                errors.push(format!("error parsing : {e}"));
                break;
            }
        };
        if value.is_nil() {
            continue;
        }
        let json = match to_json(&value, 0) {
            Ok(json) => json,
            Err(e) => {
                errors.push(e);
                continue;
            }
        };
        flatten(discovery, json, namespace, &mut objects, &mut errors);
    }
    // The same text is said once.
    let mut said = HashSet::new();
    errors.retain(|e| said.insert(e.clone()));
    match errors.len() {
        0 => Ok(objects),
        1 => Err(Error::other(Stage::Plan, errors.remove(0))),
        _ => Err(Error::other(Stage::Plan, format!("[{}]", errors.join(", ")))),
    }
}

/// An object, or each item of a list.
fn flatten(discovery: &Discovery, json: Json, namespace: &str, objects: &mut Vec<Object>, errors: &mut Vec<String>) {
    let first = match resolve(discovery, &json) {
        Ok(resource) => resource,
        Err(e) => return errors.push(e),
    };
    let mut waiting = std::collections::VecDeque::from([(json, first)]);
    while let Some((mut json, resource)) = waiting.pop_front() {
        let items = match &mut json {
            Json::Object(map) => match map.get_mut("items") {
                Some(Json::Array(items)) => Some(std::mem::take(items)),
                _ => None,
            },
            _ => None,
        };
        match items {
            None => objects.push(object(json, resource, namespace)),
            Some(items) => {
                for item in items {
                    match resolve(discovery, &item) {
                        Ok(resource) => waiting.push_back((item, resource)),
                        Err(e) => errors.push(e),
                    }
                }
            }
        }
    }
}

fn text<'a>(json: &'a Json, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

fn resolve(discovery: &Discovery, json: &Json) -> std::result::Result<Arc<Resource>, String> {
    let (api_version, kind) = (text(json, "/apiVersion"), text(json, "/kind"));
    if kind.is_empty() {
        return Err(format!("unable to decode \"\": Object 'Kind' is missing in '{json}'"));
    }
    if api_version.is_empty() {
        return Err(format!("unable to decode \"\": Object 'apiVersion' is missing in '{json}'"));
    }
    check_metadata(json)?;
    discovery.resource(api_version, kind).ok_or_else(|| {
        format!(
            "resource mapping not found for name: {:?} namespace: {:?} from \"\": no matches for kind {kind:?} in \
             version {api_version:?}\nensure CRDs are installed first",
            text(json, "/metadata/name"),
            text(json, "/metadata/namespace"),
        )
    })
}

/// The metadata that client-go reads with its own types, in the order in which
/// it meets them.
fn check_metadata(json: &Json) -> std::result::Result<(), String> {
    const TEXTS: [&str; 4] = ["generateName", "name", "namespace", "resourceVersion"];
    let Some(Json::Object(metadata)) = json.get("metadata") else { return Ok(()) };
    let wrong = |value: &Json, field: &str, wanted: &str| {
        let found = match value {
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
            Json::Null | Json::String(_) => "string",
        };
        Err(format!(
            "unable to decode \"\": json: cannot unmarshal {found} into Go struct field ObjectMeta.metadata.{field} of \
             type {wanted}"
        ))
    };
    for (field, value) in metadata.iter().filter(|(_, value)| !value.is_null()) {
        let field = field.as_str();
        match value {
            Json::Object(map) if matches!(field, "labels" | "annotations") => {
                if let Some(value) = map.values().find(|v| !v.is_string() && !v.is_null()) {
                    return wrong(value, field, "string");
                }
            }
            value if matches!(field, "labels" | "annotations") => return wrong(value, field, "map[string]string"),
            value if TEXTS.contains(&field) && !value.is_string() => return wrong(value, field, "string"),
            _ => {}
        }
    }
    Ok(())
}

fn object(mut json: Json, resource: Arc<Resource>, namespace: &str) -> Object {
    let mut own = text(&json, "/metadata/namespace").to_string();
    if resource.namespaced && own.is_empty() {
        own = namespace.to_string();
        if let Json::Object(map) = &mut json {
            let metadata = map.entry("metadata").or_insert_with(|| Json::Object(Default::default()));
            if let Json::Object(metadata) = metadata {
                metadata.insert("namespace".into(), Json::String(own.clone()));
            }
        }
    }
    let reference = ObjectRef {
        api_version: resource.api_version.clone(),
        kind: text(&json, "/kind").to_string(),
        namespace: own,
        name: text(&json, "/metadata/name").to_string(),
    };
    Object { reference, resource, json }
}

/// A value as the API takes it: a float without a fraction is an integer, as
/// it is on Go's way from YAML through JSON to an object.
pub(crate) fn to_json(value: &Value, depth: usize) -> std::result::Result<Json, String> {
    if depth > MAX_DEPTH {
        return Err(format!("an object is nested more than {MAX_DEPTH} levels deep"));
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) if i.kind.is_unsigned() => Json::from(i.as_u64()),
        Value::Int(i) => Json::from(i.value),
        Value::Float(f) => number(*f)?,
        Value::Str(s) => Json::String(String::from_utf8_lossy(s.as_bytes()).into_owned()),
        Value::List(l) => Json::Array(l.iter().map(|v| to_json(v, depth + 1)).collect::<Result<_, _>>()?),
        Value::Map(m) => {
            let mut out = serde_json::Map::new();
            for (key, value) in m.snapshot() {
                out.insert(String::from_utf8_lossy(key.as_bytes()).into_owned(), to_json(&value, depth + 1)?);
            }
            Json::Object(out)
        }
        Value::Complex(_) | Value::Object(_) => return Err("json: unsupported type".to_string()),
    })
}

fn number(f: f64) -> std::result::Result<Json, String> {
    /// Up to here every integer is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if f.fract() == 0.0 && f.abs() <= EXACT {
        return Ok(Json::from(f as i64));
    }
    serde_json::Number::from_f64(f).map(Json::Number).ok_or_else(|| format!("json: unsupported value: {f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_several_objects_is_said_once() {
        let wrong = "apiVersion: v1\nkind: A\nmetadata: {labels: {a: 1}}\n---\n";
        let other = "apiVersion: v1\nkind: B\nmetadata: {name: 1}\n";
        let said = |manifest: &str| build(&Discovery::default(), manifest, "ns").unwrap_err().to_string();
        let one = said(wrong);
        assert!(one.starts_with("unable to decode"), "{one}");
        assert_eq!(said(&wrong.repeat(3)), one);
        assert_eq!(said(&format!("{wrong}{wrong}{other}")), format!("[{one}, {}]", said(other)));
    }
}
