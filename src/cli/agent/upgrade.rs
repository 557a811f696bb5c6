//! `ankra-helm agent upgrade`

use serde_json::{Map, Value};
use templates_compat::json;

use super::{
    Session,
    follow::{self, ChartFlags, Flags},
};
use crate::{
    cli::{Failure, flags::ValuesArgs},
    protocol::command::{ReleaseSpec, Verb},
};

/// upgrade a release to a chart that the agent pulls
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// name of the release
    name: String,
    /// the chart: oci://…, https://….tgz, or a name with --repo
    chart: String,
    #[command(flatten)]
    source: ChartFlags,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    flags: Flags,
    /// install the release if it is not there
    #[arg(short, long)]
    install: bool,
    /// create the release namespace if not present
    #[arg(long)]
    create_namespace: bool,
    /// reuse the last release's values
    #[arg(long)]
    reuse_values: bool,
    /// reset the values to those of the chart
    #[arg(long)]
    reset_values: bool,
    /// reset to the chart's values, then apply the last release's
    #[arg(long)]
    reset_then_reuse_values: bool,
    /// roll back if the upgrade fails
    #[arg(long, visible_alias = "atomic")]
    rollback_on_failure: bool,
    /// take over objects of others
    #[arg(long)]
    take_ownership: bool,
    /// most revisions kept
    #[arg(long, value_name = "int", default_value_t = 10)]
    history_max: u32,
    /// text for the revision's description
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    description: String,
}

pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let spec = ReleaseSpec {
        namespace: session.namespace(),
        release: args.name.clone(),
        chart: Some(args.source.spec(&args.chart)),
        values: values(&args.values, session)?,
        reuse_values: args.reuse_values,
        reset_values: args.reset_values,
        reset_then_reuse_values: args.reset_then_reuse_values,
        install: args.install,
        create_namespace: args.create_namespace,
        wait: args.flags.wait,
        wait_for_jobs: args.flags.wait_for_jobs,
        no_hooks: args.flags.no_hooks,
        atomic: args.rollback_on_failure,
        take_ownership: args.take_ownership,
        history_max: args.history_max,
        description: args.description.clone(),
        ..ReleaseSpec::default()
    };
    session.cx.block_on(follow::run(session, &args.flags, Verb::Upgrade, spec))
}

/// The values as they travel: JSON.
pub(super) fn values(args: &ValuesArgs, session: &Session<'_>) -> Result<Map<String, Value>, Failure> {
    let map = args.merge(session.cx)?;
    let value = templates_compat::value::Value::Map(map);
    let text =
        json::write(&value, &json::Options::default(), session.cx.settings.compat).map_err(Failure::from_display)?;
    serde_json::from_slice(&text).map_err(Failure::from_display)
}
