//! `get`: one stored revision, or a part of it.

use std::collections::BTreeMap;

use serde::Serialize;
use templates_compat::Map;

use super::{common, values};
use crate::error::{Error, Result, Stage};
use crate::release::Release;
use crate::{Engine, Run, storage};

/// Reads a stored revision; 0 is the newest. `get all`, `get manifest`,
/// `get hooks` and `get notes` show parts of it.
///
/// # Errors
/// `release: not found`.
pub async fn get(engine: &Engine, run: &Run, name: &str, revision: i64) -> Result<Release> {
    common::reading(engine, run, find(engine, name, revision)).await
}

async fn find(engine: &Engine, name: &str, revision: i64) -> Result<Release> {
    common::validate_release_name(name)
        .map_err(|_| Error::other(Stage::Prepare, format!("releaseContent: Release name is invalid: {name}")))?;
    if revision > 0 {
        return engine.store().get(name, revision).await;
    }
    let query = storage::Query { name: Some(name), status: None };
    let mut keys = engine.store().keys(query).await?;
    keys.sort_by_key(|k| k.version);
    let last = keys.pop().ok_or(Error::ReleaseNotFound)?;
    let mut release = engine.store().get(name, last.version).await?;
    // A query shows all labels, a single revision only the user's: so does Helm.
    release.labels = last.labels;
    Ok(release)
}

/// Reads the user-supplied values of a revision, or with `all` the values that
/// its templates saw. `None` is Go's nil map.
///
/// # Errors
/// `release: not found`.
pub async fn get_values(engine: &Engine, run: &Run, name: &str, revision: i64, all: bool) -> Result<Option<Map>> {
    let release = get(engine, run, name, revision).await?;
    if all { values::computed(run, &release, engine.compat()).map(Some) } else { Ok(release.config) }
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
    get(engine, run, name, revision).await.map(Metadata::of)
}

impl Metadata {
    /// What a revision says of itself.
    #[must_use]
    pub fn of(release: Release) -> Metadata {
        let chart = &release.chart.metadata;
        let annotations = chart.get("annotations").and_then(|a| a.as_object()).into_iter().flatten();
        let dependencies = chart.get("dependencies").and_then(|d| d.as_array()).cloned();
        Metadata {
            chart: release.chart.name().to_string(),
            version: release.chart.version().to_string(),
            app_version: release.chart.app_version().to_string(),
            annotations: annotations.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_string())).collect(),
            dependencies: dependencies.unwrap_or_default(),
            revision: release.version,
            status: release.info.status.to_string(),
            deployed_at: release.info.last_deployed.map(|t| t.rfc3339()).unwrap_or_default(),
            apply_method: release.apply_method.map(|m| m.as_str().to_string()).unwrap_or_default(),
            name: release.name,
            labels: release.labels,
            namespace: release.namespace,
        }
    }
}
