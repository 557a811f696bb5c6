//! Sending one object: server-side apply, deletion, moving client-side
//! fields. Owns retries and texts; what to send is the plan's.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::Method;
use serde_json::{Value as Json, json};

use super::Cluster;
use super::object::{Object, ObjectRef};
use super::request::{ONE_METADATA, api_error, patch_type};
use crate::error::{Error, Result};
use crate::plan::{FIELD_MANAGER, LiveObjects, Patch, migration};

/// client-go's default for retries after a conflict.
const RETRIES: usize = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Requests begun at once, when many objects are read or written; how many are
/// sent is up to the server (`limit`).
pub(crate) const CONCURRENCY: usize = super::limit::MOST;

/// What is wanted of the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What nobody reads is not worth writing: metadata only.
    Metadata,
    /// The same, but it is read.
    Head,
    /// The object as it is then.
    Object,
    /// The object as it would be; nothing is changed.
    DryRun,
}

impl Answer {
    fn accept(self) -> &'static str {
        if matches!(self, Answer::Metadata | Answer::Head) { ONE_METADATA } else { "application/json" }
    }

    /// What a wait needs to know of an object: where the kind has no status,
    /// not what may be large.
    pub(crate) fn for_wait(object: &ObjectRef) -> Answer {
        match (object.api_version.as_str(), object.kind.as_str()) {
            ("v1", "Secret" | "ConfigMap") => Answer::Head,
            _ => Answer::Object,
        }
    }

    /// The object of an answer, if it is wanted and can be read.
    fn read(self, bytes: &Bytes) -> Option<Json> {
        if !matches!(self, Answer::Head | Answer::Object) {
            return None;
        }
        let mut json: Json = serde_json::from_slice(bytes).ok()?;
        if let (Answer::Head, Some(map)) = (self, json.as_object_mut()) {
            // They are those of metadata.
            map.remove("kind");
            map.remove("apiVersion");
        }
        Some(json)
    }
}

impl Cluster {
    /// Server-side apply of one object, as `helm`.
    ///
    /// # Errors
    /// `server-side apply failed for object …`, `conflict occurred …`.
    pub(crate) async fn apply(&self, object: &Object, force: bool, answer: Answer) -> Result<Option<Json>> {
        self.apply_as(object, force, answer).await.map(|bytes| answer.read(&bytes))
    }

    /// What server-side apply would make of one object.
    ///
    /// # Errors
    /// Those of [`Cluster::apply`].
    async fn apply_dry(&self, object: &Object, force: bool) -> Result<Json> {
        let bytes = self.apply_as(object, force, Answer::DryRun).await?;
        let unreadable = |e| api_error(format!("{}: the server's answer cannot be read: {e}", name(object)), 0, "");
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    async fn apply_as(&self, object: &Object, force: bool, answer: Answer) -> Result<Bytes> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.apply_once(object, force, answer).await {
                // Admission counts quotas in an object of its own.
                Err(e) if attempt < RETRIES && is_quota_conflict(&e) => tokio::time::sleep(RETRY_PAUSE).await,
                Err(e) => return Err(apply_error(object, e)),
                Ok(applied) => return Ok(applied),
            }
        }
    }

    async fn apply_once(&self, object: &Object, force: bool, answer: Answer) -> Result<Bytes> {
        if object.reference.name.is_empty() {
            return Err(api_error("resource name may not be empty".into(), 0, ""));
        }
        let call = self
            .call(Method::PATCH, object.path())
            .query("fieldManager", FIELD_MANAGER)
            .query("fieldValidation", "Strict")
            .query("force", if force { "true" } else { "false" });
        let call = if answer == Answer::DryRun { call.query("dryRun", "All") } else { call };
        let call = call.accept(answer.accept());
        call.body(patch_type::APPLY, object.json.to_string().into_bytes()).send_bytes().await
    }

    /// Moves what `helm` updated client-side to what it applies. `patch` was
    /// made from what was read; if the object changed since, it is read again.
    pub(crate) async fn migrate(&self, object: &Object, patch: &Json) -> Result<()> {
        let mut patch = patch.clone();
        for attempt in 1.. {
            let call = self
                .call(Method::PATCH, object.path())
                .query("fieldManager", FIELD_MANAGER)
                .query("fieldValidation", "Strict")
                .body(patch_type::JSON, patch.to_string().into_bytes());
            match call.send_bytes().await {
                Ok(_) => break,
                Err(e) if e.api_code() == Some(409) && attempt < RETRIES => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                    let live: Json = self.get_call(object.path()).send().await?;
                    match migration(&live) {
                        Some(again) => patch = again,
                        None => break,
                    }
                }
                Err(e) => {
                    let what = name(object);
                    return Err(e.context(format!("failed to patch object to upgrade CSA field manager {what}")));
                }
            }
        }
        Ok(())
    }

    /// Creates one object, as `helm`.
    ///
    /// # Errors
    /// `… already exists`.
    pub(crate) async fn create(&self, object: &Object, answer: Answer) -> Result<Option<Json>> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let path = object.resource.collection(&object.reference.namespace);
            let call = self.call(Method::POST, path).query("fieldManager", FIELD_MANAGER).accept(answer.accept());
            match call.json(&object.json).send_bytes().await {
                Err(e) if attempt < RETRIES && is_conflict(&e) => tokio::time::sleep(RETRY_PAUSE).await,
                result => return result.map(|bytes| answer.read(&bytes)),
            }
        }
    }

    /// Sends a patch that was made here.
    ///
    /// # Errors
    /// `cannot patch "…" with kind …`.
    pub(crate) async fn patch(&self, object: &Object, patch: &Patch, answer: Answer) -> Result<Option<Json>> {
        let (media_type, json) = match patch {
            Patch::Strategic(json) => (patch_type::STRATEGIC, json),
            Patch::Merge(json) => (patch_type::MERGE, json),
        };
        let call = self.call(Method::PATCH, object.path()).query("fieldManager", FIELD_MANAGER);
        let call = call.accept(answer.accept()).body(media_type, json.to_string().into_bytes());
        let sent = call.send_bytes().await;
        sent.map(|bytes| answer.read(&bytes)).map_err(|e| {
            let ObjectRef { name, kind, .. } = &object.reference;
            e.context(format!("cannot patch {name:?} with kind {kind}"))
        })
    }

    /// Puts the whole object in the place of the live one.
    ///
    /// # Errors
    /// `failed to replace object: …`.
    pub(crate) async fn replace(&self, object: &Object, strict: bool, answer: Answer) -> Result<Option<Json>> {
        let mut json = object.json.clone();
        let sent = async {
            // The server wants the version that is replaced.
            let live: Json = self.get_call(object.path()).send().await?;
            let metadata = json.get_mut("metadata").and_then(Json::as_object_mut);
            if let (Some(metadata), Some(version)) = (metadata, live.pointer("/metadata/resourceVersion")) {
                metadata.entry("resourceVersion").or_insert_with(|| version.clone());
            }
            let mut call = self.call(Method::PUT, object.path()).query("fieldManager", FIELD_MANAGER);
            if strict {
                call = call.query("fieldValidation", "Strict");
            }
            call.accept(answer.accept()).json(&json).send_bytes().await
        };
        sent.await.map(|bytes| answer.read(&bytes)).map_err(|e| e.context("failed to replace object"))
    }

    /// Deletes one object; one that is not there is no error. Says whether it
    /// was there.
    pub(crate) async fn delete(&self, object: &Object, propagation: &str) -> Result<bool> {
        let body = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation });
        match self.call(Method::DELETE, object.path()).json(&body).send_bytes().await {
            Ok(_) => Ok(true),
            Err(e) if e.api_code() == Some(404) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Reads one object; `None` if it is not there.
    pub(crate) async fn read(&self, object: &Object) -> Result<Option<Json>> {
        match self.get_call(object.path()).send().await {
            Ok(json) => Ok(Some(json)),
            Err(e) if e.api_code() == Some(404) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Asks the API server what applying each object would make of it.
    pub(crate) async fn preview(&self, objects: &[Object], force: bool, live: &mut LiveObjects) {
        let ask = |object| async move {
            let object: &Object = object;
            let answer = self.apply_dry(object, force).await;
            (object.reference.key(), answer.map_err(|e| e.to_string()))
        };
        let asks: Vec<BoxFuture<'_, _>> = objects.iter().map(|object| ask(object).boxed()).collect();
        live.preview = futures::stream::iter(asks).buffer_unordered(CONCURRENCY).collect().await;
    }
}

/// A 409 that says so; that something exists already is another.
fn is_conflict(error: &Error) -> bool {
    error.api_code() == Some(409) && error.api_reason() == "Conflict"
}

/// `ns/name group/version, Kind=Kind`
fn name(object: &Object) -> String {
    format!("{}/{} {}", object.reference.namespace, object.reference.name, object.reference.gvk())
}

fn is_quota_conflict(error: &Error) -> bool {
    let text = error.to_string();
    error.api_code() == Some(409)
        && text.contains("Operation cannot be fulfilled on resourcequotas")
        && text.contains("the object has been modified")
}

fn apply_error(object: &Object, error: Error) -> Error {
    let what = name(object);
    match error.api_code() {
        Some(415) => error.context("server-side apply not available on the server"),
        Some(409) => error.context(format!("conflict occurred while applying object {what}")),
        _ => error.context(format!("server-side apply failed for object {what}")),
    }
}
