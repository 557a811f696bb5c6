//! Helm's engine: which templates of a chart and its subcharts are parsed and
//! rendered, in which order, and with which data. The language itself is
//! `templates_compat`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use templates_compat::value::MapType;
use templates_compat::{Compat, Host, Map, Options, Parsed, TemplateSet, Value, with_room};

use crate::capabilities::Capabilities;
use crate::chart::{Chart, File};
use crate::chart_object::chart_value;
use crate::dependencies::is_compatible_range;
use crate::error::{Error, ErrorKind};
use crate::files::Files;
use crate::go_path::{base, join};
use crate::manifest::{self, Document, KindOrder, Sorted};
use crate::parallel::{Crew, Pending, WORTH_A_THREAD};
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
    files: BTreeMap<String, Vec<u8>>,
    /// What was read of them already.
    documents: HashMap<String, Vec<Document>>,
}

const NOTES: &str = "NOTES.txt";

/// So much of the templates is read over at one time, in bytes.
const PART: usize = 24 << 10;
/// So much rendered text is read by the helper at one time, in bytes: less is
/// not worth waking it.
const BATCH: usize = 8 << 10;

impl RenderedFiles {
    /// The files.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Takes other files for them, as a post-renderer gives.
    pub fn replace(&mut self, files: BTreeMap<String, Vec<u8>>) {
        *self = RenderedFiles { files, ..RenderedFiles::default() };
    }

    /// Splits the files into hooks and other objects, in the order of
    /// installing.
    ///
    /// # Errors
    /// As [`manifest::sort`].
    pub fn sort(mut self, compat: Compat, warnings: &mut Warnings) -> Result<Sorted, Error> {
        manifest::sort_read(&self.files, &mut self.documents, KindOrder::Install, compat, warnings)
    }

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
    render_values_with(chart, values, options, &mut schema::Prepared::default(), warnings)
}

/// The same, with schemas that were begun with before.
pub(crate) fn render_values_with(
    chart: &Chart,
    values: &Map,
    options: &RenderOptions<'_>,
    schemas: &mut schema::Prepared,
    warnings: &mut Warnings,
) -> Result<Map, Error> {
    let values = values::coalesce(chart, values, options.compat, warnings)?;
    if !options.skip_schema_validation {
        let problems = schema::validate_with(chart, &values, options.compat, options.resolver, schemas);
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
    let crew = Crew::default();
    let outlines = outline(chart, options.compat, &crew);
    render_with_set(chart, top, options, host, outlines, &crew).map(|(files, _)| files)
}

/// Templates that are being read over.
pub(crate) type Outlines = Vec<Pending<Vec<Outlined>>>;

/// A template by its full path, and what came of reading it over.
pub(crate) struct Outlined {
    name: String,
    text: Arc<[u8]>,
    parsed: Result<Parsed, String>,
}

/// Begins to read over all templates of a chart, those too that will not be
/// rendered. Nothing if they are few.
pub(crate) fn outline(chart: &Chart, compat: Compat, crew: &Crew) -> Outlines {
    let mut texts = Vec::new();
    named(chart, None, &mut texts);
    let size: usize = texts.iter().map(|(_, text)| text.len()).sum();
    if texts.len() < 2 || size < WORTH_A_THREAD {
        return Outlines::new();
    }
    let mut outlines = Outlines::new();
    let post = |part: Vec<(String, Arc<[u8]>)>| {
        crew.post(move || part.into_iter().map(|(name, text)| outline_one(name, text, compat)).collect())
    };
    let (mut part, mut size) = (Vec::new(), 0);
    for (name, text) in texts {
        size += text.len();
        part.push((name, text));
        if size >= PART {
            outlines.push(post(std::mem::take(&mut part)));
            size = 0;
        }
    }
    if !part.is_empty() {
        outlines.push(post(part));
    }
    outlines
}

fn outline_one(name: String, text: Arc<[u8]>, compat: Compat) -> Outlined {
    let parsed = Parsed::of_shared(&name, Arc::clone(&text), compat).map_err(|e| e.to_string());
    Outlined { name, text, parsed }
}

fn named(chart: &Chart, parent: Option<&str>, texts: &mut Vec<(String, Arc<[u8]>)>) {
    let path = chart.full_path(parent);
    texts.extend(chart.templates.iter().map(|file| (join(&path, &file.name), Arc::clone(&file.data))));
    chart.dependencies.iter().for_each(|sub| named(sub, Some(&path), texts));
}

/// The same as [`render`], with the templates it was rendered from.
pub(crate) fn render_with_set(
    chart: &Chart,
    top: &Map,
    options: &RenderOptions<'_>,
    host: &dyn Host,
    outlines: Outlines,
    crew: &Crew,
) -> Result<(RenderedFiles, TemplateSet), Error> {
    let (compat, strict, lint) = (options.compat, options.strict, options.lint);
    let options = Options { compat, strict, lint, ..Options::default() };
    with_room(|| render_files(chart, top, options, host, outlines, crew))
}

fn render_files(
    chart: &Chart,
    top: &Map,
    options: Options,
    host: &dyn Host,
    outlines: Outlines,
    crew: &Crew,
) -> Result<(RenderedFiles, TemplateSet), Error> {
    let mut templates = BTreeMap::new();
    collect(chart, None, top, options.compat, &mut templates);
    let order = render_order(&templates);
    let compat = options.compat;
    let mut set = TemplateSet::new(options);
    // On this thread alone, the documents are read when all files are there.
    let mut beside =
        Beside { crew: (!outlines.is_empty()).then_some(crew), compat, batch: Vec::new(), size: 0, read: Vec::new() };
    let mut outlined: HashMap<String, Outlined> =
        outlines.into_iter().flat_map(Pending::take).map(|outlined| (outlined.name.clone(), outlined)).collect();
    for name in &order {
        let Some(renderable) = templates.get(*name) else { continue };
        // A chart may have got another name, and so its templates.
        let parsed = match outlined.remove(*name) {
            Some(outlined) if Arc::ptr_eq(&outlined.text, renderable.text) => outlined.parsed,
            _ => outline_one((*name).clone(), Arc::clone(renderable.text), compat).parsed,
        };
        set.add(&parsed.map_err(Error::render)?);
    }
    let mut rendered = BTreeMap::new();
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
        let text = Arc::new(text);
        beside.read(name, &text);
        rendered.insert(name.clone(), text);
    }
    let documents = beside.finish();
    let files = rendered.into_iter().map(|(name, text)| (name, Arc::unwrap_or_clone(text))).collect();
    Ok((RenderedFiles { files, documents }, set))
}

/// Rendered texts with their names.
type Batch = Vec<(String, Arc<Vec<u8>>)>;

/// What was read of rendered texts.
type Documents = Vec<(String, Vec<Document>)>;

/// Rendered texts on their way to the helper.
struct Beside<'c> {
    crew: Option<&'c Crew>,
    compat: Compat,
    batch: Batch,
    size: usize,
    read: Vec<Pending<Documents>>,
}

impl Beside<'_> {
    /// Has a file read, sooner or later.
    fn read(&mut self, name: &str, text: &Arc<Vec<u8>>) {
        if self.crew.is_none() || name.ends_with(NOTES) || manifest::is_blank(text) {
            return;
        }
        self.batch.push((name.to_owned(), Arc::clone(text)));
        self.size += text.len();
        if self.size >= BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.size = 0;
        let (batch, compat) = (std::mem::take(&mut self.batch), self.compat);
        if let Some(crew) = self.crew.filter(|_| !batch.is_empty()) {
            let read = move || batch.into_iter().map(|(name, text)| (name, manifest::read(&text, compat))).collect();
            self.read.push(crew.post(read));
        }
    }

    fn finish(mut self) -> HashMap<String, Vec<Document>> {
        self.hand_over();
        self.read.into_iter().flat_map(Pending::take).collect()
    }
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
