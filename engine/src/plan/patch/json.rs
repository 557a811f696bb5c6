//! JSON merge patches (RFC 7386), as Helm makes them for custom resources.

use serde_json::{Map, Value as Json};

use super::States;

/// No object that the API server takes is nested deeper.
const MAX_DEPTH: usize = 200;

/// Everything in which `new` differs from `old`.
pub(super) fn two_way(old: &Json, new: &Json) -> Json {
    difference(old, new, Keep { changes: true, deletions: true }, 0)
}

/// What `new` has that is not live, and what it no longer has of `old`.
pub(super) fn three_way(states: &States<'_>) -> Json {
    let mut patch = difference(states.old, states.new, Keep { changes: false, deletions: true }, 0);
    let changes = difference(states.live, states.new, Keep { changes: true, deletions: false }, 0);
    unite(&mut patch, changes, 0);
    patch
}

/// Which side of a difference counts.
#[derive(Clone, Copy)]
struct Keep {
    changes: bool,
    deletions: bool,
}

fn difference(before: &Json, after: &Json, keep: Keep, depth: usize) -> Json {
    let empty = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let mut patch = Map::new();
    for (key, value) in after {
        // A null in a patch is a deletion, whoever wrote it.
        let counts = if value.is_null() { keep.deletions } else { keep.changes };
        match before.get(key) {
            Some(old @ Json::Object(_)) if value.is_object() && depth < MAX_DEPTH => {
                let inner = difference(old, value, keep, depth + 1);
                if inner.as_object().is_some_and(|i| !i.is_empty()) {
                    patch.insert(key.clone(), inner);
                }
            }
            Some(old) if old == value => {}
            _ if counts => {
                patch.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    if keep.deletions {
        for key in before.keys().filter(|k| !after.contains_key(*k)) {
            patch.insert(key.clone(), Json::Null);
        }
    }
    Json::Object(patch)
}

fn unite(into: &mut Json, from: Json, depth: usize) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) if depth < MAX_DEPTH => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => unite(there, value, depth + 1),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// What the server makes of an object by a JSON merge patch.
pub(crate) fn apply(object: &Json, patch: &Json) -> Json {
    applied(object, patch, 0)
}

fn applied(object: &Json, patch: &Json, depth: usize) -> Json {
    let Json::Object(fields) = patch else { return patch.clone() };
    if depth > MAX_DEPTH {
        return patch.clone();
    }
    let mut result = object.as_object().cloned().unwrap_or_default();
    for (key, value) in fields {
        if value.is_null() {
            result.remove(key);
        } else {
            let inner = applied(result.get(key).unwrap_or(&Json::Null), value, depth + 1);
            result.insert(key.clone(), inner);
        }
    }
    Json::Object(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_manifests_differ_by_fields_and_whole_lists() {
        let old = json!({ "spec": { "a": 1, "b": { "c": 1, "d": 2 }, "l": [1, 2], "same": [1], "n": null } });
        let new = json!({ "spec": { "b": { "c": 9 }, "l": [1], "same": [1], "n": null, "new": { "x": null } } });
        let expected = json!({ "spec": {
            "a": null, "b": { "c": 9, "d": null }, "l": [1], "new": { "x": null },
        } });
        assert_eq!(two_way(&old, &new), expected);
        assert_eq!(two_way(&new, &new), json!({}));
    }

    #[test]
    fn taking_ownership_puts_back_what_is_live() {
        let (old, new) = (json!({ "spec": { "a": 1, "gone": 1 } }), json!({ "spec": { "a": 1 } }));
        let live = json!({ "spec": { "a": 2, "gone": 1, "others": true }, "status": {} });
        let patch = three_way(&States { old: &old, new: &new, live: &live });
        assert_eq!(patch, json!({ "spec": { "a": 1, "gone": null } }));
    }

    #[test]
    fn a_patch_gives_what_the_rfc_says() {
        let patch = json!({ "a": null, "b": { "c": 2, "d": { "e": null, "f": 1 } }, "l": [1] });
        assert_eq!(
            apply(&json!({ "a": 1, "b": { "c": 1, "x": 1 }, "l": [3, 4] }), &patch),
            json!({ "b": { "c": 2, "x": 1, "d": { "f": 1 } }, "l": [1] })
        );
    }
}
