//! How install, upgrade, status and `get all` show a release.

use std::fmt::Write as _;

use engine::release::{HookEvent, Time};
use engine::{Release, Status};
use templates_compat::value::Value;
use templates_compat::{Compat, json, yaml};

use crate::cli::{Failure, Format, Printer};

/// What parts of a release are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Parts {
    /// Chart, version and appVersion.
    pub metadata: bool,
    /// Values, hooks and manifest.
    pub debug: bool,
    /// No notes.
    pub hide_notes: bool,
    /// No chart in JSON and YAML.
    pub without_chart: bool,
}

/// A time as Go's `time.ANSIC`.
pub(crate) fn ansi_c(time: Option<&Time>) -> String {
    // Go prints its zero time.
    time.map_or_else(|| "Mon Jan  1 00:00:00 0001".into(), Time::ansic)
}

/// Shows a release in the wanted format.
///
/// # Errors
/// Values that cannot be written, or a reader that is gone.
pub(crate) fn show(
    printer: &Printer,
    format: Format,
    release: &Release,
    parts: Parts,
    compat: Compat,
) -> Result<(), Failure> {
    match format {
        Format::Table => printer.text(&for_people(printer, release, parts, compat)?),
        _ => {
            let json = match parts.without_chart {
                true => engine::release::codec::to_json_without_chart(release),
                false => engine::release::codec::to_json(release),
            };
            printer.structured(format, &String::from_utf8_lossy(&json.map_err(Failure::from_display)?))
        }
    }
}

fn for_people(printer: &Printer, release: &Release, parts: Parts, compat: Compat) -> Result<String, Failure> {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "NAME: {}", release.name);
    if let Some(time) = &release.info.last_deployed {
        let _ = writeln!(out, "LAST DEPLOYED: {}", time.ansic());
    }
    let _ = writeln!(out, "NAMESPACE: {}", colored_namespace(printer, &release.namespace));
    let _ = writeln!(out, "STATUS: {}", colored_status(printer, release.info.status));
    let _ = writeln!(out, "REVISION: {}", release.version);
    if parts.metadata {
        let _ = writeln!(out, "CHART: {}", release.chart.name());
        let _ = writeln!(out, "VERSION: {}", release.chart.version());
        let _ = writeln!(out, "APP_VERSION: {}", release.chart.app_version());
    }
    // Helm 3 shows it only when asked to.
    if compat.always_shows_descriptions() {
        let _ = writeln!(out, "DESCRIPTION: {}", release.info.description);
    }
    resources(&mut out, release);
    tests(&mut out, release);
    if parts.debug {
        let _ = write!(out, "USER-SUPPLIED VALUES:\n{}\n", yaml_of(release.config.clone())?);
        let computed = computed_values(release, compat)?;
        let _ = write!(out, "COMPUTED VALUES:\n{}\n", yaml_of(Some(computed))?);
    }
    if parts.debug || release.info.description.eq_ignore_ascii_case("dry run complete") {
        out.push_str("HOOKS:\n");
        out.push_str(&hooks(release));
        let _ = writeln!(out, "MANIFEST:\n{}", release.manifest);
    }
    if !parts.hide_notes && !release.info.notes.is_empty() {
        let _ = writeln!(out, "NOTES:\n{}", release.info.notes.trim());
    }
    Ok(out)
}

/// The values that the templates saw: the chart's own under the user's.
fn computed_values(release: &Release, compat: Compat) -> Result<templates_compat::Map, Failure> {
    let values = json::read(release.chart.values_json().as_bytes(), compat).map_err(Failure::from_display)?;
    let mut chart = charts::Chart::default();
    chart.values = values.as_map().cloned().unwrap_or_default();
    chart.metadata.name = release.chart.name().to_owned();
    let config = release.config.clone().unwrap_or_default();
    let mut warnings = charts::Warnings::new();
    charts::values::coalesce(&chart, &config, compat, &mut warnings).map_err(Failure::from_display)
}

/// The hooks as `get hooks` prints them.
pub(crate) fn hooks(release: &Release) -> String {
    release.hooks.iter().map(|h| format!("---\n# Source: {}\n{}\n", h.path, h.manifest)).collect()
}

/// Values as YAML; a nil map is `null`, as Go writes it.
fn yaml_of(values: Option<templates_compat::Map>) -> Result<String, Failure> {
    let value = values.map_or(Value::Nil, Value::Map);
    let bytes = yaml::write(&value, Compat::default()).map_err(Failure::from_display)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn tests(out: &mut String, release: &Release) {
    let mut tests = release.hooks.iter().filter(|h| h.events.contains(&HookEvent::Test)).peekable();
    if tests.peek().is_none() {
        out.push_str("TEST SUITE: None\n");
    }
    for hook in tests {
        let Some(started) = &hook.last_run.started_at else { continue };
        let _ = write!(
            out,
            "TEST SUITE:     {}\nLast Started:   {}\nLast Completed: {}\nPhase:          {}\n",
            hook.name,
            started.ansic(),
            ansi_c(hook.last_run.completed_at.as_ref()),
            hook.last_run.phase
        );
    }
}

/// The live objects, as the API server's own tables say them.
fn resources(out: &mut String, release: &Release) {
    let Some(resources) = release.info.resources.as_ref().filter(|r| !r.is_empty()) else { return };
    out.push_str("RESOURCES:\n");
    for (kind, tables) in resources {
        let _ = writeln!(out, "==> {kind}");
        out.push_str(&api_tables(tables));
        out.push('\n');
    }
    out.push('\n');
}

/// Prints `meta.k8s.io` Tables of one kind as kubectl does: the columns of
/// priority 0, each table aligned for itself, headers only where the columns
/// change.
fn api_tables(tables: &[serde_json::Value]) -> String {
    let empty = Vec::new();
    let mut last: Option<Vec<String>> = None;
    let mut out = String::new();
    for table in tables {
        let columns = table["columnDefinitions"].as_array().unwrap_or(&empty);
        let shown: Vec<usize> =
            (0..columns.len()).filter(|i| columns[*i]["priority"].as_i64().unwrap_or(0) == 0).collect();
        let header: Vec<String> =
            shown.iter().map(|i| columns[*i]["name"].as_str().unwrap_or("").to_uppercase()).collect();
        let mut rows = Vec::new();
        if last.as_ref() != Some(&header) {
            rows.push(header.clone());
            last = Some(header);
        }
        for row in table["rows"].as_array().unwrap_or(&empty) {
            let cells = row["cells"].as_array().unwrap_or(&empty);
            rows.push(shown.iter().map(|i| cells.get(*i).map(cell).unwrap_or_default()).collect());
        }
        out.push_str(&aligned(&rows));
    }
    out
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Null => "<none>".into(),
        other => other.to_string(),
    }
}

/// Columns padded to the widest cell plus three spaces, as kubectl does; the
/// last one is not padded.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            if i + 1 == row.len() {
                out.push_str(cell);
            } else {
                let _ = write!(out, "{cell:width$}", width = widths[i] + 3);
            }
        }
        out.push('\n');
    }
    out
}

const NAMESPACE_COLOR: &str = "36";

/// A namespace as Helm 4 colours it.
pub(super) fn colored_namespace(printer: &Printer, namespace: &str) -> String {
    colored(printer, NAMESPACE_COLOR, namespace)
}

/// A heading as Helm 4 shows it: bold.
pub(super) fn colored_heading(printer: &Printer, text: &str) -> String {
    if printer.color() { format!("\x1b[1m{text}\x1b[22m") } else { text.to_owned() }
}

fn colored(printer: &Printer, color: &str, text: &str) -> String {
    if printer.color() { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A status as Helm 4 colours it.
pub(super) fn colored_status(printer: &Printer, status: Status) -> String {
    let color = match status {
        Status::Deployed => "32",
        Status::Failed | Status::Unknown => "31",
        Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback | Status::Uninstalling => "33",
        _ => return status.to_string(),
    };
    colored(printer, color, status.as_str())
}

/// What `get metadata` prints for people.
pub(crate) fn metadata_lines(metadata: &engine::action::Metadata) -> String {
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
    };
    let dependencies: Vec<&str> = metadata.dependencies.iter().filter_map(|d| d["name"].as_str()).collect();
    let method = match metadata.apply_method.as_str() {
        "" => "client-side apply (defaulted)".to_owned(),
        "csa" => "client-side apply".to_owned(),
        "ssa" => "server-side apply".to_owned(),
        other => format!("unknown ({other:?})"),
    };
    format!(
        "NAME: {}\nCHART: {}\nVERSION: {}\nAPP_VERSION: {}\nANNOTATIONS: {}\nLABELS: {}\nDEPENDENCIES: {}\n\
         NAMESPACE: {}\nREVISION: {}\nSTATUS: {}\nDEPLOYED_AT: {}\nAPPLY_METHOD: {method}\n",
        metadata.name,
        metadata.chart,
        metadata.version,
        metadata.app_version,
        pairs(&metadata.annotations),
        pairs(&metadata.labels),
        dependencies.join(","),
        metadata.namespace,
        metadata.revision,
        metadata.status,
        metadata.deployed_at,
    )
}
