//! `ankra-helm agent rollback`

use super::{
    Session,
    follow::{self, Flags},
};
use crate::{
    cli::Failure,
    protocol::command::{ReleaseSpec, Verb},
};

/// roll back a release to a previous revision
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// name of the release
    name: String,
    /// the revision; 0 or none for the one before
    #[arg(default_value_t = 0)]
    revision: u32,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let spec = ReleaseSpec {
        namespace: session.namespace(),
        release: args.name.clone(),
        revision: args.revision,
        wait: args.flags.wait,
        wait_for_jobs: args.flags.wait_for_jobs,
        no_hooks: args.flags.no_hooks,
        ..ReleaseSpec::default()
    };
    follow::run(session, &args.flags, Verb::Rollback, spec).await
}
