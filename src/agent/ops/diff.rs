//! `req.helm.diff`: what an install, an upgrade or a rollback would change.
//!
//! Owns the way from the request to the engine's plan. Nothing is changed and
//! nothing is recorded; the objects are sent to the API server as dry runs.

use charts::Chart;
use engine::{
    CancellationToken, Engine, Run,
    action::{self, DiffOptions},
    plan::Plan,
};
use serde_json::value::to_raw_value;

use super::{options, release};
use crate::{
    agent::api::Api,
    protocol::{
        Code, Error,
        command::{Command, Verb},
        releases::{Against, DiffReply, DiffRequest},
    },
};

/// Longest plan, in bytes.
const PLAN_MAX: usize = 16 * 1024 * 1024;

/// The plan.
pub(in crate::agent) async fn diff(api: &Api, request: DiffRequest) -> Result<DiffReply, Error> {
    let against = match request.against {
        Against::Live => action::Against::Live,
        Against::Manifest => action::Against::Manifest,
    };
    let command = request.command()?;
    // The request is dropped at its deadline; so is the work.
    let cancel = CancellationToken::new();
    let _ended = cancel.clone().drop_guard();
    let chart = match command.spec.chart {
        Some(_) if command.verb != Verb::Rollback => Some(release::chart(&command, &cancel).await?),
        _ => None,
    };
    let run = Run { cancel, ..Run::default() };
    let plan = plan(&release::engine(api, &command), &run, &command, chart, against).await?;
    let text = plan.to_string();
    let json = to_raw_value(&plan).map_err(|error| Error::internal(format!("writing a plan: {error}")))?;
    if text.len() + json.get().len() > PLAN_MAX {
        return Err(Error::new(Code::TooLarge, format!("the plan is over {PLAN_MAX} bytes")));
    }
    Ok(DiffReply { changes: !plan.is_empty(), text, plan: json })
}

async fn plan(
    engine: &Engine,
    run: &Run,
    command: &Command,
    chart: Option<Chart>,
    against: action::Against,
) -> Result<Plan, Error> {
    let spec = &command.spec;
    let planned = match (command.verb, chart) {
        (Verb::Install, Some(chart)) => {
            let options = options::install(command);
            let applied = action::install(engine, run, chart, options::values(spec)?, &options).await;
            applied.map(|applied| applied.plan.unwrap_or_default())
        }
        (Verb::Upgrade, Some(chart)) => {
            let options = DiffOptions { upgrade: options::upgrade(command), against };
            action::diff(engine, run, chart, options::values(spec)?, &options).await
        }
        (Verb::Rollback, _) => action::diff_rollback(engine, run, &options::rollback(command), against).await,
        _ => return Err(Error::invalid("verb must be helm.install, helm.upgrade or helm.rollback")),
    };
    planned.map_err(release::error)
}
