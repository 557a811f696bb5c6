//! The events of one operation, from the engine to JetStream.
//!
//! Owns their numbers and the translation of the engine's events. Progress
//! that cannot be sent in time is dropped rather than slowing the work; the
//! last event is sent until JetStream has it.

use std::{sync::Arc, time::Duration};

use engine::{Event, Events, cluster, event::Outcome};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Store;
use crate::{
    agent::{Agent, reply},
    protocol::{
        Error,
        command::{ObjectRef, OpEvent, State, Step},
        header,
        id::now_rfc3339,
    },
};

/// Events of the engine that may wait to be sent.
const QUEUE: usize = 1024;
/// Pause before the last event is sent again.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest line of a log or text in an event, in bytes.
const TEXT_MAX: usize = 16 * 1024;

/// Sends the events of one operation.
pub(super) struct Progress {
    agent: Arc<Agent>,
    store: Arc<Store>,
    op_id: String,
    seq: u64,
}

/// What an event says beside its state.
#[derive(Default)]
pub(super) struct Says {
    pub(super) step: Option<Step>,
    pub(super) resource: Option<ObjectRef>,
    pub(super) log: Option<String>,
    pub(super) result: Option<Value>,
    pub(super) error: Option<Error>,
}

impl Says {
    /// A step without numbers.
    pub(super) fn step(id: &str, msg: impl Into<String>) -> Self {
        Says { step: Some(step(id, msg, None)), ..Says::default() }
    }
}

impl Progress {
    /// Events after number `seq`.
    pub(super) fn new(agent: Arc<Agent>, store: Arc<Store>, op_id: &str, seq: u64) -> Self {
        Progress { agent, store, op_id: op_id.to_owned(), seq }
    }

    /// Number of the last event.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Sends an event, without waiting until JetStream has it.
    pub(super) async fn say(&mut self, state: State, says: Says) {
        self.seq += 1;
        let id = format!("{}-{}-{}", self.op_id, self.agent.epoch, self.seq);
        if let Err(error) = self.publish(state, says, &id).await {
            tracing::warn!(op = %self.op_id, %error, "an event could not be sent");
        }
    }

    /// Sends the last event until JetStream has it. Sent twice it is dropped
    /// by its id.
    pub(super) async fn end(&mut self, state: State, says: Says) {
        self.seq += 1;
        let id = format!("{}-end", self.op_id);
        let subject = self.agent.subjects.operation(&self.op_id);
        let body = self.body(state, says);
        loop {
            let js = self.store.js();
            let sent = async {
                let ack = js.publish_with_headers(subject.clone(), headers(&id), body.clone().into());
                ack.await?.await
            };
            match sent.await {
                Ok(_) => return,
                Err(error) => tracing::warn!(op = %self.op_id, %error, "the last event is sent again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn publish(&self, state: State, says: Says, id: &str) -> Result<(), async_nats::client::PublishError> {
        let subject = self.agent.subjects.operation(&self.op_id);
        let body = self.body(state, says);
        self.agent.link.publish(subject, headers(id), body.into()).await
    }

    fn body(&self, state: State, says: Says) -> Vec<u8> {
        let event = OpEvent {
            op_id: self.op_id.clone(),
            seq: self.seq,
            state,
            step: says.step,
            resource: says.resource,
            log: says.log.map(short),
            result: says.result,
            error: says.error,
            instance: self.agent.instance.clone(),
            at: now_rfc3339(),
        };
        // An event has no part that cannot be written.
        serde_json::to_vec(&event).unwrap_or_default()
    }

    /// Sends the engine's events as they come, until `events` is closed.
    pub(super) async fn forward(mut self, mut events: mpsc::Receiver<Event>) -> Self {
        while let Some(event) = events.recv().await {
            if let Some(says) = translate(event) {
                self.say(State::Running, says).await;
            }
        }
        self
    }
}

/// Where an action's events go, and where they come out.
pub(super) fn channel() -> (Events, mpsc::Receiver<Event>) {
    let (send, receive) = mpsc::channel(QUEUE);
    let events = Events::new(move |event| {
        // The engine's task must not wait; what is dropped is only progress.
        let _ = send.try_send(event);
    });
    (events, receive)
}

fn headers(id: &str) -> async_nats::HeaderMap {
    let mut headers = reply::headers();
    headers.insert(header::MSG_ID, id);
    headers
}

fn warning(text: String) -> Says {
    Says { step: Some(step("warning", "", None)), log: Some(text), ..Says::default() }
}

fn translate(event: Event) -> Option<Says> {
    let says = |step, resource| Some(Says { step: Some(step), resource, ..Says::default() });
    match event {
        Event::Line { text } => Some(warning(text)),
        Event::Warning { mut text, details } | Event::Info { mut text, details } => {
            details.iter().for_each(|(name, value)| text.push_str(&format!(" {name}={value}")));
            Some(warning(text))
        }
        Event::Deprecated => Some(warning("this chart is deprecated".to_owned())),
        Event::Rendered { objects, hooks } => {
            says(step("render", format!("rendered {objects} objects and {hooks} hooks"), None), None)
        }
        Event::NamespaceCreated { name } => says(step("namespace", format!("created namespace {name}"), None), None),
        Event::CrdApplied { object } => says(step("crds", "applied", None), Some(object_ref(&object))),
        Event::Recorded { revision, status, .. } => {
            says(step("record", format!("revision {revision} is {}", status.as_str()), None), None)
        }
        Event::HookStarted { event, object, .. } => {
            says(step("hook", format!("{event} started"), None), Some(object_ref(&object)))
        }
        Event::HookFinished { event, object, phase } => {
            says(step("hook", format!("{event} {}", phase.to_lowercase()), None), Some(object_ref(&object)))
        }
        Event::HookLog { pod, container, line, .. } => Some(Says {
            step: Some(step("hook", format!("log of {pod}/{container}"), None)),
            log: Some(line),
            ..Says::default()
        }),
        Event::Applied { object, outcome, done, total } => {
            says(step("apply", word(outcome), Some((done, total))), Some(object_ref(&object)))
        }
        Event::Waiting { object, reason, ready, total, .. } => {
            says(step("wait", reason, Some((ready, total))), Some(object_ref(&object)))
        }
        Event::Cause { object, reason } => says(step("wait", reason, None), Some(object_ref(&object))),
        Event::Ready { object, goal, ready, total } => {
            says(step("wait", goal.as_str(), Some((ready, total))), Some(object_ref(&object)))
        }
        // Planned has no news for a reader, Debug is not for one, and Done is
        // the last event's business.
        _ => None,
    }
}

fn step(id: &str, msg: impl Into<String>, count: Option<(usize, usize)>) -> Step {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Step {
        id: id.to_owned(),
        msg: short(msg.into()),
        n: count.map(|(n, _)| number(n)),
        of: count.map(|(_, of)| number(of)),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "created",
        Outcome::Updated => "updated",
        Outcome::Unchanged => "unchanged",
        Outcome::Deleted => "deleted",
        Outcome::Kept => "kept",
    }
}

fn object_ref(object: &cluster::ObjectRef) -> ObjectRef {
    ObjectRef { kind: object.kind.clone(), ns: object.namespace.clone(), name: object.name.clone() }
}

fn short(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        let mut end = TEXT_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
