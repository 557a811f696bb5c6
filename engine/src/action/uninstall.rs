//! `uninstall`: takes a release away.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use charts::Warnings;
use charts::manifest::{self, KindOrder};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use templates_compat::Compat;

use super::common;
use crate::cluster::Object;
use crate::cluster::apply::CONCURRENCY;
use crate::cluster::live::Expect;
use crate::error::{Error, Result, Stage};
use crate::event::{Event, Outcome};
use crate::heal::{self, History};
use crate::hooks::{self, HookOptions};
use crate::lock::{Lock, Operation};
use crate::options::{Cascade, DEFAULT_TIMEOUT, WaitStrategy};
use crate::plan::{self, Live};
use crate::release::{HookEvent, Release, Status, Time};
use crate::storage::{self, Key};
use crate::{Engine, Run, wait};

/// How to uninstall. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct UninstallOptions {
    /// The release's name.
    pub name: String,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--ignore-not-found`: a release that is not there is no error.
    pub ignore_not_found: bool,
    /// `--keep-history`: keeps the records, marked uninstalled.
    pub keep_history: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--cascade`
    pub cascade: Cascade,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description`; empty: Helm's own words.
    pub description: String,
}

impl Default for UninstallOptions {
    fn default() -> Self {
        UninstallOptions {
            name: String::new(),
            dry_run: false,
            no_hooks: false,
            ignore_not_found: false,
            keep_history: false,
            wait: WaitStrategy::HookOnly,
            cascade: Cascade::Background,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
        }
    }
}

/// What uninstalling came to.
#[derive(Debug, Clone)]
pub struct Uninstalled {
    /// The release; `None` when it was not there and that is no error.
    pub release: Option<Release>,
    /// Helm's text on what was left: kept by policy, not owned, not
    /// verifiable. Empty if nothing was.
    pub info: String,
}

/// Uninstalls a release.
///
/// # Errors
/// Helm's texts.
pub async fn uninstall(engine: &Engine, run: &Run, options: &UninstallOptions) -> Result<Uninstalled> {
    let name = &options.name;
    common::cancellable(run, async { engine.cluster().version().await.map(drop) }).await?;
    if options.dry_run {
        return common::cancellable(run, dry_run(engine, run, options)).await;
    }
    common::validate_release_name(name)
        .map_err(|_| Error::other(Stage::Prepare, format!("uninstall: Release name is invalid: {name}")))?;
    let lock = common::cancellable(run, Lock::acquire(engine, run, (name, Operation::Uninstall, 0), None)).await?;
    let result = common::locked(run, &lock, uninstall_locked(engine, run, &lock, options)).await;
    lock.release().await;
    result
}

/// Uninstalls a release whose lock is held.
pub(super) async fn uninstall_locked(
    engine: &Engine,
    run: &Run,
    lock: &Lock,
    options: &UninstallOptions,
) -> Result<Uninstalled> {
    let name = &options.name;
    let history = heal::history(engine, run, name, Some(lock)).await?;
    let Some(last) = history.keys.last() else {
        // One that was killed after its last record was deleted did its work.
        let was_done = lock.found().is_some_and(|found| found.operation() == Operation::Uninstall.as_str());
        if options.ignore_not_found || was_done {
            return Ok(Uninstalled { release: None, info: String::new() });
        }
        return Err(Error::ReleaseNotFound.context(format!("uninstall: Release not loaded: {name}")));
    };
    lock.follow(name, last.version);
    let keys = &history.keys;
    let mut release = engine.store().get(name, last.version).await?;
    if release.info.status == Status::Uninstalled {
        if options.keep_history {
            let text = format!("the release named {name:?} is already deleted");
            return Err(Error::other(Stage::Prepare, text));
        }
        purge(engine, keys).await?;
        return Ok(Uninstalled { release: Some(release), info: String::new() });
    }
    release.set_status(Status::Uninstalling, "Deletion in progress (or silently failed)");
    release.info.deleted = Some(Time::now());
    // Helm 4 does so whatever the release was made with.
    let server_side = engine.compat().applies_server_side();
    let hook_options = HookOptions { timeout: options.timeout, wait: options.wait, server_side };
    hooks::take_back(engine, run, &history.interrupted, hook_options).await;
    if !options.no_hooks {
        hooks::run_event(engine, run, &mut release, HookEvent::PreDelete, hook_options).await?;
    }
    common::record(engine, run, &release).await;

    let mut revisions = vec![release.clone()];
    revisions.extend(earlier(engine, &history).await?);
    let what = sort_out(engine, &revisions).await.map_err(|e| refuse(run, name, &e.to_string()))?;
    let errors = delete(engine, run, &what.owned, options).await;
    if !errors.is_empty() {
        let texts: Vec<String> = errors.iter().map(Error::to_string).collect();
        return Err(refuse(run, name, &texts.join("; ")));
    }
    let mut errors = Vec::new();
    if options.wait != WaitStrategy::HookOnly
        && let Err(e) = wait::until_deleted(engine.cluster(), run, &what.owned, options.timeout).await
    {
        errors.push(e);
    }
    if !options.no_hooks
        && let Err(e) = hooks::run_event(engine, run, &mut release, HookEvent::PostDelete, hook_options).await
    {
        errors.push(e);
    }
    finish(engine, run, &mut release, keys, options, &mut errors).await?;
    common::done(run, &release);
    if errors.is_empty() {
        return Ok(Uninstalled { release: Some(release), info: what.info });
    }
    let texts: Vec<String> = errors.iter().map(Error::to_string).collect();
    let text = format!("uninstallation completed with {} error(s): {}", errors.len(), texts.join("; "));
    Err(Error::other(Stage::Apply, text).with_release(release))
}

/// Helm's text says nothing of the reason; that goes to the log.
fn refuse(run: &Run, name: &str, why: &str) -> Error {
    run.events.warn(format!("uninstall: Failed to delete release: {why}"));
    Error::other(Stage::Apply, format!("failed to delete release: {name}"))
}

async fn finish(
    engine: &Engine,
    run: &Run,
    release: &mut Release,
    keys: &[Key],
    options: &UninstallOptions,
    errors: &mut Vec<Error>,
) -> Result<()> {
    let description =
        if options.description.is_empty() { "Uninstallation complete" } else { options.description.as_str() };
    release.set_status(Status::Uninstalled, description);
    if !options.keep_history {
        if let Err(e) = purge(engine, keys).await {
            errors.push(e);
        }
        return Ok(());
    }
    common::record(engine, run, release).await;
    for mut old in storage::deployed_all(&**engine.store(), &release.name).await? {
        old.info.status = Status::Superseded;
        common::record(engine, run, &old).await;
    }
    Ok(())
}

/// Deletes every record, oldest first: what is interrupted can go on.
async fn purge(engine: &Engine, keys: &[Key]) -> Result<()> {
    let mut keys: Vec<&Key> = keys.iter().collect();
    keys.sort_by_key(|k| k.version);
    for key in keys {
        match engine.store().delete(&key.name, key.version).await {
            Ok(()) | Err(Error::ReleaseNotFound) => {}
            Err(e) => return Err(e.context("uninstall: Failed to purge the release")),
        }
    }
    Ok(())
}

/// What is deleted, and Helm's text on what is not.
struct SortedOut {
    owned: Vec<Object>,
    info: String,
}

/// The other revisions whose objects may be there: only if the newest was
/// interrupted, because else it is the only one that has any.
async fn earlier(engine: &Engine, history: &History) -> Result<Vec<Release>> {
    let Some((_, interrupted)) = history.interrupted.split_last() else { return Ok(Vec::new()) };
    let mut revisions: Vec<Release> = interrupted.iter().rev().cloned().collect();
    let settled = history.settled();
    let base = settled.iter().rev().find(|k| k.status == Status::Deployed).or(settled.last());
    if let Some(base) = base.filter(|k| k.status != Status::Uninstalled) {
        revisions.push(engine.store().get(&base.name, base.version).await?);
    }
    Ok(revisions)
}

/// Which objects of revisions (the newest first) are kept by policy, and which
/// are the release's own.
async fn sort_out(engine: &Engine, revisions: &[Release]) -> Result<SortedOut> {
    let (mut kept, mut objects) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for release in revisions {
        let (keeps, deleted) = by_policy(release, engine.compat())?;
        let built = engine.cluster().build(&deleted, &release.namespace).await;
        let built = built.map_err(|e| e.context("unable to build kubernetes objects for delete"))?;
        let is_new = |kind: &str, name: &str| !seen.contains(&(kind.to_string(), name.to_string()));
        let (keeps, built): (Vec<_>, Vec<_>) = (
            keeps.into_iter().filter(|(kind, name)| is_new(kind, name)).collect(),
            built.into_iter().filter(|o: &Object| is_new(&o.reference.kind, &o.reference.name)).collect(),
        );
        seen.extend(keeps.iter().cloned());
        seen.extend(built.iter().map(|o| (o.reference.kind.clone(), o.reference.name.clone())));
        kept.extend(keeps);
        objects.extend(built);
    }
    let Some(release) = revisions.first() else { return Ok(SortedOut { owned: Vec::new(), info: String::new() }) };
    let mut info = String::new();
    if !kept.is_empty() {
        info.push_str("These resources were kept due to the resource policy:\n");
        kept.iter().for_each(|(kind, name)| info.push_str(&format!("[{kind}] {name}\n")));
    }
    let live = engine.cluster().live(objects.iter(), Expect::Present).await;
    let (mut owned, mut unowned, mut unverified) = (Vec::new(), Vec::new(), Vec::new());
    for object in objects {
        match live.objects.get(&object.reference.key()) {
            None | Some(Live::Absent) => {}
            Some(Live::Unreadable(e)) => unverified.push((object.reference, e.clone())),
            Some(Live::Present(json)) => match plan::check_ownership(json, &release.name, &release.namespace) {
                Ok(()) => owned.push(object),
                Err(_) => unowned.push(object.reference),
            },
        }
    }
    let mut list = |count: usize, why: &str, lines: String| {
        if count > 0 {
            let gap = if info.is_empty() { "" } else { "\n" };
            info.push_str(&format!("{gap}{count} resource(s) were not deleted because {why}:\n{lines}"));
        }
    };
    let lines = unowned.iter().map(|r| format!("[{}] {}\n", r.kind, r.name)).collect();
    list(unowned.len(), "they are not owned by this release", lines);
    let lines = unverified.iter().map(|(r, e)| format!("[{}] {}: {e}\n", r.kind, r.name)).collect();
    list(unverified.len(), "their ownership could not be verified", lines);
    Ok(SortedOut { owned, info })
}

/// Kinds and names that are kept, and the manifest of the rest in the order of
/// uninstalling. Documents with another policy are neither, as in Helm.
fn by_policy(release: &Release, compat: Compat) -> Result<(Vec<(String, String)>, String)> {
    let documents = manifest::split(release.manifest.as_bytes(), compat);
    let files: BTreeMap<String, Vec<u8>> =
        documents.into_iter().enumerate().map(|(i, d)| (format!("manifest-{i:06}"), d.to_vec())).collect();
    let sorted = manifest::sort(&files, KindOrder::Uninstall, compat, &mut Warnings::new()).map_err(|e| {
        let text = format!("corrupted release record. You must manually delete the resources: {e}");
        Error::other(Stage::Plan, text)
    })?;
    let (mut kept, mut rest) = (Vec::new(), String::new());
    for manifest in sorted.manifests {
        let metadata = manifest.head.metadata.as_ref();
        let annotations = metadata.and_then(|m| m.annotations.as_deref()).unwrap_or_default();
        let policy = annotations.iter().find(|(k, _)| k == plan::RESOURCE_POLICY);
        match policy.map(|(_, v)| v.trim().to_lowercase()) {
            None => rest.push_str(&format!("\n---\n{}", manifest.content)),
            Some(policy) if policy == plan::KEEP => {
                let name = metadata.map(|m| m.name.clone()).unwrap_or_default();
                kept.push((manifest.head.kind, name));
            }
            Some(_) => {}
        }
    }
    Ok((kept, rest))
}

/// Deletes objects, each run of equal kinds side by side.
async fn delete(engine: &Engine, run: &Run, objects: &[Object], options: &UninstallOptions) -> Vec<Error> {
    let policy = options.cascade.propagation_policy();
    let (mut errors, mut done, total) = (Vec::new(), 0, objects.len());
    for kind in objects.chunk_by(|a, b| a.reference.kind == b.reference.kind) {
        let delete = |object| async move { (object, engine.cluster().delete(object, policy).await) }.boxed();
        let deletions: Vec<BoxFuture<'_, (&Object, Result<bool>)>> = kind.iter().map(delete).collect();
        let mut results = futures::stream::iter(deletions).buffered(CONCURRENCY);
        while let Some((object, result)) = results.next().await {
            match result {
                Ok(_) => {
                    done += 1;
                    let object = object.reference.clone();
                    run.events.send(Event::Applied { object, outcome: Outcome::Deleted, done, total });
                }
                Err(e) => errors.push(e),
            }
        }
    }
    errors
}

/// Says what would be deleted and what would be left.
async fn dry_run(engine: &Engine, run: &Run, options: &UninstallOptions) -> Result<Uninstalled> {
    let release = match super::get(engine, run, &options.name, 0).await {
        Ok(release) => release,
        Err(e) if options.ignore_not_found && e.is_release_not_found() => {
            return Ok(Uninstalled { release: None, info: String::new() });
        }
        Err(e) => return Err(e),
    };
    let what = sort_out(engine, std::slice::from_ref(&release)).await?;
    for object in &what.owned {
        run.events.debug(|| format!("dry-run: would delete resource {}", object.reference));
    }
    Ok(Uninstalled { release: Some(release), info: what.info })
}
