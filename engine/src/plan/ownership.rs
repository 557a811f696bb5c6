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
    let Some(metadata) = child(object, "metadata") else { return };
    if let Some(labels) = child(metadata, "labels").and_then(Json::as_object_mut) {
        labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    }
    if let Some(annotations) = child(metadata, "annotations").and_then(Json::as_object_mut) {
        annotations.insert(RELEASE_NAME.into(), release.into());
        annotations.insert(RELEASE_NAMESPACE.into(), namespace.into());
    }
}

/// The map under a key, made if it is missing or null.
fn child<'a>(object: &'a mut Json, key: &str) -> Option<&'a mut Json> {
    let value = object.as_object_mut()?.entry(key).or_insert(Json::Null);
    if value.is_null() {
        *value = Json::Object(Map::new());
    }
    Some(value)
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
    fn every_missing_mark_is_named() {
        let text = check(&json!({ "metadata": {} }), "r", "ns").unwrap_err();
        assert_eq!(text.matches("missing key").count(), 3);
        assert!(text.starts_with(
            "invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must \
             be set to \"Helm\"; annotation"
        ));
    }
}
