//! Going on where an operation was killed. Owns what counts as interrupted and
//! what becomes of such revisions; who lives and who does not is told by
//! [`crate::lock`].
//!
//! A killed operation leaves its revision pending at the end of the history.
//! The next one works as if that revision had failed, but also takes back what
//! only that revision had: its objects are deleted where they are not wanted,
//! and so are the objects of its hooks that a policy would have deleted.

use jiff::Timestamp;

use crate::cluster::{Cluster, Object};
use crate::error::{Error, Result};
use crate::lock::{self, Lease, Lock, Verdict};
use crate::plan::{Plan, Request};
use crate::release::{Release, Status};
use crate::storage::{Key, Query};
use crate::{Engine, Run, action};

/// A pending record without a lease is Helm's (or of a user who may not have
/// leases). Helm gives no sign of life: only after this time without a change
/// is such a record taken for what a killed operation left. In seconds.
const UNATTENDED: i64 = 3600;

/// The records of a release, and which of them were left by killed operations.
#[derive(Default)]
pub(crate) struct History {
    /// All, oldest first.
    pub(crate) keys: Vec<Key>,
    /// The interrupted ones, oldest first: they end the history.
    pub(crate) interrupted: Vec<Release>,
    /// The lease of a dead operation.
    pub(crate) dead: Option<Lease>,
}

impl History {
    /// The records before the interrupted ones.
    pub(crate) fn settled(&self) -> &[Key] {
        let end = self.keys.len().saturating_sub(self.interrupted.len());
        self.keys.get(..end).unwrap_or_default()
    }

    /// The number of the newest revision; 0 if there is none.
    pub(crate) fn newest(&self) -> i64 {
        self.keys.last().map_or(0, |k| k.version)
    }

    /// Whether the newest revision is pending and may still be worked on.
    pub(crate) fn is_busy(&self) -> bool {
        self.interrupted.is_empty() && self.keys.last().is_some_and(|k| k.status.is_pending())
    }

    /// The numbers of the interrupted revisions.
    pub(crate) fn versions(&self) -> Vec<i64> {
        self.interrupted.iter().map(|r| r.version).collect()
    }
}

/// Reads the history of a release. With `lock` it is held already.
///
/// # Errors
/// [`Error::Pending`] if an operation that gives signs of life is at work.
pub(crate) async fn history(engine: &Engine, run: &Run, name: &str, lock: Option<&Lock>) -> Result<History> {
    let mut keys = keys(engine, name).await?;
    let mut history = History::default();
    if keys.last().is_some_and(|k| k.status.is_pending()) {
        let lease = match lock {
            Some(lock) => lock.found().cloned(),
            None => match lock::find(engine, name).await {
                None => None,
                Some(lease) => match lock::judge(engine, name, lease).await? {
                    Verdict::Live => return Err(Error::Pending),
                    Verdict::Dead(lease) => Some(lease),
                    Verdict::Gone => {
                        // It ended meanwhile.
                        keys = self::keys(engine, name).await?;
                        None
                    }
                },
            },
        };
        let tail = keys.len() - keys.iter().rev().take_while(|k| k.status.is_pending()).count();
        let now = Timestamp::now().as_second();
        let was_killed = |last: &Key| match &lease {
            Some(lease) if lease.revision() >= last.version => true,
            _ => age(last, now).is_some_and(|age| age > UNATTENDED),
        };
        if keys.last().is_some_and(|last| last.status.is_pending() && was_killed(last)) {
            for key in keys.get(tail..).unwrap_or_default() {
                run.events.warn(format!("revision {} of {name} was interrupted while {}", key.version, key.status));
                history.interrupted.push(engine.store().get(name, key.version).await?);
            }
        }
        history.dead = lease;
    }
    Ok(History { keys, ..history })
}

async fn keys(engine: &Engine, name: &str) -> Result<Vec<Key>> {
    let mut keys = engine.store().keys(Query { name: Some(name), status: None }).await?;
    keys.sort_by_key(|k| k.version);
    Ok(keys)
}

/// How long ago a record was written, in seconds; `None` if it does not say.
fn age(key: &Key, now: i64) -> Option<i64> {
    let stamp = |label: &str| key.labels.get(label).and_then(|v| v.parse::<i64>().ok());
    stamp("modifiedAt").or_else(|| stamp("createdAt")).map(|written| now.saturating_sub(written))
}

/// Says what can be done about a pending record that may be worked on.
pub(crate) fn advise(run: &Run, name: &str, history: &History) {
    let Some(last) = history.keys.last() else { return };
    let Key { version, status, .. } = last;
    let now = Timestamp::now().as_second();
    let minutes = age(last, now).map_or(UNATTENDED, |age| UNATTENDED.saturating_sub(age).max(0)) / 60 + 1;
    run.events.warn(format!(
        "revision {version} of {name} is {status} and has no lease, so Helm wrote it and may be working on it. \
         If that Helm is no longer running: `rollback {name}` goes on at once, everything else in {minutes} minutes"
    ));
}

/// The objects of interrupted revisions. What cannot be built any more was
/// never created.
pub(crate) async fn objects(cluster: &Cluster, run: &Run, interrupted: &[Release], namespace: &str) -> Vec<Object> {
    let mut objects = Vec::new();
    for release in interrupted {
        match cluster.build(&release.manifest, namespace).await {
            Ok(built) => objects.extend(built),
            Err(e) => run.events.warn(format!(
                "revision {} was interrupted, and what it may have left cannot be told: {e}",
                release.version
            )),
        }
    }
    objects
}

/// Deletes what only interrupted revisions had, where the operation that was to
/// do so has failed: no later one would look for it.
pub(crate) async fn take_back(cluster: &Cluster, run: &Run, plan: &Plan) {
    for step in plan.steps.iter().filter(|step| step.left) {
        let Request::Delete { object } = &step.request else { continue };
        if let Err(e) = cluster.delete(object, "Background").await {
            run.events.warn(format!("{} of an interrupted revision cannot be deleted: {e}", step.object));
            if e.api_code() == Some(0) {
                return;
            }
        }
    }
}

/// Records of interrupted revisions that they failed: at the end, so that an
/// operation that is killed as well leaves them as they were.
pub(crate) async fn settle(engine: &Engine, run: &Run, interrupted: Vec<Release>) {
    for mut release in interrupted {
        let text = format!("Release {:?} failed: interrupted while {}", release.name, release.info.status);
        release.set_status(Status::Failed, text);
        action::record(engine, run, &release).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_old_as_its_last_change() {
        let key = |labels: &[(&str, &str)]| Key {
            namespace: String::new(),
            name: "web".into(),
            version: 1,
            status: Status::PendingInstall,
            labels: labels.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect(),
        };
        assert_eq!(age(&key(&[("createdAt", "100"), ("modifiedAt", "160")]), 200), Some(40));
        assert_eq!(age(&key(&[("createdAt", "100")]), 200), Some(100));
        assert_eq!(age(&key(&[]), 200), None);
    }

    #[test]
    fn what_ends_a_history_decides() {
        let key = |version, status| Key {
            namespace: String::new(),
            name: "web".into(),
            version,
            status,
            labels: Default::default(),
        };
        let keys = vec![key(1, Status::Deployed), key(2, Status::PendingUpgrade)];
        let busy = History { keys: keys.clone(), ..History::default() };
        assert!(busy.is_busy());
        assert_eq!(busy.settled().len(), 2);
        let interrupted = vec![Release { version: 2, ..Release::default() }];
        let killed = History { keys, interrupted, dead: None };
        assert!(!killed.is_busy());
        assert_eq!((killed.settled().len(), killed.newest(), killed.versions()), (1, 2, vec![2]));
    }
}
