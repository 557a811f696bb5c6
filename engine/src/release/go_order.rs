//! Objects whose fields stand in the order of Go's structs, as Helm writes
//! them. What is read again does not depend on it; what is printed does.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;

/// The fields of a struct, each with the struct in it, if there is one.
struct Fields(&'static [(&'static str, Option<&'static Fields>)]);

static MAINTAINER: Fields = Fields(&[("name", None), ("email", None), ("url", None)]);

static DEPENDENCY: Fields = Fields(&[
    ("name", None),
    ("version", None),
    ("repository", None),
    ("condition", None),
    ("tags", None),
    ("enabled", None),
    ("import-values", None),
    ("alias", None),
]);

static METADATA: Fields = Fields(&[
    ("name", None),
    ("home", None),
    ("sources", None),
    ("version", None),
    ("description", None),
    ("keywords", None),
    ("maintainers", Some(&MAINTAINER)),
    ("icon", None),
    ("apiVersion", None),
    ("condition", None),
    ("tags", None),
    ("appVersion", None),
    ("deprecated", None),
    ("annotations", None),
    ("kubeVersion", None),
    ("dependencies", Some(&DEPENDENCY)),
    ("type", None),
]);

static LOCK: Fields = Fields(&[("generated", None), ("digest", None), ("dependencies", Some(&DEPENDENCY))]);

struct Ordered<'a>(&'a Json, &'static Fields);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Ordered(json, fields) = self;
        match json {
            Json::Object(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (name, inner) in fields.0 {
                    match (map.get(*name), inner) {
                        (Some(value), Some(inner)) => out.serialize_entry(name, &Ordered(value, inner))?,
                        (Some(value), None) => out.serialize_entry(name, value)?,
                        (None, _) => {}
                    }
                }
                for (name, value) in map.iter().filter(|(name, _)| !fields.0.iter().any(|(known, _)| known == name)) {
                    out.serialize_entry(name, value)?;
                }
                out.end()
            }
            Json::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    out.serialize_element(&Ordered(item, fields))?;
                }
                out.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// A chart's metadata.
pub(super) fn metadata<S: Serializer>(json: &Json, serializer: S) -> Result<S::Ok, S::Error> {
    Ordered(json, &METADATA).serialize(serializer)
}

/// A chart's lock.
pub(super) fn lock<S: Serializer>(json: &Json, serializer: S) -> Result<S::Ok, S::Error> {
    Ordered(json, &LOCK).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_as_in_helms_structs() {
        let json = serde_json::json!({
            "apiVersion": "v2", "name": "a", "odd": 1, "type": "library", "version": "1",
            "dependencies": [{"alias": "x", "name": "d", "version": "2"}],
        });
        let text = serde_json::to_string(&Ordered(&json, &METADATA)).unwrap();
        assert_eq!(
            text,
            r#"{"name":"a","version":"1","apiVersion":"v2","dependencies":[{"name":"d","version":"2","alias":"x"}],"#
                .to_owned()
                + r#""type":"library","odd":1}"#
        );
        assert_eq!(serde_json::to_string(&Ordered(&Json::Null, &LOCK)).unwrap(), "null");
    }
}
