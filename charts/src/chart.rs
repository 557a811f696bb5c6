//! The chart as Helm holds it after loading. Owns the tree and its paths; not
//! how it is read ([`crate::load`]) or rendered ([`crate::render`]).

use std::sync::Arc;
use std::time::SystemTime;

use templates_compat::Map;

use crate::metadata::{Dependency, Metadata};

/// A file of a chart.
#[derive(Debug, Clone)]
pub struct File {
    /// The path inside the chart, with `/`.
    pub name: String,
    /// The content, without a byte order mark.
    pub data: Arc<[u8]>,
    /// When it was last changed, if that is known.
    pub mod_time: Option<SystemTime>,
}

impl File {
    /// A file with this content.
    pub fn new(name: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        File { name: name.into(), data: data.into(), mod_time: None }
    }
}

/// `Chart.lock` (or `requirements.lock`).
#[derive(Debug, Clone, Default)]
pub struct Lock {
    /// When it was made, as it stands in the file (RFC 3339).
    pub generated: String,
    /// The hash over what was asked for and what was found.
    pub digest: String,
    /// The exact versions.
    pub dependencies: Vec<Dependency>,
}

/// A chart and its subcharts.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// `Chart.yaml` (and `requirements.yaml` of old charts).
    pub metadata: Metadata,
    /// `Chart.lock`.
    pub lock: Option<Lock>,
    /// Every file as it was loaded, in loading order; subcharts' too.
    pub raw: Vec<File>,
    /// The files under `templates/`, in loading order.
    pub templates: Vec<File>,
    /// The default values. Functions that change values copy this first.
    pub values: Map,
    /// The content of `values.schema.json`.
    pub schema: Option<Arc<[u8]>>,
    /// All other files, in loading order.
    pub files: Vec<File>,
    /// The subcharts.
    pub dependencies: Vec<Chart>,
    /// When `Chart.yaml` was last changed.
    pub mod_time: Option<SystemTime>,
    /// The folder under which Helm 3 sees this chart when it hangs below an
    /// aliased chart that does not declare it (it keeps the unaliased name).
    pub(crate) parent_path: Option<String>,
}

impl Chart {
    /// The chart's name; for an aliased subchart (after
    /// [`crate::dependencies::process`]) its alias.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it only offers named templates.
    pub fn is_library(&self) -> bool {
        self.metadata.r#type.eq_ignore_ascii_case("library")
    }

    /// The content of a file as it was loaded.
    pub fn raw_file(&self, name: &str) -> Option<&File> {
        self.raw.iter().find(|f| f.name == name)
    }

    /// The path that templates of this chart carry before their own, given the
    /// parent's path (none for the root).
    pub fn full_path(&self, parent: Option<&str>) -> String {
        match (self.parent_path.as_deref(), parent) {
            (_, None) => self.name().to_string(),
            (Some(own), _) => format!("{own}/charts/{}", self.name()),
            (None, Some(parent)) => format!("{parent}/charts/{}", self.name()),
        }
    }

    /// Calls `f` for this chart and every subchart, parents first, with each
    /// one's full path.
    pub fn walk<'a>(&'a self, f: &mut dyn FnMut(&'a Chart, &str)) {
        self.walk_from(None, f);
    }

    fn walk_from<'a>(&'a self, parent: Option<&str>, f: &mut dyn FnMut(&'a Chart, &str)) {
        let path = self.full_path(parent);
        f(self, &path);
        for sub in &self.dependencies {
            sub.walk_from(Some(&path), f);
        }
    }
}
