//! `ankra-helm status`

use engine::Run;
use engine::action::status;

use super::release_output::{Parts, show};
use crate::cli::{Context, Failure, Format, remote};

/// display the status of the named release
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name
    #[arg(value_name = "RELEASE_NAME")]
    name: String,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
    /// if set, display the status of the named release with revision
    #[arg(long, value_name = "int", default_value_t = 0)]
    revision: i64,
}

/// Shows a release and its live objects.
///
/// # Errors
/// The cluster's, `release: not found` among them.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let table = args.output == Format::Table;
    let release = match remote::of(cx) {
        Some(remote) => remote.status(&args.name, args.revision, table)?,
        None => cx.block_on(async {
            let engine = cx.engine().await?;
            status(&engine, &Run::default(), &args.name, args.revision, table).await.map_err(Failure::from_display)
        })?,
    };
    let parts = Parts { without_chart: true, ..Parts::default() };
    show(&cx.printer, args.output, &release, parts, cx.settings.compat)
}
