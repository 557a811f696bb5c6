//! What an action will do, decided before it does anything.

use std::fmt;

use serde::Serialize;

use crate::cluster::ObjectRef;

/// What happens to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is not there and is created.
    Create,
    /// It is there and is changed.
    Update,
    /// It is there, belongs to no revision before, and is taken over.
    Adopt,
    /// It is as wanted; nothing is sent.
    Unchanged,
    /// It is no longer wanted and is deleted.
    Delete,
    /// It is no longer wanted but its resource policy keeps it.
    Keep,
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where, as a JSON pointer.
    pub path: String,
    /// The value before; `None`: the field is new.
    pub before: Option<serde_json::Value>,
    /// The value after; `None`: the field goes.
    pub after: Option<serde_json::Value>,
}

/// One object and what happens to it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Which object.
    pub object: ObjectRef,
    /// What happens.
    pub action: Action,
    /// The fields that change, where that is known. Values of Secrets are
    /// replaced by a hash.
    pub changes: Vec<Change>,
}

/// How many objects of each action a plan has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// To be created.
    pub create: usize,
    /// To be changed.
    pub update: usize,
    /// To be taken over.
    pub adopt: usize,
    /// As wanted already.
    pub unchanged: usize,
    /// To be deleted.
    pub delete: usize,
    /// Kept by policy.
    pub keep: usize,
}

/// What an action will do.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The release.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The revision that will be made.
    pub revision: i64,
    /// Custom resource definitions of `crds/`, in order.
    pub crds: Vec<ObjectRef>,
    /// Hooks that run before, in order.
    pub hooks_before: Vec<ObjectRef>,
    /// Objects, in order.
    pub steps: Vec<Step>,
    /// Hooks that run after, in order.
    pub hooks_after: Vec<ObjectRef>,
}

impl Plan {
    /// How many objects of each action there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            let slot = match step.action {
                Action::Create => &mut counts.create,
                Action::Update => &mut counts.update,
                Action::Adopt => &mut counts.adopt,
                Action::Unchanged => &mut counts.unchanged,
                Action::Delete => &mut counts.delete,
                Action::Keep => &mut counts.keep,
            };
            *slot += 1;
        }
        counts
    }

    /// Whether nothing would change in the cluster (hooks aside).
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|s| matches!(s.action, Action::Unchanged | Action::Keep)) && self.crds.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{:?} {}", step.action, step.object)?;
        }
        Ok(())
    }
}
