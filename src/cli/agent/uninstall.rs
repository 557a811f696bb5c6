//! `ankra-helm agent uninstall`

use super::{
    Session,
    follow::{self, Flags},
};
use crate::{
    cli::Failure,
    protocol::command::{ReleaseSpec, Verb},
};

/// uninstall a release
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// name of the release
    name: String,
    #[command(flatten)]
    flags: Flags,
    /// remove all objects, but keep the release's history
    #[arg(long)]
    keep_history: bool,
    /// treat "release not found" as a successful uninstall
    #[arg(long)]
    ignore_not_found: bool,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let spec = ReleaseSpec {
        namespace: session.namespace(),
        release: args.name.clone(),
        keep_history: args.keep_history,
        ignore_not_found: args.ignore_not_found,
        wait: args.flags.wait,
        no_hooks: args.flags.no_hooks,
        ..ReleaseSpec::default()
    };
    follow::run(session, &args.flags, Verb::Uninstall, spec).await
}
