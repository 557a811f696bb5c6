//! What several actions share: names, records, history, waiting, and what
//! becomes of a release that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use templates_compat::Compat;

use crate::cluster::live::Expect;
use crate::cluster::{Answers, Object, ServerVersion};
use crate::error::{Error, Result, Stage};
use crate::event::Event;
use crate::heal::History;
use crate::lock::Lock;
use crate::options::{DryRun, ServerSide, WaitStrategy};
use crate::plan::{self, LiveObjects, Plan};
use crate::release::{ApplyMethod, HookEvent, Release, Status};
use crate::storage::SYSTEM_LABELS;
use crate::wait::{self, Rules};
use crate::{Engine, Run, execute, hooks};

const NAME_PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Helm leaves ten characters of a label for what templates append.
const MAX_NAME: usize = 53;

/// Whether a text can be a release's name.
///
/// # Errors
/// Helm's text.
pub fn validate_release_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("no name provided".into());
    }
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        edge(bytes.first().copied()) && edge(bytes.last().copied()) && bytes.iter().all(|b| inner(*b))
    };
    if name.len() > MAX_NAME || !name.split('.').all(is_label) {
        return Err(format!(
            "invalid release name, must match regex {NAME_PATTERN} and the length must not be longer than {MAX_NAME}"
        ));
    }
    Ok(())
}

/// What Helm 4 says, and logs, when a chart's dependencies cannot be processed.
pub(super) const DEPENDENCIES_FAILED: &str = "chart dependencies processing failed";

/// An error that Helm 4 logs, and returns with these words before it.
pub(super) fn failed(run: &Run, compat: Compat, text: &str, error: Error) -> Error {
    match compat.logs_install_errors() {
        false => error,
        true => {
            let details = vec![("error", error.to_string())];
            run.events.send(Event::Problem { text: text.to_owned(), details });
            error.context(text)
        }
    }
}

/// Refuses labels that are Helm's own.
pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> Result<()> {
    if labels.keys().any(|k| SYSTEM_LABELS.contains(&k.as_str())) {
        let all = SYSTEM_LABELS.join(" ");
        let text = format!("user supplied labels contains system reserved label name. System labels: [{all}]");
        return Err(Error::other(Stage::Prepare, text));
    }
    Ok(())
}

/// Refuses to hide Secrets where they are created.
pub(super) fn check_hide_secret(hide: bool, dry: bool, compat: Compat) -> Result<()> {
    if hide && !dry {
        return Err(Error::other(Stage::Prepare, compat.hide_secret_error()));
    }
    Ok(())
}

/// Writes a record again; a failure is only worth a warning. Says whether it
/// was written.
pub(crate) async fn record(engine: &Engine, run: &Run, release: &Release) -> bool {
    match engine.store().update(release).await {
        Ok(()) => {
            recorded(run, release);
            true
        }
        Err(e) => {
            let Release { name, version, .. } = release;
            let details = vec![("name", name.clone()), ("revision", version.to_string()), ("error", e.to_string())];
            run.events.warn_of("failed to update release", details);
            false
        }
    }
}

/// Writes how an operation ended. If that is not possible its lease stays, so
/// that the next operation goes on from here.
pub(super) async fn record_end(engine: &Engine, run: &Run, lock: &Lock, release: &Release) {
    if !record(engine, run, release).await {
        lock.leave();
    }
}

/// Writes a new record; the lease goes with it.
pub(super) async fn create_record(engine: &Engine, run: &Run, release: &Release, lock: &Lock) -> Result<()> {
    if let Err(e) = engine.store().create(release).await {
        // Without an answer it may be there.
        if e.api_code() == Some(0) {
            lock.leave();
        }
        return Err(e);
    }
    lock.follow(&release.name, release.version);
    recorded(run, release);
    Ok(())
}

fn recorded(run: &Run, release: &Release) {
    let Release { name, version, info, .. } = release;
    run.events.send(Event::Recorded { name: name.clone(), revision: *version, status: info.status });
}

/// Says that an action ended.
pub(super) fn done(run: &Run, release: &Release) {
    let Release { name, version, info, .. } = release;
    let (name, description) = (name.clone(), info.description.clone());
    run.events.send(Event::Done { name, revision: *version, status: info.status, description });
}

/// Runs an action's part that changes the cluster until it ends, is cancelled,
/// or another operation takes the release over.
pub(super) async fn locked<T>(run: &Run, lock: &Lock, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = lock.lost() => Err(Error::TakenOver),
        result = cancellable(run, work) => result,
    }
}

/// Whether the API server can be reached, and its version; `None` if it is not
/// to be asked.
pub(super) async fn version(engine: &Engine, dry: DryRun) -> Result<Option<ServerVersion>> {
    if !dry.asks_cluster() {
        return Ok(None);
    }
    engine.cluster().version().await.map(Some)
}

/// Runs work until it ends or is cancelled.
pub(super) async fn cancellable<T>(run: &Run, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = run.cancel.cancelled() => Err(Error::Cancelled),
        result = work => result,
    }
}

/// Runs an action that only reads. If there was no answer at all, or none for
/// this user, it says so as Helm does, which asks for the version first.
pub(super) async fn reading<T>(engine: &Engine, run: &Run, work: impl Future<Output = Result<T>>) -> Result<T> {
    let result = cancellable(run, work).await;
    match result {
        Err(e) if matches!(e.api_code(), Some(0 | 401)) => match engine.cluster().version().await {
            Ok(_) => Err(e),
            Err(unreachable) => Err(unreachable),
        },
        result => result,
    }
}

/// Whether objects are sent by server-side apply. `before` is the method of
/// the revision that decides when the choice is left open. Helm 3 knows only
/// the client's way.
pub(super) fn server_side(choice: ServerSide, before: Option<ApplyMethod>, compat: Compat) -> bool {
    match choice {
        ServerSide::True => true,
        ServerSide::False => false,
        ServerSide::Auto => compat.applies_server_side() && before == Some(ApplyMethod::ServerSide),
    }
}

/// As the record says it.
pub(super) fn apply_method(server_side: bool) -> ApplyMethod {
    if server_side { ApplyMethod::ServerSide } else { ApplyMethod::ClientSide }
}

/// With `--rollback-on-failure` objects are waited for.
pub(super) fn wait_strategy(wait: WaitStrategy, rollback_on_failure: bool) -> WaitStrategy {
    match wait {
        WaitStrategy::HookOnly if rollback_on_failure => WaitStrategy::Watcher,
        wait => wait,
    }
}

/// Waits for a release's objects as the options say. `answers` are those of the
/// API server when they were sent.
pub(super) async fn wait_for(
    engine: &Engine,
    run: &Run,
    (objects, answers): (&[Object], &Answers),
    wait: WaitStrategy,
    jobs: bool,
    timeout: Duration,
) -> Result<()> {
    match Rules::of(wait, jobs) {
        Some(rules) => wait::until_ready(engine.cluster(), run, (objects, answers), rules, timeout).await,
        None => Ok(()),
    }
}

/// Deletes the oldest records so that, with one more, there are at most
/// `limit`. The deployed revision stays, and so do those that an operation
/// still has to go on from. 0: no limit.
///
/// The history is the one that was read before the lock was taken. If there is
/// more by now, the next record is there too and cannot be created; and a list
/// right after a write is slow, as the API server has to bring its cache up to
/// date first.
pub(super) async fn prune_history(engine: &Engine, name: &str, limit: usize, history: &History) -> Result<()> {
    let Some(keep) = limit.checked_sub(1) else { return Ok(()) };
    let (keys, needed) = (&history.keys, history.versions());
    let surplus = keys.len().saturating_sub(keep);
    let deployed = keys.iter().filter(|k| k.status == Status::Deployed).map(|k| k.version).max();
    let stays = |version: i64| Some(version) == deployed || needed.contains(&version);
    let victims: Vec<_> = keys.iter().filter(|k| !stays(k.version)).take(surplus).collect();
    let mut errors = Vec::new();
    for key in victims {
        match engine.store().delete(name, key.version).await {
            // Somebody else was faster.
            Ok(()) | Err(Error::ReleaseNotFound) => {}
            Err(e) => errors.push(e),
        }
    }
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        count => Err(errors.remove(0).context(format!("encountered {count} deletion errors. First is"))),
    }
}

/// The objects of the revisions before.
#[derive(Clone)]
pub(super) struct Known {
    /// Of the one that is replaced.
    pub(super) previous: Vec<Object>,
    /// Of those that were interrupted.
    pub(super) interrupted: Vec<Object>,
}

impl Known {
    /// What is live of these and of the objects wanted.
    pub(super) async fn live(&self, engine: &Engine, wanted: &[Object]) -> LiveObjects {
        let all = wanted.iter().chain(&self.previous).chain(&self.interrupted);
        engine.cluster().live(all, Expect::Present).await
    }
}

/// Whether the API server is asked what each object would become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preview {
    No,
    Yes,
}

/// Asks the API server what each object would become. It can only say
/// beforehand what it merges itself.
pub(super) async fn preview(
    engine: &Engine,
    release: &Release,
    objects: &[Object],
    force_conflicts: bool,
    live: &mut LiveObjects,
) {
    if release.is_server_side() {
        let mut marked = objects.to_vec();
        marked.iter_mut().for_each(|o| plan::set_ownership(&mut o.json, &release.name, &release.namespace));
        engine.cluster().preview(&marked, force_conflicts, live).await;
    }
}

/// Fills in what a plan shows beside objects, and says what is planned.
pub(super) fn complete_plan(run: &Run, plan: &mut Plan, release: &Release, events: Option<[HookEvent; 2]>) {
    if let Some([before, after]) = events {
        plan.hooks_before = hooks::references(&release.hooks, &release.namespace, &before);
        plan.hooks_after = hooks::references(&release.hooks, &release.namespace, &after);
    }
    run.events.send(Event::Planned { counts: plan.counts() });
}

/// Deletes what a failed run created, for `--cleanup-on-fail`.
pub(super) async fn clean_up(engine: &Engine, done: &execute::Done) -> Result<()> {
    let mut errors = Vec::new();
    for object in &done.created {
        if let Err(e) = engine.cluster().delete(object, "Background").await {
            errors.push(e);
        }
    }
    execute::join(errors, ", ").map_err(|e| e.context("unable to cleanup resources"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_names_are_lower_case_labels_with_dots() {
        for good in ["a", "web-1", "a.b-c.d0"] {
            assert_eq!(validate_release_name(good), Ok(()), "{good}");
        }
        for bad in ["Web", "-a", "a-", "a..b", "a_b", ".a", "ä", &"a".repeat(54)] {
            assert!(validate_release_name(bad).is_err(), "{bad}");
        }
        assert_eq!(validate_release_name("").unwrap_err(), "no name provided");
    }
}
