//! `get`: one stored revision, or a part of it.

use std::collections::BTreeMap;

use serde::Serialize;
use templates_compat::Map;

use crate::error::Result;
use crate::release::Release;
use crate::{Engine, Run};

/// Reads a stored revision; 0 is the newest. `get all`, `get manifest`,
/// `get hooks` and `get notes` show parts of it.
///
/// # Errors
/// `release: not found`.
pub async fn get(engine: &Engine, run: &Run, name: &str, revision: i64) -> Result<Release> {
    let _ = (engine, run, name, revision);
    Err(crate::Error::other(crate::Stage::Storage, "get has not landed"))
}

/// Reads the user-supplied values of a revision, or with `all` the values that
/// its templates saw. `None` is Go's nil map.
///
/// # Errors
/// `release: not found`.
pub async fn get_values(engine: &Engine, run: &Run, name: &str, revision: i64, all: bool) -> Result<Option<Map>> {
    let _ = (engine, run, name, revision, all);
    Err(crate::Error::other(crate::Stage::Storage, "get values has not landed"))
}

/// What `get metadata` shows; serializes as Helm's JSON.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The release's name.
    pub name: String,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// The chart's appVersion.
    pub app_version: String,
    /// The chart's annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The record's labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The chart's dependencies, as its metadata has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<serde_json::Value>,
    /// The namespace.
    pub namespace: String,
    /// The revision.
    pub revision: i64,
    /// The status.
    pub status: String,
    /// When it was deployed (RFC 3339).
    pub deployed_at: String,
    /// `ssa` or `csa`, as the record has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apply_method: String,
}

/// Reads the metadata of a revision.
///
/// # Errors
/// `release: not found`.
pub async fn get_metadata(engine: &Engine, run: &Run, name: &str, revision: i64) -> Result<Metadata> {
    let _ = (engine, run, name, revision);
    Err(crate::Error::other(crate::Stage::Storage, "get metadata has not landed"))
}
