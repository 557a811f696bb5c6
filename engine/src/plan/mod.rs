//! What an action will do, decided before it does anything. Owns every
//! decision about objects; pure. How the cluster is read is in
//! [`crate::cluster`], how a plan is carried out in `execute`.

mod compare;
mod display;
mod interrupted;
mod managed_fields;
mod ownership;
mod patch;

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value as Json;

use crate::cluster::{Answers, Known, Object, ObjectRef};
use crate::error::{Error, Result, Stage};

pub(crate) use managed_fields::migration;
pub(crate) use ownership::{KEEP, RESOURCE_POLICY, check as check_ownership, set as set_ownership};
pub(crate) use patch::Patch;

/// The manager of every field that a release applies.
pub const FIELD_MANAGER: &str = "helm";

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
    pub before: Option<Json>,
    /// The value after; `None`: the field goes.
    pub after: Option<Json>,
}

/// What is sent for one object.
#[derive(Debug, Clone, Default)]
pub(crate) enum Request {
    /// Nothing.
    #[default]
    None,
    /// Server-side apply; before it, `migrate` moves client-side fields.
    Apply { object: Box<Object>, force: bool, migrate: Option<Json> },
    /// A creation that fails if the object is there.
    Create { object: Box<Object> },
    /// A patch that was made here, or why none could be made.
    Patch { object: Box<Object>, patch: std::result::Result<Patch, String> },
    /// The whole object takes the place of the live one.
    Replace { object: Box<Object>, strict: bool },
    /// A deletion in the background.
    Delete { object: Box<Object> },
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
    /// hidden.
    pub changes: Vec<Change>,
    /// Why the API server would refuse it, if it was asked (`diff`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(skip)]
    pub(crate) request: Request,
    /// Steps of one batch are carried out side by side, batches in order.
    #[serde(skip)]
    pub(crate) batch: usize,
    /// Whether only a revision that was interrupted had it.
    #[serde(skip)]
    pub(crate) left: bool,
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
    /// Custom resource definitions of `crds/`, by file, in order.
    pub crds: Vec<String>,
    /// Hooks that run before, in order.
    pub hooks_before: Vec<ObjectRef>,
    /// Objects, in order.
    pub steps: Vec<Step>,
    /// Hooks that run after, in order.
    pub hooks_after: Vec<ObjectRef>,
    #[serde(skip)]
    pub(crate) on_error: OnError,
    /// Why nothing of it can be carried out.
    #[serde(skip)]
    pub(crate) refusal: Option<&'static str>,
}

/// What an error of one object means for the others, as Helm has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnError {
    /// Everything is tried; all errors are joined by line ends (an install
    /// into an empty place).
    #[default]
    Continue,
    /// A failed creation ends it; failed updates are collected and keep
    /// deletions from happening (everything else).
    StopAtCreate,
}

/// What the cluster has under an object's name.
#[derive(Debug, Clone)]
pub(crate) enum Live {
    /// Nothing.
    Absent,
    /// This object.
    Present(Json),
    /// The API server did not tell.
    Unreadable(String),
}

/// What is live, by [`ObjectRef::key`].
#[derive(Debug, Default)]
pub(crate) struct LiveObjects {
    /// The objects.
    pub(crate) objects: HashMap<Key, Live>,
    /// What a server-side dry run made of the wanted objects, or why it
    /// refused; only filled for `diff`.
    pub(crate) preview: HashMap<Key, std::result::Result<Json, String>>,
    /// The versions of the lists that objects were read with.
    pub(crate) versions: HashMap<Key, u64>,
}

impl LiveObjects {
    /// The objects that a plan leaves as they are.
    pub(crate) fn unchanged(mut self, plan: &Plan) -> Answers {
        let left = plan.steps.iter().filter(|step| step.action == Action::Unchanged);
        left.filter_map(|step| {
            let key = step.object.key();
            let Some(Live::Present(object)) = self.objects.remove(&key) else { return None };
            let version = self.versions.get(&key).copied();
            Some((key, Known { object, version }))
        })
        .collect()
    }
}

/// Group, kind, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// How objects are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// `--server-side`: the server merges, and knows who manages which field.
    pub(crate) server_side: bool,
    /// `--force-replace`
    pub(crate) replace: bool,
    /// `--force-conflicts`
    pub(crate) force_conflicts: bool,
    /// Whether a replacement with unknown fields is refused (Helm 4).
    pub(crate) strict: bool,
}

impl Method {
    /// Why Helm refuses to update objects like this. It does so only once it
    /// comes to updates: a first installation creates, and asks for nothing.
    fn refusal(self) -> Option<&'static str> {
        match self {
            Method { server_side: false, force_conflicts: true, .. } => {
                Some("invalid client update option(s): forceConflicts enabled when serverSideApply disabled")
            }
            Method { replace: true, force_conflicts: true, .. } => {
                Some("invalid operation: cannot use force conflicts and force replace together")
            }
            Method { server_side: true, replace: true, .. } => {
                Some("invalid operation: cannot use server-side apply and force replace together")
            }
            _ => None,
        }
    }
}

/// Which action plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Install,
    Upgrade,
    Rollback,
}

/// Everything that a decision needs.
pub(crate) struct Inputs<'a> {
    pub(crate) verb: Verb,
    pub(crate) release: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) revision: i64,
    /// The objects of the revision before.
    pub(crate) previous: Vec<Object>,
    /// The objects of revisions that were interrupted: some are there, some
    /// are not.
    pub(crate) interrupted: Vec<Object>,
    /// The objects wanted.
    pub(crate) desired: Vec<Object>,
    pub(crate) live: &'a LiveObjects,
    pub(crate) take_ownership: bool,
    pub(crate) method: Method,
    /// Whether fields applied client-side are moved (the revision before was
    /// client-side). Adopted objects and rollbacks always move them.
    pub(crate) migrate: bool,
}

/// Decides.
///
/// # Errors
/// An object that exists and belongs to someone else, or has both a name and
/// a generated name.
pub(crate) fn build(mut inputs: Inputs<'_>) -> Result<Plan> {
    let unmarked = if inputs.method.server_side { HashMap::new() } else { recorded(&inputs) };
    let objects = inputs.desired.iter_mut().chain(&mut inputs.previous);
    for object in objects.chain(&mut inputs.interrupted) {
        ownership::set(&mut object.json, inputs.release, inputs.namespace);
    }
    let before = recorded(&inputs);
    let wanted: HashSet<Key> = inputs.desired.iter().map(|o| o.reference.key()).collect();
    let adopted = adoptions(&inputs)?;

    let mut plan = Plan {
        release: inputs.release.to_string(),
        namespace: inputs.namespace.to_string(),
        revision: inputs.revision,
        ..Plan::default()
    };
    let into_empty_place = inputs.verb == Verb::Install && adopted.is_empty();
    plan.on_error = if into_empty_place { OnError::Continue } else { OnError::StopAtCreate };
    if !into_empty_place {
        plan.refusal = inputs.method.refusal();
    }
    // Helm does not force conflicts when nothing of the release is there yet.
    let force = inputs.method.force_conflicts && !into_empty_place;

    let mut batches = Batches::default();
    for object in std::mem::take(&mut inputs.desired) {
        let batch = batches.next(&object.reference);
        let history = History { marked: &before, unmarked: &unmarked, adopted: &adopted };
        let step = apply_step(&inputs, object, &history, force);
        plan.steps.push(Step { batch, ..step });
    }
    let before_interruption = inputs.previous.iter().map(|o| o.reference.key()).collect();
    for object in std::mem::take(&mut inputs.previous) {
        if wanted.contains(&object.reference.key()) {
            continue;
        }
        let batch = batches.next(&object.reference);
        if let Some(step) = delete_step(inputs.live, object) {
            plan.steps.push(Step { batch, ..step });
        }
    }
    // What only an interrupted revision had may be somebody else's by now.
    let mut seen: HashSet<Key> = before_interruption;
    for object in std::mem::take(&mut inputs.interrupted) {
        let key = object.reference.key();
        if wanted.contains(&key) || !interrupted::is_left(&inputs, &object) || !seen.insert(key) {
            continue;
        }
        let batch = batches.next(&object.reference);
        if let Some(step) = delete_step(inputs.live, object) {
            plan.steps.push(Step { batch, left: true, ..step });
        }
    }
    Ok(plan)
}

/// What the revisions before had of each object, those included that were
/// interrupted.
fn recorded(inputs: &Inputs<'_>) -> HashMap<Key, Json> {
    let mut before: HashMap<Key, Json> = inputs.previous.iter().map(|o| (o.reference.key(), o.json.clone())).collect();
    for object in &inputs.interrupted {
        let known = before.entry(object.reference.key()).or_insert_with(|| object.json.clone());
        interrupted::join(known, &object.json);
    }
    before
}

/// Objects that are there although no revision made them: each must carry the
/// release's marks, unless ownership is taken.
fn adoptions(inputs: &Inputs<'_>) -> Result<HashSet<Key>> {
    let mut adopted = HashSet::new();
    if inputs.verb == Verb::Rollback {
        return Ok(adopted);
    }
    let fail = |text: String| {
        let doing = if inputs.verb == Verb::Install { "install" } else { "update" };
        Err(Error::other(Stage::Plan, format!("unable to continue with {doing}: {text}")))
    };
    // Version and kind count here: a new version of a known object is checked.
    let known: HashSet<&ObjectRef> = inputs.previous.iter().map(|o| &o.reference).collect();
    for object in inputs.desired.iter().filter(|o| !known.contains(&o.reference)) {
        let generated = object.json.pointer("/metadata/generateName").and_then(Json::as_str).unwrap_or_default();
        if !generated.is_empty() {
            if object.reference.name.is_empty() {
                continue;
            }
            return fail("metadata.name and metadata.generateName cannot both be set".into());
        }
        match inputs.live.objects.get(&object.reference.key()) {
            None | Some(Live::Absent) => {}
            Some(Live::Unreadable(e)) => {
                return fail(format!("could not get information about the resource {}: {e}", object.describe()));
            }
            Some(Live::Present(live)) => {
                if !inputs.take_ownership
                    && let Err(e) = ownership::check(live, inputs.release, inputs.namespace)
                {
                    let what = object.describe();
                    return fail(format!("{what} exists and cannot be imported into the current release: {e}"));
                }
                adopted.insert(object.reference.key());
            }
        }
    }
    Ok(adopted)
}

/// What was before, by object.
struct History<'a> {
    /// As the revision before had it, with the marks of its owner.
    marked: &'a HashMap<Key, Json>,
    /// As its manifest has it; only for client-side apply.
    unmarked: &'a HashMap<Key, Json>,
    /// What is taken over.
    adopted: &'a HashSet<Key>,
}

fn apply_step(inputs: &Inputs<'_>, object: Object, history: &History<'_>, force: bool) -> Step {
    let History { marked: before, adopted, .. } = history;
    let key = object.reference.key();
    let live = match inputs.live.objects.get(&key) {
        Some(Live::Present(live)) => Some(live),
        _ => None,
    };
    let moves = inputs.migrate || inputs.verb == Verb::Rollback || adopted.contains(&key);
    let migrate = live.filter(|_| moves).and_then(migration);
    let preview = inputs.live.preview.get(&key);
    let problem = preview.and_then(|p| p.as_ref().err()).cloned();
    let mut changes = match (live, preview) {
        (Some(live), Some(Ok(after))) => compare::changes(live, after, false),
        (Some(live), _) => {
            let mut changes = compare::changes(live, &object.json, true);
            changes.extend(removed(before.get(&key), &object.json, live));
            changes
        }
        (None, _) => Vec::new(),
    };
    let (action, request) = match live {
        None if inputs.method.server_side => {
            (Action::Create, Request::Apply { object: Box::new(object.clone()), force, migrate: None })
        }
        None => (Action::Create, Request::Create { object: Box::new(object.clone()) }),
        Some(live) => {
            let request = if inputs.method.server_side {
                let unchanged = before.get(&key) == Some(&object.json)
                    && compare::covers(live, &object.json, 0)
                    && managed_fields::is_applied_by_helm(live);
                let unchanged = unchanged || (matches!(preview, Some(Ok(_))) && changes.is_empty());
                match migrate {
                    None if unchanged => Request::None,
                    migrate => Request::Apply { object: Box::new(object.clone()), force, migrate },
                }
            } else {
                client_side(inputs, &object, live, history)
            };
            let action = match request {
                _ if adopted.contains(&key) => Action::Adopt,
                Request::None => Action::Unchanged,
                _ => Action::Update,
            };
            (action, request)
        }
    };
    if object.reference.kind == "Secret" && object.reference.group().is_empty() {
        compare::hide_secret(&mut changes);
    }
    Step { object: object.reference, action, changes, problem, request, batch: 0, left: false }
}

/// How a live object becomes the wanted one when the server does not merge.
fn client_side(inputs: &Inputs<'_>, object: &Object, live: &Json, history: &History<'_>) -> Request {
    let boxed = || Box::new(object.clone());
    if inputs.method.replace {
        return Request::Replace { object: boxed(), strict: inputs.method.strict };
    }
    let key = object.reference.key();
    let old = match history.unmarked.get(&key) {
        Some(old) => old,
        // What is taken over counts as having been like this before; what a
        // revision that is gone left behind is itself what was before.
        None if history.adopted.contains(&key) => &object.json,
        None => live,
    };
    let live_counts = inputs.verb == Verb::Install && inputs.take_ownership;
    match patch::patch(&patch::States { old, new: &object.json, live }, live_counts) {
        Ok(None) => Request::None,
        Ok(Some(Patch::Merge(json))) if patch::apply_json_patch(live, &json) == *live => Request::None,
        Ok(Some(patch)) => Request::Patch { object: boxed(), patch: Ok(patch) },
        Err(e) => Request::Patch { object: boxed(), patch: Err(e) },
    }
}

/// Fields that the revision before had, that are no longer wanted, and that
/// are still live.
fn removed(before: Option<&Json>, wanted: &Json, live: &Json) -> Vec<Change> {
    let Some(before) = before else { return Vec::new() };
    let gone = compare::changes(before, wanted, false).into_iter().filter(|c| c.after.is_none());
    gone.filter_map(|c| live.pointer(&c.path).cloned().map(|live| Change { before: Some(live), ..c })).collect()
}

/// What becomes of an object that is no longer wanted; nothing if it is gone
/// already (or cannot be read: Helm leaves it alone then).
fn delete_step(live: &LiveObjects, object: Object) -> Option<Step> {
    let Some(Live::Present(json)) = live.objects.get(&object.reference.key()) else { return None };
    let policy = json.pointer("/metadata/annotations").and_then(|a| a.get(RESOURCE_POLICY)).and_then(Json::as_str);
    let reference = object.reference.clone();
    let (action, request) = match policy {
        Some(KEEP) => (Action::Keep, Request::None),
        _ => (Action::Delete, Request::Delete { object: Box::new(object) }),
    };
    Some(Step { object: reference, action, changes: Vec::new(), problem: None, request, batch: 0, left: false })
}

/// Makes a plan show what differs between two manifests, whatever is live.
pub(crate) fn against_manifest(plan: &mut Plan, before: &[Object], wanted: &[Object]) {
    let json =
        |objects: &[Object], key: &Key| objects.iter().find(|o| o.reference.key() == *key).map(|o| o.json.clone());
    for step in &mut plan.steps {
        let key = step.object.key();
        let (old, new) = (json(before, &key), json(wanted, &key));
        let (action, mut changes) = match (old, new) {
            (Some(old), Some(new)) if old == new => (Action::Unchanged, Vec::new()),
            (Some(old), Some(new)) => (Action::Update, compare::changes(&old, &new, false)),
            (None, Some(_)) => (Action::Create, Vec::new()),
            (_, None) => continue,
        };
        if step.object.kind == "Secret" && step.object.group().is_empty() {
            compare::hide_secret(&mut changes);
        }
        step.action = action;
        step.changes = changes;
    }
}

/// Numbers the runs of equal kinds; an object that comes twice begins a new
/// one, so that the last one wins.
#[derive(Default)]
struct Batches {
    number: usize,
    kind: String,
    seen: HashSet<Key>,
}

impl Batches {
    fn next(&mut self, object: &ObjectRef) -> usize {
        let key = object.key();
        if self.kind != object.kind || self.seen.contains(&key) {
            self.number += 1;
            self.kind.clone_from(&object.kind);
            self.seen.clear();
        }
        self.seen.insert(key);
        self.number
    }
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

#[cfg(test)]
mod tests;
