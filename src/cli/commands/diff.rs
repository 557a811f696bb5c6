//! `ankra-helm diff`: what an upgrade would change.

use engine::Run;
use engine::action::{Against, DiffOptions, diff};

use super::upgrade::TargetArgs;
use crate::cli::{Context, Failure, Format, chart_source};

/// The exit code of `--detailed-exitcode` when something would change.
const CHANGES: u8 = 2;

/// show what an upgrade would change in the cluster, and change nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// compare with what is "live" in the cluster, or with the last revision's "manifest"
    #[arg(long, value_name = "string", default_value = "live", value_parser = ["live", "manifest"])]
    against: String,
    /// exit with 2 if something would change, with 0 if nothing would
    #[arg(long)]
    detailed_exitcode: bool,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
}

/// Shows the plan of an upgrade.
///
/// # Errors
/// What would keep the upgrade from starting; with `--detailed-exitcode` also
/// a plan with changes (exit code 2, without words).
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let target = &args.target;
    let options = DiffOptions {
        upgrade: target.options(cx)?,
        against: if args.against == "manifest" { Against::Manifest } else { Against::Live },
    };
    let pull = target.chart.pull_options(&cx.settings);
    let source = chart_source::locate(cx, &target.reference, &pull)?;
    let values = target.values.merge(cx)?;
    let chart = chart_source::load_installable(cx, &source)?;
    let plan = cx.block_on(async {
        let engine = cx.engine().await?;
        diff(&engine, &Run::default(), chart, values, &options).await.map_err(Failure::from_display)
    })?;
    match args.output {
        Format::Table => cx.printer.text(&plan.to_string())?,
        format => cx.printer.structured(format, &super::list::json(&plan)?)?,
    }
    if args.detailed_exitcode && !plan.is_empty() {
        return Err(Failure::quiet(CHANGES));
    }
    Ok(())
}
