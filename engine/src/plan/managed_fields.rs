//! Moving fields from client-side to server-side management: what was applied
//! by `helm` with updates becomes part of what it applies. Pure.

use serde_json::{Map, Value as Json, json};

use super::FIELD_MANAGER;

/// A JSON patch that moves the fields of manager `helm`, or `None` if it
/// updated nothing here.
pub(crate) fn migration(live: &Json) -> Option<Json> {
    let metadata = live.get("metadata")?;
    let entries = metadata.get("managedFields")?.as_array()?;
    let moved = moved(entries)?;
    let version = metadata.get("resourceVersion")?;
    Some(json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": moved },
        // A replacement with the version that was read makes the server answer
        // 409 if the object changed in between.
        { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
    ]))
}

/// Whether `helm` applied this object with server-side apply, and nothing of
/// it was updated client-side.
pub(crate) fn is_applied_by_helm(live: &Json) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Json::as_array);
    entries.is_some_and(|entries| entries.iter().any(|e| is(e, "Apply")) && !entries.iter().any(|e| is(e, "Update")))
}

fn field<'a>(entry: &'a Json, name: &str) -> &'a str {
    entry.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// An entry of `helm` with this operation, on the object itself.
fn is(entry: &Json, operation: &str) -> bool {
    field(entry, "manager") == FIELD_MANAGER
        && field(entry, "operation") == operation
        && field(entry, "subresource").is_empty()
}

fn moved(entries: &[Json]) -> Option<Vec<Json>> {
    if !entries.iter().any(|e| is(e, "Update")) {
        return None;
    }
    let mut entries = entries.to_vec();
    let target = match entries.iter().position(|e| is(e, "Apply")) {
        Some(at) => at,
        None => {
            // The newest comes first.
            let at = entries.iter().position(|e| is(e, "Update"))?;
            entries.get_mut(at)?.as_object_mut()?.insert("operation".into(), "Apply".into());
            at
        }
    };
    let version = field(entries.get(target)?, "apiVersion").to_string();
    let union = entries.iter().find(|e| is(e, "Update") && field(e, "apiVersion") == version);
    if let Some(fields) = union.and_then(|e| e.get("fieldsV1")).and_then(Json::as_object).cloned() {
        let own = entries.get_mut(target)?.as_object_mut()?.entry("fieldsV1").or_insert_with(|| json!({}));
        if let Some(own) = own.as_object_mut() {
            merge(own, &fields, 0);
        }
    }
    entries.retain(|e| !is(e, "Update"));
    Some(entries)
}

/// No object that the API server takes is nested deeper.
const MAX_DEPTH: usize = 200;

/// The union of two field sets. A path with nothing below it is a member
/// itself; once it also has children, `.` says so.
fn merge(into: &mut Map<String, Json>, from: &Map<String, Json>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Json::Object(mine)), Json::Object(theirs)) => {
                if mine.is_empty() != theirs.is_empty() {
                    mine.insert(".".into(), json!({}));
                }
                merge(mine, theirs, depth + 1);
            }
            (Some(_), _) => {}
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(entries: Json) -> Json {
        json!({ "metadata": { "resourceVersion": "7", "managedFields": entries } })
    }

    #[test]
    fn an_update_of_helm_becomes_an_apply() {
        let live = live(json!([
            { "manager": "helm", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:data": {} } },
            { "manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsV1": {} },
        ]));
        let patch = migration(&live).unwrap();
        assert_eq!(patch[0]["value"][0]["operation"], "Apply");
        assert_eq!(patch[0]["value"].as_array().unwrap().len(), 2);
        assert_eq!(patch[1]["value"], "7");
        assert!(!is_applied_by_helm(&live));
    }

    #[test]
    fn both_kinds_of_fields_become_one_set() {
        let live = live(json!([
            { "manager": "helm", "operation": "Apply", "apiVersion": "v1", "fieldsV1": { "f:a": {}, "f:c": {} } },
            { "manager": "helm", "operation": "Update", "apiVersion": "v1",
              "fieldsV1": { "f:a": { "f:b": {} }, "f:d": {} } },
            { "manager": "helm", "operation": "Update", "apiVersion": "v1", "subresource": "status", "fieldsV1": {} },
        ]));
        let patch = migration(&live).unwrap();
        let entries = patch[0]["value"].as_array().unwrap();
        assert_eq!(entries.len(), 2, "the status stays");
        assert_eq!(entries[0]["fieldsV1"], json!({ "f:a": { ".": {}, "f:b": {} }, "f:c": {}, "f:d": {} }));
    }

    #[test]
    fn nothing_of_helm_means_no_patch() {
        assert!(
            migration(&live(json!([{ "manager": "kubectl", "operation": "Update", "apiVersion": "v1" }]))).is_none()
        );
        assert!(migration(&json!({})).is_none());
    }
}
