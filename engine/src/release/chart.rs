//! The chart as a record keeps it: no subcharts, no raw files. Owns the names
//! of its fields; the parts that nobody reads stay pieces of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use charts::{Chart, Dependency, File, Lock, Metadata};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::{RawValue, to_raw_value};
use templates_compat::Value;

use super::codec::{self, CodecError};
use super::go_order;
use super::time::Time;

/// Go's zero time, which Helm 4 writes where a chart has no schema.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// A record's `chart`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChartRecord {
    /// `Chart.yaml` under its JSON names.
    #[serde(default, serialize_with = "go_order::metadata")]
    pub metadata: Json,
    #[serde(default, serialize_with = "go_order::lock")]
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

impl ChartRecord {
    /// The chart without its templates and files, which no verb shows.
    #[must_use]
    pub fn without_files(&self) -> ChartRecord {
        ChartRecord { templates: Box::default(), files: Box::default(), schema: Box::default(), ..self.clone() }
    }

    /// Only the metadata.
    #[must_use]
    pub fn head(&self) -> ChartRecord {
        ChartRecord { metadata: self.metadata.clone(), ..ChartRecord::default() }
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

/// A chart's file as a record has it.
#[derive(Serialize)]
struct FileOut<'a> {
    name: &'a str,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    modtime: Option<Time>,
}

impl ChartRecord {
    /// The record of a loaded chart.
    ///
    /// # Errors
    /// A value that JSON cannot say.
    pub fn of(chart: &Chart) -> Result<ChartRecord, CodecError> {
        let mod_time = |name: &str| chart.raw_file(name).and_then(|f| f.mod_time).map(Time::from);
        Ok(ChartRecord {
            metadata: metadata(&chart.metadata)?,
            lock: chart.lock.as_ref().map(lock).transpose()?.unwrap_or_default(),
            templates: files(&chart.templates)?,
            values: codec::raw(&Value::Map(chart.values.clone()))?,
            schema: match &chart.schema {
                Some(schema) => to_raw_value(&STANDARD.encode(schema))?,
                None => Box::default(),
            },
            schemamodtime: mod_time("values.schema.json").map_or_else(zero_time, |t| t.rfc3339_nano()),
            files: files(&chart.files)?,
            modtime: chart.mod_time.map(|t| Time::from(t).rfc3339_nano()).unwrap_or_default(),
        })
    }
}

/// No files at all are Go's nil list.
fn files(files: &[File]) -> Result<Box<RawValue>, CodecError> {
    if files.is_empty() {
        return Ok(Box::default());
    }
    let out: Vec<FileOut<'_>> = files
        .iter()
        .map(|f| FileOut { name: &f.name, data: STANDARD.encode(&f.data), modtime: f.mod_time.map(Time::from) })
        .collect();
    Ok(to_raw_value(&out)?)
}

/// Puts what is not empty under its JSON name, as Go's `omitempty` does.
#[derive(Default)]
struct Fields(serde_json::Map<String, Json>);

impl Fields {
    fn texts<'a>(mut self, entries: impl IntoIterator<Item = (&'static str, &'a str)>) -> Fields {
        for (name, text) in entries.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.0.insert(name.to_string(), text.into());
        }
        self
    }

    fn list(mut self, name: &str, items: Vec<Json>) -> Fields {
        if !items.is_empty() {
            self.0.insert(name.to_string(), items.into());
        }
        self
    }

    fn flag(mut self, name: &str, flag: bool) -> Fields {
        if flag {
            self.0.insert(name.to_string(), true.into());
        }
        self
    }
}

fn metadata(m: &Metadata) -> Result<Json, CodecError> {
    let maintainer = |m: &charts::Maintainer| {
        Json::Object(Fields::default().texts([("name", m.name.as_str()), ("email", &m.email), ("url", &m.url)]).0)
    };
    let strings = |list: &[String]| list.iter().map(|s| Json::from(s.as_str())).collect();
    let dependencies = m.dependencies().iter().map(dependency).collect::<Result<_, _>>()?;
    let mut fields = Fields::default()
        .texts([
            ("name", m.name.as_str()),
            ("home", &m.home),
            ("version", &m.version),
            ("description", &m.description),
            ("icon", &m.icon),
            ("apiVersion", &m.api_version),
            ("condition", &m.condition),
            ("tags", &m.tags),
            ("appVersion", &m.app_version),
            ("kubeVersion", &m.kube_version),
            ("type", &m.r#type),
        ])
        .list("sources", strings(&m.sources))
        .list("keywords", strings(&m.keywords))
        .list("maintainers", m.maintainers.iter().map(maintainer).collect())
        .list("dependencies", dependencies)
        .flag("deprecated", m.deprecated);
    if !m.annotations.is_empty() {
        let annotations = m.annotations.iter().map(|(k, v)| (k.clone(), Json::from(v.as_str()))).collect();
        fields.0.insert("annotations".into(), Json::Object(annotations));
    }
    Ok(Json::Object(fields.0))
}

fn dependency(d: &Dependency) -> Result<Json, CodecError> {
    let imports = d.import_values.iter().map(|v| Ok(serde_json::from_str(codec::raw(v)?.get())?));
    let mut fields = Fields::default()
        .texts([("version", d.version.as_str()), ("condition", &d.condition), ("alias", &d.alias)])
        .list("tags", d.tags.iter().map(|t| Json::from(t.as_str())).collect())
        .list("import-values", imports.collect::<Result<_, CodecError>>()?)
        .flag("enabled", d.enabled);
    fields.0.insert("name".into(), d.name.as_str().into());
    fields.0.insert("repository".into(), d.repository.as_str().into());
    Ok(Json::Object(fields.0))
}

fn lock(lock: &Lock) -> Result<Json, CodecError> {
    let dependencies: Vec<Json> = lock.dependencies.iter().map(dependency).collect::<Result<_, _>>()?;
    let generated = Time::parse(&lock.generated).map_or_else(zero_time, |t| t.rfc3339_nano());
    Ok(serde_json::json!({ "generated": generated, "digest": lock.digest, "dependencies": dependencies }))
}
