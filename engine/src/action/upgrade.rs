//! `upgrade`: the next revision of a release, from a chart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use charts::Chart;
use charts::post_render::PostRenderer;
use templates_compat::{Map, Seed};

use super::common::{self, Known, Preview};
use super::install::InstallOptions;
use super::rollback::{self, RollbackOptions};
use super::{Applied, values};
use crate::cluster::{Object, ServerVersion};
use crate::error::{Error, Result, Stage};
use crate::execute::Done;
use crate::heal::{self, History};
use crate::hooks::{self, HookOptions};
use crate::lock::{Lock, Operation};
use crate::options::{DEFAULT_HISTORY_MAX, DEFAULT_TIMEOUT, DryRun, ServerSide, WaitStrategy};
use crate::plan::{self, LiveObjects, Plan};
use crate::release::{HookEvent, Info, Release, Status, Time};
use crate::render::{self, RenderInputs};
use crate::{CancellationToken, Engine, Run, execute, storage};

/// How to upgrade. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct UpgradeOptions {
    /// The release's name.
    pub name: String,
    /// `-i/--install`: installs if there is no release of this name.
    pub install: bool,
    /// `--create-namespace` (with `install`)
    pub create_namespace: bool,
    /// `--dry-run`
    pub dry_run: DryRun,
    /// `--hide-secret`: leaves Secrets out of the manifest (dry runs only).
    pub hide_secret: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--wait-for-jobs`
    pub wait_for_jobs: bool,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description`; empty: Helm's own words.
    pub description: String,
    /// `--rollback-on-failure`: rolls back if the upgrade fails.
    pub rollback_on_failure: bool,
    /// `--cleanup-on-fail`: deletes what this run created if it fails.
    pub cleanup_on_fail: bool,
    /// `--skip-crds` (with `install`)
    pub skip_crds: bool,
    /// `--render-subchart-notes`
    pub render_subchart_notes: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// `--disable-openapi-validation`
    pub disable_openapi_validation: bool,
    /// `--reset-values`: forgets the values of the last revision.
    pub reset_values: bool,
    /// `--reuse-values`: keeps the values of the last revision, its chart's
    /// defaults included.
    pub reuse_values: bool,
    /// `--reset-then-reuse-values`: keeps the values of the last revision over
    /// the new chart's defaults.
    pub reset_then_reuse_values: bool,
    /// `--history-max`; 0: no limit.
    pub history_max: usize,
    /// `--labels` of the record; the value `null` takes a label away.
    pub labels: BTreeMap<String, String>,
    /// `--enable-dns`: lets `getHostByName` ask.
    pub enable_dns: bool,
    /// What makes a dry run the same again; not for what is installed.
    pub seed: Option<Seed>,
    /// `--post-renderer`: changes the manifests before they are applied.
    pub post_renderer: Option<Arc<dyn PostRenderer>>,
    /// `--take-ownership`: adopts objects of others.
    pub take_ownership: bool,
    /// `--force-replace`: replaces objects instead of patching them.
    pub force_replace: bool,
    /// `--force-conflicts`: takes fields that others manage.
    pub force_conflicts: bool,
    /// `--server-side`
    pub server_side: ServerSide,
}

impl Default for UpgradeOptions {
    fn default() -> Self {
        UpgradeOptions {
            name: String::new(),
            install: false,
            create_namespace: false,
            dry_run: DryRun::None,
            hide_secret: false,
            no_hooks: false,
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
            rollback_on_failure: false,
            cleanup_on_fail: false,
            skip_crds: false,
            render_subchart_notes: false,
            skip_schema_validation: false,
            disable_openapi_validation: false,
            reset_values: false,
            reuse_values: false,
            reset_then_reuse_values: false,
            history_max: DEFAULT_HISTORY_MAX,
            labels: BTreeMap::new(),
            enable_dns: false,
            seed: None,
            post_renderer: None,
            take_ownership: false,
            force_replace: false,
            force_conflicts: false,
            server_side: ServerSide::Auto,
        }
    }
}

/// Upgrades a release, or (with `install`) installs it.
///
/// # Errors
/// Helm's texts, without the `UPGRADE FAILED: ` of the command.
pub async fn upgrade(
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &UpgradeOptions,
) -> Result<Applied> {
    let mut options = options.clone();
    options.wait = common::wait_strategy(options.wait, options.rollback_on_failure);
    let options = &options;
    if options.install
        && let Some(install) = as_install(engine, options).await?
    {
        return super::install(engine, run, chart, values, &install).await;
    }
    let prepared = common::cancellable(run, prepare(engine, run, chart, values, options, Preview::No)).await?;
    if options.dry_run.is_dry() {
        let Prepared { mut release, plan, .. } = prepared;
        release.info.description =
            if options.description.is_empty() { "Dry run complete".into() } else { options.description.clone() };
        return Ok(Applied { release, plan: Some(plan) });
    }
    let what = (prepared.release.name.as_str(), Operation::Upgrade, prepared.release.version);
    let lock = Lock::acquire(engine, run, what, prepared.history.dead.as_ref()).await?;
    let result = upgrade_locked(engine, run, &lock, prepared, options).await;
    lock.release().await;
    result
}

async fn upgrade_locked(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    prepared: Prepared,
    options: &UpgradeOptions,
) -> Result<Applied> {
    let Prepared { before, mut release, plan, objects, known, live, history } = prepared;
    common::prune_history(engine, &release.name, options.history_max, &history).await?;
    common::create_record(engine, run, &release, lock).await?;
    let mut done = Done::for_wait(options.wait);
    let interrupted = &history.interrupted;
    let work = Work { before, release: &mut release, plan: &plan, objects: &objects, known, live, interrupted };
    let work = perform(engine, run, work, options, &mut done);
    match common::locked(run, lock, work).await {
        Ok(()) => {
            engine.store().update(&release).await.inspect_err(|_| lock.leave())?;
            heal::settle(engine, run, history.interrupted).await;
            common::done(run, &release);
            Ok(Applied { release, plan: Some(plan) })
        }
        Err(error @ Error::TakenOver) => Err(error.with_release(release)),
        Err(error) => {
            heal::take_back(engine.cluster(), run, &plan).await;
            let error = fail(engine, run, lock, release, error, (&done, options)).await;
            heal::settle(engine, run, history.interrupted).await;
            Err(error)
        }
    }
}

/// `upgrade --install` installs if nothing of this name is there, or only
/// something uninstalled.
pub(super) async fn as_install(engine: &Engine, options: &UpgradeOptions) -> Result<Option<InstallOptions>> {
    let query = storage::Query { name: Some(&options.name), status: None };
    common::validate_release_name(&options.name).map_err(|_| invalid_name(&options.name))?;
    let keys = common::reading(engine, &Run::default(), engine.store().keys(query)).await?;
    let last = keys.iter().max_by_key(|k| k.version);
    if last.is_some_and(|last| last.status != Status::Uninstalled) {
        return Ok(None);
    }
    Ok(Some(InstallOptions { replace: last.is_some(), ..options.as_install() }))
}

impl UpgradeOptions {
    /// The same choices for an install.
    pub fn as_install(&self) -> InstallOptions {
        InstallOptions {
            name: self.name.clone(),
            create_namespace: self.create_namespace,
            dry_run: self.dry_run,
            hide_secret: self.hide_secret,
            no_hooks: self.no_hooks,
            replace: false,
            wait: self.wait,
            wait_for_jobs: self.wait_for_jobs,
            timeout: self.timeout,
            description: self.description.clone(),
            rollback_on_failure: self.rollback_on_failure,
            skip_crds: self.skip_crds,
            render_subchart_notes: self.render_subchart_notes,
            skip_schema_validation: self.skip_schema_validation,
            disable_openapi_validation: self.disable_openapi_validation,
            labels: self.labels.clone(),
            enable_dns: self.enable_dns,
            seed: self.seed,
            post_renderer: self.post_renderer.clone(),
            take_ownership: self.take_ownership,
            force_replace: self.force_replace,
            force_conflicts: self.force_conflicts,
            server_side: self.server_side,
        }
    }
}

fn invalid_name(name: &str) -> Error {
    Error::other(Stage::Prepare, format!("release name is invalid: {name}"))
}

pub(super) struct Prepared {
    /// The revision that is replaced.
    pub(super) before: Release,
    /// The revision that is made.
    pub(super) release: Release,
    pub(super) plan: Plan,
    pub(super) objects: Vec<Object>,
    pub(super) known: Known,
    /// What was live when the plan was made.
    live: LiveObjects,
    pub(super) history: History,
}

/// Everything before the first change.
pub(super) async fn prepare(
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &UpgradeOptions,
    preview: Preview,
) -> Result<Prepared> {
    // What kinds there are is asked beside it. Who needs it gives the error.
    let (found, version, _) = tokio::join!(
        base(engine, run, &options.name),
        common::version(engine, options.dry_run),
        engine.cluster().discovery()
    );
    let version = version?;
    common::validate_release_name(&options.name).map_err(|_| invalid_name(&options.name))?;
    common::check_hide_secret(options.hide_secret, options.dry_run.is_dry(), engine.compat())?;
    let (history, last, before) = found?;
    render::check_chart(run, &chart, engine.compat())?;
    let (chart, values) = values::reuse(run, chart, values, &before, options, engine.compat())?;
    let chart = render::process_dependencies(run, chart, &values, engine.compat()).await?;
    let bases = Bases { version, last: &last, before: &before };
    let release = rendered(engine, run, chart, values, bases, options).await?;
    let build = engine.cluster().build(&release.manifest, &release.namespace).await;
    let objects = build.map_err(|e| match options.dry_run.is_dry() {
        true => e.context("unable to build kubernetes objects from new release manifest"),
        false => e,
    })?;
    let build = engine.cluster().build(&before.manifest, &release.namespace).await;
    let previous = build.map_err(|e| e.context("unable to build kubernetes objects from current release manifest"))?;
    let interrupted = heal::objects(engine.cluster(), run, &history.interrupted, &release.namespace).await;
    let known = Known { previous, interrupted };
    let mut live = known.live(engine, &objects).await;
    if preview == Preview::Yes {
        common::preview(engine, &release, &objects, options.force_conflicts, &mut live).await;
    }
    let mut plan = decide(engine, &before, &release, &objects, known.clone(), &live, options)?;
    let events = [HookEvent::PreUpgrade, HookEvent::PostUpgrade];
    common::complete_plan(run, &mut plan, &release, (!options.no_hooks).then_some(events));
    Ok(Prepared { before, release, plan, objects, known, live, history })
}

fn decide(
    engine: &Engine,
    before: &Release,
    release: &Release,
    objects: &[Object],
    known: Known,
    live: &LiveObjects,
    options: &UpgradeOptions,
) -> Result<Plan> {
    plan::build(plan::Inputs {
        verb: plan::Verb::Upgrade,
        release: &release.name,
        namespace: &release.namespace,
        revision: release.version,
        previous: known.previous,
        interrupted: known.interrupted,
        desired: objects.to_vec(),
        live,
        take_ownership: options.take_ownership,
        method: plan::Method {
            server_side: release.is_server_side(),
            replace: options.force_replace,
            force_conflicts: options.force_conflicts,
            strict: engine.compat().validates_strictly(),
        },
        migrate: !before.is_server_side(),
    })
}

/// The history, its last revision, and the one to go on from: the last if it is
/// deployed, else the newest deployed, else the last if it failed or was
/// replaced. Interrupted revisions count as failed.
async fn base(engine: &Engine, run: &Run, name: &str) -> Result<(History, Release, Release)> {
    let none = || Error::NoDeployedReleases { name: name.to_string() };
    let history = heal::history(engine, run, name, None).await?;
    if history.is_busy() {
        heal::advise(run, name, &history);
        return Err(Error::Pending);
    }
    let settled = history.settled();
    let deployed = settled.iter().rev().find(|k| k.status == Status::Deployed);
    let failed = settled.last().filter(|k| matches!(k.status, Status::Failed | Status::Superseded));
    let read = |version: i64| engine.store().get(name, version);
    let last = match history.interrupted.last() {
        Some(interrupted) => interrupted.clone(),
        None => read(settled.last().ok_or_else(none)?.version).await?,
    };
    let before = match deployed.or(failed) {
        Some(key) if key.version == last.version => last.clone(),
        Some(key) => read(key.version).await?,
        None => history.interrupted.last().cloned().ok_or_else(none)?,
    };
    Ok((history, last, before))
}

/// What a new revision goes on from.
struct Bases<'a> {
    /// The API server's version, if it is asked.
    version: Option<ServerVersion>,
    /// The last revision.
    last: &'a Release,
    /// The one that is replaced.
    before: &'a Release,
}

/// The new revision with its manifest.
async fn rendered(
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    Bases { version, last, before }: Bases<'_>,
    options: &UpgradeOptions,
) -> Result<Release> {
    let revision = last.version + 1;
    let namespace = before.namespace.clone();
    let record = render::chart_record(&chart)?;
    let cluster = options.dry_run.asks_cluster().then(|| engine.cluster().clone());
    let inputs = RenderInputs {
        enable_dns: options.enable_dns,
        seed: options.seed,
        post_renderer: options.post_renderer.clone(),
        version,
        skip_schema_validation: options.skip_schema_validation,
        subchart_notes: options.render_subchart_notes,
        hide_secret: options.hide_secret,
        ..RenderInputs::new(
            charts::render::Release {
                name: options.name.clone(),
                namespace: namespace.clone(),
                revision,
                is_install: false,
                is_upgrade: true,
            },
            engine.compat(),
            cluster,
        )
    };
    let (_, rendered) = render::render(run, chart, values.clone(), inputs).await?;
    common::check_labels(&options.labels)?;
    let server_side = common::server_side(options.server_side, last.apply_method, engine.compat());
    let mut labels = last.labels.clone();
    labels.retain(|k, _| !storage::SYSTEM_LABELS.contains(&k.as_str()));
    labels.extend(options.labels.clone());
    labels.retain(|_, v| v != "null");
    Ok(Release {
        name: options.name.clone(),
        info: Info {
            first_deployed: before.info.first_deployed,
            last_deployed: Some(Time::now()),
            status: Status::PendingUpgrade,
            description: "Preparing upgrade".into(),
            notes: rendered.notes,
            ..Info::default()
        },
        chart: Arc::new(record),
        config: Some(values),
        manifest: rendered.manifest,
        hooks: rendered.hooks,
        version: revision,
        namespace,
        apply_method: Some(common::apply_method(server_side)),
        labels,
    })
}

struct Work<'a> {
    before: Release,
    release: &'a mut Release,
    plan: &'a Plan,
    objects: &'a [Object],
    known: Known,
    live: LiveObjects,
    interrupted: &'a [Release],
}

async fn perform(engine: &Engine, run: &Run, work: Work<'_>, options: &UpgradeOptions, done: &mut Done) -> Result<()> {
    let Work { mut before, release, plan, objects, known, mut live, interrupted } = work;
    let server_side = release.is_server_side();
    let hook_options = HookOptions { timeout: options.timeout, wait: options.wait, server_side };
    hooks::take_back(engine, run, interrupted, hook_options).await;
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PreUpgrade, hook_options)
            .await
            .map_err(|e| e.context("pre-upgrade hooks failed"))?;
    }
    let again;
    let plan = if !options.no_hooks && hooks::are_there(release, &HookEvent::PreUpgrade) {
        // The hooks may have changed what is there.
        live = known.live(engine, objects).await;
        again = decide(engine, &before, release, objects, known, &live, options)?;
        &again
    } else {
        plan
    };
    done.add_unchanged(plan, live);
    execute::execute(engine.cluster(), run, plan, done).await?;
    let sent = (objects, &done.answers());
    common::wait_for(engine, run, sent, options.wait, options.wait_for_jobs, options.timeout).await?;
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PostUpgrade, hook_options)
            .await
            .map_err(|e| e.context("post-upgrade hooks failed"))?;
    }
    // One that was interrupted will be recorded as failed.
    if interrupted.iter().all(|r| r.version != before.version) {
        before.info.status = Status::Superseded;
        common::record(engine, run, &before).await;
    }
    let description = if options.description.is_empty() { "Upgrade complete" } else { options.description.as_str() };
    release.set_status(Status::Deployed, description);
    Ok(())
}

/// Records the failure; cleans up and rolls back as the options say.
async fn fail(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    mut release: Release,
    error: Error,
    (done, options): (&Done, &UpgradeOptions),
) -> Error {
    let name = release.name.clone();
    release.set_status(Status::Failed, format!("Upgrade {name:?} failed: {error}"));
    run.events.warn_of("upgrade failed", vec![("name", name.clone()), ("error", error.to_string())]);
    common::record_end(engine, run, lock, &release).await;
    if options.cleanup_on_fail
        && let Err(second) = common::clean_up(engine, done).await
    {
        let before = format!("an error occurred while cleaning up resources. original upgrade error: {error}");
        return second.context(before).with_release(release);
    }
    if !options.rollback_on_failure {
        common::done(run, &release);
        return error.with_release(release);
    }
    // A cancelled run still cleans up after itself.
    let run = Run { events: run.events.clone(), cancel: CancellationToken::new() };
    roll_back(engine, &run, lock, &name, error, options).await.with_release(release)
}

/// Rolls back to the newest revision that was ever deployed.
async fn roll_back(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    name: &str,
    error: Error,
    options: &UpgradeOptions,
) -> Error {
    let query = storage::Query { name: Some(name), status: None };
    let keys = match engine.store().keys(query).await {
        Ok(keys) => keys,
        Err(second) => {
            let before =
                format!("an error occurred while finding last successful release. original upgrade error: {error}");
            return second.context(before);
        }
    };
    let good = keys.iter().filter(|k| matches!(k.status, Status::Superseded | Status::Deployed));
    let Some(revision) = good.map(|k| k.version).max() else {
        return error.context(
            "unable to find a previously successful release when attempting to rollback. original upgrade error",
        );
    };
    let undo = RollbackOptions {
        name: name.to_string(),
        revision,
        no_hooks: options.no_hooks,
        wait: options.wait,
        wait_for_jobs: options.wait_for_jobs,
        timeout: options.timeout,
        force_replace: options.force_replace,
        force_conflicts: options.force_conflicts,
        server_side: options.server_side,
        history_max: 0,
        ..RollbackOptions::default()
    };
    match Box::pin(rollback::undo(engine, run, lock, &undo)).await {
        Ok(_) => error
            .context(format!("release {name} failed, and has been rolled back due to rollback-on-failure being set")),
        Err(second) => {
            second.context(format!("an error occurred while rolling back the release. original upgrade error: {error}"))
        }
    }
}
