//! The connection to NATS: kept for ever, replaced without a gap.
//!
//! Owns back-off, the reaction to the connection's events, the bounds of its
//! queues, and the change from one connection to the next when credentials are
//! renewed or the old one is silent. A refusal by the server is retried more
//! slowly than an absence, and shown on `/ready`.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{Client, ClientError, ConnectOptions, Event, HeaderMap, ServerError, client::PublishError};
use bytes::Bytes;
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{
    credentials::Credentials,
    metrics::{Metrics, add},
    status::Status,
};
use crate::{
    client::{Access, relay::Relays},
    protocol::{Code, Error},
};

/// Longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Longest pause after the server refused the credentials.
pub(super) const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(300);
/// First pause after a refusal.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_secs(2);
/// Silence after which the server is asked for a sign of life; two without an
/// answer end the connection.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Messages that wait to be sent: with 512 KiB at most in each, a bound on
/// memory while the server is away.
const SEND_QUEUE: usize = 64;
/// Messages that wait in one subscription.
const RECEIVE_QUEUE: usize = 1024;
/// Longest wait for a connection that is to replace another.
const REPLACE_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for what the old connection still has to send.
const FLUSH_WAIT: Duration = Duration::from_secs(2);
/// How long both connections listen, so that no request falls between them.
const OVERLAP: Duration = Duration::from_secs(3);
/// Longest time that a look for the reason of a failure takes, and the pause
/// before the next one.
const LOOK: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(15));

/// How connections are made.
#[derive(Clone)]
pub(super) struct Way {
    /// Servers and certificates.
    pub(super) access: Access,
    /// Credentials that may change; `None` when `access` holds those to use.
    pub(super) credentials: Option<Credentials>,
}

/// What the reactions of all connections share.
struct Shared {
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    /// Number of the connection in use; the others are not listened to.
    active: AtomicU64,
    /// Told when the server refuses the credentials.
    refused: Notify,
    /// Told when a connection failed and it is not known why.
    unexplained: Notify,
    /// Why the last look at it failed.
    reason: Mutex<Option<String>>,
}

/// The connection in use.
pub(super) struct Link {
    name: String,
    shared: Arc<Shared>,
    relays: Relays,
    current: RwLock<Client>,
    /// Held while a message is sent, so that no message of a stream leaves by
    /// the new connection before an earlier one has left by the old.
    gate: tokio::sync::RwLock<()>,
    generation: watch::Sender<u64>,
    last: AtomicU64,
    explaining: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.explaining.abort();
    }
}

impl Link {
    /// Makes a connection that comes back by itself. It returns before the
    /// server has answered; `status` tells when it has.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) async fn connect(
        way: &Way,
        name: String,
        status: Arc<Status>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            status,
            metrics,
            active: AtomicU64::new(0),
            refused: Notify::new(),
            unexplained: Notify::new(),
            reason: Mutex::default(),
        });
        let relays = Relays::default();
        let client = open(way, &name, &shared, &relays, 0).await?;
        let explaining = tokio::spawn(explain(way.clone(), Arc::clone(&shared))).abort_handle();
        Ok(Link {
            name,
            explaining,
            shared,
            relays,
            current: RwLock::new(client),
            gate: tokio::sync::RwLock::new(()),
            generation: watch::Sender::new(0),
            last: AtomicU64::new(0),
        })
    }

    /// The connection in use. It is not to be kept for longer than an answer
    /// takes.
    pub(super) fn client(&self) -> Client {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever another connection is in use.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Number of the connection in use.
    pub(super) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Waits until the server refuses the credentials.
    pub(super) async fn refused(&self) {
        self.shared.refused.notified().await;
    }

    /// Sends a message by the connection in use, after all that were sent
    /// before. While the connection's queue is full it waits.
    ///
    /// # Errors
    /// When the message can never be sent: it is too long.
    pub(super) async fn publish(&self, subject: String, headers: HeaderMap, body: Bytes) -> Result<(), PublishError> {
        let begun = Instant::now();
        loop {
            let _open = self.gate.read().await;
            let mut changes = self.changes();
            let client = self.client();
            tokio::select! {
                sent = client.publish_with_headers(subject.clone(), headers.clone(), body.clone()) => {
                    self.shared.metrics.publish_seconds.observe(begun.elapsed());
                    return sent;
                }
                // The old connection could not take it.
                _ = changes.changed() => {}
            }
        }
    }

    /// Makes another connection and uses it from now on. The old one listens a
    /// little longer, then it ends by itself.
    ///
    /// # Errors
    /// When the new one is not there in time; the old one stays then.
    pub(super) async fn replace(&self, way: &Way) -> Result<(), Error> {
        let generation = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let new = open(way, &self.name, &self.shared, &self.relays, generation).await?;
        let late = || Error::new(Code::Timeout, "the new connection to NATS was not there in time");
        timeout(REPLACE_WAIT, new.flush())
            .await
            .map_err(|_| late())?
            .map_err(|error| Error::new(Code::Upstream, format!("connecting to NATS: {error}")))?;
        let old = {
            // An old connection that takes nothing is not waited for.
            let shut = timeout(FLUSH_WAIT, self.gate.write()).await;
            let old = self.client();
            if shut.is_ok() {
                // What it does not send now, it sends never.
                let _ = timeout(FLUSH_WAIT, old.flush()).await;
            }
            self.shared.active.store(generation, Ordering::Release);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
            self.shared.status.nats_up();
            self.generation.send_replace(generation);
            old
        };
        add(&self.shared.metrics.nats_connects, 1);
        tracing::info!("another connection to NATS is in use");
        tokio::spawn(async move {
            tokio::time::sleep(OVERLAP).await;
            // A connection that is broken is dropped without it.
            let _ = timeout(FLUSH_WAIT, old.drain()).await;
        });
        Ok(())
    }

    /// Whether the server answers.
    pub(super) async fn answers(&self, limit: Duration) -> bool {
        matches!(timeout(limit, self.client().flush()).await, Ok(Ok(())))
    }
}

impl Way {
    async fn options(&self) -> Result<ConnectOptions, Error> {
        match &self.credentials {
            Some(credentials) => self.access.transport(credentials.options()),
            None => self.access.options().await,
        }
    }
}

/// Finds out why connections fail. The events of the NATS client name only the
/// kind of failure; the error of a single try says the rest.
async fn explain(way: Way, shared: Arc<Shared>) {
    loop {
        shared.unexplained.notified().await;
        let tried = async { way.options().await.ok()?.connect(way.access.servers().ok()?).await.err() };
        if let Ok(Some(error)) = timeout(LOOK.0, tried).await {
            let why = error.to_string();
            *shared.reason() = Some(why.clone());
            if shared.status.snapshot().connected_since.is_none() {
                tracing::warn!(%why, "why there is no connection to NATS");
                shared.status.nats_down(Some(why));
            }
        }
        tokio::time::sleep(LOOK.1).await;
    }
}

impl Shared {
    fn reason(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is known of a failure of this kind.
    fn known(&self, kind: &str) -> Option<String> {
        self.reason().clone().filter(|reason| reason.starts_with(kind))
    }
}

async fn open(way: &Way, name: &str, shared: &Arc<Shared>, relays: &Relays, generation: u64) -> Result<Client, Error> {
    let refusals = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&refusals);
    let (shared, proxies) = (Arc::clone(shared), relays.clone());
    let options = way.options().await?;
    let (servers, relayed) = relays.servers(&way.access).await?;
    let options = if relayed { options.ignore_discovered_servers() } else { options };
    options
        .name(name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .ping_interval(PING_INTERVAL)
        .client_capacity(SEND_QUEUE)
        .subscription_capacity(RECEIVE_QUEUE)
        .reconnect_delay_callback(move |attempts| pause(attempts, refusals.load(Ordering::Relaxed), rand::random()))
        .event_callback(move |event| {
            let active = shared.active.load(Ordering::Acquire) == generation;
            react(&event, (&shared, &proxies), &seen, active);
            std::future::ready(())
        })
        .connect(servers)
        .await
        .map_err(|error| Error::new(Code::Upstream, format!("connecting to NATS: {error}")))
}

/// What an event means. Of connections that are not in use only refusals are
/// counted, for their own pauses.
fn react(event: &Event, (shared, relays): (&Shared, &Relays), refusals: &AtomicU32, active: bool) {
    let down = |why: Option<String>| {
        if active {
            shared.status.nats_down(why);
        }
    };
    match event {
        Event::Connected => {
            refusals.store(0, Ordering::Relaxed);
            *shared.reason() = None;
            if active {
                add(&shared.metrics.nats_connects, 1);
                shared.status.nats_up();
                tracing::info!("connected to NATS");
            }
        }
        Event::Disconnected | Event::Closed => {
            down(None);
            if active {
                tracing::warn!("disconnected from NATS");
            }
        }
        Event::ClientError(ClientError::Other(why)) => {
            if is_refusal(why) {
                refusals.fetch_add(1, Ordering::Relaxed);
                refused(shared, active);
            }
            let of_proxy = relays.trouble();
            if of_proxy.is_none() && !is_refusal(why) {
                shared.unexplained.notify_one();
            }
            let why = of_proxy.or_else(|| shared.known(why)).unwrap_or_else(|| why.clone());
            down(Some(why.clone()));
            tracing::warn!(%why, active, "no connection to NATS");
        }
        Event::ServerError(ServerError::AuthorizationViolation) => {
            refused(shared, active);
            down(Some("authorization violation".to_owned()));
            tracing::error!(active, "NATS refuses the credentials");
        }
        Event::ServerError(ServerError::Other(why)) if is_refusal(why) => {
            refused(shared, active);
            down(Some(why.clone()));
            tracing::error!(%why, active, "NATS ends the connection");
        }
        other => tracing::warn!(event = %other, active, "NATS"),
    }
}

fn refused(shared: &Shared, active: bool) {
    if active {
        add(&shared.metrics.nats_refusals, 1);
        shared.refused.notify_one();
    }
}

fn is_refusal(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["authorization", "authentication", "user expired", "revoked"].iter().any(|word| why.contains(word))
}

/// The pause before an attempt: doubling from 100 ms, or slower after
/// refusals, and between half and all of it by chance, so that many agents do
/// not come back at one moment.
fn pause(attempts: usize, refusals: u32, chance: u16) -> Duration {
    let whole = if refusals > 0 {
        doubled(REFUSED_PAUSE, refusals - 1, REFUSED_PAUSE_MAX)
    } else if attempts <= 1 {
        return Duration::ZERO;
    } else {
        let times = u32::try_from(attempts - 2).unwrap_or(u32::MAX);
        doubled(Duration::from_millis(100), times, PAUSE_MAX)
    };
    jittered(whole, chance)
}

/// `first`, doubled so many times, but at most `cap`.
pub(super) fn doubled(first: Duration, times: u32, cap: Duration) -> Duration {
    first.checked_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).unwrap_or(cap).min(cap)
}

/// Between half and all of `whole`.
pub(super) fn jittered(whole: Duration, chance: u16) -> Duration {
    whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_caps_and_differ_by_chance() {
        assert_eq!(pause(1, 0, 9), Duration::ZERO);
        assert_eq!(pause(2, 0, u16::MAX), Duration::from_millis(100));
        assert_eq!(pause(2, 0, 0), Duration::from_millis(50));
        assert_eq!(pause(40, 0, u16::MAX), PAUSE_MAX);
        assert_eq!(pause(usize::MAX, 0, u16::MAX), PAUSE_MAX);
        assert_eq!(pause(1, 1, u16::MAX), REFUSED_PAUSE);
        assert_eq!(pause(1, u32::MAX, u16::MAX), REFUSED_PAUSE_MAX);
    }
}
