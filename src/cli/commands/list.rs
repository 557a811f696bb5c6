//! `ankra-helm list`

use engine::action::{ListOptions, list};
use engine::{Release, Run, Status};
use serde::Serialize;

use super::release_output::{colored_heading, colored_namespace, colored_status};
use crate::cli::{Context, Failure, Format, Table, remote};
use crate::protocol::releases::ReleasesRequest;

/// list releases
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// list releases across all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// sort by release date
    #[arg(short, long)]
    date: bool,
    /// show deployed releases
    #[arg(long)]
    deployed: bool,
    /// show failed releases
    #[arg(long)]
    failed: bool,
    /// a regular expression (Perl compatible). Any releases that match the expression will be included in the results
    #[arg(short, long, value_name = "string", default_value = "", hide_default_value = true)]
    filter: String,
    /// maximum number of releases to fetch
    #[arg(short, long, value_name = "int", default_value_t = 256)]
    max: usize,
    /// don't print headers when using the default output format
    #[arg(long)]
    no_headers: bool,
    /// next release index in the list, used to offset from start value
    #[arg(long, value_name = "int", default_value_t = 0)]
    offset: usize,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
    /// show pending releases
    #[arg(long)]
    pending: bool,
    /// reverse the sort order
    #[arg(short, long)]
    reverse: bool,
    /// Selector (label query) to filter on, supports '=', '==', and '!='.(e.g. -l key1=value1,key2=value2)
    #[arg(short = 'l', long, value_name = "string", default_value = "", hide_default_value = true)]
    selector: String,
    /// output short (quiet) listing format
    #[arg(short = 'q', long)]
    short: bool,
    /// show superseded releases
    #[arg(long)]
    superseded: bool,
    /// format time using golang time formatter. Example: --time-format "2006-01-02 15:04:05Z0700"
    #[arg(long, value_name = "string")]
    time_format: Option<String>,
    /// show uninstalled releases (if 'helm uninstall --keep-history' was used)
    #[arg(long)]
    uninstalled: bool,
    /// show releases that are currently being uninstalled
    #[arg(long)]
    uninstalling: bool,
}

/// One release, with Helm's names of the fields.
#[derive(Debug, Serialize)]
struct Element {
    name: String,
    namespace: String,
    revision: String,
    updated: String,
    status: String,
    chart: String,
    app_version: String,
}

impl Args {
    fn statuses(&self) -> Vec<Status> {
        let wanted = [
            (self.deployed, &[Status::Deployed][..]),
            (self.failed, &[Status::Failed]),
            (self.pending, &[Status::PendingInstall, Status::PendingUpgrade, Status::PendingRollback]),
            (self.superseded, &[Status::Superseded]),
            (self.uninstalled, &[Status::Uninstalled]),
            (self.uninstalling, &[Status::Uninstalling]),
        ];
        wanted.into_iter().filter(|(on, _)| *on).flat_map(|(_, statuses)| statuses.iter().copied()).collect()
    }

    fn element(&self, release: &Release) -> Element {
        let updated = release.info.last_deployed.as_ref().map_or_else(
            || "-".to_owned(),
            |time| match &self.time_format {
                Some(layout) => go_layout(time, layout),
                None => time.go_string(),
            },
        );
        Element {
            name: release.name.clone(),
            namespace: release.namespace.clone(),
            revision: release.version.to_string(),
            updated,
            status: release.info.status.to_string(),
            chart: release.chart.name_and_version(),
            app_version: release.chart.app_version().to_owned(),
        }
    }
}

/// Lists releases.
///
/// # Errors
/// The cluster's.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let options = ListOptions {
        filter: args.filter.clone(),
        selector: args.selector.clone(),
        statuses: args.statuses(),
        by_date: args.date,
        reverse: args.reverse,
        max: args.max,
        offset: args.offset,
    };
    let releases = match remote::of(cx) {
        Some(remote) => remote.list(args.all_namespaces, request(options))?,
        None => cx.block_on(async {
            let engine = if args.all_namespaces { cx.engine_of_all_namespaces().await? } else { cx.engine().await? };
            list(&engine, &Run::default(), &options).await.map_err(Failure::from_display)
        })?,
    };
    let elements: Vec<Element> = releases.iter().map(|r| args.element(r)).collect();
    if args.short {
        let names: Vec<&str> = elements.iter().map(|e| e.name.as_str()).collect();
        if args.output == Format::Table {
            return cx.printer.text(&names.iter().map(|n| format!("{n}\n")).collect::<String>());
        }
        return cx.printer.structured(args.output, &json(&names)?);
    }
    if args.output != Format::Table {
        return cx.printer.structured(args.output, &json(&elements)?);
    }
    let mut table = Table::default();
    if !args.no_headers {
        let headings = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"];
        table.row(headings.map(|heading| colored_heading(&cx.printer, heading)));
    }
    for (e, release) in elements.into_iter().zip(&releases) {
        let namespace = colored_namespace(&cx.printer, &e.namespace);
        let status = colored_status(&cx.printer, release.info.status);
        table.row([e.name, namespace, e.revision, e.updated, status, e.chart, e.app_version]);
    }
    cx.printer.text(&table.render())
}

/// The options as an agent is asked for them.
fn request(options: ListOptions) -> ReleasesRequest {
    ReleasesRequest {
        filter: options.filter,
        selector: options.selector,
        statuses: options.statuses.iter().map(|status| status.as_str().to_owned()).collect(),
        by_date: options.by_date,
        reverse: options.reverse,
        max: options.max,
        offset: options.offset,
        ..ReleasesRequest::default()
    }
}

/// A time in the form of a Go layout.
fn go_layout(time: &engine::release::Time, layout: &str) -> String {
    use templates_compat::gotime::Time;
    let read = Time::parse(b"2006-01-02T15:04:05.999999999Z07:00", time.rfc3339_nano().as_bytes());
    read.map_or_else(|_| time.go_string(), |t| String::from_utf8_lossy(&t.format(layout.as_bytes())).into_owned())
}

/// JSON text of anything that serializes.
pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::from_display)
}
