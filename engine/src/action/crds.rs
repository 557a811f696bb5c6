//! What an installation creates outside its release: the definitions in
//! `crds/` and the namespace.

use std::sync::Arc;
use std::time::Duration;

use charts::Chart;
use serde_json::{Value as Json, json};

use crate::cluster::apply::Answer;
use crate::cluster::discovery::Resource;
use crate::cluster::{Answers, Known, Object, ObjectRef};
use crate::error::{Error, Result, Stage};
use crate::event::Event;
use crate::wait::{self, Rules};
use crate::{Engine, Run};

/// Helm's time limit for definitions to be established.
const ESTABLISHED_TIMEOUT: Duration = Duration::from_secs(60);

/// How an object outside the release is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    /// Server-side apply; else it is created, and left alone if it is there.
    pub(super) server_side: bool,
    /// `--force-conflicts`
    pub(super) force: bool,
}

async fn send(engine: &Engine, object: &Object, how: Sending) -> Result<Option<Json>> {
    if how.server_side {
        engine.cluster().apply(object, how.force, Answer::Object).await
    } else {
        engine.cluster().create(object, Answer::Object).await
    }
}

fn is_there(error: &Error) -> bool {
    error.api_reason() == "AlreadyExists"
}

/// Applies every file of `crds/`, in order, and waits until all definitions
/// are established. They are never changed by upgrades and never deleted.
pub(super) async fn install(engine: &Engine, run: &Run, chart: &Chart, how: Sending, dry: bool) -> Result<()> {
    let crds = charts::crds::crds(chart);
    if crds.is_empty() {
        return Ok(());
    }
    if dry {
        run.events
            .warn("This chart or one of its subcharts contains CRDs. Rendering may fail or contain inaccuracies.");
        return Ok(());
    }
    let (mut applied, mut answers) = (Vec::new(), Answers::new());
    'files: for crd in crds {
        let failed = |e: Error| e.context(format!("failed to install CRD {}", crd.name));
        let text = String::from_utf8_lossy(&crd.file.data);
        let objects = engine.cluster().build(&text, engine.namespace()).await.map_err(failed)?;
        if objects.is_empty() {
            return Err(failed(Error::other(Stage::Crds, "resources are empty")));
        }
        if how.force && !how.server_side {
            let text = "invalid client create option(s): forceConflicts enabled when serverSideApply disabled";
            return Err(failed(Error::other(Stage::Crds, text)));
        }
        for object in &objects {
            match send(engine, object, how).await {
                // Helm leaves the whole file at the first definition that is there.
                Err(e) if is_there(&e) => {
                    run.events.debug(|| format!("CRD is already present. Skipping crd={}", crd.name));
                    continue 'files;
                }
                result => {
                    let answer = result.map_err(failed)?;
                    answers.extend(answer.map(|answer| (object.reference.key(), Known::sent(answer))));
                }
            }
            run.events.send(Event::CrdApplied { object: object.reference.clone() });
        }
        applied.extend(objects);
    }
    if applied.is_empty() {
        return Ok(());
    }
    let rules = Rules::Watcher { jobs: false };
    wait::until_ready(engine.cluster(), run, (&applied, &answers), rules, ESTABLISHED_TIMEOUT).await?;
    engine.cluster().forget_discovery().await;
    Ok(())
}

/// Creates the release's namespace if it is not there. It belongs to no
/// release.
pub(super) async fn create_namespace(engine: &Engine, run: &Run, server_side: bool) -> Result<()> {
    let name = engine.namespace().to_string();
    let resource =
        Resource { api_version: "v1".into(), kind: "Namespace".into(), plural: "namespaces".into(), namespaced: false };
    let object = Object {
        reference: ObjectRef {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            namespace: String::new(),
            name: name.clone(),
        },
        resource: Arc::new(resource),
        json: json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { "name": name } },
        }),
    };
    match send(engine, &object, Sending { server_side, force: false }).await {
        Err(e) if is_there(&e) => return Ok(()),
        result => result?,
    };
    run.events.send(Event::NamespaceCreated { name });
    Ok(())
}
