//! The streams and the ledger of operations in JetStream.
//!
//! Owns their configuration, the consumer of this cluster's commands and the
//! compare-and-set on ledger entries. It makes what is missing; what exists is
//! used as it is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, AckKind, Message,
        consumer::{AckPolicy, PullConsumer, pull},
        kv,
        stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::lock::Holder;
use crate::{
    agent::{Agent, link::Link},
    protocol::{
        Code, Error,
        command::{COMMAND_MAX, LedgerEntry, OpEvent},
        subject::{BUCKET_OPERATIONS, STREAM_COMMANDS, STREAM_OPERATIONS, all_commands, all_operations},
    },
};

/// How long commands, events and ledger entries are kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Window in which a command that is published twice is dropped.
const COMMAND_WINDOW: Duration = Duration::from_secs(600);
/// Window in which an event that is published twice is dropped.
const EVENT_WINDOW: Duration = Duration::from_secs(3600);
/// Time after which a command that is not shown to be alive is given again.
pub(super) const ACK_WAIT: Duration = Duration::from_secs(30);
/// Most commands that wait, over all clusters.
const COMMANDS_MAX: i64 = 100_000;
/// Most events that are kept of one operation.
const EVENTS_MAX: i64 = 10_000;
/// Longest event, in bytes.
const EVENT_SIZE_MAX: i32 = 512 * 1024;
/// Longest wait for JetStream.
const TIMEOUT: Duration = Duration::from_secs(10);

/// JetStream, as operations need it. It follows the agent from one connection
/// to the next, because an operation may outlive several.
pub(super) struct Store {
    link: Arc<Link>,
    inner: Mutex<Inner>,
}

#[derive(Clone)]
struct Inner {
    generation: u64,
    ledger: kv::Store,
}

impl Store {
    /// Finds or makes the streams and the ledger.
    ///
    /// # Errors
    /// When there is no JetStream, or no right to it.
    pub(super) async fn open(agent: &Agent) -> Result<Self, Error> {
        let link = Arc::clone(&agent.link);
        let generation = link.generation();
        let js = context(&link);
        let prefix = agent.subjects.prefix();
        let mut taken = commands(prefix);
        if agent.settings.impersonation_enabled {
            taken.subjects.push(agent.subjects.commands_of_any());
        }
        ensure_stream(&js, taken).await?;
        ensure_stream(&js, operations(prefix)).await?;
        let ledger = ensure_bucket(
            &js,
            kv::Config {
                bucket: BUCKET_OPERATIONS.to_owned(),
                description: "Operations of Ankra agents, one entry each".to_owned(),
                history: 1,
                max_age: KEPT,
                ..kv::Config::default()
            },
        )
        .await?;
        Ok(Store { link, inner: Mutex::new(Inner { generation, ledger }) })
    }

    /// JetStream by the connection in use.
    pub(super) fn js(&self) -> jetstream::Context {
        context(&self.link)
    }

    /// The ledger by the connection in use.
    async fn ledger(&self) -> Result<kv::Store, Error> {
        let known = self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let generation = self.link.generation();
        if known.generation == generation {
            return Ok(known.ledger);
        }
        let js = context(&self.link);
        let ledger = js.get_key_value(BUCKET_OPERATIONS).await.map_err(failed("finding the ledger"))?;
        let fresh = Inner { generation, ledger: ledger.clone() };
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(ledger)
    }

    /// Says about a command what shall become of it.
    pub(super) async fn answer(&self, message: &Message, kind: AckKind) {
        let Some(reply) = &message.reply else { return };
        // Unanswered, the message comes again and the ledger decides.
        if let Err(error) = self.link.publish(reply.to_string(), HeaderMap::new(), kind.into()).await {
            tracing::warn!(%error, "a command could not be acknowledged");
        }
    }

    /// The consumer of this cluster's commands, shared by its agents.
    pub(super) async fn consumer(&self, agent: &Agent) -> Result<PullConsumer, Error> {
        let name = agent.subjects.consumer();
        let mut filter_subjects = vec![agent.subjects.commands()];
        if agent.settings.impersonation_enabled {
            filter_subjects.push(agent.subjects.commands_of_any());
        }
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subjects,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // How often is decided by the ledger: a poison command must be
            // taken out of the stream, not left in it.
            max_deliver: -1,
            max_ack_pending: i64::try_from(agent.settings.write_worker_count).unwrap_or(i64::MAX),
            ..pull::Config::default()
        };
        let stream = self.js().get_stream(STREAM_COMMANDS).await.map_err(failed("finding the commands"))?;
        if agent.settings.impersonation_enabled {
            // One that is there may not know the subjects of users yet.
            return stream.create_consumer(config).await.map_err(failed("making the consumer of commands"));
        }
        let config = pull::Config { filter_subject: agent.subjects.commands(), filter_subjects: Vec::new(), ..config };
        stream.get_or_create_consumer(&name, config).await.map_err(failed("making the consumer of commands"))
    }

    /// An operation's entry and its revision.
    pub(super) async fn entry(&self, key: &str) -> Result<Option<(LedgerEntry, u64)>, Error> {
        self.read(key).await
    }

    /// Who holds a lock, and the revision.
    pub(super) async fn lock(&self, key: &str) -> Result<Option<(Holder, u64)>, Error> {
        self.read(key).await
    }

    /// The last event that was told on a subject.
    pub(super) async fn last_event(&self, subject: &str) -> Option<OpEvent> {
        let stream = self.js().get_stream(STREAM_OPERATIONS).await.ok()?;
        let message = stream.direct_get_last_for_subject(subject).await.ok()?;
        serde_json::from_slice(&message.payload).ok()
    }

    /// Takes an entry away that must be at `revision`.
    pub(super) async fn forget(&self, key: &str, revision: u64) -> Result<(), Error> {
        let gone = self.ledger().await?.purge_expect_revision(key, Some(revision)).await;
        gone.map_err(failed("taking an entry from the ledger"))
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, u64)>, Error> {
        let Some(entry) = self.ledger().await?.entry(key).await.map_err(failed("reading the ledger"))? else {
            return Ok(None);
        };
        if entry.operation != kv::Operation::Put {
            return Ok(None);
        }
        let parsed = serde_json::from_slice(&entry.value)
            .map_err(|error| Error::internal(format!("reading the ledger entry {key}: {error}")))?;
        Ok(Some((parsed, entry.revision)))
    }

    /// Makes an entry that must not exist; gives its revision.
    ///
    /// # Errors
    /// [`Code::Conflict`] when it exists.
    pub(super) async fn create(&self, key: &str, entry: &impl Serialize) -> Result<u64, Error> {
        self.ledger().await?.create(key, body(entry)?).await.map_err(|error| match error.kind() {
            kv::CreateErrorKind::AlreadyExists => Error::new(Code::Conflict, "another agent has the operation"),
            _ => failed("writing the ledger")(error),
        })
    }

    /// Changes an entry that must be at `revision`; gives the new revision.
    ///
    /// # Errors
    /// [`Code::Conflict`] when someone else changed it.
    pub(super) async fn update(&self, key: &str, entry: &impl Serialize, revision: u64) -> Result<u64, Error> {
        self.ledger().await?.update(key, body(entry)?, revision).await.map_err(|error| match error.kind() {
            kv::UpdateErrorKind::WrongLastRevision => Error::new(Code::Conflict, "another agent has the operation"),
            _ => failed("writing the ledger")(error),
        })
    }
}

fn context(link: &Link) -> jetstream::Context {
    let mut js = jetstream::new(link.client());
    js.set_timeout(TIMEOUT);
    js
}

fn body(entry: &impl Serialize) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(entry).map_err(|error| Error::internal(error.to_string()))?.into())
}

/// An error of JetStream while doing `what`.
pub(super) fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::new(Code::Upstream, format!("{what} in JetStream: {error}"))
}

fn commands(prefix: &str) -> stream::Config {
    stream::Config {
        name: STREAM_COMMANDS.to_owned(),
        description: Some("Commands to Ankra agents".to_owned()),
        subjects: vec![all_commands(prefix)],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_age: KEPT,
        max_messages: COMMANDS_MAX,
        max_message_size: i32::try_from(COMMAND_MAX).unwrap_or(i32::MAX),
        duplicate_window: COMMAND_WINDOW,
        ..stream::Config::default()
    }
}

fn operations(prefix: &str) -> stream::Config {
    stream::Config {
        name: STREAM_OPERATIONS.to_owned(),
        description: Some("Events of operations of Ankra agents".to_owned()),
        subjects: vec![all_operations(prefix)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_age: KEPT,
        max_messages_per_subject: EVENTS_MAX,
        max_message_size: EVENT_SIZE_MAX,
        duplicate_window: EVENT_WINDOW,
        allow_direct: true,
        ..stream::Config::default()
    }
}

/// Finds the stream, or makes it. One that exists for another prefix gets our
/// subject too.
async fn ensure_stream(js: &jetstream::Context, wanted: stream::Config) -> Result<(), Error> {
    let stream = js.get_or_create_stream(wanted.clone()).await.map_err(failed("making a stream"))?;
    let mut have = stream.cached_info().config.clone();
    let missing: Vec<_> = wanted.subjects.into_iter().filter(|subject| !have.subjects.contains(subject)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    have.subjects.extend(missing);
    js.update_stream(have).await.map_err(failed("adding a subject to a stream"))?;
    Ok(())
}

/// Finds the bucket, or makes it.
pub(in crate::agent) async fn ensure_bucket(js: &jetstream::Context, config: kv::Config) -> Result<kv::Store, Error> {
    match js.get_key_value(&config.bucket).await {
        Ok(bucket) => Ok(bucket),
        Err(_) => js.create_key_value(config).await.map_err(failed("making a bucket")),
    }
}
