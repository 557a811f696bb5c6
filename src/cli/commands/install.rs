//! `ankra-helm install`

use std::collections::BTreeMap;

use charts::Chart;
use engine::action::{InstallOptions, install};
use engine::{Engine, Release, Run, ServerSide};
use templates_compat::{Map, Seed};

use super::release_output::{Parts, show};
use crate::cli::chart_source::Origin;
use crate::cli::chart_source::OsHost;
use crate::cli::flags::{
    ApplyArgs, ChartArgs, PostRenderArgs, SeedArgs, ValuesArgs, WaitArgs, dry_run, key_value, parse_bool,
};
use crate::cli::{Context, Failure, Format, chart_source, go_template, remote};
use crate::protocol::command::{ReleaseSpec, Verb};

/// Flags that install shares with upgrade and template.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// create the release namespace if not present
    #[arg(long)]
    pub create_namespace: bool,
    /// update dependencies if they are missing before installing the chart
    #[arg(long)]
    pub dependency_update: bool,
    /// add a custom description
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    pub description: String,
    /// if set, the process will not validate rendered templates against the Kubernetes OpenAPI Schema
    #[arg(long)]
    pub disable_openapi_validation: bool,
    /// enable DNS lookups when rendering templates
    #[arg(long)]
    pub enable_dns: bool,
    /// if set, do not show notes in output. Does not affect presence in chart metadata
    #[arg(long)]
    pub hide_notes: bool,
    /// Labels that would be added to release metadata. Should be divided by comma
    #[arg(short = 'l', long, value_name = "stringToString", value_parser = key_value)]
    pub labels: Vec<(String, String)>,
    /// if set, render subchart notes along with the parent
    #[arg(long)]
    pub render_subchart_notes: bool,
    /// if set, undo the operation upon failure. The --wait flag will be default to "watcher" if --rollback-on-failure is set
    #[arg(long, alias = "atomic")]
    pub rollback_on_failure: bool,
    /// if set, no CRDs will be installed. By default, CRDs are installed if not already present
    #[arg(long)]
    pub skip_crds: bool,
    /// if set, disables JSON schema validation
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// if set, ignore the check for helm annotations and take ownership of the existing resources
    #[arg(long)]
    pub take_ownership: bool,
}

impl ReleaseArgs {
    /// What these flags say, as an agent is told.
    pub(crate) fn spec(&self, base: ReleaseSpec) -> ReleaseSpec {
        ReleaseSpec {
            create_namespace: self.create_namespace,
            description: self.description.clone(),
            disable_openapi_validation: self.disable_openapi_validation,
            enable_dns: self.enable_dns,
            labels: self.labels(),
            render_subchart_notes: self.render_subchart_notes,
            atomic: self.rollback_on_failure,
            skip_crds: self.skip_crds,
            skip_schema_validation: self.skip_schema_validation,
            take_ownership: self.take_ownership,
            ..base
        }
    }

    /// The labels as a map.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        self.labels.iter().cloned().collect()
    }
}

/// How a release without a name gets one.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NameArgs {
    /// generate the name (and omit the NAME parameter)
    #[arg(short = 'g', long)]
    pub generate_name: bool,
    /// specify template used to name the release
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    pub name_template: String,
}

/// install a chart
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name (unless it is generated) and the chart
    #[arg(value_name = "NAME CHART", num_args = 0..)]
    words: Vec<String>,
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    apply: ApplyArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    post_render: PostRenderArgs,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// simulates the operation either client-side or server-side. Must be either: "none", "client", or "server"
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "unset")]
    dry_run: String,
    /// hide Kubernetes Secrets when also using the --dry-run flag
    #[arg(long)]
    hide_secret: bool,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
    /// reuse the given name, only if that name is a deleted release which remains in the history. This is unsafe in production
    #[arg(long)]
    replace: bool,
    /// object updates run in the server instead of the client
    #[arg(long, action = clap::ArgAction::Set, value_name = "", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = parse_bool)]
    server_side: Option<bool>,
}

/// The release's name and the chart's reference, by Helm's rules.
///
/// # Errors
/// Helm's words on what does not go together.
pub(crate) fn name_and_chart(
    words: &[String],
    name: &NameArgs,
    default: Option<&str>,
    seed: Option<Seed>,
    cx: &Context,
) -> Result<(String, String), Failure> {
    match words {
        [_, _, rest @ ..] if !rest.is_empty() => {
            Err(Failure::new(format!("expected at most two arguments, unexpected arguments: {}", rest.join(", "))))
        }
        [_, _] if name.generate_name => Err(Failure::new("cannot set --generate-name and also specify a name")),
        [_, _] if !name.name_template.is_empty() => {
            Err(Failure::new("cannot set --name-template and also specify a name"))
        }
        [release, chart] => Ok((release.clone(), chart.clone())),
        [chart] if !name.name_template.is_empty() => {
            let rendered = go_template::render_name(&name.name_template, cx.settings.compat, &OsHost::new(seed))?;
            Ok((String::from_utf8_lossy(&rendered).into_owned(), chart.clone()))
        }
        [chart] => match default {
            Some(default) => Ok((default.to_owned(), chart.clone())),
            None if name.generate_name => Ok((generated_name(chart), chart.clone())),
            None => Err(Failure::new("must either provide a name or specify --generate-name")),
        },
        _ => Err(no_arguments(if default.is_some() { "template" } else { "install" })),
    }
}

/// Helm's words when a verb is given nothing.
fn no_arguments(verb: &str) -> Failure {
    let text = format!("\"ankra-helm {verb}\" requires at least 1 argument");
    Failure::new(format!("{text}\n\nUsage:  ankra-helm {verb} [NAME] [CHART] [flags]"))
}

/// The chart's base name up to its first dot, and the seconds since 1970.
fn generated_name(chart: &str) -> String {
    let base = chart.trim_end_matches('/').rsplit('/').next().filter(|b| !b.is_empty() && *b != ".").unwrap_or("chart");
    let base = base.split('.').next().unwrap_or(base);
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    format!("{base}-{seconds}")
}

/// Installs a chart.
///
/// # Errors
/// What went wrong after `INSTALLATION FAILED: `.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    args.apply.check()?;
    let post_renderer = args.post_render.renderer(cx)?;
    let dry_run = dry_run(&args.dry_run, &cx.printer)?;
    let seed = args.seed.seed_of_dry_run(dry_run)?;
    let wait = args.wait.strategy(&cx.printer)?;
    let failed = |f: Failure| f.context("INSTALLATION FAILED");
    if args.words.is_empty() {
        return Err(no_arguments("install"));
    }
    let (name, reference) = name_and_chart(&args.words, &args.name, None, seed, cx).map_err(failed)?;
    if let Some(remote) = remote::of(cx) {
        remote::refuse_local(post_renderer.is_some(), seed.is_some()).map_err(failed)?;
        let spec = ReleaseSpec {
            release: name,
            chart: Some(remote.chart(&reference, &args.chart).map_err(failed)?),
            values: remote::json_values(args.values.merge(cx).map_err(failed)?, cx.settings.compat)?,
            wait_strategy: remote::wait_word(wait).to_owned(),
            server_side: args.server_side.map(|on| on.to_string()).unwrap_or_default(),
            replace: args.replace,
            hide_secret: args.hide_secret,
            ..args.release.spec(remote::spec(&args.apply, &args.wait))
        };
        let done = remote.run(Verb::Install, dry_run.is_dry(), args.wait.timeout, spec).map_err(failed)?;
        done.tell_plan(cx);
        let parts = Parts { debug: cx.settings.debug, hide_notes: args.release.hide_notes, ..Parts::default() };
        let release = remote.shown(&done, args.output, dry_run.is_dry())?;
        return show(&cx.printer, args.output, &release, parts, cx.settings.compat);
    }
    let source = chart_source::locate(cx, &reference, &args.chart, Origin::Stdout).map_err(failed)?;
    let values = args.values.merge(cx).map_err(failed)?;
    let update = args.release.dependency_update;
    let chart = chart_source::load_installable(cx, &source, &args.chart, update).map_err(failed)?;
    let options = InstallOptions {
        name,
        create_namespace: args.release.create_namespace,
        dry_run,
        hide_secret: args.hide_secret,
        no_hooks: args.apply.no_hooks,
        replace: args.replace,
        wait,
        wait_for_jobs: args.wait.wait_for_jobs,
        timeout: args.wait.timeout,
        description: args.release.description.clone(),
        rollback_on_failure: args.release.rollback_on_failure,
        skip_crds: args.release.skip_crds,
        render_subchart_notes: args.release.render_subchart_notes,
        skip_schema_validation: args.release.skip_schema_validation,
        disable_openapi_validation: args.release.disable_openapi_validation,
        labels: args.release.labels(),
        enable_dns: args.release.enable_dns,
        seed,
        post_renderer,
        take_ownership: args.release.take_ownership,
        force_replace: args.apply.force_replace,
        force_conflicts: args.apply.force_conflicts,
        server_side: match args.server_side {
            None => ServerSide::Auto,
            Some(true) => ServerSide::True,
            Some(false) => ServerSide::False,
        },
    };
    let release = cx
        .block_on(async {
            let engine = cx.engine().await?;
            run_install(cx, &engine, &cx.run_of(&options.name), chart, values, &options).await
        })
        .map_err(failed)?;
    let parts = Parts { debug: cx.settings.debug, hide_notes: args.release.hide_notes, ..Parts::default() };
    show(&cx.printer, args.output, &release, parts, cx.settings.compat)
}

async fn run_install(
    cx: &Context,
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &InstallOptions,
) -> Result<Release, Failure> {
    let applied = install(engine, run, chart, values, options).await.map_err(Failure::from_display)?;
    if options.dry_run.is_dry()
        && let Some(plan) = &applied.plan
    {
        cx.printer.note(plan.to_string().trim_end());
    }
    Ok(applied.release)
}
