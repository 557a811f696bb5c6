//! `ankra-helm history`

use engine::Run;
use engine::action::{HistoryOptions, history};
use serde::Serialize;

use super::list::json;
use crate::cli::{Context, Failure, Format, Table, remote};

/// fetch release history
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name
    #[arg(value_name = "RELEASE_NAME")]
    name: String,
    /// maximum number of revision to include in history
    #[arg(long, value_name = "int", default_value_t = 256)]
    max: usize,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
    /// show the rollback revision column in table output
    #[arg(long)]
    show_rollback_revision: bool,
}

/// One revision, with Helm's names of the fields.
#[derive(Debug, Serialize)]
struct Element {
    revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    status: String,
    chart: String,
    app_version: String,
    #[serde(skip_serializing_if = "is_zero")]
    rollback_revision: i64,
    description: String,
    #[serde(skip)]
    updated_for_people: String,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Shows the revisions of a release, oldest first.
///
/// # Errors
/// The cluster's, `release: not found` among them.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let releases = match remote::of(cx) {
        Some(remote) => remote.history(&args.name, args.max)?,
        None => cx.block_on(async {
            let options = HistoryOptions { max: args.max };
            history(&cx.engine().await?, &Run::default(), &args.name, &options).await.map_err(Failure::from_display)
        })?,
    };
    let elements: Vec<Element> = releases
        .iter()
        .map(|r| {
            let time = r.info.last_deployed.as_ref();
            Element {
                revision: r.version,
                updated: time.map(ToString::to_string),
                status: r.info.status.to_string(),
                chart: r.chart.name_and_version(),
                app_version: r.chart.app_version().to_owned(),
                rollback_revision: r.info.rollback_revision,
                description: r.info.description.clone(),
                updated_for_people: super::release_output::ansi_c(time),
            }
        })
        .collect();
    if args.output != Format::Table {
        return cx.printer.structured(args.output, &json(&elements)?);
    }
    let mut table = Table::default();
    let mut header = vec!["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"];
    if args.show_rollback_revision {
        header.insert(5, "ROLLBACK");
    }
    table.row(header);
    for e in elements {
        let mut row =
            vec![e.revision.to_string(), e.updated_for_people, e.status, e.chart, e.app_version, e.description];
        if args.show_rollback_revision {
            row.insert(5, if e.rollback_revision > 0 { e.rollback_revision.to_string() } else { String::new() });
        }
        table.row(row);
    }
    cx.printer.text(&table.render())
}
