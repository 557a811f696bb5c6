//! Carries a plan out. Decides nothing: which requests, in which order and
//! what an error means all stand in the plan.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use crate::Run;
use crate::cluster::apply::CONCURRENCY;
use crate::cluster::{Cluster, Object};
use crate::error::{Error, Result, Stage};
use crate::event::{Event, Outcome};
use crate::plan::{Action, OnError, Plan, Request, Step};

/// What was done, also when it failed half-way.
#[derive(Default)]
pub(crate) struct Done {
    /// What this run created (or tried to), for `--cleanup-on-fail`.
    pub(crate) created: Vec<Object>,
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
        let work: Vec<BoxFuture<'_, _>> = batch.iter().map(|step| carry_out(cluster, step).boxed()).collect();
        let mut results = futures::stream::iter(work).buffered(CONCURRENCY);
        let mut failed_creation = None;
        while let Some((step, result)) = results.next().await {
            match result {
                Ok(outcome) => {
                    count += 1;
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

async fn carry_out<'a>(cluster: &Cluster, step: &'a Step) -> (&'a Step, Result<Outcome>) {
    let result = match &step.request {
        Request::None if step.action == Action::Keep => Ok(Outcome::Kept),
        Request::None => Ok(Outcome::Unchanged),
        Request::Apply { object, force, migrate } => apply(cluster, object, *force, migrate.as_ref())
            .await
            .map(|()| if step.action == Action::Create { Outcome::Created } else { Outcome::Updated }),
        Request::Create { object } => cluster.create(object).await.map(|()| Outcome::Created),
        Request::Patch { object, patch: Ok(patch) } => cluster.patch(object, patch).await.map(|()| Outcome::Updated),
        Request::Patch { patch: Err(e), .. } => Err(Error::other(Stage::Apply, format!("failed to create patch: {e}"))),
        Request::Replace { object, strict } => cluster.replace(object, *strict).await.map(|()| Outcome::Updated),
        Request::Delete { object } => delete(cluster, object).await,
    };
    (step, result)
}

async fn apply(cluster: &Cluster, object: &Object, force: bool, migrate: Option<&serde_json::Value>) -> Result<()> {
    if let Some(patch) = migrate {
        cluster.migrate(object, patch).await?;
    }
    cluster.apply(object, force).await
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
