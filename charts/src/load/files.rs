//! Sorting a chart's files into a [`Chart`], subcharts included.

use std::collections::BTreeMap;
use std::sync::Arc;

use templates_compat::yaml::{self, Field, Shape, StructShape};
use templates_compat::{Compat, Map};

use super::archive::{Budget, archive_files_within};
use crate::chart::{Chart, File, Lock};
use crate::error::Error;
use crate::go_path;
use crate::metadata::{API_VERSION_V1, DEPENDENCY_SHAPE, Dependency, Fields};
use crate::parallel::{Crew, Reading};
use crate::values::load_values;
use crate::warning::Warnings;

/// How deep charts may lie in charts.
const MAX_SUBCHART_DEPTH: usize = 64;
const VALUES: &str = "values.yaml";
/// Smaller files of values, in bytes, are read sooner than handed over.
const WORTH_POSTING: usize = 2 << 10;

/// Makes a chart out of files in memory.
///
/// # Errors
/// Helm's text for a chart that is not valid.
pub fn load_files(files: Vec<File>, compat: Compat, warnings: &mut Warnings) -> Result<Chart, Error> {
    load_files_with(files, compat, warnings, &Crew::default())
}

/// The same, with those who help: the default values of charts in charts are
/// read side by side.
pub(super) fn load_files_with(
    files: Vec<File>,
    compat: Compat,
    warnings: &mut Warnings,
    crew: &Crew,
) -> Result<Chart, Error> {
    let mut values = Reading::default();
    // The chart's own are read by this thread, at once.
    let others = files.iter().filter(|file| file.name != VALUES && file.data.len() >= WORTH_POSTING);
    for file in others.filter(|file| is_values(&file.name)) {
        values.begin(&file.data, crew, move |text| load_values(text, compat));
    }
    let mut loader = Loader { compat, warnings, budget: Budget::whole(), values };
    loader.chart(files, 0)
}

/// Whether this is the file of default values of the chart or of one in it.
fn is_values(name: &str) -> bool {
    let mut rest = name;
    while let Some((_, below)) = rest.strip_prefix("charts/").and_then(|below| below.split_once('/')) {
        rest = below;
    }
    rest == VALUES
}

/// What one load shares among a chart and its subcharts.
pub(super) struct Loader<'w> {
    pub(super) compat: Compat,
    pub(super) warnings: &'w mut Warnings,
    /// What archives inside of the chart may still unpack to.
    pub(super) budget: Budget,
    /// Default values that are being read.
    values: Reading<Result<Map, String>>,
}

/// The parts of a chart as they are found.
#[derive(Default)]
struct Parts {
    chart: Chart,
    has_metadata: bool,
    subcharts: BTreeMap<String, Vec<File>>,
}

impl Loader<'_> {
    pub(super) fn chart(&mut self, files: Vec<File>, depth: usize) -> Result<Chart, Error> {
        let mut parts = Parts::default();
        for file in files.iter().filter(|f| f.name == "Chart.yaml") {
            let metadata = &mut parts.chart.metadata;
            metadata.read(&file.data, self.compat).map_err(|e| e.wrap("cannot load Chart.yaml"))?;
            if metadata.api_version.is_empty() {
                metadata.api_version = API_VERSION_V1.to_string();
            }
            parts.chart.mod_time = file.mod_time;
            parts.has_metadata = true;
        }
        for file in &files {
            self.sort_in(file, &mut parts)?;
        }
        parts.chart.raw = files;
        if !parts.has_metadata {
            return Err(Error::chart("Chart.yaml file is missing"));
        }
        parts.chart.metadata.validate(self.compat)?;
        for (name, files) in std::mem::take(&mut parts.subcharts) {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let sub = self.subchart(&name, files, &parts.chart, depth + 1)?;
            parts.chart.dependencies.push(sub);
        }
        Ok(parts.chart)
    }

    fn sort_in(&mut self, file: &File, parts: &mut Parts) -> Result<(), Error> {
        let chart = &mut parts.chart;
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => chart.lock = Some(self.lock(file)?),
            VALUES => {
                chart.values =
                    self.values(&file.data).map_err(|e| Error::chart(format!("cannot load values.yaml: {e}")))?;
            }
            "values.schema.json" => chart.schema = Some(file.data.clone()),
            "requirements.yaml" => {
                parts.has_metadata = true;
                self.warn_if_v2(
                    chart,
                    "load.go:120",
                    "Dependencies are handled in Chart.yaml",
                    "dependencies to Chart.yaml",
                );
                chart.metadata.read(&file.data, self.compat).map_err(|e| e.wrap("cannot load requirements.yaml"))?;
                if chart.metadata.api_version == API_VERSION_V1 {
                    chart.files.push(file.clone());
                }
            }
            "requirements.lock" => {
                parts.has_metadata = true;
                chart.lock = Some(self.lock(file)?);
                self.warn_if_v2(chart, "load.go:138", "Dependency locking is handled in Chart.lock", "to Chart.lock");
                if chart.metadata.api_version == API_VERSION_V1 {
                    chart.files.push(file.clone());
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file.clone()),
            name => match name.strip_prefix("charts/") {
                Some(below) if go_path::ext(name) != ".prov" => {
                    let sub = below.split('/').next().unwrap_or_default().to_string();
                    let file = File { name: below.to_string(), ..file.clone() };
                    parts.subcharts.entry(sub).or_default().push(file);
                }
                _ => chart.files.push(file.clone()),
            },
        }
        Ok(())
    }

    fn values(&mut self, text: &Arc<[u8]>) -> Result<Map, String> {
        self.values.take(text).unwrap_or_else(|| load_values(text, self.compat))
    }

    fn warn_if_v2(&mut self, chart: &Chart, place: &str, what: &str, to: &str) {
        if chart.metadata.api_version != API_VERSION_V1 {
            let text = format_args!("Warning: {what} since apiVersion \"v2\". We recommend migrating {to}.");
            self.warnings.log(self.compat, place, text);
        }
    }

    fn subchart(&mut self, name: &str, files: Vec<File>, parent: &Chart, depth: usize) -> Result<Chart, Error> {
        let problem = |e: Error| e.wrap(&format!("error unpacking subchart {name} in {}", parent.name()));
        if depth > MAX_SUBCHART_DEPTH {
            return Err(problem(Error::chart("charts are nested too deeply")));
        }
        if go_path::ext(name) == ".tgz" {
            let first = files.first().map(|f| f.name.as_str()).unwrap_or_default();
            if first != name {
                return Err(Error::chart(format!(
                    "error unpacking subchart tar in {}: expected {name}, got {first}",
                    parent.name()
                )));
            }
            let data = files.first().map(|f| f.data.clone()).unwrap_or_default();
            let unpacked = archive_files_within(&data, self.compat, &mut self.budget).map_err(problem)?;
            return self.chart(unpacked, depth).map_err(problem);
        }
        let inside = files
            .into_iter()
            .filter_map(|f| {
                let name = f.name.split_once('/')?.1.to_string();
                Some(File { name, ..f })
            })
            .collect();
        self.chart(inside, depth).map_err(problem)
    }

    fn lock(&self, file: &File) -> Result<Lock, Error> {
        static DEPENDENCIES: Shape = Shape::List(&DEPENDENCY_SHAPE);
        static LOCK: StructShape = StructShape {
            name: "Lock",
            full_name: "chart.Lock",
            fields: &[
                Field { json: "generated", pointer: false, shape: Shape::Time },
                Field { json: "digest", pointer: false, shape: Shape::Str },
                Field { json: "dependencies", pointer: true, shape: DEPENDENCIES },
            ],
        };
        let value = yaml::decode(&file.data, &Shape::Struct(&LOCK), self.compat).map_err(|e| {
            let text = crate::metadata::go_package(&e.to_string(), self.compat);
            Error::chart(format!("cannot load {}: {text}", file.name))
        })?;
        let fields = Fields::of(&value).unwrap_or_else(|| Fields::from(Map::new()));
        Ok(Lock {
            generated: fields.text("generated"),
            digest: fields.text("digest"),
            dependencies: fields.items("dependencies").iter().filter_map(Dependency::from_value).collect(),
        })
    }
}
