//! Helm's engine: which templates of a chart and its subcharts are parsed and
//! rendered, in which order, and with which data. The language itself is
//! `templates_compat`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use templates_compat::value::MapType;
use templates_compat::{Compat, Host, Map, Options, Parsed, TemplateSet, Value, with_deep_stack};

use crate::capabilities::Capabilities;
use crate::chart::{Chart, File};
use crate::chart_object::chart_value;
use crate::dependencies::is_compatible_range;
use crate::error::{Error, ErrorKind};
use crate::files::Files;
use crate::go_path::{base, join};
use crate::parallel;
use crate::schema;
use crate::values;
use crate::warning::Warnings;

/// What a release is called and what is being done with it.
#[derive(Debug, Clone)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The revision that is being made.
    pub revision: i64,
    /// Whether this is an installation (or a rollback is not).
    pub is_install: bool,
    /// Whether this is an upgrade.
    pub is_upgrade: bool,
}

/// What a render depends on beside chart and values.
#[derive(Clone, Copy)]
pub struct RenderOptions<'a> {
    /// The release.
    pub release: &'a Release,
    /// What the cluster can do.
    pub capabilities: &'a Capabilities,
    /// Which Helm is reproduced.
    pub compat: Compat,
    /// Do not check the values against the charts' schemas.
    pub skip_schema_validation: bool,
    /// Where schemas get those from that they refer to.
    pub resolver: &'a dyn schema::Resolver,
    /// Let missing required values pass, as `helm lint` does.
    pub lint: bool,
    /// A missing value is an error.
    pub strict: bool,
}

/// The rendered files by their full paths (`chart/templates/x.yaml`).
#[derive(Debug, Clone, Default)]
pub struct RenderedFiles {
    /// The files; partials are not among them.
    pub files: BTreeMap<String, Vec<u8>>,
}

const NOTES: &str = "NOTES.txt";

impl RenderedFiles {
    /// Takes the notes out: the chart's own, and with `subcharts` also those
    /// of its subcharts.
    pub fn take_notes(&mut self, chart: &Chart, subcharts: bool) -> Vec<u8> {
        let own = join(chart.name(), &format!("templates/{NOTES}"));
        let names: Vec<String> = self.files.keys().filter(|name| name.ends_with(NOTES)).cloned().collect();
        let mut notes = Vec::new();
        for name in names {
            let Some(text) = self.files.remove(&name) else { continue };
            if subcharts || name == own {
                if !notes.is_empty() {
                    notes.push(b'\n');
                }
                notes.extend_from_slice(&text);
            }
        }
        notes
    }
}

/// The data for templates: coalesced values, checked against the schemas, and
/// what is known about the release and the cluster.
///
/// # Errors
/// As [`values::coalesce`] and [`schema::validate`].
pub fn render_values(
    chart: &Chart,
    values: &Map,
    options: &RenderOptions<'_>,
    warnings: &mut Warnings,
) -> Result<Map, Error> {
    let values = values::coalesce(chart, values, options.compat, warnings)?;
    if !options.skip_schema_validation {
        let problems = schema::validate(chart, &values, options.compat, options.resolver);
        if !problems.is_empty() {
            return Err(Error::new(
                ErrorKind::Schema,
                format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{problems}"),
            ));
        }
    }
    let release = Map::new();
    release.insert("Name", Value::str(options.release.name.as_str()));
    release.insert("Namespace", Value::str(options.release.namespace.as_str()));
    release.insert("IsUpgrade", Value::Bool(options.release.is_upgrade));
    release.insert("IsInstall", Value::Bool(options.release.is_install));
    release.insert("Revision", Value::int(options.release.revision));
    release.insert("Service", Value::str("Helm"));
    let top = Map::new();
    top.insert("Release", Value::Map(release));
    top.insert("Capabilities", options.capabilities.to_value());
    top.insert("Values", Value::Map(values.with_type(MapType::Values)));
    Ok(top)
}

/// Whether the chart allows the cluster's version.
///
/// # Errors
/// Helm's text if not.
pub fn check_kube_version(chart: &Chart, capabilities: &Capabilities, compat: Compat) -> Result<(), Error> {
    let wanted = &chart.metadata.kube_version;
    let version = &capabilities.kube_version;
    if wanted.is_empty() || is_compatible_range(wanted, version.for_constraints(), compat) {
        return Ok(());
    }
    Err(Error::render(format!(
        "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
        version.version
    )))
}

/// Renders all templates of a chart and its subcharts. `top` comes from
/// [`render_values`].
///
/// # Errors
/// The first parse or execution error, in Helm's order and words.
pub fn render(chart: &Chart, top: &Map, options: &RenderOptions<'_>, host: &dyn Host) -> Result<RenderedFiles, Error> {
    render_with_set(chart, top, options, host).map(|(files, _)| files)
}

/// The same, with the templates it was rendered from.
pub(crate) fn render_with_set(
    chart: &Chart,
    top: &Map,
    options: &RenderOptions<'_>,
    host: &dyn Host,
) -> Result<(RenderedFiles, TemplateSet), Error> {
    let (compat, strict, lint) = (options.compat, options.strict, options.lint);
    let options = Options { compat, strict, lint, ..Options::default() };
    // One thread with room for recursion serves all files.
    with_deep_stack(|| render_files(chart, top, options, host))
}

fn render_files(
    chart: &Chart,
    top: &Map,
    options: Options,
    host: &dyn Host,
) -> Result<(RenderedFiles, TemplateSet), Error> {
    let mut templates = BTreeMap::new();
    collect(chart, None, top, options.compat, &mut templates);
    let order = render_order(&templates);
    let mut set = TemplateSet::new(options.clone());
    let texts: Vec<(&String, &Arc<[u8]>)> =
        order.iter().filter_map(|name| Some((*name, templates.get(*name)?.text))).collect();
    let size = texts.iter().map(|(_, text)| text.len()).sum();
    let parse = |(name, text): &(&String, &Arc<[u8]>)| Parsed::of_shared(name, Arc::clone(text), options.compat);
    for parsed in parallel::map(&texts, size, parse) {
        set.add(&parsed.map_err(|e| Error::render(e.to_string()))?);
    }
    let mut rendered = RenderedFiles::default();
    for name in order {
        let Some(renderable) = templates.get(name) else { continue };
        if base(name).starts_with('_') {
            continue;
        }
        let template = Map::of_type(MapType::Values);
        template.insert("Name", Value::str(name.as_str()));
        template.insert("BasePath", Value::str(&*renderable.base_path));
        renderable.data.insert("Template", Value::Map(template));
        let root = Value::Map(renderable.data.with_type(MapType::Values));
        let text = set.render(name, &root, host).map_err(|e| Error::render(e.to_string()))?;
        rendered.files.insert(name.clone(), text);
    }
    Ok((rendered, set))
}

/// A template with its data.
struct Renderable<'a> {
    text: &'a Arc<[u8]>,
    data: Map,
    base_path: Arc<str>,
}

/// Deeper paths before shallower ones, and among equals from the end of the
/// alphabet to its beginning: so the definitions that count are those nearest
/// to the top.
fn render_order<'t>(templates: &'t BTreeMap<String, Renderable<'_>>) -> Vec<&'t String> {
    let mut names: Vec<(usize, &String)> =
        templates.keys().map(|name| (name.bytes().filter(|b| *b == b'/').count(), name)).collect();
    names.sort_by(|a, b| b.cmp(a));
    names.into_iter().map(|(_, name)| name).collect()
}

/// Collects the templates of a chart and its subcharts, each with the values
/// of its own scope. Gives the chart's data.
fn collect<'a>(
    chart: &'a Chart,
    parent: Option<&str>,
    values: &Map,
    compat: Compat,
    templates: &mut BTreeMap<String, Renderable<'a>>,
) -> Map {
    let data = Map::new();
    let subcharts = Map::new();
    let own_values = match (parent, values.get(b"Values")) {
        (None, own) => own.unwrap_or_default(),
        (Some(_), Some(Value::Map(all))) => match all.get(chart.name().as_bytes()) {
            Some(Value::Map(own)) => Value::Map(own.with_type(MapType::Values)),
            _ => Value::Map(Map::of_type(MapType::Values)),
        },
        _ => Value::Map(Map::of_type(MapType::Values)),
    };
    data.insert("Chart", chart_value(&chart.metadata, parent.is_none(), compat));
    data.insert("Files", Value::Object(Arc::new(Files::new(&chart.files))));
    data.insert("Release", values.get(b"Release").unwrap_or_default());
    data.insert("Capabilities", values.get(b"Capabilities").unwrap_or_default());
    data.insert("Values", own_values);
    data.insert("Subcharts", Value::Map(subcharts.clone()));
    let path = chart.full_path(parent);
    for sub in &chart.dependencies {
        let below = collect(sub, Some(&path), &data, compat, templates);
        subcharts.insert(sub.name(), Value::Map(below));
    }
    let base_path: Arc<str> = join(&path, "templates").into();
    for File { name, data: text, .. } in &chart.templates {
        if chart.is_library() && !base(name).starts_with('_') {
            continue;
        }
        let renderable = Renderable { text, data: data.clone(), base_path: base_path.clone() };
        templates.insert(join(&path, name), renderable);
    }
    data
}
