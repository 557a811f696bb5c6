//! Carries a plan out. Decides nothing: which requests, in which order and
//! what an error means all stand in the plan.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::Value as Json;

use crate::Run;
use crate::cluster::apply::{Answer, CONCURRENCY};
use crate::cluster::{Answers, Cluster, Known, Object};
use crate::error::{Error, Result, Stage};
use crate::event::{Event, Outcome};
use crate::options::WaitStrategy;
use crate::plan::{Action, LiveObjects, OnError, Plan, Request, Step};

/// What was done, also when it failed half-way.
pub(crate) struct Done {
    /// What this run created (or tried to), for `--cleanup-on-fail`.
    pub(crate) created: Vec<Object>,
    /// What the API server made of the objects, if that is wanted: a wait goes
    /// on from there.
    answers: Option<Answers>,
}

impl Done {
    /// Nothing yet; answers are kept where objects are waited for.
    pub(crate) fn for_wait(wait: WaitStrategy) -> Done {
        Done { created: Vec::new(), answers: (wait != WaitStrategy::HookOnly).then(Answers::new) }
    }

    /// Adds what is known of the objects that stay as they are.
    pub(crate) fn add_unchanged(&mut self, plan: &Plan, live: LiveObjects) {
        if let Some(answers) = &mut self.answers {
            answers.extend(live.unchanged(plan));
        }
    }

    /// The answers, for the wait.
    pub(crate) fn answers(&mut self) -> Answers {
        self.answers.take().unwrap_or_default()
    }
}

/// Carries out every step.
pub(crate) async fn execute(cluster: &Cluster, run: &Run, plan: &Plan, done: &mut Done) -> Result<()> {
    if let Some(refusal) = plan.refusal {
        return Err(Error::other(Stage::Apply, refusal));
    }
    let mut errors = Vec::new();
    let mut count = 0;
    let total = plan.steps.len();
    let mut rest = plan.steps.as_slice();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|s| s.batch == first.batch).count();
        let (batch, after) = rest.split_at(length);
        rest = after;
        let deletes = matches!(first.action, Action::Delete | Action::Keep);
        if deletes && !errors.is_empty() && plan.on_error == OnError::StopAtCreate {
            break;
        }
        note_created(batch, done);
        let waits = done.answers.is_some();
        let work: Vec<BoxFuture<'_, _>> = batch.iter().map(|step| carry_out(cluster, step, waits).boxed()).collect();
        let mut results = futures::stream::iter(work).buffered(CONCURRENCY);
        let mut failed_creation = None;
        while let Some((step, result)) = results.next().await {
            match result {
                Ok((outcome, answer)) => {
                    count += 1;
                    if let (Some(answers), Some(answer)) = (&mut done.answers, answer) {
                        answers.insert(step.object.key(), Known::sent(answer));
                    }
                    let object = step.object.clone();
                    run.events.send(Event::Applied { object, outcome, done: count, total });
                }
                Err(e) if step.action == Action::Create && plan.on_error == OnError::StopAtCreate => {
                    failed_creation.get_or_insert(e.context("failed to create resource"));
                }
                Err(e) => errors.push(e),
            }
        }
        if let Some(error) = failed_creation {
            return Err(error);
        }
    }
    let separator = if plan.on_error == OnError::Continue { "\n" } else { " && " };
    join(errors, separator)
}

fn note_created(batch: &[Step], done: &mut Done) {
    for step in batch {
        if let (Action::Create, Request::Apply { object, .. } | Request::Create { object }) =
            (step.action, &step.request)
        {
            done.created.push((**object).clone());
        }
    }
}

async fn carry_out<'a>(cluster: &Cluster, step: &'a Step, waits: bool) -> (&'a Step, Result<(Outcome, Option<Json>)>) {
    let answer = if waits { Answer::for_wait(&step.object) } else { Answer::Metadata };
    let without = |outcome| (outcome, None);
    let created = |json| (Outcome::Created, json);
    let updated = |json| (Outcome::Updated, json);
    let result = match &step.request {
        Request::None if step.action == Action::Keep => Ok(without(Outcome::Kept)),
        Request::None => Ok(without(Outcome::Unchanged)),
        Request::Apply { object, force, migrate } => apply(cluster, object, *force, migrate.as_ref(), answer)
            .await
            .map(|json| if step.action == Action::Create { created(json) } else { updated(json) }),
        Request::Create { object } => cluster.create(object, answer).await.map(created),
        Request::Patch { object, patch: Ok(patch) } => cluster.patch(object, patch, answer).await.map(updated),
        Request::Patch { patch: Err(e), .. } => Err(Error::other(Stage::Apply, format!("failed to create patch: {e}"))),
        Request::Replace { object, strict } => cluster.replace(object, *strict, answer).await.map(updated),
        Request::Delete { object } => delete(cluster, object).await.map(without),
    };
    (step, result)
}

async fn apply(
    cluster: &Cluster,
    object: &Object,
    force: bool,
    migrate: Option<&Json>,
    answer: Answer,
) -> Result<Option<Json>> {
    if let Some(patch) = migrate {
        cluster.migrate(object, patch).await?;
    }
    cluster.apply(object, force, answer).await
}

async fn delete(cluster: &Cluster, object: &Object) -> Result<Outcome> {
    match cluster.delete(object, "Background").await {
        Ok(_) => Ok(Outcome::Deleted),
        Err(e) => {
            let r = &object.reference;
            let what = format!("namespace={}, name={}, kind={}", r.namespace, r.name, r.kind);
            Err(e.context(format!("failed to delete resource {what}")))
        }
    }
}

/// One error as it is, several as one text.
pub(crate) fn join(mut errors: Vec<Error>, separator: &str) -> Result<()> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => {
            let texts: Vec<String> = errors.iter().map(Error::to_string).collect();
            Err(Error::other(Stage::Apply, texts.join(separator)))
        }
    }
}
