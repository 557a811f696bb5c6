//! One operation at a time on a release, and the sign of life of the one that
//! runs: a Lease beside the records, renewed while the operation lives and
//! deleted when it ends. What a record that was left pending means is in
//! [`crate::heal`].
//!
//! No clock of another machine is believed: a lease is dead when its process
//! is known to have ended, or when it was watched for as long as it holds and
//! nobody renewed it.

mod lease;
mod process;

pub(crate) use lease::Lease;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::cluster::watch::WatchEvent;
use crate::error::{Error, Result};
use crate::storage::ReleaseStore;
use crate::{CancellationToken, Engine, Run};
use lease::{Claim, Place};
use process::Process;

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// After a sign of life that did not get through.
const AGAIN: Duration = Duration::from_secs(1);

/// Two takers who meet try again; nobody does so for ever.
const ATTEMPTS: usize = 8;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Install,
    Upgrade,
    Rollback,
    Uninstall,
    Test,
}

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Operation::Install => "install",
            Operation::Upgrade => "upgrade",
            Operation::Rollback => "rollback",
            Operation::Uninstall => "uninstall",
            Operation::Test => "test",
        }
    }
}

/// What is known of a lease's holder.
pub(crate) enum Verdict {
    /// It renewed its lease while it was watched.
    Live,
    /// It has ended, or gives no sign of life.
    Dead(Lease),
    /// It has given its lease back.
    Gone,
}

/// Reads the lease of a release; `None` also where leases cannot be read.
pub(crate) async fn find(engine: &Engine, release: &str) -> Option<Lease> {
    lease::read(engine.cluster(), &place(engine, release)).await.ok().flatten()
}

/// Finds out whether the holder of a lease lives. Takes at most as long as the
/// lease holds, and no time at all if its process is known to have ended.
pub(crate) async fn judge(engine: &Engine, release: &str, lease: Lease) -> Result<Verdict> {
    if lease.holder().is_empty() || lease.is_surely_dead() {
        return Ok(Verdict::Dead(lease));
    }
    let place = place(engine, release);
    let deadline = Instant::now() + lease.duration();
    let watching = watch(engine, &place, &lease);
    match timeout_at(deadline, watching).await {
        Ok(Some(verdict)) => return Ok(verdict),
        // The watch ended early, or may not be had.
        Ok(None) => sleep_until(deadline).await,
        Err(_) => {}
    }
    Ok(match lease::read(engine.cluster(), &place).await? {
        None => Verdict::Gone,
        Some(now) if is_renewed(&lease, &now) => Verdict::Live,
        Some(now) => Verdict::Dead(now),
    })
}

/// The first sign of life; `None` if the watch ended.
async fn watch(engine: &Engine, place: &Place, lease: &Lease) -> Option<Verdict> {
    let (path, selector) = place.watched();
    let mut watch = engine.cluster().watch(&path, &selector, lease.version()).await.ok()?;
    loop {
        match watch.next().await.ok()?? {
            WatchEvent::Changed(json) => {
                if is_renewed(lease, &Lease::of(json)) {
                    return Some(Verdict::Live);
                }
            }
            WatchEvent::Bookmark => {}
            WatchEvent::Deleted(_) => return Some(Verdict::Gone),
            WatchEvent::Expired => return None,
        }
    }
}

fn is_renewed(before: &Lease, now: &Lease) -> bool {
    before.renewed() != now.renewed() || before.holder() != now.holder()
}

fn place(engine: &Engine, release: &str) -> Place {
    Place { namespace: engine.namespace().to_string(), release: release.to_string() }
}

/// A record that a lease shall go with.
type Record = (Arc<dyn ReleaseStore>, String, i64);

struct Shared {
    engine: Engine,
    place: Place,
    claim: Mutex<Claim>,
    /// The lease as it was last written; `None`: none could be had, or it was
    /// given back.
    lease: AsyncMutex<Option<Lease>>,
    lost: CancellationToken,
    record: Mutex<Option<Record>>,
    changed: Notify,
    left: AtomicBool,
}

/// The right to change a release. Give it back with [`Lock::release`]; when it
/// is only dropped, its lease stays and is soon a dead one, so that the next
/// operation knows that this one did not end.
pub(crate) struct Lock {
    shared: Arc<Shared>,
    heart: Option<JoinHandle<()>>,
    /// The lease of a dead operation that was taken over.
    found: Option<Lease>,
}

impl Lock {
    /// Takes the lock. `dead` is a lease that was already found to be dead.
    /// Where leases are not allowed it warns and goes on without.
    ///
    /// # Errors
    /// [`Error::Pending`] if a living operation has it.
    pub(crate) async fn acquire(
        engine: &Engine,
        run: &Run,
        (release, operation, revision): (&str, Operation, i64),
        dead: Option<&Lease>,
    ) -> Result<Lock> {
        let place = place(engine, release);
        let mut claim = Claim {
            holder: identity(),
            process: Process::current(),
            operation: operation.as_str(),
            revision,
            owner: None,
        };
        let mut dead = dead.cloned();
        for _ in 0..ATTEMPTS {
            let lease = match dead.take() {
                None => lease::create(engine.cluster(), &place, &claim).await,
                Some(found) => {
                    claim.revision = revision.max(found.revision());
                    match lease::write(engine.cluster(), &place, &claim, &found).await {
                        Ok(lease) => return Ok(Lock::held(engine, place, claim, lease, Some(found))),
                        Err(e) if matches!(e.api_code(), Some(404 | 409)) => continue,
                        Err(e) => Err(e),
                    }
                }
            };
            match lease {
                Ok(lease) => return Ok(Lock::held(engine, place, claim, lease, None)),
                Err(e) if e.api_code() == Some(409) => match lease::read(engine.cluster(), &place).await {
                    Ok(None) => {}
                    Ok(Some(found)) => match judge(engine, release, found).await? {
                        Verdict::Live => return Err(Error::Pending),
                        Verdict::Dead(found) => dead = Some(found),
                        Verdict::Gone => {}
                    },
                    Err(e) => return Ok(Lock::without(engine, run, place, claim, &e)),
                },
                // Whether it arrived is not known.
                Err(e) if e.api_code() == Some(0) => match lease::read(engine.cluster(), &place).await {
                    Ok(Some(lease)) if lease.holder() == claim.holder => {
                        return Ok(Lock::held(engine, place, claim, lease, None));
                    }
                    Ok(_) => {}
                    Err(_) => return Ok(Lock::without(engine, run, place, claim, &e)),
                },
                Err(e) => return Ok(Lock::without(engine, run, place, claim, &e)),
            }
        }
        Err(Error::Pending)
    }

    fn held(engine: &Engine, place: Place, claim: Claim, lease: Lease, found: Option<Lease>) -> Lock {
        let shared = Arc::new(Shared::new(engine, place, claim, Some(lease)));
        let heart = tokio::spawn({
            let shared = shared.clone();
            async move { shared.beat().await }
        });
        Lock { shared, heart: Some(heart), found }
    }

    /// No lease: Helm's own lock, the record of the next revision, remains.
    fn without(engine: &Engine, run: &Run, place: Place, claim: Claim, error: &Error) -> Lock {
        // That there is no namespace will be said where the record is made.
        let no_namespace = error.api_code() == Some(404) && error.to_string().contains("namespaces");
        if !no_namespace {
            let release = &place.release;
            run.events.warn(format!(
                "no lease can be kept for release {release}: should this operation be killed, \
                 the next one cannot tell. {error}"
            ));
        }
        Lock { shared: Arc::new(Shared::new(engine, place, claim, None)), heart: None, found: None }
    }

    /// The lease of a dead operation that was taken over.
    pub(crate) fn found(&self) -> Option<&Lease> {
        self.found.as_ref()
    }

    /// Resolves when another operation has taken this one for dead.
    pub(crate) async fn lost(&self) {
        self.shared.lost.cancelled().await;
    }

    /// Makes the lease go with a record, if somebody deletes that. Done beside
    /// the operation, not before it.
    pub(crate) fn follow(&self, release: &str, revision: i64) {
        if self.heart.is_some() {
            let store = self.shared.engine.store().clone();
            *self.shared.record.lock() = Some((store, release.to_string(), revision));
            self.shared.changed.notify_one();
        }
    }

    /// Says that the same operation goes on as another one.
    pub(crate) async fn turn_into(&self, operation: Operation, revision: i64) {
        {
            let mut claim = self.shared.claim.lock();
            claim.operation = operation.as_str();
            claim.revision = claim.revision.max(revision);
        }
        // Should this fail, the next beat says it.
        let _ = self.shared.renew().await;
    }

    /// Leaves the lease behind when the lock is given back: the record could
    /// not be written, and the next operation shall know.
    pub(crate) fn leave(&self) {
        self.shared.left.store(true, Ordering::Relaxed);
    }

    /// Gives the lock back.
    pub(crate) async fn release(mut self) {
        if self.shared.left.load(Ordering::Relaxed) {
            return;
        }
        if let Some(lease) = self.shared.lease.lock().await.take() {
            // One that stays behind is dead: nobody renews it.
            let _ = lease::delete(self.shared.engine.cluster(), &self.shared.place, &lease).await;
        }
        if let Some(heart) = self.heart.take() {
            heart.abort();
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(heart) = self.heart.take() {
            heart.abort();
        }
    }
}

/// Deletes a lease that was found to be dead.
pub(crate) async fn discard(engine: &Engine, release: &str, lease: &Lease) {
    // It is in nobody's way: the next operation takes it.
    let _ = lease::delete(engine.cluster(), &place(engine, release), lease).await;
}

/// Unlike that of any other operation, also of the same process.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut random = [0; 8];
    // Time tells operations apart where there is no randomness.
    if getrandom::fill(&mut random).is_err() {
        random = jiff::Timestamp::now().as_microsecond().to_be_bytes();
    }
    let pid = std::process::id();
    format!("{}_{pid}_{:016x}", host.trim(), u64::from_be_bytes(random))
}

impl Shared {
    fn new(engine: &Engine, place: Place, claim: Claim, lease: Option<Lease>) -> Shared {
        Shared {
            engine: engine.clone(),
            place,
            claim: Mutex::new(claim),
            lease: AsyncMutex::new(lease),
            lost: CancellationToken::new(),
            record: Mutex::default(),
            changed: Notify::new(),
            left: AtomicBool::new(false),
        }
    }

    /// Signs of life until the lock is given back or lost.
    async fn beat(&self) {
        let mut pause = HEARTBEAT;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.changed.notified() => self.find_owner().await,
            }
            pause = match self.renew().await {
                Ok(true) => HEARTBEAT,
                Ok(false) => return,
                Err(_) => AGAIN,
            };
        }
    }

    async fn find_owner(&self) {
        let record = self.record.lock().take();
        if let Some((store, release, revision)) = record
            && let Some(owner) = store.owner(&release, revision).await
        {
            self.claim.lock().owner = Some(owner);
        }
    }

    /// Writes the lease again; `false` if there is nothing more to renew.
    async fn renew(&self) -> Result<bool> {
        let mut kept = self.lease.lock().await;
        let Some(lease) = kept.clone() else { return Ok(false) };
        let claim = self.claim.lock().clone();
        let cluster = self.engine.cluster();
        let error = match lease::write(cluster, &self.place, &claim, &lease).await {
            Ok(lease) => {
                *kept = Some(lease);
                return Ok(true);
            }
            Err(e) => e,
        };
        if !matches!(error.api_code(), Some(404 | 409)) {
            return Err(error);
        }
        // Somebody wrote or deleted it: that is no matter unless it was taken.
        match lease::read(cluster, &self.place).await? {
            Some(now) if now.holder() == claim.holder => *kept = Some(now),
            Some(_) => {
                *kept = None;
                self.lost.cancel();
                return Ok(false);
            }
            None => *kept = Some(lease::create(cluster, &self.place, &claim).await?),
        }
        Ok(true)
    }
}
