//! From a chart and values to a rendered release: the way to `charts` and
//! back, on a blocking thread. Owns what is asked of the cluster before; not
//! the language or the order of manifests.

use std::sync::Arc;

use charts::manifest;
use charts::post_render::{self, PostRenderer};
use charts::render::{Release as RenderRelease, RenderOptions};
use charts::schema::{LocalResolver, Resolver};
use charts::{Capabilities, Chart, KubeVersion, Warnings, dependencies};
use templates_compat::{Compat, Map, Seed, Seeded};
use tokio::runtime::Handle;

use crate::Run;
use crate::cluster::{Cluster, ServerVersion};
use crate::error::{Error, Result, Stage};
use crate::event::Event;
use crate::host::RenderHost;
use crate::pull::SchemaFetcher;
use crate::release::{ChartRecord, Hook};

/// What a render depends on beside the chart and the values.
#[derive(Clone)]
pub(crate) struct RenderInputs {
    pub(crate) release: RenderRelease,
    pub(crate) compat: Compat,
    /// The cluster for capabilities and `lookup`.
    pub(crate) cluster: Option<Cluster>,
    /// Its version, if it was asked for it already.
    pub(crate) version: Option<ServerVersion>,
    /// Replaces the version, when there is no cluster.
    pub(crate) kube_version: Option<KubeVersion>,
    /// Added to the versions, when there is no cluster.
    pub(crate) api_versions: Vec<String>,
    pub(crate) enable_dns: bool,
    pub(crate) skip_schema_validation: bool,
    pub(crate) subchart_notes: bool,
    pub(crate) hide_secret: bool,
    pub(crate) include_crds: bool,
    pub(crate) seed: Option<Seed>,
    pub(crate) post_renderer: Option<Arc<dyn PostRenderer>>,
}

impl RenderInputs {
    pub(crate) fn new(release: RenderRelease, compat: Compat, cluster: Option<Cluster>) -> RenderInputs {
        RenderInputs {
            release,
            compat,
            cluster,
            version: None,
            kube_version: None,
            api_versions: Vec::new(),
            enable_dns: false,
            skip_schema_validation: false,
            subchart_notes: false,
            hide_secret: false,
            include_crds: false,
            seed: None,
            post_renderer: None,
        }
    }
}

/// What came out.
pub(crate) struct Rendered {
    pub(crate) manifest: String,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) notes: String,
}

/// Processes a chart's dependencies (conditions, tags, imported values) and
/// gives it back as it is then, on a blocking thread.
pub(crate) async fn process_dependencies(run: &Run, chart: Chart, values: &Map, compat: Compat) -> Result<Chart> {
    let values = values.clone();
    let work = move || {
        let (mut chart, mut warnings) = (chart, Warnings::new());
        let result = dependencies::process(&mut chart, &values, compat, &mut warnings);
        (result.map(|()| chart), warnings)
    };
    let (result, warnings) = blocking(work).await?;
    run.events.report(warnings);
    Ok(result?)
}

/// Checks what Helm's commands check of a chart before an action.
pub(crate) fn check_chart(run: &Run, chart: &Chart, compat: Compat) -> Result<()> {
    charts::template::check_installable(chart)?;
    if chart.metadata.deprecated {
        run.events.send(Event::Deprecated);
    }
    dependencies::check(chart, compat)?;
    Ok(())
}

/// The capabilities of the cluster, or those that Helm assumes without one.
pub(crate) async fn capabilities(run: &Run, inputs: &RenderInputs) -> Result<Capabilities> {
    let mut capabilities = Capabilities::defaults(inputs.compat);
    let Some(cluster) = &inputs.cluster else {
        if let Some(version) = &inputs.kube_version {
            capabilities.kube_version = version.clone();
        }
        capabilities.api_versions.extend(inputs.api_versions.iter().cloned());
        return Ok(capabilities);
    };
    let version = async {
        match &inputs.version {
            Some(version) => Ok(version.clone()),
            None => cluster.version().await,
        }
    };
    let (version, discovery) = futures::try_join!(version, cluster.discovery())
        .map_err(|e| e.context("could not get server version from Kubernetes"))?;
    for group in discovery.stale_groups() {
        run.events.warn(format!("the kubernetes server has an orphaned API service: {group}"));
    }
    capabilities.kube_version = KubeVersion {
        version: version.git_version,
        // A live version is compared as it is.
        normalized: String::new(),
        major: version.major,
        minor: version.minor,
    };
    capabilities.api_versions = discovery.api_versions().map(str::to_string).collect();
    Ok(capabilities)
}

/// Reads what schemas refer to from files and from the network; the blocking
/// thread of a render waits for it.
struct FetchingResolver {
    runtime: Handle,
    fetcher: SchemaFetcher,
}

impl Resolver for FetchingResolver {
    fn resolve(&self, address: &str) -> Result<Vec<u8>, String> {
        if !SchemaFetcher::is_for(address) {
            return LocalResolver.resolve(address);
        }
        self.runtime.block_on(self.fetcher.fetch(address))
    }
}

/// Renders. The chart's dependencies must have been processed.
///
/// # Errors
/// The chart's.
pub(crate) async fn render(run: &Run, chart: Chart, values: Map, inputs: RenderInputs) -> Result<(Chart, Rendered)> {
    let capabilities = capabilities(run, &inputs).await?;
    let host = RenderHost {
        cluster: inputs.cluster.clone().map(|c| (c, Handle::current())),
        enable_dns: inputs.enable_dns,
        compat: inputs.compat,
        seeded: inputs.seed.map(Seeded::new),
    };
    let runtime = Handle::current();
    let work = move || {
        let mut warnings = Warnings::new();
        let resolver = FetchingResolver { runtime, fetcher: SchemaFetcher::default() };
        let result = render_now(&chart, &values, &inputs, &capabilities, &host, &resolver, &mut warnings);
        (result.map(|rendered| (chart, rendered)), warnings)
    };
    let (result, warnings) = blocking(work).await?;
    run.events.report(warnings);
    let (chart, rendered) = result?;
    run.events.send(Event::Rendered {
        objects: rendered.manifest.matches("\n# Source: ").count(),
        hooks: rendered.hooks.len(),
    });
    Ok((chart, rendered))
}

fn render_now(
    chart: &Chart,
    values: &Map,
    inputs: &RenderInputs,
    capabilities: &Capabilities,
    host: &RenderHost,
    resolver: &dyn Resolver,
    warnings: &mut Warnings,
) -> Result<Rendered, charts::Error> {
    let options = RenderOptions {
        release: &inputs.release,
        capabilities,
        compat: inputs.compat,
        skip_schema_validation: inputs.skip_schema_validation,
        resolver,
        lint: false,
        strict: false,
    };
    let top = charts::render::render_values(chart, values, &options, warnings)?;
    charts::render::check_kube_version(chart, capabilities, inputs.compat)?;
    let mut files = charts::render::render(chart, &top, &options, host)?;
    let notes = files.take_notes(chart, inputs.subchart_notes);
    if let (Some(renderer), true) = (&inputs.post_renderer, inputs.compat.post_renders_files()) {
        files.replace(post_render::files(files.files(), renderer.as_ref(), inputs.compat)?);
    }
    let sorted = files.sort(inputs.compat, warnings)?;
    let mut text = Vec::new();
    if inputs.include_crds {
        for crd in charts::crds::crds(chart) {
            manifest::push_document(&mut text, &crd.filename, &crd.file.data);
        }
    }
    for manifest in &sorted.manifests {
        let secret = manifest.head.kind == "Secret" && manifest.head.api_version == "v1";
        if inputs.hide_secret && secret {
            let hidden = b"# HIDDEN: The Secret output has been suppressed";
            manifest::push_document(&mut text, &manifest.name, hidden);
        } else {
            manifest::push_document(&mut text, &manifest.name, manifest.content.as_bytes());
        }
    }
    if let (Some(renderer), false) = (&inputs.post_renderer, inputs.compat.post_renders_files()) {
        text = post_render::manifest(&text, renderer.as_ref())?;
    }
    Ok(Rendered { manifest: utf8(text), hooks: sorted.hooks.into_iter().map(Hook::from).collect(), notes: utf8(notes) })
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Runs work that does not wait for the network on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::other(Stage::Render, format!("the render did not end: {e}")))
}

/// The chart as its record keeps it.
pub(crate) fn chart_record(chart: &Chart) -> Result<ChartRecord> {
    ChartRecord::of(chart).map_err(|e| Error::other(Stage::Storage, e.to_string()))
}
