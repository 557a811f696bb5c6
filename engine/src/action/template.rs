//! `template`: renders a chart, without a cluster or (with `dry_run` server)
//! with one.

use std::sync::Arc;

use charts::post_render::PostRenderer;
use charts::{Chart, KubeVersion};
use templates_compat::{Map, Seed};

use super::common;
use crate::error::Result;
use crate::options::DryRun;
use crate::release::{Info, Release};
use crate::render::{self, RenderInputs};
use crate::{Engine, Run};

/// How to render. Field names are those of Helm's flags.
#[derive(Debug, Clone, Default)]
pub struct TemplateOptions {
    /// The release's name.
    pub name: String,
    /// The release's namespace.
    pub namespace: String,
    /// `--dry-run`: only `Server` asks the cluster.
    pub dry_run: DryRun,
    /// `--include-crds`
    pub include_crds: bool,
    /// `--is-upgrade`
    pub is_upgrade: bool,
    /// `--kube-version`
    pub kube_version: Option<KubeVersion>,
    /// `--api-versions`, added to the built-in ones.
    pub api_versions: Vec<String>,
    /// `--enable-dns`
    pub enable_dns: bool,
    /// What makes a render the same again.
    pub seed: Option<Seed>,
    /// `--post-renderer`: changes the manifests.
    pub post_renderer: Option<Arc<dyn PostRenderer>>,
    /// `--render-subchart-notes`
    pub render_subchart_notes: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// `--hide-secret`
    pub hide_secret: bool,
}

/// Renders a chart into a release that is stored nowhere. `engine` is only
/// needed when the cluster is asked.
///
/// # Errors
/// The chart's; with `dry_run` server also the cluster's.
pub async fn template(
    engine: Option<&Engine>,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &TemplateOptions,
) -> Result<Release> {
    common::cancellable(run, template_now(engine, run, chart, values, options)).await
}

async fn template_now(
    engine: Option<&Engine>,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &TemplateOptions,
) -> Result<Release> {
    let compat = engine.map(Engine::compat).unwrap_or_default();
    let cluster = match (options.dry_run, engine) {
        (DryRun::Server, Some(engine)) => Some(engine.cluster().clone()),
        _ => None,
    };
    render::check_chart(run, &chart, compat)?;
    let chart = render::process_dependencies(run, chart, &values, compat)
        .await
        .map_err(|e| common::failed(run, compat, common::DEPENDENCIES_FAILED, e))?;
    let record = render::chart_record(&chart)?;
    let inputs = RenderInputs {
        kube_version: options.kube_version.clone(),
        api_versions: options.api_versions.clone(),
        enable_dns: options.enable_dns,
        seed: options.seed,
        post_renderer: options.post_renderer.clone(),
        skip_schema_validation: options.skip_schema_validation,
        subchart_notes: options.render_subchart_notes,
        hide_secret: options.hide_secret,
        include_crds: options.include_crds,
        ..RenderInputs::new(
            charts::render::Release {
                name: options.name.clone(),
                namespace: options.namespace.clone(),
                revision: 1,
                is_install: !options.is_upgrade,
                is_upgrade: options.is_upgrade,
            },
            compat,
            cluster,
        )
    };
    let (_, rendered) = render::render(run, chart, values.clone(), inputs).await?;
    Ok(Release {
        name: options.name.clone(),
        namespace: options.namespace.clone(),
        version: 1,
        chart: Arc::new(record),
        config: Some(values),
        manifest: rendered.manifest,
        hooks: rendered.hooks,
        info: Info { notes: rendered.notes, description: "Dry run complete".into(), ..Info::default() },
        ..Release::default()
    })
}
