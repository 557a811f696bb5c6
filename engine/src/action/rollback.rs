//! `rollback`: the next revision of a release, from an earlier one.

use std::time::Duration;

use templates_compat::Compat;

use super::common::{self, Known, Preview};
use super::{Against, Applied};
use crate::cluster::Object;
use crate::error::{Error, Result, Stage};
use crate::execute::Done;
use crate::heal::{self, History};
use crate::hooks::{self, HookOptions};
use crate::lock::{self, Lock, Operation, Verdict};
use crate::options::{DEFAULT_HISTORY_MAX, DEFAULT_TIMEOUT, DryRun, ServerSide, WaitStrategy};
use crate::plan::{self, LiveObjects, Plan};
use crate::release::{HookEvent, Info, Release, Status, Time};
use crate::{Engine, Run, execute, storage};

/// How to roll back. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct RollbackOptions {
    /// The release's name.
    pub name: String,
    /// The revision to go back to; 0: the one before the last.
    pub revision: i64,
    /// `--dry-run`
    pub dry_run: DryRun,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--wait-for-jobs`
    pub wait_for_jobs: bool,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description` (at most 256 characters); empty: Helm's own words.
    pub description: String,
    /// `--cleanup-on-fail`: deletes what this run created if it fails.
    pub cleanup_on_fail: bool,
    /// `--history-max`; 0: no limit.
    pub history_max: usize,
    /// `--force-replace`: replaces objects instead of patching them.
    pub force_replace: bool,
    /// `--force-conflicts`: takes fields that others manage.
    pub force_conflicts: bool,
    /// `--server-side`
    pub server_side: ServerSide,
}

impl Default for RollbackOptions {
    fn default() -> Self {
        RollbackOptions {
            name: String::new(),
            revision: 0,
            dry_run: DryRun::None,
            no_hooks: false,
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
            cleanup_on_fail: false,
            history_max: DEFAULT_HISTORY_MAX,
            force_replace: false,
            force_conflicts: false,
            server_side: ServerSide::Auto,
        }
    }
}

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 256;

/// Rolls a release back.
///
/// # Errors
/// Helm's texts.
pub async fn rollback(engine: &Engine, run: &Run, options: &RollbackOptions) -> Result<Applied> {
    let prepared = common::cancellable(run, prepare(engine, run, options, Preview::No)).await?;
    if options.dry_run.is_dry() {
        let Prepared { release, plan, .. } = prepared;
        return Ok(Applied { release, plan: Some(plan) });
    }
    let what = (prepared.release.name.as_str(), Operation::Rollback, prepared.release.version);
    let lock = Lock::acquire(engine, run, what, prepared.history.dead.as_ref()).await?;
    let result = rollback_locked(engine, run, &lock, prepared, options).await;
    lock.release().await;
    result
}

/// Rolls back what an upgrade did that holds the lock.
pub(super) async fn undo(engine: &Engine, run: &Run, lock: &Lock, options: &RollbackOptions) -> Result<Applied> {
    let prepared = common::cancellable(run, prepare(engine, run, options, Preview::No)).await?;
    lock.turn_into(Operation::Rollback, prepared.release.version).await;
    rollback_locked(engine, run, lock, prepared, options).await
}

async fn rollback_locked(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    prepared: Prepared,
    options: &RollbackOptions,
) -> Result<Applied> {
    let Prepared { mut current, mut release, plan, objects, known, live, history } = prepared;
    common::prune_history(engine, &release.name, options.history_max, &history).await?;
    common::create_record(engine, run, &release, lock).await?;
    let server_side = release.is_server_side();
    let hook_options = HookOptions { timeout: options.timeout, wait: options.wait, server_side };
    hooks::take_back(engine, run, &history.interrupted, hook_options).await;
    let mut done = Done::for_wait(options.wait);
    let mut stage = Progress::Hooks;
    let work = Work { release: &mut release, plan: &plan, objects: &objects, known, live };
    let work = perform(engine, run, work, options, (&mut done, &mut stage));
    match common::locked(run, lock, work).await {
        Ok(()) => {
            release.info.status = Status::Deployed;
            engine.store().update(&release).await.inspect_err(|_| lock.leave())?;
            heal::settle(engine, run, history.interrupted).await;
            common::done(run, &release);
            Ok(Applied { release, plan: Some(plan) })
        }
        Err(error @ Error::TakenOver) => Err(error.with_release(release)),
        Err(error) => {
            heal::take_back(engine.cluster(), run, &plan).await;
            let error = fail(engine, run, lock, (&mut current, release), error, (&done, stage, options)).await;
            heal::settle(engine, run, history.interrupted).await;
            Err(error)
        }
    }
}

/// The plan of a rollback, which changes nothing.
pub(super) async fn plan_of(engine: &Engine, run: &Run, options: &RollbackOptions, against: Against) -> Result<Plan> {
    let preview = if against == Against::Live { Preview::Yes } else { Preview::No };
    let prepared = common::cancellable(run, prepare(engine, run, options, preview)).await?;
    let mut plan = prepared.plan;
    if against == Against::Manifest {
        plan::against_manifest(&mut plan, &prepared.known.previous, &prepared.objects);
    }
    Ok(plan)
}

struct Prepared {
    current: Release,
    release: Release,
    plan: Plan,
    objects: Vec<Object>,
    known: Known,
    /// What was live when the plan was made.
    live: LiveObjects,
    history: History,
}

async fn prepare(engine: &Engine, run: &Run, options: &RollbackOptions, preview: Preview) -> Result<Prepared> {
    let name = &options.name;
    let length = options.description.chars().count();
    let invalid = |text: String| Error::other(Stage::Prepare, text);
    if length > MAX_DESCRIPTION {
        return Err(invalid(format!("description must be {MAX_DESCRIPTION} characters or less, got {length}")));
    }
    // What kinds there are is asked beside it. Who needs it gives the error.
    let (history, version, _) =
        tokio::join!(heal::history(engine, run, name, None), engine.cluster().version(), engine.cluster().discovery());
    version?;
    common::validate_release_name(name)
        .map_err(|_| invalid(format!("prepareRollback: Release name is invalid: {name}")))?;
    if options.revision < 0 {
        return Err(invalid("invalid release revision".into()));
    }
    let history = history?;
    let last = history.keys.last().map(|k| k.version).ok_or(Error::ReleaseNotFound)?;
    let revision = if options.revision == 0 { target(engine, &history).await? } else { options.revision };
    if !history.keys.iter().any(|k| k.version == revision) {
        return Err(invalid(format!("release has no {revision} version")));
    }
    let from = history.settled().last().map_or(last, |k| k.version);
    let (current, target) = futures::try_join!(engine.store().get(name, from), engine.store().get(name, revision))?;
    let mut release = next_revision(&current, target, revision, options, engine.compat());
    release.version = last + 1;
    let cluster = engine.cluster();
    let previous = cluster.build(&current.manifest, &release.namespace).await;
    let previous =
        previous.map_err(|e| e.context("unable to build kubernetes objects from current release manifest"))?;
    let objects = cluster.build(&release.manifest, &release.namespace).await;
    let objects = objects.map_err(|e| e.context("unable to build kubernetes objects from new release manifest"))?;
    let interrupted = heal::objects(cluster, run, &history.interrupted, &release.namespace).await;
    let known = Known { previous, interrupted };
    let mut live = known.live(engine, &objects).await;
    if preview == Preview::Yes {
        common::preview(engine, &release, &objects, options.force_conflicts, &mut live).await;
    }
    let mut plan = decide(engine, &release, &objects, known.clone(), &live, options)?;
    let events = [HookEvent::PreRollback, HookEvent::PostRollback];
    common::complete_plan(run, &mut plan, &release, (!options.no_hooks).then_some(events));
    Ok(Prepared { current, release, plan, objects, known, live, history })
}

fn decide(
    engine: &Engine,
    release: &Release,
    objects: &[Object],
    known: Known,
    live: &LiveObjects,
    options: &RollbackOptions,
) -> Result<Plan> {
    plan::build(plan::Inputs {
        verb: plan::Verb::Rollback,
        release: &release.name,
        namespace: &release.namespace,
        revision: release.version,
        previous: known.previous,
        interrupted: known.interrupted,
        desired: objects.to_vec(),
        live,
        take_ownership: true,
        method: plan::Method {
            server_side: release.is_server_side(),
            replace: options.force_replace,
            force_conflicts: options.force_conflicts,
            strict: engine.compat().validates_strictly(),
        },
        migrate: true,
    })
}

/// The revision before the last. A rollback that was interrupted is gone on
/// with instead, also when it was only its end that nobody saw.
async fn target(engine: &Engine, history: &History) -> Result<i64> {
    let back = Operation::Rollback.as_str();
    if let Some(last) = history.interrupted.last() {
        return Ok(match last.info.status {
            Status::PendingRollback if last.info.rollback_revision > 0 => last.info.rollback_revision,
            // Helm 3's records do not say.
            Status::PendingRollback => history.settled().last().map_or(0, |k| k.version) - 1,
            _ => history.newest() - 1,
        });
    }
    if let Some(last) = history.keys.last().filter(|last| last.status == Status::Deployed)
        && let Some(lease) = lock::find(engine, &last.name).await
        && lease.operation() == back
        && lease.revision() == last.version
    {
        match lock::judge(engine, &last.name, lease).await? {
            Verdict::Live => return Err(Error::Pending),
            Verdict::Gone => {}
            Verdict::Dead(_) => {
                let done = engine.store().get(&last.name, last.version).await?;
                if done.info.rollback_revision > 0 {
                    return Ok(done.info.rollback_revision);
                }
            }
        }
    }
    Ok(history.newest() - 1)
}

fn next_revision(
    current: &Release,
    target: Release,
    revision: i64,
    options: &RollbackOptions,
    compat: Compat,
) -> Release {
    let description = match options.description.as_str() {
        "" => format!("Rollback to {revision}"),
        own => own.to_string(),
    };
    let server_side = common::server_side(options.server_side, target.apply_method, compat);
    Release {
        name: current.name.clone(),
        namespace: current.namespace.clone(),
        version: current.version + 1,
        info: Info {
            first_deployed: current.info.first_deployed,
            last_deployed: Some(Time::now()),
            status: Status::PendingRollback,
            notes: target.info.notes.clone(),
            rollback_revision: revision,
            description,
            ..Info::default()
        },
        apply_method: Some(common::apply_method(server_side)),
        ..target
    }
}

/// How far a rollback got: what is recorded of a failure depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Hooks,
    Objects,
    Waiting,
}

struct Work<'a> {
    release: &'a mut Release,
    plan: &'a Plan,
    objects: &'a [Object],
    known: Known,
    live: LiveObjects,
}

async fn perform(
    engine: &Engine,
    run: &Run,
    work: Work<'_>,
    options: &RollbackOptions,
    (done, stage): (&mut Done, &mut Progress),
) -> Result<()> {
    let Work { release, plan, objects, known, mut live } = work;
    let server_side = release.is_server_side();
    let hook_options = HookOptions { timeout: options.timeout, wait: options.wait, server_side };
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PreRollback, hook_options).await?;
    }
    let again;
    let plan = if !options.no_hooks && hooks::are_there(release, &HookEvent::PreRollback) {
        // The hooks may have changed what is there.
        live = known.live(engine, objects).await;
        again = decide(engine, release, objects, known, &live, options)?;
        &again
    } else {
        plan
    };
    *stage = Progress::Objects;
    done.add_unchanged(plan, live);
    execute::execute(engine.cluster(), run, plan, done).await?;
    *stage = Progress::Waiting;
    let sent = (objects, &done.answers());
    common::wait_for(engine, run, sent, options.wait, options.wait_for_jobs, options.timeout).await?;
    *stage = Progress::Hooks;
    if !options.no_hooks {
        hooks::run_event(engine, run, release, HookEvent::PostRollback, hook_options).await?;
    }
    // Every revision that is still marked deployed, not only the last.
    for mut old in storage::deployed_all(&**engine.store(), &release.name).await? {
        old.info.status = Status::Superseded;
        common::record(engine, run, &old).await;
    }
    Ok(())
}

async fn fail(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    (current, mut release): (&mut Release, Release),
    error: Error,
    (done, stage, options): (&Done, Progress, &RollbackOptions),
) -> Error {
    let name = release.name.clone();
    let error = match stage {
        // Helm leaves a record pending when a hook fails; a record that says
        // so lets the next upgrade begin.
        Progress::Hooks | Progress::Waiting if !error.is_cancelled() || stage == Progress::Waiting => {
            release.set_status(Status::Failed, format!("Release {name:?} failed: {error}"));
            if stage == Progress::Waiting { error.context(format!("release {name} failed")) } else { error }
        }
        _ => {
            let text = format!("Rollback {name:?} failed: {error}");
            run.events.warn(text.clone());
            release.set_status(Status::Failed, text);
            if stage == Progress::Objects {
                current.info.status = Status::Superseded;
                common::record(engine, run, current).await;
            }
            error
        }
    };
    common::record_end(engine, run, lock, &release).await;
    if options.cleanup_on_fail
        && stage == Progress::Objects
        && let Err(second) = common::clean_up(engine, done).await
    {
        let before = "an error occurred while cleaning up resources. original rollback error";
        return second.context(before).with_release(release);
    }
    common::done(run, &release);
    error.with_release(release)
}
