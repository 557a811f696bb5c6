//! `ankra-helm diff`: what an upgrade would change.

use engine::Run;
use engine::action::{Against, DiffOptions, diff};

use super::upgrade::TargetArgs;
use crate::cli::chart_source::Origin;
use crate::cli::{Context, Failure, Format, chart_source, remote};
use crate::protocol::{command::Verb, releases};

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
    if let Some(remote) = remote::of(cx) {
        return by_agent(args, cx, &remote);
    }
    let options = DiffOptions {
        upgrade: target.options(cx)?,
        against: if args.against == "manifest" { Against::Manifest } else { Against::Live },
    };
    let source = chart_source::locate(cx, &target.reference, &target.chart, Origin::Stderr)?;
    let values = target.values.merge(cx)?;
    let chart = chart_source::load_installable(cx, &source, &target.chart, target.release.dependency_update)?;
    let plan = cx.block_on(async {
        let engine = cx.engine().await?;
        diff(&engine, &Run::default(), chart, values, &options).await.map_err(Failure::from_display)
    })?;
    show(args, cx, (&plan.to_string(), &super::list::json(&plan)?), !plan.is_empty())
}

/// The same by an agent.
fn by_agent(args: &Args, cx: &Context, remote: &remote::Remote<'_>) -> Result<(), Failure> {
    let options = args.target.options(cx)?;
    remote::refuse_local(options.post_renderer.is_some(), false)?;
    let against = if args.against == "manifest" { releases::Against::Manifest } else { releases::Against::Live };
    let spec = args.target.spec(cx, remote, &options)?;
    let found = remote.diff(Verb::Upgrade, against, spec)?;
    show(args, cx, (&found.text, found.plan.get()), found.changes)
}

fn show(args: &Args, cx: &Context, (text, json): (&str, &str), changes: bool) -> Result<(), Failure> {
    match args.output {
        Format::Table => cx.printer.text(text)?,
        format => cx.printer.structured(format, json)?,
    }
    if args.detailed_exitcode && changes {
        return Err(Failure::quiet(CHANGES));
    }
    Ok(())
}
