//! Releases as Secrets (Helm's default) or ConfigMaps: one object per
//! revision, found by labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::Method;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use templates_compat::Compat;

use super::{Key, Query, ReleaseStore, SYSTEM_LABELS, record_key};
use crate::cluster::{Cluster, METADATA_ONLY, ONE_METADATA};
use crate::error::{Error, Result, Stage};
use crate::release::codec::{self, CodecError};
use crate::release::{Release, Status};

/// Records per page of a list: bounds the memory of one answer.
const PAGE: &str = "50";

/// The same where only metadata is read.
const METADATA_PAGE: &str = "500";

/// How often a record is created whose creation got no answer.
const CREATIONS: usize = 3;

/// The field manager of records: what the API server derives from Helm's own
/// User-Agent.
const RECORD_MANAGER: &str = "Helm";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Secret,
    ConfigMap,
}

impl Resource {
    fn plural(self) -> &'static str {
        match self {
            Resource::Secret => "secrets",
            Resource::ConfigMap => "configmaps",
        }
    }
}

#[derive(Deserialize)]
struct ListOf<T> {
    #[serde(default)]
    metadata: ListMeta,
    /// A list of metadata alone is null when it is empty.
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(default)]
    r#continue: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: ItemMeta,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    release: String,
}

#[derive(Deserialize)]
struct ItemMeta {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Keeps releases as Secrets of type `helm.sh/release.v1`.
#[derive(Clone)]
pub struct SecretStore {
    cluster: Cluster,
    namespace: String,
    resource: Resource,
    compat: Compat,
    /// The record that was created last, and its UID.
    created: Arc<Mutex<Option<(String, String)>>>,
}

impl SecretStore {
    /// The store of a namespace; an empty one reads all namespaces.
    pub fn new(cluster: Cluster, namespace: impl Into<String>) -> SecretStore {
        SecretStore::of(Resource::Secret, cluster, namespace.into())
    }

    fn of(resource: Resource, cluster: Cluster, namespace: String) -> SecretStore {
        SecretStore { cluster, namespace, resource, compat: Compat::Helm4, created: Arc::default() }
    }

    /// The same store with the records of another Helm.
    #[must_use]
    pub fn with_compat(self, compat: Compat) -> SecretStore {
        SecretStore { compat, ..self }
    }

    fn collection(&self, namespace: &str) -> String {
        let plural = self.resource.plural();
        if namespace.is_empty() {
            format!("/api/v1/{plural}")
        } else {
            format!("/api/v1/namespaces/{namespace}/{plural}")
        }
    }

    fn object(&self, namespace: &str, name: &str, version: i64) -> String {
        format!("{}/{}", self.collection(namespace), record_key(name, version))
    }

    /// The record's bytes: in a Secret there is one more base64 around them.
    fn payload(&self, data: &Data) -> Result<Vec<u8>, CodecError> {
        Ok(match self.resource {
            Resource::Secret => STANDARD.decode(&data.release)?,
            Resource::ConfigMap => data.release.clone().into_bytes(),
        })
    }

    fn decode(&self, item: Item, head: bool) -> Result<Release, CodecError> {
        let payload = self.payload(&item.data)?;
        let mut release = if head { codec::decode_head(&payload)? } else { codec::decode(&payload)? };
        release.labels = item.metadata.labels;
        Ok(release)
    }

    /// Every page of a list, each item given to `take`.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        query: Query<'_>,
        accept: &'static str,
        mut take: impl FnMut(T),
    ) -> Result<()> {
        let selector = selector(query)?;
        let mut next = String::new();
        loop {
            let mut call = self.cluster.get_call(self.collection(&self.namespace)).accept(accept);
            call = call.query("labelSelector", &selector);
            call = call.query("limit", if accept == METADATA_ONLY { METADATA_PAGE } else { PAGE });
            if !next.is_empty() {
                call = call.query("continue", &next);
            }
            // Helm lists where it asks for no release, and has other words then.
            let what = if query.name.is_none() { "list: failed to list" } else { "query: failed to query with labels" };
            let page: ListOf<T> = call.send().await.map_err(|e| wrap(what, e))?;
            page.items.into_iter().flatten().for_each(&mut take);
            if page.metadata.r#continue.is_empty() {
                return Ok(());
            }
            next = page.metadata.r#continue;
        }
    }

    async fn query_all(&self, query: Query<'_>, head: bool) -> Result<Vec<Release>> {
        let mut releases = Vec::new();
        self.pages::<Item>(query, "application/json", |item| {
            // Helm skips what it cannot decode, and says so in its debug log.
            if let Ok(release) = self.decode(item, head) {
                releases.push(release);
            }
        })
        .await?;
        Ok(releases)
    }

    async fn read(&self, namespace: &str, name: &str, version: i64, head: bool) -> Result<Release> {
        let key = record_key(name, version);
        let item: Item = match self.cluster.get_call(self.object(namespace, name, version)).send().await {
            Ok(item) => item,
            Err(e) if e.api_code() == Some(404) => return Err(Error::ReleaseNotFound),
            Err(e) => return Err(wrap(&format!("get: failed to get {key:?}"), e)),
        };
        let mut release = self
            .decode(item, head)
            .map_err(|e| Error::other(Stage::Storage, format!("get: failed to decode data {key:?}: {e}")))?;
        release.labels.retain(|k, _| !SYSTEM_LABELS.contains(&k.as_str()));
        Ok(release)
    }

    /// The whole object that keeps a release.
    fn body(&self, release: &Release, stamp: &str) -> Result<serde_json::Value, CodecError> {
        let mut labels = release.labels.clone();
        // An update writes every label anew: what Helm set before goes.
        labels.retain(|k, _| !SYSTEM_LABELS.contains(&k.as_str()));
        labels.insert(stamp.into(), Timestamp::now().as_second().to_string());
        labels.insert("name".into(), release.name.clone());
        labels.insert("owner".into(), "helm".into());
        labels.insert("status".into(), release.info.status.to_string());
        labels.insert("version".into(), release.version.to_string());
        let metadata = json!({ "name": record_key(&release.name, release.version), "labels": labels });
        let encoded = codec::encode(release, self.compat)?;
        Ok(match self.resource {
            Resource::Secret => json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata,
                "type": "helm.sh/release.v1",
                "data": { "release": STANDARD.encode(encoded) },
            }),
            Resource::ConfigMap => json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": { "release": encoded },
            }),
        })
    }

    /// Whether the object of a release is there with these contents; `None` if
    /// that cannot be told, or it has others.
    async fn holds(&self, release: &Release, body: &serde_json::Value) -> Option<bool> {
        let path = self.object(&self.namespace, &release.name, release.version);
        match self.cluster.get_call(path).send::<serde_json::Value>().await {
            Ok(found) if found.get("data") == body.get("data") => Some(true),
            Err(e) if e.api_code() == Some(404) => Some(false),
            _ => None,
        }
    }

    /// Creates the object of a release. When there was no answer, whether it
    /// was created is looked up: a record that is there although nobody knows
    /// of it would stay pending.
    async fn make(&self, release: &Release, body: &serde_json::Value) -> Result<()> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            // The answer would have the whole record.
            let call = self.cluster.call(Method::POST, self.collection(&self.namespace)).accept(ONE_METADATA);
            let sent = call.query("fieldManager", RECORD_MANAGER).json(body).send::<serde_json::Value>().await;
            let error = match sent {
                Ok(made) => {
                    let uid = made.pointer("/metadata/uid").and_then(serde_json::Value::as_str);
                    let key = record_key(&release.name, release.version);
                    *self.created.lock() = uid.map(|uid| (key, uid.to_owned()));
                    return Ok(());
                }
                Err(e) => e,
            };
            if error.api_code() != Some(0) || attempt == CREATIONS {
                return Err(error);
            }
            match self.holds(release, body).await {
                Some(true) => return Ok(()),
                Some(false) => {}
                None => return Err(error),
            }
        }
    }

    async fn write(&self, release: &Release, new: bool) -> Result<()> {
        let (verb, stamp) = if new { ("create", "createdAt") } else { ("update", "modifiedAt") };
        let body = self.body(release, stamp).map_err(|e| {
            let text = format!("{verb}: failed to encode release {:?}: {e}", release.name);
            Error::other(Stage::Storage, text)
        })?;
        let written = if new {
            self.make(release, &body).await
        } else {
            let call = self.cluster.call(Method::PUT, self.object(&self.namespace, &release.name, release.version));
            call.accept(ONE_METADATA).query("fieldManager", RECORD_MANAGER).json(&body).send_bytes().await.map(drop)
        };
        match written {
            Ok(()) => Ok(()),
            Err(e) if new && e.api_code() == Some(409) => Err(Error::ReleaseExists),
            Err(e) => Err(wrap(&format!("{verb}: failed to {verb}"), e)),
        }
    }
}

fn wrap(before: &str, error: Error) -> Error {
    error.context(before)
}

/// The label selector of a query.
fn selector(query: Query<'_>) -> Result<String> {
    let mut selector = String::new();
    if let Some(name) = query.name {
        if !is_label_value(name) {
            let text = format!(
                "invalid label value: {name:?}: a valid label must be an empty string or consist of \
                alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            );
            return Err(Error::other(Stage::Storage, text));
        }
        selector.push_str(&format!("name={name},"));
    }
    selector.push_str("owner=helm");
    if let Some(status) = query.status {
        selector.push_str(&format!(",status={status}"));
    }
    Ok(selector)
}

fn is_label_value(value: &str) -> bool {
    const MAX: usize = 63;
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let bytes = value.as_bytes();
    let ends = [bytes.first(), bytes.last()].into_iter().flatten().all(u8::is_ascii_alphanumeric);
    bytes.len() <= MAX && ends && bytes.iter().all(|b| inner(*b))
}

impl ReleaseStore for SecretStore {
    fn get<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<Release>> {
        Box::pin(self.read(&self.namespace, name, version, false))
    }

    fn get_head<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Release>> {
        Box::pin(async move {
            let mut release = self.read(&key.namespace, &key.name, key.version, true).await?;
            release.labels.clone_from(&key.labels);
            Ok(release)
        })
    }

    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        Box::pin(self.query_all(query, false))
    }

    fn query_heads<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        Box::pin(self.query_all(query, true))
    }

    fn keys<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            self.pages::<Item>(query, METADATA_ONLY, |item| {
                let ItemMeta { namespace, labels } = item.metadata;
                let version = labels.get("version").and_then(|v| v.parse().ok());
                if let (Some(version), Some(name)) = (version, labels.get("name").cloned()) {
                    let status = Status::from_word(labels.get("status").map_or("", String::as_str));
                    keys.push(Key { namespace, name, version, status, labels });
                }
            })
            .await?;
            Ok(keys)
        })
    }

    fn create<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.write(release, true))
    }

    fn update<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.write(release, false))
    }

    fn owner<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Option<serde_json::Value>> {
        Box::pin(async move {
            let key = record_key(name, version);
            let created = self.created.lock().clone().filter(|(created, _)| *created == key);
            let uid = match created {
                Some((_, uid)) => uid,
                None => {
                    let call = self.cluster.get_call(self.object(&self.namespace, name, version)).accept(ONE_METADATA);
                    let record: serde_json::Value = call.send().await.ok()?;
                    record.pointer("/metadata/uid")?.as_str()?.to_owned()
                }
            };
            Some(json!({
                "apiVersion": "v1",
                "kind": match self.resource {
                    Resource::Secret => "Secret",
                    Resource::ConfigMap => "ConfigMap",
                },
                "name": key,
                "uid": uid,
            }))
        })
    }

    fn delete<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let call = self.cluster.call(Method::DELETE, self.object(&self.namespace, name, version));
            match call.send_bytes().await {
                Ok(_) => Ok(()),
                Err(e) if e.api_code() == Some(404) => Err(Error::ReleaseNotFound),
                Err(e) => Err(e),
            }
        })
    }
}

/// Keeps releases as ConfigMaps.
#[derive(Clone)]
pub struct ConfigMapStore(SecretStore);

impl ConfigMapStore {
    /// The store of a namespace; an empty one reads all namespaces.
    pub fn new(cluster: Cluster, namespace: impl Into<String>) -> ConfigMapStore {
        ConfigMapStore(SecretStore::of(Resource::ConfigMap, cluster, namespace.into()))
    }

    /// The same store with the records of another Helm.
    #[must_use]
    pub fn with_compat(self, compat: Compat) -> ConfigMapStore {
        ConfigMapStore(self.0.with_compat(compat))
    }
}

impl ReleaseStore for ConfigMapStore {
    fn get<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<Release>> {
        self.0.get(name, version)
    }

    fn get_head<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Release>> {
        self.0.get_head(key)
    }

    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        self.0.query(query)
    }

    fn query_heads<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        self.0.query_heads(query)
    }

    fn keys<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        self.0.keys(query)
    }

    fn create<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        self.0.create(release)
    }

    fn update<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        self.0.update(release)
    }

    fn owner<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Option<serde_json::Value>> {
        self.0.owner(name, version)
    }

    fn delete<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<()>> {
        self.0.delete(name, version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_helms() {
        let query = Query { name: Some("web"), status: Some(Status::Deployed) };
        assert_eq!(selector(query).unwrap(), "name=web,owner=helm,status=deployed");
        assert_eq!(selector(Query::default()).unwrap(), "owner=helm");
        assert!(selector(Query { name: Some("a,b=c"), status: None }).is_err());
    }
}
