//! `ankra-helm upgrade`

use engine::action::{HistoryOptions, UpgradeOptions, history, upgrade};
use engine::{Run, Status};

use super::install::ReleaseArgs;
use super::release_output::{Parts, show};
use crate::cli::chart_source::Origin;
use crate::cli::flags::{ApplyArgs, ChartArgs, PostRenderArgs, SeedArgs, ValuesArgs, WaitArgs, dry_run, server_side};
use crate::cli::{Context, Failure, Format, chart_source, remote};
use crate::protocol::command::{ReleaseSpec, Verb};

/// upgrade a release
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    seed: SeedArgs,
    /// simulates the operation either client-side or server-side. Must be either: "none", "client", or "server"
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "unset")]
    dry_run: String,
    /// hide Kubernetes Secrets when also using the --dry-run flag
    #[arg(long)]
    hide_secret: bool,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
}

/// What upgrade shares with diff.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TargetArgs {
    /// the release's name
    #[arg(value_name = "RELEASE")]
    pub name: String,
    /// the chart
    #[arg(value_name = "CHART")]
    pub reference: String,
    /// if a release by this name doesn't already exist, run an install
    #[arg(short, long)]
    pub install: bool,
    /// allow deletion of new resources created in this upgrade when upgrade fails
    #[arg(long)]
    pub cleanup_on_fail: bool,
    /// limit the maximum number of revisions saved per release. Use 0 for no limit
    #[arg(long, value_name = "int")]
    pub history_max: Option<usize>,
    /// when upgrading, reset the values to the ones built into the chart
    #[arg(long)]
    pub reset_values: bool,
    /// when upgrading, reset the values to the ones built into the chart, apply the last release's values and merge in any overrides from the command line via --set and -f. If '--reset-values' or '--reuse-values' is specified, this is ignored
    #[arg(long)]
    pub reset_then_reuse_values: bool,
    /// when upgrading, reuse the last release's values and merge in any overrides from the command line via --set and -f. If '--reset-values' is specified, this is ignored
    #[arg(long)]
    pub reuse_values: bool,
    /// must be "true", "false" or "auto". Object updates run in the server instead of the client ("auto" defaults the value from the previous chart release's method)
    #[arg(long, value_name = "string", default_value = "auto")]
    pub server_side: String,
    #[command(flatten)]
    pub release: ReleaseArgs,
    #[command(flatten)]
    pub apply: ApplyArgs,
    #[command(flatten)]
    pub chart: ChartArgs,
    #[command(flatten)]
    pub post_render: PostRenderArgs,
    #[command(flatten)]
    pub values: ValuesArgs,
    #[command(flatten)]
    pub wait: WaitArgs,
}

impl TargetArgs {
    /// The options that the flags stand for; dry run and hide-secret are the
    /// caller's.
    ///
    /// # Errors
    /// Words that are no choice.
    pub(crate) fn options(&self, cx: &Context) -> Result<UpgradeOptions, Failure> {
        self.apply.check()?;
        Ok(UpgradeOptions {
            name: self.name.clone(),
            install: self.install,
            create_namespace: self.release.create_namespace,
            no_hooks: self.apply.no_hooks,
            wait: self.wait.strategy(&cx.printer)?,
            wait_for_jobs: self.wait.wait_for_jobs,
            timeout: self.wait.timeout,
            description: self.release.description.clone(),
            rollback_on_failure: self.release.rollback_on_failure,
            cleanup_on_fail: self.cleanup_on_fail,
            skip_crds: self.release.skip_crds,
            render_subchart_notes: self.release.render_subchart_notes,
            skip_schema_validation: self.release.skip_schema_validation,
            disable_openapi_validation: self.release.disable_openapi_validation,
            reset_values: self.reset_values,
            reuse_values: self.reuse_values,
            reset_then_reuse_values: self.reset_then_reuse_values,
            history_max: self.history_max.unwrap_or(cx.settings.max_history),
            labels: self.release.labels(),
            enable_dns: self.release.enable_dns,
            post_renderer: self.post_render.renderer(cx)?,
            take_ownership: self.release.take_ownership,
            force_replace: self.apply.force_replace,
            force_conflicts: self.apply.force_conflicts,
            server_side: server_side(&self.server_side).map_err(|f| f.context("UPGRADE FAILED"))?,
            ..UpgradeOptions::default()
        })
    }

    /// The same as an agent is told.
    ///
    /// # Errors
    /// What an agent does not do, and values that cannot be read.
    pub(crate) fn spec(
        &self,
        cx: &Context,
        remote: &remote::Remote<'_>,
        options: &UpgradeOptions,
    ) -> Result<ReleaseSpec, Failure> {
        Ok(ReleaseSpec {
            release: self.name.clone(),
            values: remote::json_values(self.values.merge(cx)?, cx.settings.compat)?,
            chart: Some(remote.chart(&self.reference, &self.chart)?),
            install: self.install,
            cleanup_on_fail: self.cleanup_on_fail,
            history_max: remote::history_max(options.history_max)?,
            reset_values: self.reset_values,
            reset_then_reuse_values: self.reset_then_reuse_values,
            reuse_values: self.reuse_values,
            server_side: self.server_side.clone(),
            wait_strategy: remote::wait_word(options.wait).to_owned(),
            ..self.release.spec(remote::spec(&self.apply, &self.wait))
        })
    }
}

/// Upgrades a release, or with `-i` installs it.
///
/// # Errors
/// What went wrong after `UPGRADE FAILED: `.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let target = &args.target;
    let mut options = target.options(cx)?;
    options.dry_run = dry_run(&args.dry_run, &cx.printer)?;
    options.hide_secret = args.hide_secret;
    options.seed = args.seed.seed_of_dry_run(options.dry_run)?;

    if let Some(remote) = remote::of(cx) {
        remote::refuse_local(options.post_renderer.is_some(), options.seed.is_some())?;
        return by_agent(args, cx, &remote, &options);
    }

    // Helm says that it installs before it reads values and chart.
    let installs = options.install && cx.block_on(async { is_missing(cx, &target.name).await })?;
    if installs && args.output == Format::Table {
        cx.printer.line(&format!("Release {:?} does not exist. Installing it now.", target.name))?;
    }
    let source = chart_source::locate(cx, &target.reference, &target.chart, Origin::Stdout)?;
    let values = target.values.merge(cx)?;
    let update = target.release.dependency_update;
    let chart = chart_source::load_installable(cx, &source, &target.chart, update)?;
    let applied = cx.block_on(async {
        let engine = cx.engine().await?;
        upgrade(&engine, &cx.run_of(&target.name), chart, values, &options).await.map_err(|error| {
            let failure = Failure::from_display(error);
            if installs { failure } else { failure.context("UPGRADE FAILED") }
        })
    })?;
    if options.dry_run.is_dry()
        && let Some(plan) = &applied.plan
    {
        cx.printer.note(plan.to_string().trim_end());
    }
    if args.output == Format::Table && !installs {
        cx.printer.line(&format!("Release {:?} has been upgraded. Happy Helming!", target.name))?;
    }
    let parts = Parts { debug: cx.settings.debug, hide_notes: target.release.hide_notes, ..Parts::default() };
    show(&cx.printer, args.output, &applied.release, parts, cx.settings.compat)
}

/// The same by an agent.
fn by_agent(args: &Args, cx: &Context, remote: &remote::Remote<'_>, options: &UpgradeOptions) -> Result<(), Failure> {
    let target = &args.target;
    let installs = options.install && remote.is_missing(&target.name)?;
    if installs && args.output == Format::Table {
        cx.printer.line(&format!("Release {:?} does not exist. Installing it now.", target.name))?;
    }
    let spec = ReleaseSpec { hide_secret: args.hide_secret, ..target.spec(cx, remote, options)? };
    let done = remote.run(Verb::Upgrade, options.dry_run.is_dry(), target.wait.timeout, spec);
    let done = done.map_err(|failure| if installs { failure } else { failure.context("UPGRADE FAILED") })?;
    done.tell_plan(cx);
    if args.output == Format::Table && !installs {
        cx.printer.line(&format!("Release {:?} has been upgraded. Happy Helming!", target.name))?;
    }
    let parts = Parts { debug: cx.settings.debug, hide_notes: target.release.hide_notes, ..Parts::default() };
    let release = remote.shown(&done, args.output, options.dry_run.is_dry())?;
    show(&cx.printer, args.output, &release, parts, cx.settings.compat)
}

async fn is_missing(cx: &Context, name: &str) -> Result<bool, Failure> {
    let engine = cx.engine().await?;
    match history(&engine, &Run::default(), name, &HistoryOptions { max: 1 }).await {
        Ok(revisions) => Ok(revisions.last().is_some_and(|r| r.info.status == Status::Uninstalled)),
        Err(error) if error.is_release_not_found() => Ok(true),
        Err(error) => Err(Failure::from_display(error)),
    }
}
