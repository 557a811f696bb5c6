//! Where releases are kept. Owns the questions that actions ask (last,
//! deployed, history) and the history limit; not the encoding
//! ([`crate::release::codec`]).

mod memory;
mod secret;
mod sql;

pub use memory::MemoryStore;
pub use secret::{ConfigMapStore, SecretStore};
pub use sql::SqlStore;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use templates_compat::Compat;

use crate::cluster::Cluster;

use crate::error::{Error, Result, Stage};
use crate::release::{Release, Status};

/// A place that keeps releases, one record per revision.
///
/// Each method has the errors of its place, and those named.
pub trait ReleaseStore: Send + Sync {
    /// Reads one revision.
    ///
    /// # Errors
    /// [`Error::ReleaseNotFound`].
    fn get<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<Release>>;

    /// Reads one revision, as [`ReleaseStore::query_heads`] does.
    ///
    /// # Errors
    /// [`Error::ReleaseNotFound`].
    fn get_head<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Release>>;

    /// Finds every revision that fits by labels alone: no record is read.
    fn keys<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Key>>>;

    /// Reads every revision that fits. Records that cannot be decoded are
    /// left out.
    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>>;

    /// Like [`ReleaseStore::query`], but without manifests, hooks, values and
    /// templates: what a list or a choice of revision needs, for a small part
    /// of the memory.
    fn query_heads<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>>;

    /// Writes a new record.
    ///
    /// # Errors
    /// [`Error::ReleaseExists`]: this is what keeps two upgrades apart.
    fn create<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>>;

    /// Writes an existing record again.
    ///
    /// # Errors
    /// [`Error::ReleaseNotFound`].
    fn update<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>>;

    /// What names a record as the owner of another object of its namespace (an
    /// OwnerReference), so that this goes with it; `None` if it is no object.
    fn owner<'a>(&'a self, _name: &'a str, _version: i64) -> BoxFuture<'a, Option<serde_json::Value>> {
        Box::pin(async { None })
    }

    /// Deletes one revision.
    ///
    /// # Errors
    /// [`Error::ReleaseNotFound`].
    fn delete<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<()>>;
}

/// Opens the place that `HELM_DRIVER` names; `connection` is for SQL.
///
/// # Errors
/// `unknown driver …`, and a database that cannot be used.
pub async fn open(
    driver: &str,
    cluster: &Cluster,
    namespace: &str,
    connection: &str,
    compat: Compat,
) -> Result<Arc<dyn ReleaseStore>> {
    Ok(match driver {
        "" | "secret" | "secrets" => Arc::new(SecretStore::new(cluster.clone(), namespace).with_compat(compat)),
        "configmap" | "configmaps" => Arc::new(ConfigMapStore::new(cluster.clone(), namespace).with_compat(compat)),
        "memory" => Arc::new(MemoryStore::default()),
        "sql" => Arc::new(SqlStore::connect(connection, namespace, compat).await?),
        other => return Err(Error::other(Stage::Storage, format!("unknown driver {other:?}"))),
    })
}

/// Which records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    /// Only those of this release.
    pub name: Option<&'a str>,
    /// Only those with this status.
    pub status: Option<Status>,
}

/// What the labels of a record say.
#[derive(Debug, Clone)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The release.
    pub name: String,
    /// The revision.
    pub version: i64,
    /// The status.
    pub status: Status,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

/// The name of the object that keeps a revision.
pub fn record_key(name: &str, version: i64) -> String {
    format!("sh.helm.release.v1.{name}.v{version}")
}

/// Labels of a record that belong to Helm.
pub const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// All revisions of a release, oldest first.
///
/// # Errors
/// [`Error::ReleaseNotFound`] if there is none.
pub async fn history(store: &dyn ReleaseStore, name: &str) -> Result<Vec<Release>> {
    let mut all = store.query(Query { name: Some(name), status: None }).await?;
    if all.is_empty() {
        return Err(Error::ReleaseNotFound);
    }
    all.sort_by_key(|r| r.version);
    Ok(all)
}

/// All revisions of a release without their bodies, oldest first.
///
/// # Errors
/// [`Error::ReleaseNotFound`] if there is none.
pub async fn history_heads(store: &dyn ReleaseStore, name: &str) -> Result<Vec<Release>> {
    let mut all = store.query_heads(Query { name: Some(name), status: None }).await?;
    if all.is_empty() {
        return Err(Error::ReleaseNotFound);
    }
    all.sort_by_key(|r| r.version);
    Ok(all)
}

/// The newest revision of a release.
///
/// # Errors
/// [`Error::ReleaseNotFound`].
pub async fn last(store: &dyn ReleaseStore, name: &str) -> Result<Release> {
    history(store, name).await?.pop().ok_or(Error::ReleaseNotFound)
}

/// The deployed revisions of a release, oldest first; none is no error.
///
/// # Errors
/// The store's.
pub async fn deployed_all(store: &dyn ReleaseStore, name: &str) -> Result<Vec<Release>> {
    let mut all = store.query(Query { name: Some(name), status: Some(Status::Deployed) }).await?;
    all.sort_by_key(|r| r.version);
    Ok(all)
}

/// The newest deployed revision of a release.
///
/// # Errors
/// [`Error::NoDeployedReleases`].
pub async fn deployed(store: &dyn ReleaseStore, name: &str) -> Result<Release> {
    let newest = deployed_all(store, name).await?.pop();
    newest.ok_or_else(|| Error::NoDeployedReleases { name: name.to_string() })
}
