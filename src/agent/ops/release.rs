//! What an operation does to its release: the engine's actions.
//!
//! Owns the order of their steps, the results, and the way from the engine's
//! errors to the protocol's.

use std::sync::Arc;

use charts::{Chart, Compat, Warnings};
use engine::{
    CancellationToken, Cluster, Engine, Release, Run, Stage,
    action::{self, Applied, Filter, TestOptions},
    release::{HookEvent, codec},
};
use serde_json::{Value, json};

use super::options;
use super::progress::{self, Progress, Says};
use crate::{
    agent::{Agent, api::Api},
    protocol::{
        Code, Error,
        command::{Command, State, Verb},
    },
};

/// Longest record in a result, in bytes: an event has room for it.
const RECORD_MAX: usize = 384 * 1024;
/// Most characters of the logs of tests and of plans that are told.
const LOGS_MAX: usize = 64 * 1024;

/// Does the command's work and tells about it; `again` when an agent that is
/// gone began it. The events' sender is given back when all events are sent.
pub(super) async fn run(
    agent: &Agent,
    command: &Command,
    again: bool,
    mut progress: Progress,
    cancel: CancellationToken,
) -> (Progress, Result<Value, Error>) {
    let api = match agent.acting(command.user.as_ref()) {
        Ok(api) => api,
        Err(error) => return (progress, Err(error)),
    };
    if command.verb.is_of_objects() {
        let outcome = super::objects::run(&api, command, &mut progress, &cancel).await;
        return (progress, outcome);
    }
    let engine = engine(&api, command);
    // What is done again has changed the revision itself.
    if !again && let Err(error) = check_revision(&engine, command).await {
        return (progress, Err(error));
    }
    let chart = match &command.spec.chart {
        Some(_) if matches!(command.verb, Verb::Install | Verb::Upgrade) => {
            progress.say(State::Running, Says::step("pull", "pulling the chart")).await;
            match chart(command, &cancel).await {
                Ok(chart) => Some(chart),
                Err(error) => return (progress, Err(error)),
            }
        }
        _ => None,
    };
    let (events, received) = progress::channel();
    let forwarding = tokio::spawn(progress.forward(received));
    let run = Run { events, cancel };
    let outcome = act(&engine, &run, command, chart).await;
    // The last sender of events goes here, so that forwarding ends.
    drop(run);
    match forwarding.await {
        Ok(progress) => (progress, outcome),
        // It only sends; if it fails, so does the agent's own promise.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The newest revision of the command's release.
pub(super) async fn newest(agent: &Agent, command: &Command) -> Result<Option<Release>, Error> {
    if command.verb.is_of_objects() {
        return Ok(None);
    }
    let engine = engine(&agent.acting(command.user.as_ref())?, command);
    match action::status(&engine, &Run::default(), &command.spec.release, 0, false).await {
        Ok(release) => Ok(Some(release)),
        Err(failed) if failed.is_release_not_found() => Ok(None),
        Err(failed) => Err(error(failed)),
    }
}

/// Its number, 0 when there is none.
pub(super) async fn revision(agent: &Agent, command: &Command) -> Result<Option<i64>, Error> {
    if command.verb.is_of_objects() {
        return Ok(Some(0));
    }
    Ok(Some(newest(agent, command).await?.map_or(0, |release| release.version)))
}

/// The engine, with the rights that a command is done with.
pub(super) fn engine(api: &Api, command: &Command) -> Engine {
    let namespace = command.spec.namespace.clone();
    Engine::new(Cluster::from_client(api.client(), namespace.clone()), namespace)
}

async fn act(engine: &Engine, run: &Run, command: &Command, chart: Option<Chart>) -> Result<Value, Error> {
    let spec = &command.spec;
    let missing = || Error::invalid("spec.chart is missing");
    match command.verb {
        Verb::Install => {
            let chart = chart.ok_or_else(missing)?;
            action::install(engine, run, chart, options::values(spec)?, &options::install(command)).await.map(applied)
        }
        Verb::Upgrade => {
            let chart = chart.ok_or_else(missing)?;
            action::upgrade(engine, run, chart, options::values(spec)?, &options::upgrade(command)).await.map(applied)
        }
        Verb::Rollback => action::rollback(engine, run, &options::rollback(command)).await.map(applied),
        Verb::Uninstall => action::uninstall(engine, run, &options::uninstall(command)).await.map(|uninstalled| {
            let mut result = uninstalled.release.as_ref().map_or_else(|| json!({}), summary);
            // They tell how to use what is gone now.
            result["notes"] = json!("");
            result["info"] = json!(uninstalled.info);
            result
        }),
        Verb::Test => return test(engine, run, command).await,
        _ => return Err(Error::internal("a command on objects came to the releases")),
    }
    .map_err(error)
}

/// Compares the release with what the client had seen.
async fn check_revision(engine: &Engine, command: &Command) -> Result<(), Error> {
    let Some(wanted) = command.precondition.release_revision else { return Ok(()) };
    let newest = newest_revision(engine, &command.spec.release).await?.unwrap_or(0);
    if newest == i64::from(wanted) {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, format!("the release is at revision {newest}, not {wanted}")))
}

async fn newest_revision(engine: &Engine, name: &str) -> Result<Option<i64>, Error> {
    match action::status(engine, &Run::default(), name, 0, false).await {
        Ok(release) => Ok(Some(release.version)),
        Err(failed) if failed.is_release_not_found() => Ok(None),
        Err(failed) => Err(error(failed)),
    }
}

/// Pulls the chart and loads it.
pub(super) async fn chart(command: &Command, cancel: &CancellationToken) -> Result<Chart, Error> {
    let Some(spec) = &command.spec.chart else { return Err(Error::invalid("spec.chart is missing")) };
    let pulled = tokio::select! {
        pulled = super::chart::pull(spec) => pulled?,
        () = cancel.cancelled() => return Err(Error::new(Code::Cancelled, "cancelled while pulling the chart")),
    };
    let load = move || {
        // What a chart warns about is for its author, not for this release.
        charts::load::load_archive(&pulled, Compat::Helm4, &mut Warnings::new())
            .map_err(|error| Error::invalid(format!("loading the chart: {error}")))
    };
    tokio::task::spawn_blocking(load)
        .await
        .map_err(|error| Error::internal(format!("loading the chart failed: {error}")))?
}

/// Runs the tests of a release; one that fails is the operation's failure.
async fn test(engine: &Engine, run: &Run, command: &Command) -> Result<Value, Error> {
    let name = command.spec.release.clone();
    let (include, exclude) = (command.spec.tests.clone(), command.spec.without_tests.clone());
    let filter = Filter { include, exclude };
    let options = TestOptions { name, logs: true, timeout: options::timeout(command), filter };
    let tested = action::test(engine, run, &options).await.map_err(error)?;
    let mut result = summary(&tested.release);
    with_record(&mut result, &tested.release);
    result["logs"] = json!(tested.logs.chars().take(LOGS_MAX).collect::<String>());
    match tested.result {
        Ok(()) => Ok(result),
        Err(failed) => Err(error(failed).with("release", result)),
    }
}

/// What was applied, with the record that clients print.
fn applied(applied: Applied) -> Value {
    let mut result = summary(&applied.release);
    if let Some(plan) = &applied.plan {
        result["plan"] = json!(short(&plan.to_string()));
    }
    with_record(&mut result, &applied.release);
    result
}

/// Adds the record without values and templates; manifest and hooks only where
/// nothing was applied, because then there is no other way to see them.
fn with_record(result: &mut Value, release: &Release) {
    let mut shown = release.clone();
    shown.chart = Arc::new(release.chart.head());
    shown.config = None;
    if !is_dry(release) {
        shown.manifest = String::new();
        shown.hooks.retain(|hook| hook.events.contains(&HookEvent::Test));
        shown.hooks.iter_mut().for_each(|hook| hook.manifest = String::new());
    }
    for try_short in [false, true] {
        if try_short {
            shown.manifest = String::new();
            shown.hooks = Vec::new();
        }
        if let Ok(text) = codec::to_json(&shown)
            && text.len() <= RECORD_MAX
            && let Ok(record) = serde_json::from_slice(&text)
        {
            result["record"] = record;
            return;
        }
    }
}

/// Whether this came of a dry run: nothing recorded has its description.
fn is_dry(release: &Release) -> bool {
    release.info.status.is_pending() || release.info.description == "Dry run complete"
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(LOGS_MAX).collect()
}

/// A release in a few words: no values, no manifest.
pub(super) fn summary(release: &Release) -> Value {
    json!({
        "name": release.name,
        "namespace": release.namespace,
        "revision": release.version,
        "status": release.info.status.as_str(),
        "description": release.info.description,
        "notes": release.info.notes,
    })
}

/// The engine's error with Helm's words.
pub(in crate::agent) fn error(error: engine::Error) -> Error {
    use engine::Error as Cause;
    let code = match error.root() {
        Cause::ReleaseNotFound | Cause::NoDeployedReleases { .. } => Code::NotFound,
        Cause::Pending | Cause::TakenOver | Cause::ReleaseExists => Code::Conflict,
        Cause::Cancelled => Code::Cancelled,
        Cause::Timeout { .. } => Code::Timeout,
        Cause::Chart(_) => Code::Invalid,
        Cause::Api { code, .. } => match code {
            401 => Code::Unauthenticated,
            403 => Code::Forbidden,
            404 => Code::NotFound,
            409 => Code::Conflict,
            400 | 422 => Code::Invalid,
            _ => Code::Upstream,
        },
        Cause::Other { stage: Stage::Render | Stage::Plan, .. } => Code::Invalid,
        Cause::Other { stage: Stage::Prepare, .. } => Code::Conflict,
        _ => Code::Upstream,
    };
    let mut failed = Error::new(code, error.to_string());
    // An operation that failed may have changed much; whether it is tried
    // again is for whoever asked.
    failed.retryable = false;
    match error.release() {
        Some(release) if release.version > 0 => failed.with("release", summary(release)),
        _ => failed,
    }
}
