//! `ankra-helm agent install`

use super::{
    Session,
    follow::{self, ChartFlags, Flags},
    upgrade::values,
};
use crate::{
    cli::{Failure, flags::ValuesArgs},
    protocol::command::{ReleaseSpec, Verb},
};

/// install a chart that the agent pulls
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
    /// create the release namespace if not present
    #[arg(long)]
    create_namespace: bool,
    /// uninstall again if the install fails
    #[arg(long, visible_alias = "atomic")]
    rollback_on_failure: bool,
    /// take over objects of others
    #[arg(long)]
    take_ownership: bool,
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
        create_namespace: args.create_namespace,
        wait: args.flags.wait,
        wait_for_jobs: args.flags.wait_for_jobs,
        no_hooks: args.flags.no_hooks,
        atomic: args.rollback_on_failure,
        take_ownership: args.take_ownership,
        description: args.description.clone(),
        ..ReleaseSpec::default()
    };
    session.cx.block_on(follow::run(session, &args.flags, Verb::Install, spec))
}
