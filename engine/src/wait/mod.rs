//! Waiting for objects, by watches and never by asking again and again. Owns
//! the watching and the texts; when something is ready stands in [`ready`]
//! and [`legacy`].

mod legacy;
mod observe;
mod ready;

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::{Instant, timeout_at};

use crate::Run;
use crate::cluster::{Cluster, Object, ObjectRef};
use crate::error::{Error, Result};
use crate::event::{Event, Goal};
use crate::options::WaitStrategy;

use observe::{Observation, Observer};
use ready::{Readiness, State};

/// Helm's time limit where none is given.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long may be looked for what keeps objects from being ready, in how many
/// objects, and how many pods of each are told of.
const CAUSES_TIME: Duration = Duration::from_secs(2);
const CAUSES_MAX: usize = 5;

/// By which rules objects are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Helm 4's watcher; with `jobs`, Jobs shall have completed.
    Watcher { jobs: bool },
    /// Helm 3's; with `jobs`, Jobs shall have completed.
    Legacy { jobs: bool },
    /// Hooks: Jobs and Pods shall have ended, everything else is ready.
    Hook,
}

impl Rules {
    /// The rules for the objects of a release; `None`: nothing is waited for.
    pub(crate) fn of(strategy: WaitStrategy, jobs: bool) -> Option<Rules> {
        match strategy {
            WaitStrategy::HookOnly => None,
            WaitStrategy::Watcher => Some(Rules::Watcher { jobs }),
            WaitStrategy::Legacy => Some(Rules::Legacy { jobs }),
        }
    }
}

/// One object that is waited for.
struct Item {
    object: ObjectRef,
    readiness: Readiness,
    /// As it was seen last.
    seen: Option<Json>,
}

/// Waits until every object is ready (or failed: nothing is gained by waiting
/// for those).
///
/// # Errors
/// A line per object that is not ready, with the reason, and at the time limit
/// `context deadline exceeded`.
pub(crate) async fn until_ready(
    cluster: &Cluster,
    run: &Run,
    objects: &[Object],
    rules: Rules,
    timeout: Duration,
) -> Result<()> {
    let paused = |o: &&Object| {
        o.reference.kind == "Deployment" && o.json.pointer("/spec/paused").and_then(Json::as_bool) == Some(true)
    };
    let waited: Vec<Object> = objects.iter().filter(|o| !paused(o)).cloned().collect();
    let ended = |state| matches!(state, State::Current | State::Failed);
    let wanted = Wanted { rules: Some(rules), state: State::Current, ended, not: "not ready" };
    wait(cluster, run, waited, wanted, timeout).await
}

/// Waits until every object is gone.
///
/// # Errors
/// As [`until_ready`].
pub(crate) async fn until_deleted(cluster: &Cluster, run: &Run, objects: &[Object], timeout: Duration) -> Result<()> {
    let ended = |state| state == State::NotFound;
    let wanted = Wanted { rules: None, state: State::NotFound, ended, not: "still exists" };
    wait(cluster, run, objects.to_vec(), wanted, timeout).await
}

async fn judge(cluster: &Cluster, json: Option<&Json>, rules: Option<Rules>) -> Readiness {
    let Some(json) = json else { return Readiness::new(State::NotFound, "Resource not found") };
    let Some(rules) = rules else { return ready::compute(json) };
    match rules {
        Rules::Hook => ready::compute_hook(json),
        Rules::Watcher { jobs } => {
            let is_job = ready::text(json, "/kind") == "Job" && ready::text(json, "/apiVersion").starts_with("batch/");
            if jobs && is_job {
                return ready::job_completed(json);
            }
            let readiness = ready::compute(json);
            match readiness.state {
                State::InProgress => observe::failed_pods(cluster, json).await.unwrap_or(readiness),
                _ => readiness,
            }
        }
        Rules::Legacy { jobs } => {
            let set = observe::new_replica_set(cluster, json).await;
            legacy::compute(json, jobs, set.as_ref())
        }
    }
}

/// What is waited for.
struct Wanted {
    /// By which rules; none for objects that shall be gone.
    rules: Option<Rules>,
    state: State,
    /// Whether there is nothing more to wait for in this state.
    ended: fn(State) -> bool,
    /// The words for an object that did not get there.
    not: &'static str,
}

impl Wanted {
    fn goal(&self) -> Goal {
        if self.rules.is_some() { Goal::Ready } else { Goal::Gone }
    }
}

async fn wait(cluster: &Cluster, run: &Run, objects: Vec<Object>, wanted: Wanted, timeout: Duration) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let timeout = if timeout.is_zero() { DEFAULT_TIMEOUT } else { timeout };
    let deadline = Instant::now() + timeout;
    // An object that a release has twice is one object.
    let mut seen = std::collections::HashSet::new();
    let objects: Vec<Object> = objects.into_iter().filter(|o| seen.insert(o.reference.key())).collect();
    let unknown = || Readiness::new(State::Unknown, "");
    let mut items: Vec<Item> =
        objects.iter().map(|o| Item { object: o.reference.clone(), readiness: unknown(), seen: None }).collect();
    let total = items.len();
    let mut observer = Observer::start(cluster, &objects);
    loop {
        let Ok(next) = timeout_at(deadline, observer.next()).await else {
            tell_causes(cluster, run, &items, &wanted).await;
            return verdict(&items, &wanted, true);
        };
        let Observation { index, object } = next?;
        let Ok(readiness) = timeout_at(deadline, judge(cluster, object.as_ref(), wanted.rules)).await else {
            return verdict(&items, &wanted, true);
        };
        let Some(item) = items.get_mut(index) else { continue };
        item.seen = object;
        if item.readiness == readiness {
            continue;
        }
        item.readiness = readiness;
        let (object, readiness) = (item.object.clone(), item.readiness.clone());
        let goal = wanted.goal();
        let ready = items.iter().filter(|i| i.readiness.state == wanted.state).count();
        run.events.send(if readiness.state == wanted.state {
            Event::Ready { object, goal, ready, total }
        } else {
            Event::Waiting { object, reason: readiness.message, goal, ready, total }
        });
        if items.iter().all(|i| (wanted.ended)(i.readiness.state)) {
            return verdict(&items, &wanted, false);
        }
    }
}

/// Says which pods keep objects from being ready and why: Helm's text knows
/// the object only.
async fn tell_causes(cluster: &Cluster, run: &Run, items: &[Item], wanted: &Wanted) {
    if wanted.goal() == Goal::Gone {
        return;
    }
    let late = items.iter().filter(|item| item.readiness.state != wanted.state).filter_map(|item| item.seen.as_ref());
    let tell = async {
        for object in late.take(CAUSES_MAX) {
            for (object, reason) in observe::causes(cluster, object).await.into_iter().take(CAUSES_MAX) {
                run.events.send(Event::Cause { object, reason });
            }
        }
    };
    // The time is up: this may not take long.
    let _ = tokio::time::timeout(CAUSES_TIME, tell).await;
}

/// Helm's text about everything that did not get there.
fn verdict(items: &[Item], wanted: &Wanted, late: bool) -> Result<()> {
    let line = |item: &Item| {
        let ObjectRef { kind, namespace, name, .. } = &item.object;
        let (state, message) = (item.readiness.state.as_str(), &item.readiness.message);
        format!("resource {kind}/{namespace}/{name} {}. status: {state}, message: {message}", wanted.not)
    };
    let mut lines: Vec<String> = items.iter().filter(|i| i.readiness.state != wanted.state).map(line).collect();
    if late {
        lines.push("context deadline exceeded".into());
    }
    match (lines.is_empty(), late) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::Timeout { text: lines.join("\n") }),
        (false, false) => Err(Error::other(crate::Stage::Wait, lines.join("\n"))),
    }
}
