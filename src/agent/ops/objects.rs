//! What an operation does to objects: apply, delete, scale, restart, patch.
//!
//! Owns the requests that each verb makes. Each of them can be made again
//! without doing more, but for a JSON patch.

use std::time::Duration;

use charts::Compat;
use http::Method;
use serde_json::{Value, json};
use templates_compat::json as compat_json;
use tokio_util::sync::CancellationToken;

use super::progress::{Progress, Says};
use crate::{
    agent::api::{Api, Resolved, path::Path},
    protocol::{
        Code, Error,
        command::{Command, ObjectRef, State, Step, Verb},
        objects::{ObjectsSpec, PatchType},
        read::{Gvk, KindRef},
    },
};

/// Who owns the fields of what is applied, unless the command says.
const MANAGER: &str = "ankra-agent";
/// Most objects of one manifest.
const OBJECTS_MAX: usize = 1000;
/// How often a kind is looked for that an earlier object may have defined.
const KIND_TRIES: u32 = 10;
/// Pause between two such looks.
const KIND_PAUSE: Duration = Duration::from_secs(1);

/// One change of one object.
struct Change {
    kind: KindRef,
    namespace: String,
    name: String,
    method: Method,
    /// A subresource, or nothing.
    below: &'static str,
    media: &'static str,
    body: Value,
    /// Parameters of the request.
    query: Vec<(&'static str, String)>,
    /// What it makes of the object, in one word.
    word: &'static str,
}

/// Does the command's work and tells about it.
pub(super) async fn run(
    api: &Api,
    command: &Command,
    progress: &mut Progress,
    cancel: &CancellationToken,
) -> Result<Value, Error> {
    let changes = changes(command)?;
    let total = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    let mut done = Vec::new();
    for (change, n) in changes.into_iter().zip(1..) {
        if cancel.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "cancelled").with("done", json!(done)));
        }
        let outcome = one(api, command, &change).await;
        let (word, kind) = match outcome {
            Ok(told) => told,
            Err(error) => {
                let what = format!("{} {}", kind_word(&change.kind), change.name);
                let error = Error { message: format!("{what}: {}", error.message), retryable: false, ..error };
                return Err(error.with("done", json!(done)));
            }
        };
        let namespace = if kind.namespaced { change.namespace.clone() } else { String::new() };
        let object = ObjectRef { kind: kind.gvk.kind.clone(), ns: namespace, name: change.name.clone() };
        done.push(json!({"kind": object.kind, "ns": object.ns, "name": object.name, "outcome": word}));
        let step = Step { id: "apply".to_owned(), msg: word.to_owned(), n: Some(n), of: Some(total) };
        progress.say(State::Running, Says { step: Some(step), resource: Some(object), ..Says::default() }).await;
    }
    Ok(json!({"objects": done}))
}

fn kind_word(kind: &KindRef) -> &str {
    kind.gvk.as_ref().map_or(&kind.resource, |gvk| &gvk.kind)
}

/// Makes one change; says what became of the object.
async fn one(api: &Api, command: &Command, change: &Change) -> Result<(&'static str, Resolved), Error> {
    let kind = resolve(api, change).await?;
    let mut path = Path::objects(&kind, &change.namespace).segment(&change.name);
    if !change.below.is_empty() {
        path = path.segment(change.below);
    }
    for (name, value) in &change.query {
        path = path.query(name, value);
    }
    if command.dry_run {
        path = path.query("dryRun", "All");
    }
    let body = if change.body.is_null() { Vec::new() } else { change.body.to_string().into_bytes() };
    match api.write(change.method.clone(), &path, change.media, body).await {
        Ok(201) => Ok(("created", kind)),
        Ok(_) => Ok((change.word, kind)),
        Err(error) if error.code == Code::NotFound && absent_is_fine(command) => Ok(("absent", kind)),
        Err(error) => Err(error),
    }
}

fn absent_is_fine(command: &Command) -> bool {
    let deletes = matches!(command.verb, Verb::ManifestDelete | Verb::ResDelete);
    deletes && command.spec.objects.as_ref().is_some_and(|objects| objects.ignore_not_found)
}

/// The kind, waited for a little: a definition may have been applied just now.
async fn resolve(api: &Api, change: &Change) -> Result<Resolved, Error> {
    let mut tries = 0;
    loop {
        match api.resolve(&change.kind).await {
            Ok(kind) if kind.namespaced && change.namespace.is_empty() => {
                return Err(Error::invalid(format!("{} live in namespaces: give one", kind.resource)));
            }
            Err(error) if error.code == Code::NotFound && change.word == "configured" && tries < KIND_TRIES => {
                tries += 1;
                tokio::time::sleep(KIND_PAUSE).await;
            }
            other => return other,
        }
    }
}

/// The changes that a command asks for, in order.
fn changes(command: &Command) -> Result<Vec<Change>, Error> {
    let spec = command.spec.objects.as_ref().ok_or_else(|| Error::invalid("spec.objects is missing"))?;
    let namespace = &command.spec.namespace;
    match command.verb {
        Verb::ManifestApply => documents(&spec.manifest)?.into_iter().map(|doc| apply(doc, namespace, spec)).collect(),
        Verb::ManifestDelete => {
            let deletes = documents(&spec.manifest)?.into_iter().map(|doc| {
                let (kind, namespace, name) = identity(&doc, namespace)?;
                Ok(delete(kind, namespace, name))
            });
            // What was made last goes first.
            Ok(deletes.collect::<Result<Vec<_>, Error>>()?.into_iter().rev().collect())
        }
        _ => Ok(spec.names.iter().map(|name| named(command, spec, name)).collect()),
    }
}

fn apply(doc: Value, namespace: &str, spec: &ObjectsSpec) -> Result<Change, Error> {
    let (kind, namespace, name) = identity(&doc, namespace)?;
    let manager = if spec.field_manager.is_empty() { MANAGER } else { &spec.field_manager };
    Ok(Change {
        kind,
        namespace,
        name,
        method: Method::PATCH,
        below: "",
        media: "application/apply-patch+yaml",
        body: doc,
        query: vec![("fieldManager", manager.to_owned()), ("force", spec.force.to_string())],
        word: "configured",
    })
}

fn delete(kind: KindRef, namespace: String, name: String) -> Change {
    Change {
        kind,
        namespace,
        name,
        method: Method::DELETE,
        below: "",
        media: "application/json",
        body: Value::Null,
        query: vec![("propagationPolicy", "Background".to_owned())],
        word: "deleted",
    }
}

fn named(command: &Command, spec: &ObjectsSpec, name: &str) -> Change {
    let manager = vec![("fieldManager", MANAGER.to_owned())];
    let patch = |below, media, body, word| Change {
        method: Method::PATCH,
        below,
        media,
        body,
        word,
        query: manager.clone(),
        ..delete(spec.kind.clone(), command.spec.namespace.clone(), name.to_owned())
    };
    match command.verb {
        Verb::ResScale => {
            let body = json!({"spec": {"replicas": spec.replicas}});
            patch("scale", "application/merge-patch+json", body, "scaled")
        }
        Verb::ResRestart => {
            // The moment is the command's, so that doing it again does nothing.
            let at = if command.created_at.is_empty() { &command.op_id } else { &command.created_at };
            let annotations = json!({"kubectl.kubernetes.io/restartedAt": at});
            let body = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
            patch("", "application/merge-patch+json", body, "restarted")
        }
        Verb::ResPatch => {
            let media = match spec.patch_type {
                PatchType::Merge => "application/merge-patch+json",
                PatchType::Strategic => "application/strategic-merge-patch+json",
                PatchType::Json => "application/json-patch+json",
            };
            patch("", media, spec.patch.clone().unwrap_or_default(), "patched")
        }
        _ => delete(spec.kind.clone(), command.spec.namespace.clone(), name.to_owned()),
    }
}

/// Which object a document is.
fn identity(doc: &Value, namespace: &str) -> Result<(KindRef, String, String), Error> {
    let text = |pointer: &str| doc.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    if api.is_empty() || kind.is_empty() || name.is_empty() {
        return Err(Error::invalid("a document of the manifest lacks apiVersion, kind or metadata.name"));
    }
    let (group, version) = api.split_once('/').unwrap_or(("", &api));
    let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind };
    let kind = KindRef { gvk: Some(gvk), resource: String::new() };
    kind.check()?;
    crate::protocol::validate::name(&name)?;
    // YAML takes a bare `n` for a boolean; the default would be a surprise.
    if doc.pointer("/metadata/namespace").is_some_and(|own| !own.is_string() && !own.is_null()) {
        return Err(Error::invalid(format!("metadata.namespace of {name} is no text")));
    }
    let own = text("/metadata/namespace");
    if !own.is_empty() {
        crate::protocol::validate::namespace(&own)?;
    }
    Ok((kind, if own.is_empty() { namespace.to_owned() } else { own }, name))
}

/// The objects of a manifest: its documents, and the items of lists.
fn documents(manifest: &str) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for text in split(manifest) {
        let map = charts::values::load_values(text.as_bytes(), Compat::Helm4)
            .map_err(|error| Error::invalid(format!("a document of the manifest cannot be read: {error}")))?;
        let value = templates_compat::Value::Map(map);
        let json = compat_json::write(&value, &compat_json::Options::default(), Compat::Helm4)
            .map_err(|error| Error::invalid(format!("a document of the manifest cannot be read: {error}")))?;
        let doc: Value = serde_json::from_slice(&json).map_err(|error| Error::internal(error.to_string()))?;
        match doc.get("items").and_then(Value::as_array) {
            Some(items) if doc["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {
                all.extend(items.iter().cloned());
            }
            _ if doc.as_object().is_some_and(|doc| !doc.is_empty()) => all.push(doc),
            _ => {}
        }
    }
    if all.is_empty() {
        return Err(Error::invalid("the manifest holds no object"));
    }
    if all.len() > OBJECTS_MAX {
        return Err(Error::new(Code::TooLarge, format!("the manifest holds over {OBJECTS_MAX} objects")));
    }
    Ok(all)
}

/// The texts between lines of `---`, those that say something.
fn split(manifest: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    for line in manifest.lines() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            texts.push(String::new());
        } else if let Some(text) = texts.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let says = |text: &String| text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    texts.into_iter().filter(says).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\n";

    #[test]
    fn a_manifest_becomes_objects() {
        let text = "# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n--- # two\n\
            apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: b, namespace: ns}\n";
        let docs = documents(text).unwrap();
        let identities: Vec<_> = docs.iter().map(|doc| identity(doc, "d").unwrap()).collect();
        let told: Vec<_> = identities.iter().map(|(_, namespace, name)| (namespace.as_str(), name.as_str())).collect();
        assert_eq!(told, [("d", "a"), ("ns", "b")]);
        assert_eq!(identities[1].0.gvk.as_ref().unwrap().to_string(), "apps/v1/Deployment");
        for bad in ["", "---\n", "kind: [", "kind: Pod\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: ../x}\n", ODD] {
            assert!(
                documents(bad)
                    .and_then(|docs| docs.iter().map(|d| identity(d, "d")).collect::<Result<Vec<_>, _>>())
                    .is_err()
            );
        }
    }
}
