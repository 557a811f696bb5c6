//! Who owns an object: the label and annotations that Helm sets and checks.
//! Pure.

use serde_json::{Map, Value as Json};

const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "Helm");
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The annotation that keeps an object when its release lets go of it.
pub(crate) const RESOURCE_POLICY: &str = "helm.sh/resource-policy";
/// Its value.
pub(crate) const KEEP: &str = "keep";

/// Marks an object as owned by a release, over whatever stood there.
pub(crate) fn set(object: &mut Json, release: &str, namespace: &str) {
    let Some(fields) = object.as_object_mut() else { return };
    let metadata = fields.entry("metadata").or_insert(Json::Null);
    if metadata.is_null() {
        *metadata = Json::Object(Map::new());
    }
    let Some(metadata) = metadata.as_object_mut() else { return };
    add(metadata, "labels", &[(MANAGED_BY.0, MANAGED_BY.1)]);
    add(metadata, "annotations", &[(RELEASE_NAME, release), (RELEASE_NAMESPACE, namespace)]);
}

/// Adds to labels or annotations as client-go reads them: a null is an empty
/// text, and one value that is no text makes all of them unreadable, so that
/// none is left.
fn add(metadata: &mut Map<String, Json>, key: &str, marks: &[(&str, &str)]) {
    let there = metadata.remove(key).unwrap_or_default();
    let there = there.as_object().cloned().unwrap_or_default();
    let readable = there.values().all(|v| v.is_string() || v.is_null());
    let mut texts = if readable { there } else { Map::new() };
    texts.values_mut().filter(|v| v.is_null()).for_each(|v| *v = Json::String(String::new()));
    texts.extend(marks.iter().map(|(k, v)| ((*k).to_string(), Json::from(*v))));
    metadata.insert(key.to_string(), Json::Object(texts));
}

/// Checks that a live object belongs to a release.
///
/// # Errors
/// `invalid ownership metadata; …`, each part joined by `; `.
pub(crate) fn check(live: &Json, release: &str, namespace: &str) -> Result<(), String> {
    let checks = [
        ("label", "/metadata/labels", MANAGED_BY.0, MANAGED_BY.1),
        ("annotation", "/metadata/annotations", RELEASE_NAME, release),
        ("annotation", "/metadata/annotations", RELEASE_NAMESPACE, namespace),
    ];
    let wrong: Vec<String> = checks
        .into_iter()
        .filter_map(|(what, map, key, wanted)| {
            let found = live.pointer(map).and_then(|m| m.get(key)).and_then(Json::as_str);
            let text = match found {
                Some(found) if found == wanted => return None,
                Some(found) => format!("key {key:?} must equal {wanted:?}: current value is {found:?}"),
                None => format!("missing key {key:?}: must be set to {wanted:?}"),
            };
            Some(format!("{what} validation error: {text}"))
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("invalid ownership metadata; {}", wrong.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_set_passes_the_check() {
        let mut object = json!({ "kind": "ConfigMap", "metadata": { "name": "x", "labels": null } });
        set(&mut object, "r", "ns");
        assert_eq!(check(&object, "r", "ns"), Ok(()));
        assert_eq!(
            check(&object, "r", "other").unwrap_err(),
            "invalid ownership metadata; annotation validation error: key \"meta.helm.sh/release-namespace\" must \
             equal \"other\": current value is \"ns\""
        );
    }

    #[test]
    fn what_is_no_text_goes_as_in_client_go() {
        let mut object =
            json!({ "metadata": { "labels": { "a": null, "b": "x" }, "annotations": { "n": 1, "c": "x" } } });
        set(&mut object, "r", "ns");
        assert_eq!(object["metadata"]["labels"], json!({ "a": "", "b": "x", MANAGED_BY.0: "Helm" }));
        assert_eq!(object["metadata"]["annotations"], json!({ RELEASE_NAME: "r", RELEASE_NAMESPACE: "ns" }));
    }

    #[test]
    fn every_missing_mark_is_named() {
        let text = check(&json!({ "metadata": {} }), "r", "ns").unwrap_err();
        assert_eq!(text.matches("missing key").count(), 3);
        assert!(text.starts_with(
            "invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must \
             be set to \"Helm\"; annotation"
        ));
    }
}
