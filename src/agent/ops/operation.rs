//! One operation, from its message to its last event.
//!
//! Owns the order of things: the ledger says who works on it, the message is
//! shown to be alive, the last state is in the ledger before it is told, and
//! told before the message is acknowledged. Whatever breaks in between is
//! taken up by the next delivery.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Store,
    lock::{self, Held, Holder, LEFT},
    progress::{Progress, Says},
    recover::{self, Recovery},
    release,
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
/// Pause before an operation of another agent is looked at again.
const LATER: Duration = Duration::from_secs(15);
/// Pause before the ledger is tried again, and how often it is.
const WRITE_AGAIN: (Duration, u32) = (Duration::from_secs(2), 10);
/// Time in which a lock that nobody holds is ours.
const AT_ONCE: Duration = Duration::from_millis(500);

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
    let command = match read(&agent, &message) {
        Ok(command) => command,
        Err(error) => return refuse(&agent, &store, &message, error).await,
    };
    let Some(cancel) = agent.ops.begin(&command.op_id) else {
        // This agent has it; the acknowledgement of that delivery counts.
        return;
    };
    let op_id = command.op_id.clone();
    let counted = InUse::new(&agent.metrics.operations_running);
    // A panic ends this operation only; the next delivery decides what it did.
    let done = AssertUnwindSafe(owned(&agent, &store, &message, command, cancel)).catch_unwind().await;
    let handed_back = match done {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(Error::internal("the agent failed on this operation")),
    };
    if let Some(error) = handed_back {
        tracing::warn!(op = %op_id, %error, "the operation is handed back");
        store.answer(&message, AckKind::Nak(Some(LATER))).await;
    }
    drop(counted);
    agent.ops.end(&op_id);
}

/// The command of a message, checked.
fn read(agent: &Agent, message: &Message) -> Result<Command, Error> {
    if message.payload.len() > COMMAND_MAX {
        return Err(Error::new(Code::TooLarge, format!("the command is over {COMMAND_MAX} bytes")));
    }
    let mut command: Command = serde_json::from_slice(&message.payload)
        .map_err(|error| Error::invalid(format!("the command cannot be read: {error}")))?;
    command.check()?;
    command.user = agent.subjects.user_of(&message.subject)?;
    if let Some(user) = &command.user {
        agent.acting(Some(user))?;
        // NATS has let it through, so this one is known.
        command.actor = user.to_string();
    }
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
    let operation = |entry: LedgerEntry, revision, seq| Operation {
        agent: Arc::clone(agent),
        store: Arc::clone(store),
        key: key.clone(),
        progress: Some(Progress::new(Arc::clone(agent), Arc::clone(store), &entry.op_id, seq)),
        lock: None,
        entry,
        revision,
    };
    match turn(agent, store, &key, message, &command).await? {
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
        Turn::Orphaned(entry, revision) => {
            let seq = last_seq(store, agent, &entry).await;
            orphaned(operation(*entry, revision, seq), message, command, cancel).await
        }
        Turn::Work(entry, revision) => {
            let seq = if entry.attempt > 1 { last_seq(store, agent, &entry).await } else { 0 };
            operation(*entry, revision, seq).run(message, command, cancel).await
        }
    }
}

/// Number of the last event that was told: the ledger's may be behind.
async fn last_seq(store: &Store, agent: &Agent, entry: &LedgerEntry) -> u64 {
    let told = store.last_event(&agent.subjects.operation(&entry.op_id)).await;
    told.map_or(entry.seq, |event| event.seq.max(entry.seq))
}

/// Whose turn it is, by the ledger.
async fn turn(agent: &Agent, store: &Store, key: &str, message: &Message, command: &Command) -> Result<Turn, Error> {
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
            epoch: agent.epoch.clone(),
            attempt: 1,
            base_revision: None,
            seq: 0,
            started_at: now.clone(),
            updated_at: now,
            error: None,
        };
        let created = store.create(key, &entry).await;
        return taken(store, key, entry, created, Turn::Work).await;
    };
    if entry.state.is_terminal() {
        return Ok(Turn::Done(Box::new(entry)));
    }
    if entry.epoch != agent.epoch && renewed(store, key, message, revision).await? {
        return Ok(Turn::Elsewhere);
    }
    let begun = entry.state == State::Running;
    let mine = LedgerEntry {
        instance: agent.instance.clone(),
        epoch: agent.epoch.clone(),
        // What nobody began is not begun again.
        attempt: entry.attempt + u32::from(begun),
        updated_at: now,
        ..entry
    };
    let updated = store.update(key, &mine, revision).await;
    taken(store, key, mine, updated, if begun { Turn::Orphaned } else { Turn::Work }).await
}

/// Whether an entry that was written is ours. The answer to the write may
/// have been lost, so what was not confirmed is read.
async fn taken(
    store: &Store,
    key: &str,
    mine: LedgerEntry,
    written: Result<u64, Error>,
    turn: fn(Box<LedgerEntry>, u64) -> Turn,
) -> Result<Turn, Error> {
    let error = match written {
        Ok(revision) => return Ok(turn(Box::new(mine), revision)),
        Err(error) => error,
    };
    match revision_of(store, key, &mine).await? {
        Some(revision) => Ok(turn(Box::new(mine), revision)),
        None if error.code == Code::Conflict => Ok(Turn::Elsewhere),
        None => Err(error),
    }
}

/// Revision of an operation's entry, if this process wrote it last. No other
/// does so under its epoch, and it works on an operation once at a time.
async fn revision_of(store: &Store, key: &str, mine: &LedgerEntry) -> Result<Option<u64>, Error> {
    let found = store.entry(key).await?;
    Ok(found.filter(|(entry, _)| entry.epoch == mine.epoch && entry.attempt == mine.attempt).map(|(_, at)| at))
}

/// Watches whether the agent that has an operation renews its entry, for as
/// long as a living one would need at most. No clock but ours is asked.
async fn renewed(store: &Store, key: &str, message: &Message, revision: u64) -> Result<bool, Error> {
    let begun = Instant::now();
    while begun.elapsed() < LEFT {
        tokio::time::sleep(ALIVE / 2).await;
        store.answer(message, AckKind::Progress).await;
        match store.entry(key).await? {
            Some((_, now)) if now == revision => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Goes on with an operation whose agent is gone, or ends it: the release's
/// own record tells how far it came.
async fn orphaned(
    mut operation: Operation,
    message: &Message,
    command: Command,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let (attempt, base) = (operation.entry.attempt, operation.entry.base_revision);
    tracing::warn!(op = %command.op_id, attempt, "the agent that worked on this ended");
    let found = release::newest(&operation.agent, &command).await;
    let (state, says) = match recover::decide(&command, base, attempt, &found) {
        Recovery::Again => return operation.run(message, command, cancel).await,
        Recovery::Done(result) => (State::Succeeded, Says { result: Some(result), ..Says::default() }),
        Recovery::Over(state, error) => {
            add(&operation.agent.metrics.operations_failed, 1);
            (state, Says { error: Some(error), ..Says::default() })
        }
    };
    let store = Arc::clone(&operation.store);
    operation.end(state, says).await?;
    store.answer(message, AckKind::Ack).await;
    Ok(())
}

/// What came of waiting in line.
enum Line {
    /// Nobody else works on the release while this is held.
    Mine(tokio::sync::OwnedMutexGuard<()>),
    /// It was cancelled while it waited.
    Cancelled,
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
    /// That no other agent works on the release.
    lock: Option<Held>,
}

impl Operation {
    async fn run(mut self, message: &Message, command: Command, cancel: CancellationToken) -> Result<(), Error> {
        self.say(State::Accepted, Says::default()).await;
        // What was begun in time may be ended after it.
        if self.entry.base_revision.is_none() && is_expired(&command) {
            let error =
                Error::new(Code::Expired, format!("the command was not to be begun after {}", command.expires_at));
            self.end(State::Skipped, Says { error: Some(error), ..Says::default() }).await?;
            self.store.answer(message, AckKind::Ack).await;
            return Ok(());
        }
        let serial = match self.in_line(message, &command, &cancel).await? {
            Line::Mine(serial) => serial,
            Line::Cancelled => return self.cancelled_early(message).await,
        };
        let again = self.entry.base_revision.is_some();
        if !again {
            match release::revision(&self.agent, &command).await {
                Ok(revision) => self.entry.base_revision = revision,
                // Another try would be refused as well.
                Err(error) if matches!(error.code, Code::Forbidden | Code::Unauthenticated | Code::Invalid) => {
                    return self.refused(message, error).await;
                }
                Err(error) => return Err(error),
            }
        }
        self.keep(State::Running).await?;
        add(&self.agent.metrics.operations, 1);
        self.say(State::Running, Says::step("start", command.verb.as_str())).await;
        let agent = Arc::clone(&self.agent);
        let Some(progress) = self.progress.take() else {
            return Err(Error::internal("an operation was begun twice"));
        };
        let begun = Instant::now();
        let work = release::run(&agent, &command, again, progress, cancel);
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
        self.unlock().await;
        drop(serial);
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

    /// Waits until no other operation works on the release, here or elsewhere.
    async fn in_line(
        &mut self,
        message: &Message,
        command: &Command,
        cancel: &CancellationToken,
    ) -> Result<Line, Error> {
        let serial = command.serial_key();
        let holder = Holder {
            op_id: command.op_id.clone(),
            instance: self.agent.instance.clone(),
            epoch: self.agent.epoch.clone(),
        };
        let key = lock::key(self.agent.subjects.cluster().as_str(), &serial);
        let (here, store) = (self.agent.ops.serial(&serial), Arc::clone(&self.store));
        let waiting = async move {
            let here = here.lock_owned().await;
            lock::acquire(&store, key, holder).await.map(|lock| (here, lock))
        };
        tokio::pin!(waiting);
        let first = tokio::time::timeout(AT_ONCE, &mut waiting).await;
        let (here, held) = match first {
            Ok(got) => got?,
            Err(_) => {
                self.say(State::Queued, Says::step("queue", "another operation works on this release")).await;
                let stop = self.agent.stop.clone();
                tokio::select! {
                    got = waiting => got?,
                    never = self.alive(message) => return never.map(|()| Line::Cancelled),
                    () = cancel.cancelled() => return Ok(Line::Cancelled),
                    // What has not been begun is for another agent.
                    () = stop.cancelled() => return Err(Error::new(Code::Cancelled, "the agent stops")),
                }
            }
        };
        self.lock = Some(held);
        Ok(Line::Mine(here))
    }

    async fn unlock(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.release().await;
        }
    }

    /// Ends what must not be begun.
    async fn refused(mut self, message: &Message, error: Error) -> Result<(), Error> {
        add(&self.agent.metrics.operations_failed, 1);
        self.unlock().await;
        self.end(State::Failed, Says { error: Some(error), ..Says::default() }).await?;
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
            if let Some(lock) = &mut self.lock {
                lock.renew().await?;
            }
        }
    }

    async fn say(&mut self, state: State, says: Says) {
        if let Some(progress) = &mut self.progress {
            progress.say(state, says).await;
        }
    }

    /// Writes the state into the ledger. When the answer to an earlier write
    /// was lost, the entry is ours under a revision that is not known here.
    async fn move_to(&mut self, state: State) -> Result<(), Error> {
        let mut entry = self.entry.clone();
        entry.state = state;
        entry.updated_at = now_rfc3339();
        if let Some(progress) = &self.progress {
            entry.seq = progress.seq();
        }
        self.revision = match self.store.update(&self.key, &entry, self.revision).await {
            Err(error) if error.code == Code::Conflict => {
                let revision = revision_of(&self.store, &self.key, &entry).await?.ok_or(error)?;
                self.store.update(&self.key, &entry, revision).await?
            }
            written => written?,
        };
        self.entry = entry;
        Ok(())
    }

    /// Writes a state that must be in the ledger before anything else is done,
    /// for as long as the message can be kept.
    async fn keep(&mut self, state: State) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            match self.move_to(state).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code == Code::Conflict || tries >= WRITE_AGAIN.1 => return Err(error),
                Err(error) => tracing::warn!(op = %self.entry.op_id, %error, "the ledger is tried again"),
            }
            tries += 1;
            tokio::time::sleep(WRITE_AGAIN.0).await;
        }
    }

    /// The last state: into the ledger, then told.
    async fn end(&mut self, state: State, says: Says) -> Result<(), Error> {
        self.entry.error = says.error.clone();
        self.keep(state).await?;
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

fn ms_of(at: &str) -> Option<u64> {
    let at: jiff::Timestamp = at.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_broken_command_is_found() {
        assert_eq!(op_id_of(br#"{"op_id":"a","verb":"no"}"#).as_deref(), Some("a"));
        assert_eq!(op_id_of(b"[]"), None);
    }
}
