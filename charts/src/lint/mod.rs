//! `helm lint`: what is wrong with a chart's folder, or could be better.

mod chartfile;
mod deprecations;
mod names;
mod templates;

use std::fmt;
use std::path::{Path, PathBuf};

use templates_compat::{Compat, Host, Map};

use crate::capabilities::KubeVersion;
use crate::chart::Chart;
use crate::error::{Error, go_errno};
use crate::load;
use crate::schema::{self, Resolver};
use crate::values::{self, MergeMode};
use crate::warning::Warnings;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something to know.
    Info,
    /// Not as it should be, but likely to work.
    Warning,
    /// Likely not to work.
    Error,
}

/// A finding; displays as Helm prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder, from the chart's folder on.
    pub path: String,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.text)
    }
}

/// The options of `helm lint`.
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// `--namespace`
    pub namespace: String,
    /// `--kube-version`
    pub kube_version: Option<KubeVersion>,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// Which Helm is reproduced.
    pub compat: Compat,
}

/// What the rules work with.
struct Linter<'a> {
    dir: PathBuf,
    values: &'a Map,
    options: &'a LintOptions,
    host: &'a dyn Host,
    resolver: &'a dyn Resolver,
    warnings: &'a mut Warnings,
    messages: Vec<Message>,
}

/// Checks the chart in a folder.
///
/// # Errors
/// `unable to check Chart.yaml file in chart: …` if there is no chart.
pub fn lint(
    dir: &Path,
    values: &Map,
    options: &LintOptions,
    host: &dyn Host,
    resolver: &dyn Resolver,
    warnings: &mut Warnings,
) -> Result<Vec<Message>, Error> {
    let chart_yaml = dir.join("Chart.yaml");
    std::fs::metadata(&chart_yaml).map_err(|e| {
        let path = crate::go_path::clean(&chart_yaml.to_string_lossy());
        Error::chart(format!("unable to check Chart.yaml file in chart: stat {path}: {}", go_errno(&e)))
    })?;
    let absolute = std::path::absolute(dir).map_err(|e| Error::io("stat", dir, &e))?;
    let dir = PathBuf::from(crate::go_path::clean(&absolute.to_string_lossy()));
    let mut linter = Linter { dir, values, options, host, resolver, warnings, messages: Vec::new() };
    linter.chartfile();
    linter.values_file();
    linter.templates();
    linter.dependencies();
    if options.compat.lints_strictly() {
        linter.crds();
    }
    Ok(linter.messages)
}

/// The charts below a chart's `charts/` folder, for `--with-subcharts`:
/// folders with a `Chart.yaml` and packages, in the order of their names.
pub fn subchart_paths(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&Path::new(dir).join("charts"), 0, &mut found);
    found.iter().map(|p| crate::go_path::clean(&p.to_string_lossy())).collect()
}

/// Deeper folders are not looked into.
const MAX_DEPTH: usize = 64;

fn walk(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name == "Chart.yaml" {
        found.extend(path.parent().map(Path::to_path_buf));
    } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        found.push(path.to_path_buf());
    }
    if depth < MAX_DEPTH
        && path.symlink_metadata().is_ok_and(|m| m.is_dir())
        && let Ok(entries) = std::fs::read_dir(path)
    {
        let mut inside: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        inside.sort();
        inside.iter().for_each(|p| walk(p, depth + 1, found));
    }
}

impl Linter<'_> {
    /// Notes a failed rule; whether it held.
    fn rule(&mut self, severity: Severity, path: &str, outcome: Result<(), String>) -> bool {
        match outcome {
            Ok(()) => true,
            Err(text) => {
                self.messages.push(Message { severity, path: path.to_string(), text });
                false
            }
        }
    }

    fn load(&mut self) -> Result<Chart, Error> {
        load::load_known(&self.dir, self.options.compat, self.warnings)
    }

    fn values_file(&mut self) {
        let file = "values.yaml";
        let path = self.dir.join(file);
        let exists = if path.exists() { Ok(()) } else { Err("file does not exist".to_string()) };
        if self.rule(Severity::Info, file, exists) {
            let outcome = self.check_values(&path);
            self.rule(Severity::Error, file, outcome);
        }
    }

    fn check_values(&mut self, path: &Path) -> Result<(), String> {
        let compat = self.options.compat;
        let read = |path: &Path| std::fs::read(path).map_err(|e| format!("open {}: {}", path.display(), go_errno(&e)));
        let content = read(path).map_err(|e| format!("unable to parse YAML: {e}"))?;
        let defaults = templates_compat::yaml::read_map(&content, compat)
            .map_err(|e| {
                let package = compat.values_package();
                let named =
                    e.to_string().replace("of type map[string]interface {}", &format!("of type {package}.Values"));
                format!("unable to parse YAML: {named}")
            })?
            .unwrap_or_default();
        // Only the top level: subcharts' values are not looked at.
        let coalesced = values::copy_values(self.values);
        let source = values::Source { copy: true, skip_nulls: false };
        values::Merger { compat, warnings: self.warnings }.tables(
            &coalesced,
            &defaults,
            "",
            MergeMode::Coalesce,
            source,
        );
        let schema_path = path.with_extension("schema.json");
        match std::fs::read(&schema_path) {
            Ok(schema) if !schema.is_empty() && !self.options.skip_schema_validation => {
                schema::validate_single(&coalesced, &schema, compat, self.resolver)
            }
            _ => Ok(()),
        }
    }

    fn dependencies(&mut self) {
        let chart = match self.load() {
            Ok(chart) => chart,
            Err(e) => {
                self.rule(Severity::Error, "", Err(format!("unable to load chart\n\t{e}")));
                return;
            }
        };
        let dir = self.dir.display().to_string();
        let declared = chart.metadata.dependencies();
        let list = |names: Vec<&str>, what: &str| {
            if names.is_empty() { Ok(()) } else { Err(format!("{what}: {}", names.join(","))) }
        };
        let undeclared = chart.dependencies.iter().map(Chart::name).filter(|n| !declared.iter().any(|d| d.name == *n));
        let outcome = list(undeclared.collect(), "chart metadata is missing these dependencies");
        self.rule(Severity::Error, &dir, outcome);
        let repeated = declared.iter().enumerate().filter(|(i, d)| declared[..*i].iter().any(|o| o.key() == d.key()));
        let outcome = list(repeated.map(|(_, d)| d.key()).collect(), "multiple dependencies with name or alias");
        self.rule(Severity::Error, &dir, outcome);
        let missing = declared.iter().filter(|d| !chart.dependencies.iter().any(|c| c.name() == d.name));
        let outcome = list(missing.map(|d| d.name.as_str()).collect(), "chart directory is missing these dependencies");
        self.rule(Severity::Warning, &dir, outcome);
    }
}
