//! Commands: taken from JetStream, done once, told about.
//!
//! Owns taking commands, how many are done at one time, that one release is
//! worked on by one operation, and cancelling. What an operation does is in
//! `operation`, the writes themselves are `engine`'s.

mod chart;
mod diff;
mod lock;
mod objects;
mod operation;
mod options;
mod progress;
mod recover;
mod release;
mod store;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream::{self, consumer::PullConsumer};
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::store::Store;
pub(super) use self::{diff::diff, release::error as engine_error, store::ensure_bucket};
use super::{Agent, reply};
use crate::protocol::{Code, Error, command::CancelReply, subject};

/// First and longest pause before JetStream is looked for again.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// How long a command on its way is waited for when the connection changes.
const GRACE: Duration = Duration::from_secs(1);
/// How long one request for a command waits at the server.
const PULL_WAIT: Duration = Duration::from_secs(20);

/// The operations of this process.
#[derive(Default)]
pub(super) struct Ops {
    running: Mutex<HashMap<String, CancellationToken>>,
    /// One lock for each release that is worked on.
    serial: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Ops {
    /// How many operations are being worked on.
    pub(super) fn count(&self) -> usize {
        self.running().len()
    }

    /// Asks every operation to stop.
    pub(super) fn cancel_all(&self) {
        self.running().values().for_each(CancellationToken::cancel);
    }

    /// Marks an operation as being worked on here; `None` when it is already.
    fn begin(&self, op: &str) -> Option<CancellationToken> {
        let mut running = self.running();
        if running.contains_key(op) {
            return None;
        }
        let cancel = CancellationToken::new();
        running.insert(op.to_owned(), cancel.clone());
        Some(cancel)
    }

    fn end(&self, op: &str) {
        self.running().remove(op);
    }

    /// The lock of a release.
    fn serial(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut serial = self.serial.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds are not kept.
        serial.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(serial.entry(key.to_owned()).or_default())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes commands until the agent stops. A server without JetStream is asked
/// again from time to time.
pub(super) async fn run(agent: Arc<Agent>) {
    let workers = Arc::new(Semaphore::new(agent.settings.write_worker_count));
    let mut pause = RETRY.0;
    loop {
        let taken = tokio::select! {
            () = agent.stop.cancelled() => return,
            taken = take(&agent, &workers) => taken,
        };
        if agent.status.snapshot().commands {
            pause = RETRY.0;
        }
        if taken.is_ok() {
            continue;
        }
        agent.status.commands(false);
        if let Err(error) = taken {
            tracing::warn!(%error, "commands cannot be taken, trying again");
        }
        tokio::select! {
            () = agent.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY.1);
    }
}

/// Takes commands until something fails, or another connection is in use.
async fn take(agent: &Arc<Agent>, workers: &Arc<Semaphore>) -> Result<(), Error> {
    let mut changes = agent.link.changes();
    let store = Arc::new(Store::open(agent).await?);
    let consumer = store.consumer(agent).await?;
    agent.status.commands(true);
    tracing::info!("commands are taken");
    loop {
        let worker = Arc::clone(workers)
            .acquire_owned()
            .await
            .map_err(|_| Error::new(Code::Cancelled, "the agent is stopping"))?;
        let mut waiting = std::pin::pin!(next(&consumer));
        let message = tokio::select! {
            message = &mut waiting => message?,
            // What is on the way is still taken; what comes later than that is
            // given to the new connection.
            _ = changes.changed() => match tokio::time::timeout(GRACE, waiting).await {
                Ok(message) => message?,
                Err(_) => return Ok(()),
            },
        };
        let Some(message) = message else { continue };
        let (agent, store) = (Arc::clone(agent), Arc::clone(&store));
        let work = agent.work.clone();
        work.spawn(async move {
            operation::run(agent, store, message).await;
            drop(worker);
        });
    }
}

async fn next(consumer: &PullConsumer) -> Result<Option<jetstream::Message>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(Code::Upstream, format!("taking a command: {error}"));
    let mut batch =
        consumer.batch().max_messages(1).expires(PULL_WAIT).messages().await.map_err(|error| failed(&error))?;
    batch.next().await.transpose().map_err(|error| failed(&error))
}

/// Answers requests to cancel operations, until the agent stops. Of several
/// agents only the one that works on the operation answers.
pub(super) async fn cancels(agent: Arc<Agent>) {
    let mut changes = agent.link.changes();
    let subscribe = || async {
        let client = agent.link.client();
        client.subscribe(agent.subjects.cancels()).await
    };
    let mut requests = match subscribe().await {
        Ok(requests) => requests,
        Err(error) => return tracing::error!(%error, "operations cannot be cancelled"),
    };
    loop {
        let request = tokio::select! {
            // Operations can be cancelled until the last one has ended.
            () = agent.work.wait() => return,
            request = requests.next() => request,
            Ok(()) = changes.changed() => {
                match subscribe().await {
                    // The old one ends with its connection.
                    Ok(new) => requests = new,
                    Err(error) => tracing::error!(%error, "operations cannot be cancelled"),
                }
                continue;
            }
        };
        let Some(request) = request else { return };
        let op = request.subject.rsplit('.').nth(1).unwrap_or_default();
        if !subject::is_token(op) {
            continue;
        }
        let cancel = agent.ops.running().get(op).cloned();
        let (Some(cancel), Some(reply)) = (cancel, request.reply) else { continue };
        cancel.cancel();
        let body = serde_json::to_vec(&CancelReply { cancelling: true }).unwrap_or_default();
        if let Err(error) = agent.link.publish(reply.to_string(), reply::headers(), body.into()).await {
            tracing::warn!(%error, "a reply could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_worked_on_once() {
        let ops = Ops::default();
        let cancel = ops.begin("a").unwrap();
        assert!(ops.begin("a").is_none());
        ops.cancel_all();
        assert!(cancel.is_cancelled());
        ops.end("a");
        assert!(ops.begin("a").is_some());
        assert_eq!(ops.count(), 1);
    }

    #[test]
    fn locks_that_nobody_holds_are_dropped() {
        let ops = Ops::default();
        let held = ops.serial("helm/n/a");
        drop(ops.serial("helm/n/b"));
        assert!(Arc::ptr_eq(&held, &ops.serial("helm/n/a")));
        assert_eq!(ops.serial.lock().unwrap().len(), 1);
    }
}
