//! The chart as a record keeps it: no subcharts, no raw files. Owns the names
//! of its fields; the parts that nobody reads stay pieces of JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Go's zero time, which Helm 4 writes where a chart has no schema.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// A record's `chart`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChartRecord {
    /// `Chart.yaml` under its JSON names.
    #[serde(default)]
    pub metadata: Json,
    #[serde(default)]
    pub(super) lock: Json,
    #[serde(default)]
    pub(super) templates: Box<RawValue>,
    #[serde(default)]
    pub(super) values: Box<RawValue>,
    #[serde(default)]
    pub(super) schema: Box<RawValue>,
    #[serde(default = "zero_time")]
    pub(super) schemamodtime: String,
    #[serde(default)]
    pub(super) files: Box<RawValue>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) modtime: String,
}

fn zero_time() -> String {
    ZERO_TIME.to_string()
}

impl Default for ChartRecord {
    fn default() -> Self {
        ChartRecord {
            metadata: Json::Null,
            lock: Json::Null,
            templates: Box::default(),
            values: Box::default(),
            schema: Box::default(),
            schemamodtime: zero_time(),
            files: Box::default(),
            modtime: String::new(),
        }
    }
}

/// Only the metadata.
#[derive(Deserialize)]
pub(super) struct ChartHead {
    #[serde(default)]
    metadata: Json,
}

impl From<ChartHead> for ChartRecord {
    fn from(head: ChartHead) -> ChartRecord {
        ChartRecord { metadata: head.metadata, ..ChartRecord::default() }
    }
}

impl ChartRecord {
    fn text(&self, field: &str) -> &str {
        self.metadata.get(field).and_then(Json::as_str).unwrap_or_default()
    }

    /// The chart's name.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The chart's version.
    pub fn version(&self) -> &str {
        self.text("version")
    }

    /// The version of what it installs.
    pub fn app_version(&self) -> &str {
        self.text("appVersion")
    }

    /// `name-version`, as lists show it; `MISSING` if the record has no chart,
    /// as Helm shows it.
    pub fn name_and_version(&self) -> String {
        if self.metadata.is_null() {
            // An edge case of Helm: the release is incomplete.
            return "MISSING".to_string();
        }
        format!("{}-{}", self.name(), self.version())
    }

    /// The default values, as JSON.
    pub fn values_json(&self) -> &str {
        self.values.get()
    }
}
