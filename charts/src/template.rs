//! What `helm template` does, from a loaded chart to the text it prints.

use std::sync::Arc;

use templates_compat::{Compat, Host, Map};

use crate::capabilities::{Capabilities, HelmVersion, KubeVersion};
use crate::chart::Chart;
use crate::crds::{Crd, crds};
use crate::dependencies;
use crate::error::{Error, ErrorKind};
use crate::go_path::match_path;
use crate::manifest::{self, Hook, Manifest, push_document};
use crate::parallel::Crew;
use crate::post_render::{self, PostRenderer};
use crate::render::{self, Release, RenderOptions};
use crate::schema;
use crate::warning::Warnings;

/// What Helm 4 says, and logs, when dependencies cannot be processed.
const DEPENDENCIES_FAILED: &str = "chart dependencies processing failed";

/// What stands around a document in what is printed, in bytes.
const DOCUMENT_AROUND: usize = "---\n# Source: \n\n".len();

/// The options of `helm template` that change what is rendered and shown.
#[derive(Debug, Clone, Default)]
pub struct TemplateOptions {
    /// The release's name (`release-name` if nobody gave one).
    pub release_name: String,
    /// `--namespace`
    pub namespace: String,
    /// Which Helm is reproduced.
    pub compat: Compat,
    /// `--kube-version`
    pub kube_version: Option<KubeVersion>,
    /// `--api-versions`, after the known ones.
    pub api_versions: Vec<String>,
    /// The build of Helm that templates are told of; the official one of the
    /// version that is reproduced where there is none.
    pub helm_version: Option<HelmVersion>,
    /// `--include-crds`
    pub include_crds: bool,
    /// `--is-upgrade`
    pub is_upgrade: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// `--render-subchart-notes`
    pub subchart_notes: bool,
    /// `--post-renderer`
    pub post_renderer: Option<Arc<dyn PostRenderer>>,
    /// Who helps.
    pub crew: Crew,
    /// The process ends after this: what was made on the way is not taken
    /// apart, its memory is left to the system.
    pub ends_process: bool,
}

/// A rendered release that nobody installs.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The definitions of custom resources, if they were asked for.
    pub crds: Vec<Crd>,
    /// The objects, in the order of installing.
    pub manifests: Vec<Manifest>,
    /// The hooks, in the order of their kinds.
    pub hooks: Vec<Hook>,
    /// The notes.
    pub notes: Vec<u8>,
    /// The manifest as Helm 3's post-renderer made it.
    pub post_rendered: Option<Vec<u8>>,
}

/// Whether a chart is one that can be installed.
///
/// # Errors
/// `library charts are not installable`.
pub fn check_installable(chart: &Chart) -> Result<(), Error> {
    match chart.metadata.r#type.as_str() {
        "" | "application" => Ok(()),
        other => Err(Error::chart(format!("{other} charts are not installable"))),
    }
}

/// Renders a chart as `helm template` does without a cluster: checks it,
/// processes its dependencies, renders, sorts. That a chart is deprecated
/// (`chart.metadata.deprecated`) the caller tells, in the words of its Helm.
///
/// # Errors
/// Helm's text of what failed first. For [`ErrorKind::Render`] the command
/// adds a hint, see [`error_text`].
pub fn template(
    mut chart: Chart,
    values: &Map,
    options: &TemplateOptions,
    host: &dyn Host,
    resolver: &dyn schema::Resolver,
    warnings: &mut Warnings,
) -> Result<Rendered, Error> {
    let compat = options.compat;
    check_installable(&chart)?;
    let crew = &options.crew;
    let mut schemas = match options.skip_schema_validation {
        true => schema::Prepared::default(),
        false => schema::Prepared::of(&chart, compat, crew),
    };
    let outlines = render::outline(&chart, compat, crew);
    dependencies::check(&chart, compat)?;
    dependencies::process(&mut chart, values, compat, warnings).map_err(|e| match compat.logs_install_errors() {
        false => e,
        true => warnings.failed(DEPENDENCIES_FAILED, e),
    })?;
    let mut capabilities = Capabilities::defaults(compat);
    if let Some(version) = &options.kube_version {
        capabilities.kube_version = version.clone();
    }
    if let Some(version) = &options.helm_version {
        capabilities.helm_version = version.clone();
    }
    capabilities.api_versions.extend(options.api_versions.iter().cloned());
    let release = Release {
        name: options.release_name.clone(),
        namespace: options.namespace.clone(),
        revision: 1,
        is_install: !options.is_upgrade,
        is_upgrade: options.is_upgrade,
    };
    let render_options = RenderOptions {
        release: &release,
        capabilities: &capabilities,
        compat,
        skip_schema_validation: options.skip_schema_validation,
        resolver,
        lint: false,
        strict: false,
    };
    let top = render::render_values_with(&chart, values, &render_options, &mut schemas, warnings)?;
    render::check_kube_version(&chart, &capabilities, compat)?;
    let (mut files, set) = render::render_with_set(&chart, &top, &render_options, host, outlines, crew)?;
    let notes = files.take_notes(&chart, options.subchart_notes);
    if let (Some(renderer), true) = (&options.post_renderer, compat.post_renders_files()) {
        files.replace(post_render::files(files.files(), renderer.as_ref(), compat)?);
    }
    let crds = if options.include_crds { crds(&chart) } else { Vec::new() };
    // Room for the documents: nobody needs the chart any more.
    match options.ends_process {
        true => std::mem::forget((chart, top, set)),
        false => drop((chart, top, set)),
    }
    let sorted = files.sort(compat, warnings)?;
    let mut hooks = sorted.hooks;
    if options.no_hooks {
        hooks.clear();
    }
    hooks.retain(|h| !(options.skip_tests && h.is_test()));
    let mut rendered = Rendered { crds, manifests: sorted.manifests, hooks, notes, post_rendered: None };
    if let (Some(renderer), false) = (&options.post_renderer, compat.post_renders_files()) {
        rendered.post_rendered = Some(post_render::manifest(&rendered.manifest(), renderer.as_ref())?);
    }
    Ok(rendered)
}

/// What the command prints after `Error: `.
pub fn error_text(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Render => format!("{error}\n\nUse --debug flag to render out invalid YAML"),
        _ => error.to_string(),
    }
}

impl Rendered {
    /// The release's manifest: definitions, then objects.
    pub fn manifest(&self) -> Vec<u8> {
        if let Some(text) = &self.post_rendered {
            return text.clone();
        }
        let crds = self.crds.iter().map(|crd| crd.filename.len() + crd.file.data.len());
        let manifests = self.manifests.iter().map(|m| m.name.len() + m.content.len());
        let around = DOCUMENT_AROUND * (self.crds.len() + self.manifests.len());
        let mut out = Vec::with_capacity(crds.chain(manifests).sum::<usize>() + around);
        for crd in &self.crds {
            push_document(&mut out, &crd.filename, &crd.file.data);
        }
        for manifest in &self.manifests {
            push_document(&mut out, &manifest.name, manifest.content.as_bytes());
        }
        out
    }

    /// What the command prints.
    pub fn text(&self) -> Vec<u8> {
        // Every document begins with a mark: there is space at the end only.
        let mut out = self.manifest();
        out.truncate(match std::str::from_utf8(&out) {
            Ok(text) => text.trim_end().len(),
            Err(_) => out.trim_ascii_end().len(),
        });
        out.push(b'\n');
        for hook in &self.hooks {
            push_document(&mut out, &hook.path, hook.manifest.as_bytes());
        }
        out
    }

    /// What the command prints with `--show-only`: the documents whose paths
    /// (without the chart's name) fit one of the patterns, pattern by pattern.
    ///
    /// # Errors
    /// `could not find template X in chart`.
    pub fn show_only(&self, patterns: &[String], compat: Compat) -> Result<Vec<u8>, Error> {
        show_only(&self.text(), patterns, compat)
    }

    /// What the command writes with `--output-dir`: for each document the path
    /// below that folder, in the order of writing; a path that comes up again
    /// is written on. With a release's name
    /// in `below`, all but the definitions go one folder deeper.
    pub fn output_files(&self, below: Option<&str>) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let deeper = |name: &str| below.map_or_else(|| name.to_string(), |release| format!("{release}/{name}"));
        let mut add = |path: String, name: &str, content: &[u8]| {
            let mut document = Vec::new();
            push_document(&mut document, name, content);
            files.push((path, document));
        };
        for crd in &self.crds {
            add(crd.filename.clone(), &crd.filename, &crd.file.data);
        }
        for manifest in &self.manifests {
            add(deeper(&manifest.name), &manifest.name, manifest.content.as_bytes());
        }
        for hook in &self.hooks {
            add(deeper(&hook.path), &hook.path, hook.manifest.as_bytes());
        }
        files
    }
}

/// The documents of a printed render whose paths (without the chart's name)
/// fit one of the patterns, pattern by pattern.
///
/// # Errors
/// `could not find template X in chart`.
pub fn show_only(text: &[u8], patterns: &[String], compat: Compat) -> Result<Vec<u8>, Error> {
    let documents = manifest::split(text, compat);
    let mut out = Vec::new();
    for pattern in patterns {
        let before = out.len();
        for document in &documents {
            let shown = source_path(document).is_some_and(|path| match_path(pattern, &path).unwrap_or(false));
            if shown {
                out.extend_from_slice(b"---\n");
                out.extend_from_slice(document);
                out.push(b'\n');
            }
        }
        if out.len() == before {
            return Err(Error::new(ErrorKind::NotFound, format!("could not find template {pattern} in chart")));
        }
    }
    Ok(out)
}

/// The path in a document's first `# Source:` line, without the chart's name.
fn source_path(document: &[u8]) -> Option<String> {
    const MARK: &str = "# Source: ";
    let text = String::from_utf8_lossy(document);
    let mut rest = &*text;
    loop {
        rest = &rest[rest.find(MARK)? + MARK.len()..];
        let (chart, after) = match rest.split_once('/') {
            Some(parts) => parts,
            None => continue,
        };
        let path = after.split('\n').next().unwrap_or_default();
        if !chart.is_empty() && !path.is_empty() {
            return Some(path.to_string());
        }
    }
}
