//! `install`: a new release.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use charts::Chart;
use charts::post_render::PostRenderer;
use templates_compat::{Map, Seed};

use super::uninstall::{UninstallOptions, uninstall_locked};
use super::{Applied, common, crds};
use crate::cluster::live::Expect;
use crate::cluster::{Object, ServerVersion};
use crate::error::{Error, Result, Stage};
use crate::event::Event;
use crate::heal::{self, History};
use crate::hooks::{self, HookOptions};
use crate::lock::{self, Lock, Operation};
use crate::options::{DEFAULT_TIMEOUT, DryRun, ServerSide, WaitStrategy};
use crate::plan::{self, Plan};
use crate::release::{ApplyMethod, HookEvent, Info, Release, Status, Time};
use crate::render::{self, RenderInputs};
use crate::{CancellationToken, Engine, Run, execute};

/// How to install. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// The release's name.
    pub name: String,
    /// `--create-namespace`: creates the release's namespace if it is missing.
    pub create_namespace: bool,
    /// `--dry-run`
    pub dry_run: DryRun,
    /// `--hide-secret`: leaves Secrets out of the manifest (dry runs only).
    pub hide_secret: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--replace`: takes the name of an uninstalled or failed release.
    pub replace: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--wait-for-jobs`
    pub wait_for_jobs: bool,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description`; empty: Helm's own words.
    pub description: String,
    /// `--rollback-on-failure`: uninstalls again if the install fails.
    pub rollback_on_failure: bool,
    /// `--skip-crds`
    pub skip_crds: bool,
    /// `--render-subchart-notes`
    pub render_subchart_notes: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// `--disable-openapi-validation`: sends objects without the client-side
    /// check (the server checks them in any case).
    pub disable_openapi_validation: bool,
    /// `--labels` of the record.
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
    /// `--server-side`; `Auto`: as this Helm does by default.
    pub server_side: ServerSide,
}

impl Default for InstallOptions {
    fn default() -> Self {
        InstallOptions {
            name: String::new(),
            create_namespace: false,
            dry_run: DryRun::None,
            hide_secret: false,
            no_hooks: false,
            replace: false,
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
            rollback_on_failure: false,
            skip_crds: false,
            render_subchart_notes: false,
            skip_schema_validation: false,
            disable_openapi_validation: false,
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

/// Installs a chart.
///
/// # Errors
/// Helm's texts, without the `INSTALLATION FAILED: ` of the command. Once a
/// record exists (or a render was partial) the error carries the release.
pub async fn install(
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    options: &InstallOptions,
) -> Result<Applied> {
    let mut options = options.clone();
    options.wait = common::wait_strategy(options.wait, options.rollback_on_failure);
    let options = &options;
    let prepared = common::cancellable(run, prepare(engine, run, chart, values, options)).await?;
    let Prepared { mut release, mut plan, objects, history } = prepared;
    if options.dry_run.is_dry() {
        release.info.description = "Dry run complete".into();
        return Ok(Applied { release, plan });
    }
    let mut plan = plan.take().unwrap_or_default();
    release.version = history.newest() + 1;
    plan.revision = release.version;
    // Never cut off: a record whose creation was on its way would stay pending.
    if options.create_namespace {
        crds::create_namespace(engine, run, server_side(engine, options)).await?;
    }
    let what = (release.name.as_str(), Operation::Install, release.version);
    let lock = Lock::acquire(engine, run, what, history.dead.as_ref()).await?;
    let result = install_locked(engine, run, &lock, Prepared { release, plan: Some(plan), objects, history }, options);
    let result = result.await;
    lock.release().await;
    result
}

async fn install_locked(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    prepared: Prepared,
    options: &InstallOptions,
) -> Result<Applied> {
    let Prepared { mut release, plan, objects, history } = prepared;
    let plan = plan.unwrap_or_default();
    begin(engine, run, lock, &release, &history).await?;
    let work = perform(engine, run, &mut release, &plan, &objects, options, &history.interrupted);
    match common::locked(run, lock, work).await {
        Ok(()) => {
            common::record_end(engine, run, lock, &release).await;
            heal::settle(engine, run, history.interrupted).await;
            common::done(run, &release);
            Ok(Applied { release, plan: Some(plan) })
        }
        Err(error @ Error::TakenOver) => Err(error.with_release(release)),
        Err(error) => {
            heal::take_back(engine.cluster(), run, &plan).await;
            let error = fail(engine, run, lock, release, error, options).await;
            heal::settle(engine, run, history.interrupted).await;
            Err(error)
        }
    }
}

struct Prepared {
    release: Release,
    plan: Option<Plan>,
    objects: Vec<Object>,
    history: History,
}

/// Everything before the first change, custom resource definitions aside:
/// templates may need their kinds.
async fn prepare(engine: &Engine, run: &Run, chart: Chart, values: Map, options: &InstallOptions) -> Result<Prepared> {
    let dry = options.dry_run;
    // What kinds there are is asked beside it. Who needs it gives the error.
    let kinds = async {
        if dry.asks_cluster() {
            let _ = engine.cluster().discovery().await;
        }
    };
    let (version, history, ()) =
        tokio::join!(common::version(engine, dry), available_name(engine, run, options), kinds);
    let compat = engine.compat();
    let version = version.map_err(|e| match compat.logs_install_errors() {
        false => e,
        true => {
            let e = e.context("cluster reachability check failed");
            run.events.send(Event::Problem { text: e.to_string(), details: Vec::new() });
            e
        }
    })?;
    common::check_hide_secret(options.hide_secret, dry.is_dry(), compat).inspect_err(|e| {
        if compat.logs_install_errors() {
            run.events.send(Event::Problem { text: e.to_string(), details: Vec::new() });
        }
    })?;
    let history = history.map_err(|e| common::failed(run, compat, "release name check failed", e))?;
    common::check_labels(&options.labels)?;
    render::check_chart(run, &chart, compat)?;
    let chart = render::process_dependencies(run, chart, &values, compat)
        .await
        .map_err(|e| common::failed(run, compat, common::DEPENDENCIES_FAILED, e))?;
    if dry.asks_cluster() && !options.skip_crds {
        let how = crds::Sending { server_side: server_side(engine, options), force: options.force_conflicts };
        crds::install(engine, run, &chart, how, dry.is_dry()).await?;
    }
    let (mut release, crds) = rendered(engine, run, chart, values, (version, options)).await?;
    release.set_status(Status::PendingInstall, "Initial install underway");
    if !dry.asks_cluster() {
        return Ok(Prepared { release, plan: None, objects: Vec::new(), history });
    }
    let built = engine.cluster().build(&release.manifest, &release.namespace).await;
    let objects = built.map_err(|e| e.context("unable to build kubernetes objects from release manifest"))?;
    let interrupted = heal::objects(engine.cluster(), run, &history.interrupted, &release.namespace).await;
    let live = engine.cluster().live(objects.iter().chain(&interrupted), Expect::Absent).await;
    let mut plan = plan::build(plan::Inputs {
        verb: plan::Verb::Install,
        release: &release.name,
        namespace: &release.namespace,
        revision: release.version,
        previous: Vec::new(),
        interrupted,
        desired: objects.clone(),
        live: &live,
        take_ownership: options.take_ownership,
        method: plan::Method {
            server_side: server_side(engine, options),
            replace: options.force_replace,
            force_conflicts: options.force_conflicts,
            strict: engine.compat().validates_strictly(),
        },
        migrate: true,
    })?;
    plan.crds = if options.skip_crds { Vec::new() } else { crds };
    let events = [HookEvent::PreInstall, HookEvent::PostInstall];
    common::complete_plan(run, &mut plan, &release, (!options.no_hooks).then_some(events));
    Ok(Prepared { release, plan: Some(plan), objects, history })
}

/// Helm 4 sends a new release by server-side apply unless told otherwise.
fn server_side(engine: &Engine, options: &InstallOptions) -> bool {
    common::server_side(options.server_side, Some(ApplyMethod::ServerSide), engine.compat())
}

/// A name is free if no release has it, or (with `--replace`) if its last
/// revision is uninstalled or failed. What was left of an interrupted install
/// is gone on from.
async fn available_name(engine: &Engine, run: &Run, options: &InstallOptions) -> Result<History> {
    let name = &options.name;
    common::validate_release_name(name)
        .map_err(|e| Error::other(Stage::Prepare, format!("release name {name:?}: {e}")))?;
    if options.dry_run.is_dry() {
        return Ok(History::default());
    }
    let history = match heal::history(engine, run, name, None).await {
        Ok(history) => history,
        Err(e @ Error::Pending) => return Err(e),
        // Like Helm: what cannot be read shows when the record is created.
        Err(_) => return Ok(History::default()),
    };
    let is_installing = |r: &Release| r.info.status == Status::PendingInstall;
    let free = match history.keys.last() {
        None => true,
        Some(_) if !history.interrupted.is_empty() => history.interrupted.iter().all(is_installing),
        Some(last) => options.replace && matches!(last.status, Status::Uninstalled | Status::Failed),
    };
    if free {
        return Ok(history);
    }
    if history.is_busy() {
        heal::advise(run, name, &history);
    } else if let Some(lease) = lock::find(engine, name).await
        && lease.is_surely_dead()
    {
        // An install that was killed when its record said that it was done.
        lock::discard(engine, name, &lease).await;
    }
    Err(Error::other(Stage::Prepare, engine.compat().name_in_use_error()))
}

/// The release with its manifest, and the files of its definitions.
async fn rendered(
    engine: &Engine,
    run: &Run,
    chart: Chart,
    values: Map,
    (version, options): (Option<ServerVersion>, &InstallOptions),
) -> Result<(Release, Vec<String>)> {
    let now = Time::now();
    let mut release = Release {
        name: options.name.clone(),
        namespace: engine.namespace().to_string(),
        config: Some(values.clone()),
        version: 1,
        apply_method: Some(common::apply_method(server_side(engine, options))),
        labels: options.labels.clone(),
        chart: Arc::new(render::chart_record(&chart)?),
        info: Info { first_deployed: Some(now), last_deployed: Some(now), ..Info::default() },
        ..Release::default()
    };
    let crds = charts::crds::crds(&chart).into_iter().map(|c| c.filename).collect();
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
                namespace: engine.namespace().to_string(),
                revision: 1,
                is_install: true,
                is_upgrade: false,
            },
            engine.compat(),
            cluster,
        )
    };
    match render::render(run, chart, values, inputs).await {
        Ok((_, rendered)) => {
            release.manifest = rendered.manifest;
            release.hooks = rendered.hooks;
            release.info.notes = rendered.notes;
            Ok((release, crds))
        }
        Err(e) => {
            release.set_status(Status::Failed, format!("failed to render resource: {e}"));
            Err(e.with_release(release))
        }
    }
}

/// The new record, then the old one that it replaces: what is killed in between
/// can go on.
async fn begin(engine: &Engine, run: &Run, lock: &Lock, release: &Release, history: &History) -> Result<()> {
    common::create_record(engine, run, release, lock).await?;
    let Some(old) = history.settled().last().filter(|old| old.status != Status::Failed) else { return Ok(()) };
    // The new record is there: what becomes of the old one cannot stop it.
    if let Ok(mut old) = engine.store().get(&release.name, old.version).await {
        old.set_status(Status::Superseded, "superseded by new release");
        common::record(engine, run, &old).await;
        run.events.debug(|| format!("superseded revision {}", old.version));
    }
    Ok(())
}

async fn perform(
    engine: &Engine,
    run: &Run,
    release: &mut Release,
    plan: &Plan,
    objects: &[Object],
    options: &InstallOptions,
    interrupted: &[Release],
) -> Result<()> {
    let server_side = server_side(engine, options);
    let hook_options = HookOptions { timeout: options.timeout, wait: options.wait, server_side };
    hooks::take_back(engine, run, interrupted, hook_options).await;
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PreInstall, hook_options)
            .await
            .map_err(|e| e.context("failed pre-install"))?;
    }
    let mut done = execute::Done::for_wait(options.wait);
    execute::execute(engine.cluster(), run, plan, &mut done).await?;
    let sent = (objects, &done.answers());
    common::wait_for(engine, run, sent, options.wait, options.wait_for_jobs, options.timeout).await?;
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PostInstall, hook_options)
            .await
            .map_err(|e| e.context("failed post-install"))?;
    }
    let description = if options.description.is_empty() { "Install complete" } else { options.description.as_str() };
    release.set_status(Status::Deployed, description);
    Ok(())
}

/// Records the failure, or takes everything away again.
async fn fail(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    mut release: Release,
    error: Error,
    options: &InstallOptions,
) -> Error {
    let name = &options.name;
    release.set_status(Status::Failed, format!("Release {name:?} failed: {error}"));
    if !options.rollback_on_failure {
        common::record_end(engine, run, lock, &release).await;
        common::done(run, &release);
        return error.with_release(release);
    }
    run.events.debug(|| format!("install failed and rollback-on-failure is set, uninstalling release {name}"));
    let undo = UninstallOptions {
        name: name.clone(),
        no_hooks: options.no_hooks,
        wait: options.wait,
        timeout: options.timeout,
        ..UninstallOptions::default()
    };
    // A cancelled run still cleans up after itself.
    let run = Run { events: run.events.clone(), cancel: CancellationToken::new() };
    lock.turn_into(Operation::Uninstall, release.version).await;
    let error = match Box::pin(uninstall_locked(engine, &run, lock, &undo)).await {
        Ok(_) => error
            .context(format!("release {name} failed, and has been uninstalled due to rollback-on-failure being set")),
        Err(second) => Error::other(
            Stage::Apply,
            format!("an error occurred while uninstalling the release. original install error: {error}: {second}"),
        ),
    };
    error.with_release(release)
}
