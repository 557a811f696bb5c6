//! Sessions: a stream of numbered messages to one client, with credit.
//!
//! Owns the number of sessions, their control subject, their credit and their
//! time to live. What they send is `watch`'s and `logs`' business.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Agent,
    api::Api,
    metrics::{InUse, add},
    reply,
};
use crate::protocol::{
    Code, Error, header,
    id::ulid,
    session::{Control, EndReason, Opened, check_ttl},
    user::User,
};

/// Most credit that a session may hold: more than any client can use.
const CREDIT_MAX: i64 = 1 << 40;

/// Longest wait for the server to know a subscription.
const FOLLOW_WAIT: Duration = Duration::from_secs(2);

/// The open sessions of this process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Mutex<HashSet<String>>,
}

impl Sessions {
    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client allows to be sent: units that it grants and messages spend.
#[derive(Debug)]
pub(super) struct Credit {
    units: AtomicI64,
    changed: Notify,
}

impl Credit {
    fn new(units: u64) -> Self {
        let units = i64::try_from(units).unwrap_or(CREDIT_MAX).min(CREDIT_MAX);
        Credit { units: AtomicI64::new(units), changed: Notify::new() }
    }

    fn grant(&self, n: u64) {
        let n = i64::try_from(n).unwrap_or(CREDIT_MAX);
        let add = |units: i64| Some(units.saturating_add(n).min(CREDIT_MAX));
        // The closure never refuses.
        let _ = self.units.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        self.changed.notify_waiters();
    }

    /// Takes `n` units. The last message may spend more than there are; the
    /// debt is paid by the next grant.
    pub(super) fn spend(&self, n: usize) {
        self.units.fetch_sub(i64::try_from(n).unwrap_or(CREDIT_MAX), Ordering::AcqRel);
    }

    /// Waits until there are units, and says how many.
    pub(super) async fn available(&self) -> usize {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let units = self.units.load(Ordering::Acquire);
            if units > 0 {
                return usize::try_from(units).unwrap_or(usize::MAX);
            }
            changed.await;
        }
    }
}

/// One session.
pub(super) struct Session {
    /// The agent that it belongs to.
    pub(super) agent: Arc<Agent>,
    /// The API server, with the rights of who opened it.
    pub(super) api: Api,
    /// Its id.
    pub(super) id: String,
    /// What the client allows.
    pub(super) credit: Credit,
    /// Set when it shall end.
    pub(super) cancel: CancellationToken,
    /// Time without a control frame after which it ends.
    pub(super) ttl: Duration,
    data: String,
    control: String,
    /// Whether the client chose the id and so listens already.
    listened: bool,
    seq: tokio::sync::Mutex<u64>,
    reason: OnceLock<EndReason>,
}

/// Who opens a session.
pub(super) struct By<'a> {
    /// The API server, with that one's rights.
    pub(super) api: Api,
    /// In whose name, if it is not the agent's.
    pub(super) user: Option<&'a User>,
}

/// What the client asked for when it opened a session.
pub(super) struct Wish<'a> {
    /// The id that it chose, or nothing.
    pub(super) id: &'a str,
    /// Units that may be sent before more credit.
    pub(super) credit: u64,
    /// Seconds to live without a control frame; 0 for the default.
    pub(super) ttl_s: u64,
}

impl Session {
    /// Opens a session: it has a place, a subject and someone who listens to
    /// its control frames.
    ///
    /// # Errors
    /// [`Code::Busy`] when there are too many, [`Code::Conflict`] when the id
    /// is taken.
    pub(super) async fn open(agent: &Arc<Agent>, by: By<'_>, wish: Wish<'_>) -> Result<(Arc<Self>, Opened), Error> {
        let ttl_s = check_ttl(wish.ttl_s)?;
        let listened = !wish.id.is_empty();
        let id = if listened { wish.id.to_owned() } else { ulid() };
        let max = agent.settings.sessions_max;
        {
            let mut open = agent.sessions.lock();
            if open.len() >= max {
                return Err(Error::new(Code::Busy, format!("the agent's {max} sessions are all in use")));
            }
            if !open.insert(id.clone()) {
                return Err(Error::new(Code::Conflict, "a session with this id is open"));
            }
        }
        let subjects = by.user.map_or_else(|| agent.subjects.clone(), |user| agent.subjects.acting_as(user));
        let control_subject = subjects.session_control(&id);
        let session = Arc::new(Session {
            agent: Arc::clone(agent),
            api: by.api,
            data: subjects.session_data(&id),
            control: control_subject.clone(),
            credit: Credit::new(if listened { wish.credit } else { 0 }),
            cancel: agent.stop.child_token(),
            ttl: Duration::from_secs(ttl_s),
            listened,
            seq: tokio::sync::Mutex::new(0),
            reason: OnceLock::new(),
            id: id.clone(),
        });
        let changes = agent.link.changes();
        let control = agent
            .link
            .client()
            .subscribe(control_subject.clone())
            .await
            .map_err(|error| Error::new(Code::Upstream, format!("subscribing for the session: {error}")))?;
        add(&agent.metrics.sessions_opened, 1);
        agent.tasks.spawn(Arc::clone(&session).obey(control, changes));
        let opened = Opened {
            data_subject: session.data.clone(),
            control_subject,
            instance: agent.instance.clone(),
            epoch: agent.epoch.clone(),
            session: id,
            ttl_s,
        };
        Ok((session, opened))
    }

    /// Does the session's work until it is done, fails or shall end; then
    /// sends the end frame that `end` makes and gives the place back.
    pub(super) async fn run<F>(self: Arc<Self>, work: F, end: impl FnOnce(EndReason, Option<Error>) -> Last)
    where
        F: Future<Output = Result<(), Error>>,
    {
        let counted = InUse::new(&self.agent.metrics.sessions);
        let outcome = tokio::select! {
            outcome = async { self.begin().await; work.await } => Some(outcome),
            () = self.cancel.cancelled() => None,
        };
        let last = match outcome {
            Some(Ok(())) => end(EndReason::Completed, None),
            Some(Err(error)) => end(EndReason::Error, Some(error)),
            None => end(self.reason.get().copied().unwrap_or(EndReason::Shutdown), None),
        };
        self.publish(last.headers, last.body).await;
        self.cancel.cancel();
        drop(counted);
    }

    /// A client that does not know the subject yet shows by its first credit
    /// that it listens.
    async fn begin(&self) {
        if !self.listened {
            self.credit.available().await;
        }
    }

    /// Reads control frames until the session ends. No frame within the time
    /// to live ends it.
    async fn obey(self: Arc<Self>, mut control: Subscriber, mut changes: tokio::sync::watch::Receiver<u64>) {
        loop {
            let reason = tokio::select! {
                () = self.cancel.cancelled() => return,
                Ok(()) = changes.changed() => {
                    self.follow(&mut control).await;
                    continue;
                }
                frame = tokio::time::timeout(self.ttl, control.next()) => match frame {
                    Err(_) => EndReason::Idle,
                    Ok(None) => EndReason::Shutdown,
                    // A frame that cannot be read still shows that someone is there.
                    Ok(Some(message)) => match serde_json::from_slice(&message.payload) {
                        Ok(Control::Credit { n }) => { self.credit.grant(n); continue }
                        Ok(Control::Keep) | Err(_) => continue,
                        Ok(Control::Cancel) => EndReason::Cancelled,
                    },
                },
            };
            // Only the first reason counts.
            let _ = self.reason.set(reason);
            self.cancel.cancel();
        }
    }

    /// Listens by the connection that is in use now, then no more by the old
    /// one. A frame that comes by both grants its credit twice, which lets the
    /// client have a little more than it asked for.
    async fn follow(&self, control: &mut Subscriber) {
        let client = self.agent.link.client();
        let subject = self.control.clone();
        match client.subscribe(subject).await {
            Ok(new) => {
                // Once the server knows the new one, the old one can go.
                let _ = tokio::time::timeout(FOLLOW_WAIT, client.flush()).await;
                let old = std::mem::replace(control, new);
                self.leave(old);
            }
            Err(error) => tracing::warn!(session = %self.id, %error, "a session stays on its old connection"),
        }
    }

    /// Reads what an old subscription still has.
    fn leave(&self, mut old: Subscriber) {
        while let Some(Some(message)) = old.next().now_or_never() {
            if let Ok(Control::Credit { n }) = serde_json::from_slice(&message.payload) {
                self.credit.grant(n);
            }
        }
    }

    /// Sends the next message of the session.
    pub(super) async fn publish(&self, mut headers: HeaderMap, body: Bytes) {
        let mut seq = self.seq.lock().await;
        *seq += 1;
        headers.insert(header::SEQ, seq.to_string());
        if let Err(error) = self.agent.link.publish(self.data.clone(), headers, body).await {
            add(&self.agent.metrics.publish_failures, 1);
            tracing::warn!(session = %self.id, %error, "a session's message could not be sent");
        }
    }

    /// Time between two signs of life when there is nothing to send.
    pub(super) fn idle(&self) -> Duration {
        self.ttl / 3
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.agent.sessions.lock().remove(&self.id);
    }
}

/// A message that is ready to be sent.
pub(super) struct Last {
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// Its body.
    pub(super) body: Bytes,
}

impl Last {
    /// A JSON frame.
    pub(super) fn json(frame: &impl Serialize) -> Self {
        // The frames of the protocol have no part that cannot be written.
        Last { headers: reply::headers(), body: serde_json::to_vec(frame).unwrap_or_default().into() }
    }

    /// A JSON frame among messages that are not JSON.
    pub(super) fn control(frame: &impl Serialize) -> Self {
        let mut last = Last::json(frame);
        last.headers.insert(header::TYPE, header::TYPE_CONTROL);
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credit_is_spent_and_granted() {
        let credit = Arc::new(Credit::new(2));
        assert_eq!(credit.available().await, 2);
        credit.spend(5);
        let waiting = tokio::spawn({
            let credit = Arc::clone(&credit);
            async move { credit.available().await }
        });
        tokio::task::yield_now().await;
        credit.grant(3);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "the debt of 3 is only paid");
        credit.grant(u64::MAX);
        assert_eq!(waiting.await.unwrap() as i64, CREDIT_MAX);
    }
}
