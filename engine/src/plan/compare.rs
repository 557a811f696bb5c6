//! Comparing objects: which fields differ, and whether what is wanted is
//! already there. Pure.

use serde_json::Value as Json;

use super::Change;

/// No object that the API server takes is nested deeper.
const MAX_DEPTH: usize = 200;

/// A plan names at most this many fields of one object.
const MAX_CHANGES: usize = 500;

/// Fields that the server keeps for itself.
const SERVER_FIELDS: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

/// Whether every field of `wanted` is in `live` with the same value.
pub(crate) fn covers(live: &Json, wanted: &Json, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (live, wanted) {
        (Json::Object(live), Json::Object(wanted)) => wanted.iter().all(|(key, value)| match live.get(key) {
            Some(there) => covers(there, value, depth + 1),
            None => false,
        }),
        // A longer live list may be a merge with what others own.
        (Json::Array(live), Json::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| covers(l, w, depth + 1))
        }
        _ => live == wanted,
    }
}

/// The fields in which `after` differs from `before`. With `partial`, fields
/// that only `before` has do not count: `after` is what someone wants, not the
/// whole object.
pub(crate) fn changes(before: &Json, after: &Json, partial: bool) -> Vec<Change> {
    let mut out = Vec::new();
    walk(&mut String::new(), before, after, partial, 0, &mut out);
    out
}

fn walk(path: &mut String, before: &Json, after: &Json, partial: bool, depth: usize, out: &mut Vec<Change>) {
    if out.len() >= MAX_CHANGES || before == after {
        return;
    }
    let push = |out: &mut Vec<Change>, path: &str, before: Option<&Json>, after: Option<&Json>| {
        out.push(Change { path: path.to_string(), before: before.cloned(), after: after.cloned() });
    };
    match (before, after) {
        (Json::Object(b), Json::Object(a)) if depth < MAX_DEPTH => {
            let keys: std::collections::BTreeSet<&String> = b.keys().chain(a.keys()).collect();
            for key in keys {
                if (depth == 0 && key == "status") || (path == "/metadata" && SERVER_FIELDS.contains(&key.as_str())) {
                    continue;
                }
                let length = path.len();
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                match (b.get(key), a.get(key)) {
                    (Some(b), Some(a)) => walk(path, b, a, partial, depth + 1, out),
                    (None, Some(a)) => push(out, path, None, Some(a)),
                    (Some(b), None) if !partial => push(out, path, Some(b), None),
                    _ => {}
                }
                path.truncate(length);
            }
        }
        (Json::Array(b), Json::Array(a)) if b.len() == a.len() && depth < MAX_DEPTH => {
            for (index, (b, a)) in b.iter().zip(a).enumerate() {
                let length = path.len();
                path.push_str(&format!("/{index}"));
                walk(path, b, a, partial, depth + 1, out);
                path.truncate(length);
            }
        }
        _ => push(out, path, Some(before), Some(after)),
    }
}

/// Replaces the values of a Secret's fields: a plan is shown and sent around.
pub(crate) fn hide_secret(changes: &mut [Change]) {
    const HIDDEN: &str = "(hidden)";
    for change in changes.iter_mut().filter(|c| c.path.starts_with("/data") || c.path.starts_with("/stringData")) {
        change.before = change.before.take().map(|_| HIDDEN.into());
        change.after = change.after.take().map(|_| HIDDEN.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn live_may_have_more_than_is_wanted() {
        let live = json!({ "spec": { "a": 1, "b": [{ "name": "x", "added": true }] }, "status": {} });
        assert!(covers(&live, &json!({ "spec": { "a": 1, "b": [{ "name": "x" }] } }), 0));
        assert!(!covers(&live, &json!({ "spec": { "a": 2 } }), 0));
        assert!(!covers(&live, &json!({ "spec": { "c": null } }), 0));
        assert!(!covers(&live, &json!({ "spec": { "b": [] } }), 0));
    }

    #[test]
    fn changes_name_fields_by_pointer() {
        let before = json!({ "metadata": { "uid": "1", "labels": { "a/b": "x" } }, "spec": { "n": 1, "old": 1 } });
        let after = json!({ "metadata": { "uid": "2", "labels": { "a/b": "y" } }, "spec": { "n": 2, "new": 1 } });
        let paths = |c: Vec<Change>| c.into_iter().map(|c| c.path).collect::<Vec<_>>();
        assert_eq!(
            paths(changes(&before, &after, false)),
            ["/metadata/labels/a~1b", "/spec/n", "/spec/new", "/spec/old"]
        );
        assert_eq!(paths(changes(&before, &after, true)), ["/metadata/labels/a~1b", "/spec/n", "/spec/new"]);
    }

    #[test]
    fn values_of_secrets_are_hidden() {
        let mut c = changes(&json!({ "data": { "p": "YQ==" } }), &json!({ "data": { "p": "Yg==" } }), false);
        hide_secret(&mut c);
        assert_eq!(c[0].after, Some(json!("(hidden)")));
    }
}
