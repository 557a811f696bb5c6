//! Which subcharts take part in a release, under which names, and which of
//! their values come up to the parent.

use templates_compat::semver::{Constraints, Version};
use templates_compat::{Compat, Map, Value};

use crate::chart::Chart;
use crate::error::{Error, ErrorKind};
use crate::go_text::verb_v;
use crate::metadata::Dependency;
use crate::values::{self, path_value, table};
use crate::warning::{Level, Warnings};

/// Whether a version fits a constraint; false for what is neither.
pub fn is_compatible_range(constraint: &str, version: &str, compat: Compat) -> bool {
    match (Version::parse(version, compat), Constraints::parse(constraint, compat)) {
        (Ok(version), Ok(constraints)) => constraints.check(&version),
        _ => false,
    }
}

/// Whether every declared dependency lies in `charts/`, as the verbs that
/// render say it: with advice.
///
/// # Errors
/// Helm's text with the names of the missing ones.
pub fn check(chart: &Chart, compat: Compat) -> Result<(), Error> {
    let (a, q) = compat.dependency_error_marks();
    check_present(chart).map_err(|e| {
        e.wrap(&format!(
            "{a}n error occurred while checking for chart dependencies. You may need to run {q}helm dependency \
             build{q} to fetch missing dependencies"
        ))
    })
}

/// Whether every declared dependency lies in `charts/`.
///
/// # Errors
/// Helm's text with the names of the missing ones.
pub fn check_present(chart: &Chart) -> Result<(), Error> {
    let missing: Vec<&str> = chart
        .metadata
        .dependencies()
        .iter()
        .filter(|d| !chart.dependencies.iter().any(|c| c.name() == d.name))
        .map(|d| d.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!("found in Chart.yaml, but missing in charts/ directory: {}", missing.join(", "));
    Err(Error::new(ErrorKind::MissingDependency, text))
}

/// Renames aliased subcharts, takes out the disabled ones (conditions and tags
/// are looked up in `values` over the defaults), and imports values.
///
/// # Errors
/// As [`values::coalesce`].
pub fn process(chart: &mut Chart, values: &Map, compat: Compat, warnings: &mut Warnings) -> Result<(), Error> {
    let mut run = Run { compat, warnings };
    let full_path = chart.full_path(None);
    run.enabled(chart, values, "", &full_path).and_then(|()| run.import_values(chart))
}

struct Run<'w> {
    compat: Compat,
    warnings: &'w mut Warnings,
}

impl Run<'_> {
    fn enabled(&mut self, chart: &mut Chart, values: &Map, path: &str, full_path: &str) -> Result<(), Error> {
        if chart.metadata.dependencies.is_none() {
            return Ok(());
        }
        self.choose(chart, full_path);
        let values = values::coalesce(chart, values, self.compat, self.warnings)?;
        let declared = chart.metadata.dependencies.get_or_insert_default();
        apply_tags(declared, &values, self.compat, self.warnings);
        apply_conditions(declared, &values, path, self.compat, self.warnings);
        let disabled: Vec<String> = declared.iter().filter(|d| !d.enabled).map(|d| d.name.clone()).collect();
        declared.retain(|d| !disabled.contains(&d.name));
        if declared.is_empty() {
            chart.metadata.dependencies = None;
        }
        chart.dependencies.retain(|c| !disabled.iter().any(|d| d == c.name()));
        for sub in &mut chart.dependencies {
            let below = format!("{path}{}.", sub.name());
            let sub_path = sub.full_path(Some(full_path));
            self.enabled(sub, &values, &below, &sub_path)?;
        }
        Ok(())
    }

    /// Replaces the loaded subcharts by those that the declarations ask for,
    /// under their aliases. Charts that no declaration fits are kept.
    fn choose(&mut self, chart: &mut Chart, full_path: &str) {
        let declared = chart.metadata.dependencies.get_or_insert_default();
        let fits = |d: &Dependency, c: &Chart| {
            d.name == c.name() && is_compatible_range(&d.version, &c.metadata.version, self.compat)
        };
        let picks: Vec<Option<usize>> =
            declared.iter().map(|d| chart.dependencies.iter().position(|c| fits(d, c))).collect();
        let undeclared: Vec<bool> = chart.dependencies.iter().map(|c| !declared.iter().any(|d| fits(d, c))).collect();
        let mut loaded: Vec<Option<Chart>> = std::mem::take(&mut chart.dependencies).into_iter().map(Some).collect();
        let mut chosen: Vec<Chart> = Vec::with_capacity(loaded.len());
        for (slot, undeclared) in loaded.iter_mut().zip(undeclared) {
            if undeclared {
                chosen.extend(slot.take());
            }
        }
        for (i, dependency) in declared.iter_mut().enumerate() {
            if let Some(at) = picks[i] {
                let again = picks[i + 1..].contains(&picks[i]);
                let found = if again { loaded[at].clone() } else { loaded[at].take() };
                if let Some(mut sub) = found {
                    let repeated = picks[..i].contains(&picks[i]);
                    self.rename(&mut sub, &dependency.alias, full_path, repeated);
                    chosen.push(sub);
                }
            }
            dependency.enabled = true;
            if !dependency.alias.is_empty() {
                dependency.name.clone_from(&dependency.alias);
            }
        }
        chart.dependencies = chosen;
    }

    fn rename(&self, sub: &mut Chart, alias: &str, full_path: &str, repeated: bool) {
        if self.compat.shares_copied_charts() {
            // Helm 3's copies share what is below them: undeclared charts stay
            // under the unaliased name, and the declarations of a second copy
            // have already got their aliases as names.
            if !alias.is_empty() && sub.metadata.dependencies.is_none() {
                let unaliased = format!("{full_path}/charts/{}", sub.name());
                for below in &mut sub.dependencies {
                    below.parent_path = Some(unaliased.clone());
                }
            }
            if repeated {
                alias_declarations(sub);
            }
        }
        if !alias.is_empty() {
            sub.metadata.name = alias.to_string();
        }
    }

    /// Bottom-up: every chart with dependencies gets its subcharts' defaults
    /// into its own, and what it imports from them.
    fn import_values(&mut self, chart: &mut Chart) -> Result<(), Error> {
        for sub in &mut chart.dependencies {
            self.import_values(sub)?;
        }
        if chart.metadata.dependencies.is_none() {
            return Ok(());
        }
        let defaults = values::merge(chart, &Map::new(), self.compat, self.warnings)?;
        let mut imported = Map::new();
        for dependency in chart.metadata.dependencies.iter_mut().flatten() {
            let entries = std::mem::take(&mut dependency.import_values);
            for entry in entries {
                let Some((child, parent)) = import_paths(&entry, self.compat) else { continue };
                dependency.import_values.push(import_pair(&child, &parent));
                match table(&defaults, &format!("{}.{child}", dependency.name)) {
                    Ok(found) => {
                        let placed = path_to_map(&parent, found.deep_copy());
                        imported = self.over(imported, &placed);
                    }
                    Err(name) => self.missing_import(&entry, dependency, &name),
                }
            }
        }
        chart.values = if imported.is_empty() { defaults } else { self.over(defaults, &imported) };
        Ok(())
    }

    /// `dst` with what `src` has beside it; nulls stay.
    fn over(&mut self, dst: Map, src: &Map) -> Map {
        let source = values::Source { copy: true, skip_nulls: false };
        values::Merger { compat: self.compat, warnings: self.warnings }.tables(
            &dst,
            src,
            "",
            values::MergeMode::Merge,
            source,
        );
        dst
    }

    /// An export (a text) or a pair of paths names a table that is not there.
    fn missing_import(&mut self, entry: &Value, dependency: &Dependency, name: &str) {
        let why = format!("{} is not a table", crate::go_text::quote(name, self.compat));
        let error = ("error", why.clone());
        let (text, details) = match entry {
            Value::Str(_) => ("ImportValues missing table", vec![error]),
            _ => ("ImportValues missing table from chart", vec![("chart", dependency.name.clone()), error]),
        };
        self.warnings.say(self.compat, (Level::Warn, text, details), || match entry {
            Value::Str(_) => format!("dependencies.go:287: Warning: ImportValues missing table: {why}"),
            _ => format!(
                "dependencies.go:270: Warning: ImportValues missing table from chart {}: {why}",
                dependency.name
            ),
        });
    }
}

fn alias_declarations(chart: &mut Chart) {
    for dependency in chart.metadata.dependencies.iter_mut().flatten() {
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    chart.dependencies.iter_mut().for_each(alias_declarations);
}

/// What Helm 4 says of a tag or a condition that is something else.
const NO_BOOL: &str = "returned non-bool value";

/// A dependency with a true tag is on, one with only false tags is off.
fn apply_tags(declared: &mut [Dependency], values: &Map, compat: Compat, warnings: &mut Warnings) {
    let Ok(tags) = table(values, "tags") else { return };
    for dependency in declared {
        let (mut on, mut off) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag.as_bytes()) {
                Some(Value::Bool(true)) => on = true,
                Some(Value::Bool(false)) => off = true,
                Some(_) => {
                    let name = &dependency.name;
                    let details = vec![("tag", tag.clone()), ("chart", name.clone())];
                    warnings.say(compat, (Level::Warn, NO_BOOL, details), || {
                        format!("dependencies.go:95: Warning: Tag '{tag}' for chart {name} returned non-bool value")
                    });
                }
                None => {}
            }
        }
        dependency.enabled = on || !off;
    }
}

/// The first condition that is a boolean decides.
fn apply_conditions(declared: &mut [Dependency], values: &Map, path: &str, compat: Compat, warnings: &mut Warnings) {
    for dependency in declared {
        for condition in dependency.condition.trim().split(',').filter(|c| !c.is_empty()) {
            match path_value(values, &format!("{path}{condition}")) {
                Some(Value::Bool(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(_) => {
                    let name = &dependency.name;
                    let details = vec![("path", condition.to_owned()), ("chart", name.clone())];
                    warnings.say(compat, (Level::Warn, NO_BOOL, details), || {
                        format!(
                            "dependencies.go:64: Warning: Condition path '{condition}' for chart {name} returned non-bool value"
                        )
                    });
                }
                None => {}
            }
        }
    }
}

/// The child's and the parent's path of an entry of `import-values`.
fn import_paths(entry: &Value, compat: Compat) -> Option<(String, String)> {
    match entry {
        Value::Str(export) => Some((format!("exports.{export}"), ".".to_string())),
        Value::Map(pair) => {
            let part = |key: &[u8]| verb_v(&pair.get(key).unwrap_or_default(), compat);
            Some((part(b"child"), part(b"parent")))
        }
        _ => None,
    }
}

fn import_pair(child: &str, parent: &str) -> Value {
    let map = Map::of_type(templates_compat::value::MapType::String);
    map.insert("child", Value::str(child));
    map.insert("parent", Value::str(parent));
    Value::Map(map)
}

/// `data` under a dotted path.
fn path_to_map(path: &str, data: Map) -> Map {
    if path == "." {
        return data;
    }
    path.split('.').rev().fold(data, |inner, key| {
        let outer = Map::new();
        outer.insert(key, Value::Map(inner));
        outer
    })
}
