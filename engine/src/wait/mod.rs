//! Waiting for objects, by watches and never by asking again and again. Owns
//! the watching and the texts; when something is ready stands in [`ready`]
//! and [`legacy`].

mod legacy;
mod observe;
mod ready;

use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::Run;
use crate::cluster::{Answers, Cluster, Object, ObjectRef};
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

/// A workload that is on its way for so long is asked about its pods. What is
/// ready sooner costs no request, and a list right after a write is slow.
const PODS_AFTER: Duration = Duration::from_secs(2);

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
    /// When its pods are to be looked at.
    look: Option<Instant>,
}

/// Waits until every object is ready (or failed: nothing is gained by waiting
/// for those). What the API server made of objects that were just sent need not
/// be read again: it is in `answers`.
///
/// # Errors
/// A line per object that is not ready, with the reason, and at the time limit
/// `context deadline exceeded`.
pub(crate) async fn until_ready(
    cluster: &Cluster,
    run: &Run,
    (objects, answers): (&[Object], &Answers),
    rules: Rules,
    timeout: Duration,
) -> Result<()> {
    let paused = |o: &&Object| {
        o.reference.kind == "Deployment" && o.json.pointer("/spec/paused").and_then(Json::as_bool) == Some(true)
    };
    let waited: Vec<Object> = objects.iter().filter(|o| !paused(o)).cloned().collect();
    let ended = |state| matches!(state, State::Current | State::Failed);
    let wanted = Wanted { rules: Some(rules), state: State::Current, ended, not: "not ready" };
    wait(cluster, run, (waited, answers), wanted, timeout).await
}

/// Waits until every object is gone.
///
/// # Errors
/// As [`until_ready`].
pub(crate) async fn until_deleted(cluster: &Cluster, run: &Run, objects: &[Object], timeout: Duration) -> Result<()> {
    let ended = |state| state == State::NotFound;
    let wanted = Wanted { rules: None, state: State::NotFound, ended, not: "still exists" };
    wait(cluster, run, (objects.to_vec(), &Answers::default()), wanted, timeout).await
}

async fn judge(cluster: &Cluster, json: Option<&Json>, rules: Option<Rules>) -> Readiness {
    let Some(json) = json else { return Readiness::new(State::NotFound, "Resource not found") };
    match rules {
        Some(Rules::Legacy { jobs }) => {
            let set = observe::new_replica_set(cluster, json).await;
            legacy::compute(json, jobs, set.as_ref())
        }
        rules => judge_by_itself(json, rules),
    }
}

/// What an object's own fields say.
fn judge_by_itself(json: &Json, rules: Option<Rules>) -> Readiness {
    match rules {
        Some(Rules::Hook) => ready::compute_hook(json),
        Some(Rules::Watcher { jobs: true }) if is_job(json) => ready::job_completed(json),
        _ => ready::compute(json),
    }
}

fn is_job(json: &Json) -> bool {
    ready::text(json, "/kind") == "Job" && ready::text(json, "/apiVersion").starts_with("batch/")
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

async fn wait(
    cluster: &Cluster,
    run: &Run,
    (objects, answers): (Vec<Object>, &Answers),
    wanted: Wanted,
    timeout: Duration,
) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let timeout = if timeout.is_zero() { DEFAULT_TIMEOUT } else { timeout };
    let deadline = Instant::now() + timeout;
    // An object that a release has twice is one object.
    let mut seen = std::collections::HashSet::new();
    let objects: Vec<Object> = objects.into_iter().filter(|o| seen.insert(o.reference.key())).collect();
    let unknown = || Readiness::new(State::Unknown, "");
    let item = |o: &Object| Item { object: o.reference.clone(), readiness: unknown(), seen: None, look: None };
    let mut items: Vec<Item> = objects.iter().map(item).collect();
    // Helm 3's rules ask for more than the object.
    let is_done = |json: &Json| {
        !matches!(wanted.rules, Some(Rules::Legacy { .. })) && judge_by_itself(json, wanted.rules).state == wanted.state
    };
    let mut observer = Observer::start(cluster, &objects, answers, is_done);
    let mut looks = Looks::new();
    while !items.iter().all(|i| (wanted.ended)(i.readiness.state)) {
        let look = items.iter().filter_map(|i| i.look).min();
        tokio::select! {
            biased;
            () = sleep_until(deadline) => {
                tell_causes(cluster, run, &items, &wanted).await;
                return verdict(&items, &wanted, true);
            }
            next = observer.next() => {
                let Observation { index, object } = next?;
                let judged = timeout_at(deadline, judge(cluster, object.as_ref(), wanted.rules)).await;
                let Ok(readiness) = judged else { return verdict(&items, &wanted, true) };
                let Some(item) = items.get_mut(index) else { continue };
                item.seen = object;
                let asks_pods = matches!(wanted.rules, Some(Rules::Watcher { .. }));
                item.look = match readiness.state {
                    State::InProgress if asks_pods => item.look.or_else(|| Some(Instant::now() + PODS_AFTER)),
                    _ => None,
                };
                note(run, &mut items, index, readiness, &wanted);
            }
            Some(found) = looks.next(), if !looks.is_empty() => {
                // It may have got there meanwhile.
                let Some((index, readiness)) = found else { continue };
                if items.get(index).is_some_and(|i| i.readiness.state == State::InProgress) {
                    note(run, &mut items, index, readiness, &wanted);
                }
            }
            () = sleep_until(look.unwrap_or(deadline)), if look.is_some() => look_at_pods(cluster, &mut items, &looks),
        }
    }
    verdict(&items, &wanted, false)
}

/// Keeps what an object is now, and tells of it if it is news.
fn note(run: &Run, items: &mut [Item], index: usize, readiness: Readiness, wanted: &Wanted) {
    let total = items.len();
    let Some(item) = items.get_mut(index).filter(|item| item.readiness != readiness) else { return };
    item.readiness = readiness;
    let (object, readiness) = (item.object.clone(), item.readiness.clone());
    let goal = wanted.goal();
    let ready = items.iter().filter(|i| i.readiness.state == wanted.state).count();
    run.events.send(if readiness.state == wanted.state {
        Event::Ready { object, goal, ready, total }
    } else {
        Event::Waiting { object, reason: readiness.message, goal, ready, total }
    });
}

/// Looks at pods that are under way: whose they are, and what they say if that
/// is bad.
type Looks = FuturesUnordered<BoxFuture<'static, Option<(usize, Readiness)>>>;

/// Begins to look at the pods of workloads whose turn it is.
fn look_at_pods(cluster: &Cluster, items: &mut [Item], looks: &Looks) {
    let now = Instant::now();
    for (index, item) in items.iter_mut().enumerate() {
        if item.look.take_if(|at| *at <= now).is_none() {
            continue;
        }
        if let Some(workload) = item.seen.clone() {
            let cluster = cluster.clone();
            looks.push(Box::pin(async move { Some((index, observe::failed_pods(&cluster, &workload).await?)) }));
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
