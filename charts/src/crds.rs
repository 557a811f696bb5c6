//! The `crds/` folders of a chart and its subcharts.

use crate::chart::{Chart, File};
use crate::go_path::{ext, join};

/// A file with definitions of custom resources.
#[derive(Debug, Clone)]
pub struct Crd {
    /// The path inside its chart.
    pub name: String,
    /// The path with the charts' names before it.
    pub filename: String,
    /// The file.
    pub file: File,
}

/// All of them, the chart's own before its subcharts'.
pub fn crds(chart: &Chart) -> Vec<Crd> {
    let mut found = Vec::new();
    chart.walk(&mut |chart, path| {
        for file in chart.files.iter().filter(|f| is_crd(&f.name)) {
            found.push(Crd { name: file.name.clone(), filename: join(path, &file.name), file: file.clone() });
        }
    });
    found
}

fn is_crd(name: &str) -> bool {
    let manifest = [".yaml", ".yml", ".json"].iter().any(|e| ext(name).eq_ignore_ascii_case(e));
    name.starts_with("crds/") && manifest
}
