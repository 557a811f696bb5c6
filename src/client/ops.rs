//! Commands and the events of their operations.
//!
//! Owns publishing a command until JetStream has it, following an operation
//! from its first event, the list of operations and cancelling.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        consumer::{DeliverPolicy, pull},
        context::PublishErrorKind,
        kv,
    },
};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use super::request::{Client, lost};
use crate::protocol::{
    Code, Error, VERSION,
    command::{COMMAND_MAX, CancelReply, Command, LedgerEntry, OpEvent},
    header,
    subject::{BUCKET_OPERATIONS, BUCKET_PRESENCE, STREAM_OPERATIONS},
};

/// Longest wait for JetStream.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for an agent that works on an operation to answer.
const CANCEL_WAIT: Duration = Duration::from_secs(2);
/// Longest time that a command is offered to JetStream again and again. Its
/// number makes that harmless: it is taken once.
const OFFER: Duration = Duration::from_secs(60);
/// How long a stream that is not there may still appear.
const SETTLED: Duration = Duration::from_secs(5);
/// First and longest pause before lost events are asked for again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// Silence after which a list of entries counts as whole.
const LIST_WAIT: Duration = Duration::from_millis(700);

/// The events of one operation, from the first. They go on where they were
/// after a loss of NATS, however long it takes.
pub struct Following {
    client: Client,
    op: String,
    events: Option<pull::Ordered>,
    /// Number in the stream of the last event that was given.
    last: u64,
    pause: Duration,
}

impl Following {
    /// The next event. The last one is terminal.
    ///
    /// # Errors
    /// When the events cannot be had any more.
    pub async fn next(&mut self) -> Result<OpEvent, Error> {
        loop {
            let message = match &mut self.events {
                Some(events) => match events.next().await {
                    Some(message) => message.map_err(lost),
                    None => Err(Error::new(Code::Upstream, "the events of the operation ended")),
                },
                None => match self.client.events(&self.op, self.last + 1).await {
                    Ok(events) => {
                        self.events = Some(events);
                        continue;
                    }
                    Err(error) => Err(error),
                },
            };
            let message = match message {
                Ok(message) => message,
                Err(error) if error.retryable => {
                    self.events = None;
                    tokio::time::sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(AGAIN.1);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.pause = AGAIN.0;
            let number = message.info().map_or(0, |info| info.stream_sequence);
            if number <= self.last {
                continue;
            }
            self.last = number;
            // An event that this client cannot read is for a newer one.
            if let Ok(event) = serde_json::from_slice(&message.payload) {
                return Ok(event);
            }
        }
    }
}

impl Client {
    /// Publishes a command and follows its operation.
    ///
    /// # Errors
    /// [`Code::Invalid`] before anything is sent; or that JetStream did not
    /// take it.
    pub async fn command(&self, command: &Command) -> Result<Following, Error> {
        command.check()?;
        let body = serde_json::to_vec(command).map_err(|error| Error::internal(error.to_string()))?;
        if body.len() > COMMAND_MAX {
            return Err(Error::new(Code::TooLarge, format!("the command is over {COMMAND_MAX} bytes")));
        }
        let js = self.jetstream();
        let following = self.follow(&command.op_id).await?;
        let mut headers = HeaderMap::new();
        headers.insert(header::VERSION, VERSION.to_string());
        headers.insert(header::MSG_ID, command.op_id.as_str());
        let subject = self.subjects().command(command.verb.as_str());
        let body = Bytes::from(body);
        let start = Instant::now();
        loop {
            let error = match js.publish_with_headers(subject.clone(), headers.clone(), body.clone()).await {
                Ok(taken) => match taken.await {
                    Ok(_) => return Ok(following),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            match error.kind() {
                // A server that has just started knows its streams a little later.
                PublishErrorKind::StreamNotFound if start.elapsed() > SETTLED => return Err(self.no_stream()),
                // It may have been taken; the answer was lost.
                PublishErrorKind::StreamNotFound | PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe
                    if start.elapsed() < OFFER =>
                {
                    tokio::time::sleep(AGAIN.0).await;
                }
                _ => return Err(lost(error)),
            }
        }
    }

    /// Follows an operation from its first event.
    ///
    /// # Errors
    /// When there is no JetStream or no agent ever made its streams.
    pub async fn follow(&self, op: &str) -> Result<Following, Error> {
        let events = Some(self.events(op, 1).await?);
        Ok(Following { client: self.clone(), op: op.to_owned(), events, last: 0, pause: AGAIN.0 })
    }

    /// An operation's events from this number of the stream on.
    async fn events(&self, op: &str, from: u64) -> Result<pull::Ordered, Error> {
        let stream = self.jetstream().get_stream_no_info(STREAM_OPERATIONS).await.map_err(lost)?;
        let config = pull::OrderedConfig {
            filter_subject: self.subjects().operation(op),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|_| self.no_stream())?;
        consumer.messages().await.map_err(lost)
    }

    /// All operations of the cluster that the ledger has, newest first.
    ///
    /// # Errors
    /// When there is no ledger.
    pub async fn operations(&self) -> Result<Vec<LedgerEntry>, Error> {
        let ledger = self.jetstream().get_key_value(BUCKET_OPERATIONS).await.map_err(|_| self.no_stream())?;
        let mut entries: Vec<LedgerEntry> = all(&ledger, &format!("{}.*", self.subjects().cluster())).await?;
        entries.sort_by(|a, b| b.started_at.cmp(&a.started_at));
        Ok(entries)
    }

    /// An operation's entry in the ledger.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is none.
    pub async fn operation(&self, op: &str) -> Result<LedgerEntry, Error> {
        let ledger = self.jetstream().get_key_value(BUCKET_OPERATIONS).await.map_err(|_| self.no_stream())?;
        let value = ledger.get(self.subjects().operation_key(op)).await.map_err(lost)?;
        let value = value.ok_or_else(|| Error::not_found(format!("operation {op} not found")))?;
        serde_json::from_slice(&value).map_err(|error| Error::internal(error.to_string()))
    }

    /// Asks the agent that works on an operation to stop it.
    ///
    /// # Errors
    /// [`Code::NotFound`] when no agent works on it.
    pub async fn cancel(&self, op: &str) -> Result<(), Error> {
        let request = self.clone().with_timeout(CANCEL_WAIT);
        let idle = || Error::not_found(format!("no agent works on operation {op}"));
        match request.request_bytes(self.subjects().cancel(op), &serde_json::json!({})).await {
            Ok(bytes) => match serde_json::from_slice::<CancelReply>(&bytes) {
                Ok(CancelReply { cancelling: true }) => Ok(()),
                _ => Err(idle()),
            },
            Err(error) if error.code == Code::Timeout => Err(idle()),
            Err(error) => Err(error),
        }
    }

    fn jetstream(&self) -> jetstream::Context {
        let mut js = jetstream::new(self.nats().clone());
        js.set_timeout(TIMEOUT);
        js
    }

    fn no_stream(&self) -> Error {
        Error::new(
            Code::Upstream,
            format!(
                "there is no place for commands: no agent of cluster {} has made it, or NATS has no JetStream",
                self.subjects().cluster()
            ),
        )
    }
}

/// What the presence bucket knows of all agents; nothing without the bucket.
///
/// # Errors
/// When the connection fails.
pub async fn presence(nats: &async_nats::Client) -> Result<Vec<crate::protocol::info::Heartbeat>, Error> {
    let mut js = jetstream::new(nats.clone());
    js.set_timeout(TIMEOUT);
    match js.get_key_value(BUCKET_PRESENCE).await {
        Ok(bucket) => all(&bucket, ">").await,
        Err(_) => Ok(Vec::new()),
    }
}

/// The values of all keys that match, those that can be read.
async fn all<T: serde::de::DeserializeOwned>(bucket: &kv::Store, keys: &str) -> Result<Vec<T>, Error> {
    let mut watch = bucket.watch_with_history(keys).await.map_err(lost)?;
    let mut values = Vec::new();
    while let Ok(Some(entry)) = timeout(LIST_WAIT, watch.next()).await {
        let entry = entry.map_err(lost)?;
        if entry.operation == kv::Operation::Put
            && let Ok(value) = serde_json::from_slice(&entry.value)
        {
            values.push(value);
        }
        if entry.delta == 0 {
            break;
        }
    }
    Ok(values)
}
