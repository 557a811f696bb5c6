//! Progress as data: what an action does, as it does it. The CLI draws these,
//! the agent publishes them.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::cluster::ObjectRef;
use crate::plan::Counts;
use crate::release::Status;

/// What became of an object that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was not there before.
    Created,
    /// It was changed (or sent again).
    Updated,
    /// It was already as wanted, so nothing was sent.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// It was left alone because its resource policy says so.
    Kept,
}

/// What a wait waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    /// Every object is ready by the rules of its kind.
    Ready,
    /// Every object is gone from the cluster.
    Gone,
}

impl Goal {
    /// `ready` or `gone`.
    pub fn as_str(self) -> &'static str {
        match self {
            Goal::Ready => "ready",
            Goal::Gone => "gone",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// What Helm writes to its log at level WARN.
    Warning {
        /// The text.
        text: String,
        /// What belongs to it, by name.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        details: Vec<(&'static str, String)>,
    },
    /// What Helm writes to its log at level INFO.
    Info {
        /// The text.
        text: String,
        /// What belongs to it, by name.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        details: Vec<(&'static str, String)>,
    },
    /// A line that Helm 3 writes to its log, which knows no levels.
    Line {
        /// The whole line.
        text: String,
    },
    /// The chart is deprecated. An event of its own, as Helm's versions tell it
    /// in other words, and a command tells it when it has loaded the chart.
    Deprecated,
    /// What Helm writes to its log at level ERROR; the action's own error says
    /// the rest.
    Problem {
        /// The text.
        text: String,
        /// What belongs to it, by name.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        details: Vec<(&'static str, String)>,
    },
    /// What Helm writes to its log at level DEBUG.
    Debug {
        /// The text.
        text: String,
    },
    /// The chart was rendered.
    Rendered {
        /// How many documents became objects.
        objects: usize,
        /// How many became hooks.
        hooks: usize,
    },
    /// What will be done is known.
    Planned {
        /// How many objects will be created, updated, deleted, …
        counts: Counts,
    },
    /// The namespace of the release was created.
    NamespaceCreated {
        /// Its name.
        name: String,
    },
    /// A custom resource definition of `crds/` was applied.
    CrdApplied {
        /// Which one.
        object: ObjectRef,
    },
    /// A record was written.
    Recorded {
        /// The release.
        name: String,
        /// Its revision.
        revision: i64,
        /// The status in the record.
        status: Status,
    },
    /// A hook begins.
    HookStarted {
        /// The event it runs for: `pre-install`, …
        event: String,
        /// Its object.
        object: ObjectRef,
        /// The template it came from.
        path: String,
    },
    /// Why a pod keeps an object from being ready, once the time is up.
    Cause {
        /// The pod.
        object: ObjectRef,
        /// What its container or the scheduler says.
        reason: String,
    },
    /// A line of a hook's log, as its output log policy asks for.
    HookLog {
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// The line, without its end.
        line: String,
    },
    /// A hook ended.
    HookFinished {
        /// The event it ran for.
        event: String,
        /// Its object.
        object: ObjectRef,
        /// `Succeeded` or `Failed`.
        phase: String,
    },
    /// An object was created, updated or deleted.
    Applied {
        /// Which one.
        object: ObjectRef,
        /// What became of it.
        outcome: Outcome,
        /// How many of the plan's objects are done.
        done: usize,
        /// How many the plan has.
        total: usize,
    },
    /// An object is not ready yet. Sent when its reason changes.
    Waiting {
        /// Which one.
        object: ObjectRef,
        /// Why: `Replicas: 0/1`, …
        reason: String,
        /// What is waited for.
        goal: Goal,
        /// How many objects have reached it.
        ready: usize,
        /// How many are waited for.
        total: usize,
    },
    /// An object reached the goal.
    Ready {
        /// Which one.
        object: ObjectRef,
        /// What was waited for.
        goal: Goal,
        /// How many objects have reached it.
        ready: usize,
        /// How many are waited for.
        total: usize,
    },
    /// The action ended.
    Done {
        /// The release.
        name: String,
        /// Its revision.
        revision: i64,
        /// Its status.
        status: Status,
        /// Its description.
        description: String,
    },
}

/// Where events go. Cheap to clone; the default drops them.
#[derive(Clone, Default)]
pub struct Events(Option<Arc<dyn Fn(Event) + Send + Sync>>);

impl Events {
    /// Calls `f` with each event, in order, from the action's own task: it
    /// must not block (send to a channel, or draw).
    pub fn new(f: impl Fn(Event) + Send + Sync + 'static) -> Events {
        Events(Some(Arc::new(f)))
    }

    pub(crate) fn send(&self, event: Event) {
        if let Some(f) = &self.0 {
            f(event);
        }
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.warn_of(text, Vec::new());
    }

    pub(crate) fn warn_of(&self, text: impl Into<String>, details: Vec<(&'static str, String)>) {
        self.send(Event::Warning { text: text.into(), details });
    }

    /// What a chart gave rise to.
    pub(crate) fn report(&self, warnings: charts::Warnings) {
        for charts::Warning { level, text, details } in warnings {
            self.send(match level {
                charts::Level::Line => Event::Line { text },
                charts::Level::Info => Event::Info { text, details },
                charts::Level::Warn => Event::Warning { text, details },
                charts::Level::Error => Event::Problem { text, details },
            });
        }
    }

    pub(crate) fn debug(&self, text: impl FnOnce() -> String) {
        if self.0.is_some() {
            self.send(Event::Debug { text: text() });
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Events(..)" } else { "Events(none)" })
    }
}
