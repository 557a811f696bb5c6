//! One operation, from its message to its last event.
//!
//! Owns the order of things: the ledger says who works on it, the message is
//! shown to be alive, the last state is in the ledger before it is told, and
//! told before the message is acknowledged. Whatever breaks in between is
//! taken up by the next delivery.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Store,
    progress::{Progress, Says},
    release,
    store::ACK_WAIT,
};
use crate::{
    agent::{
        Agent,
        metrics::{InUse, add},
    },
    protocol::{
        Code, Error,
        command::{COMMAND_MAX, Command, LedgerEntry, State},
        header,
        id::{now_rfc3339, unix_ms},
        subject,
    },
};

/// How often a running operation is shown to be alive.
const ALIVE: Duration = Duration::from_secs(10);
/// Age of a ledger entry after which its agent counts as gone.
const GONE_MS: u64 = 60_000;
/// Pause before an operation of another agent is looked at again.
const LATER: Duration = Duration::from_secs(30);

/// What is to be done with a delivery.
enum Turn {
    /// Work on it; the entry is ours at this revision.
    Work(Box<LedgerEntry>, u64),
    /// It was done; this is how it ended.
    Done(Box<LedgerEntry>),
    /// An agent that is gone worked on it.
    Orphaned(Box<LedgerEntry>, u64),
    /// Another agent works on it.
    Elsewhere,
}

/// Does the operation of a message.
pub(super) async fn run(agent: Arc<Agent>, store: Arc<Store>, message: Message) {
    let command = match read(&message) {
        Ok(command) => command,
        Err(error) => return refuse(&agent, &store, &message, error).await,
    };
    let Some(cancel) = agent.ops.begin(&command.op_id) else {
        // This agent has it; the acknowledgement of that delivery counts.
        return;
    };
    let op_id = command.op_id.clone();
    let counted = InUse::new(&agent.metrics.operations_running);
    if let Err(error) = owned(&agent, &store, &message, command, cancel).await {
        tracing::warn!(op = %op_id, %error, "the operation is handed back");
        store.answer(&message, AckKind::Nak(Some(LATER))).await;
    }
    drop(counted);
    agent.ops.end(&op_id);
}

/// The command of a message, checked.
fn read(message: &Message) -> Result<Command, Error> {
    if message.payload.len() > COMMAND_MAX {
        return Err(Error::new(Code::TooLarge, format!("the command is over {COMMAND_MAX} bytes")));
    }
    let command: Command = serde_json::from_slice(&message.payload)
        .map_err(|error| Error::invalid(format!("the command cannot be read: {error}")))?;
    command.check()?;
    if !message.subject.ends_with(&format!(".cmd.{}", command.verb.as_str())) {
        return Err(Error::invalid("the command's verb is not that of its subject"));
    }
    Ok(command)
}

/// Ends a command that cannot be an operation. Without a usable id there is
/// nobody to tell.
async fn refuse(agent: &Arc<Agent>, store: &Arc<Store>, message: &Message, error: Error) {
    tracing::warn!(subject = %message.subject, %error, "a command is refused");
    let named = || Some(message.headers.as_ref()?.get(header::MSG_ID)?.as_str().to_owned());
    if let Some(op_id) = op_id_of(&message.payload).or_else(named).filter(|id| subject::is_token(id)) {
        add(&agent.metrics.operations_failed, 1);
        let mut progress = Progress::new(Arc::clone(agent), Arc::clone(store), &op_id, 0);
        progress.end(State::Failed, Says { error: Some(error), ..Says::default() }).await;
    }
    store.answer(message, AckKind::Term).await;
}

fn op_id_of(payload: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Some(value.get("op_id")?.as_str()?.to_owned())
}

async fn owned(
    agent: &Arc<Agent>,
    store: &Arc<Store>,
    message: &Message,
    command: Command,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let key = agent.subjects.operation_key(&command.op_id);
    match turn(agent, store, &key, &command).await? {
        Turn::Elsewhere => {
            store.answer(message, AckKind::Nak(Some(LATER))).await;
            Ok(())
        }
        Turn::Done(entry) => {
            // It may have ended between the ledger and its last event.
            let mut progress = Progress::new(Arc::clone(agent), Arc::clone(store), &entry.op_id, entry.seq);
            progress.end(entry.state, Says { error: entry.error.clone(), ..Says::default() }).await;
            store.answer(message, AckKind::Ack).await;
            Ok(())
        }
        Turn::Orphaned(entry, revision) => orphaned(agent, store, message, &key, *entry, revision, &command).await,
        Turn::Work(entry, revision) => {
            let operation = Operation {
                agent: Arc::clone(agent),
                store: Arc::clone(store),
                key,
                entry: *entry,
                revision,
                progress: Some(Progress::new(Arc::clone(agent), Arc::clone(store), &command.op_id, 0)),
            };
            operation.run(message, command, cancel).await
        }
    }
}

/// Whose turn it is, by the ledger.
async fn turn(agent: &Agent, store: &Store, key: &str, command: &Command) -> Result<Turn, Error> {
    let now = now_rfc3339();
    let Some((entry, revision)) = store.entry(key).await? else {
        let entry = LedgerEntry {
            op_id: command.op_id.clone(),
            verb: command.verb,
            state: State::Accepted,
            actor: command.actor.clone(),
            namespace: command.spec.namespace.clone(),
            release: command.spec.release.clone(),
            instance: agent.instance.clone(),
            attempt: 1,
            seq: 0,
            started_at: now.clone(),
            updated_at: now,
            error: None,
        };
        return match store.create(key, &entry).await {
            Ok(revision) => Ok(Turn::Work(Box::new(entry), revision)),
            Err(error) if error.code == Code::Conflict => Ok(Turn::Elsewhere),
            Err(error) => Err(error),
        };
    };
    if entry.state.is_terminal() {
        return Ok(Turn::Done(Box::new(entry)));
    }
    let gone = entry.instance == agent.instance || age_ms(&entry.updated_at) > GONE_MS;
    if !gone {
        return Ok(Turn::Elsewhere);
    }
    let begun = entry.state == State::Running;
    let mine = LedgerEntry { instance: agent.instance.clone(), attempt: entry.attempt + 1, updated_at: now, ..entry };
    match store.update(key, &mine, revision).await {
        Ok(revision) if begun => Ok(Turn::Orphaned(Box::new(mine), revision)),
        Ok(revision) => Ok(Turn::Work(Box::new(mine), revision)),
        Err(error) if error.code == Code::Conflict => Ok(Turn::Elsewhere),
        Err(error) => Err(error),
    }
}

/// Ends an operation whose agent is gone. What it did is not known, so it is
/// not done again: the release's own record tells how far it came.
async fn orphaned(
    agent: &Arc<Agent>,
    store: &Arc<Store>,
    message: &Message,
    key: &str,
    entry: LedgerEntry,
    revision: u64,
    command: &Command,
) -> Result<(), Error> {
    let release = release::state(agent, command).await;
    let error = Error::internal("the agent that worked on this ended; see the state of the release")
        .with("release", release.unwrap_or_else(|error| json!({"error": error.message})));
    add(&agent.metrics.operations_failed, 1);
    let mut operation = Operation {
        agent: Arc::clone(agent),
        store: Arc::clone(store),
        key: key.to_owned(),
        progress: Some(Progress::new(Arc::clone(agent), Arc::clone(store), &entry.op_id, entry.seq)),
        entry,
        revision,
    };
    operation.end(State::Unknown, Says { error: Some(error), ..Says::default() }).await?;
    store.answer(message, AckKind::Ack).await;
    Ok(())
}

/// An operation that is ours.
struct Operation {
    agent: Arc<Agent>,
    store: Arc<Store>,
    key: String,
    entry: LedgerEntry,
    revision: u64,
    /// Away while it forwards the engine's events.
    progress: Option<Progress>,
}

impl Operation {
    async fn run(mut self, message: &Message, command: Command, cancel: CancellationToken) -> Result<(), Error> {
        self.say(State::Accepted, Says::default()).await;
        if is_expired(&command) {
            let error =
                Error::new(Code::Expired, format!("the command was not to be begun after {}", command.expires_at));
            self.end(State::Skipped, Says { error: Some(error), ..Says::default() }).await?;
            self.store.answer(message, AckKind::Ack).await;
            return Ok(());
        }
        let stop = self.agent.stop.clone();
        let lock = self.agent.ops.serial(&command.serial_key());
        let held = match lock.try_lock() {
            Ok(held) => held,
            Err(_) => {
                self.say(State::Queued, Says::step("queue", "another operation works on this release")).await;
                tokio::select! {
                    held = lock.lock() => held,
                    never = self.alive(message) => return never,
                    () = cancel.cancelled() => return self.cancelled_early(message).await,
                    // What has not been begun is for another agent.
                    () = stop.cancelled() => return Err(Error::new(Code::Cancelled, "the agent stops")),
                }
            }
        };
        self.move_to(State::Running).await?;
        add(&self.agent.metrics.operations, 1);
        self.say(State::Running, Says::step("start", command.verb.as_str())).await;
        let agent = Arc::clone(&self.agent);
        let Some(progress) = self.progress.take() else {
            return Err(Error::internal("an operation was begun twice"));
        };
        let begun = std::time::Instant::now();
        let work = release::run(&agent, &command, progress, cancel);
        tokio::pin!(work);
        let (progress, outcome) = loop {
            tokio::select! {
                done = &mut work => break done,
                // Without the ledger the work itself goes on: it cannot be
                // undone by stopping half-way.
                kept = self.alive(message) => if let Err(error) = kept {
                    tracing::warn!(op = %self.entry.op_id, %error, "the operation cannot be shown to be alive");
                },
            }
        };
        agent.metrics.apply_seconds.observe(begun.elapsed());
        self.progress = Some(progress);
        drop(held);
        let (state, says) = match outcome {
            Ok(result) => (State::Succeeded, Says { result: Some(result), ..Says::default() }),
            Err(error) => {
                add(&self.agent.metrics.operations_failed, 1);
                let state = if error.code == Code::Cancelled { State::Cancelled } else { State::Failed };
                (state, Says { error: Some(error), ..Says::default() })
            }
        };
        self.end(state, says).await?;
        self.store.answer(message, AckKind::Ack).await;
        Ok(())
    }

    async fn cancelled_early(mut self, message: &Message) -> Result<(), Error> {
        let error = Error::new(Code::Cancelled, "cancelled before it was begun");
        self.move_to(State::Queued).await?;
        self.end(State::Cancelled, Says { error: Some(error), ..Says::default() }).await?;
        self.store.answer(message, AckKind::Ack).await;
        Ok(())
    }

    /// Shows the message and the ledger that the operation is alive, again and
    /// again; ends only with an error.
    async fn alive(&mut self, message: &Message) -> Result<(), Error> {
        loop {
            tokio::time::sleep(ALIVE).await;
            self.store.answer(message, AckKind::Progress).await;
            let state = self.entry.state;
            self.move_to(state).await?;
        }
    }

    async fn say(&mut self, state: State, says: Says) {
        if let Some(progress) = &mut self.progress {
            progress.say(state, says).await;
        }
    }

    /// Writes the state into the ledger.
    async fn move_to(&mut self, state: State) -> Result<(), Error> {
        let mut entry = self.entry.clone();
        entry.state = state;
        entry.updated_at = now_rfc3339();
        if let Some(progress) = &self.progress {
            entry.seq = progress.seq();
        }
        self.revision = self.store.update(&self.key, &entry, self.revision).await?;
        self.entry = entry;
        Ok(())
    }

    /// The last state: into the ledger, then told. The ledger is tried for as
    /// long as the message can be kept.
    async fn end(&mut self, state: State, says: Says) -> Result<(), Error> {
        self.entry.error = says.error.clone();
        let mut tries = 0;
        loop {
            match self.move_to(state).await {
                Ok(()) => break,
                Err(error) if error.code == Code::Conflict || tries >= 10 => return Err(error),
                Err(error) => tracing::warn!(op = %self.entry.op_id, %error, "the ledger is tried again"),
            }
            tries += 1;
            tokio::time::sleep(ACK_WAIT / 15).await;
        }
        tracing::info!(op = %self.entry.op_id, verb = self.entry.verb.as_str(), namespace = %self.entry.namespace,
            release = %self.entry.release, ?state, "operation ended");
        if let Some(mut progress) = self.progress.take() {
            progress.end(state, says).await;
        }
        Ok(())
    }
}

fn is_expired(command: &Command) -> bool {
    ms_of(&command.expires_at).is_some_and(|end| end < unix_ms())
}

fn age_ms(at: &str) -> u64 {
    ms_of(at).map_or(u64::MAX, |at| unix_ms().saturating_sub(at))
}

fn ms_of(at: &str) -> Option<u64> {
    let at: jiff::Timestamp = at.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared() {
        assert!(age_ms(&now_rfc3339()) < 5000);
        assert_eq!(age_ms("never"), u64::MAX);
        assert!(age_ms("2000-01-01T00:00:00Z") > GONE_MS);
    }

    #[test]
    fn the_id_of_a_broken_command_is_found() {
        assert_eq!(op_id_of(br#"{"op_id":"a","verb":"no"}"#).as_deref(), Some("a"));
        assert_eq!(op_id_of(b"[]"), None);
    }
}
