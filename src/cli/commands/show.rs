//! `ankra-helm show all|chart|crds|readme|values`

use charts::Chart;
use templates_compat::{Compat, Value, json, yaml};

use crate::cli::chart_source::Origin;
use crate::cli::flags::ChartArgs;
use crate::cli::{Context, Failure, chart_source, jsonpath};

/// What to show.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// show all information of the chart
    All(Args),
    /// show the chart's definition
    Chart(Args),
    /// show the chart's CRDs
    Crds(Args),
    /// show the chart's README
    Readme(Args),
    /// show the chart's values
    Values(ValuesArgs),
}

/// A chart, and which of its values.
#[derive(Debug, clap::Args)]
pub(crate) struct ValuesArgs {
    #[command(flatten)]
    chart: Args,
    /// supply a JSONPath expression to filter the output
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    jsonpath: String,
}

/// A chart.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the chart
    #[arg(value_name = "CHART")]
    reference: String,
    #[command(flatten)]
    chart: ChartArgs,
}

/// The names under which Helm finds a README, whatever their case.
const READMES: [&str; 3] = ["readme.md", "readme.txt", "readme"];

/// Shows parts of a chart.
///
/// # Errors
/// A chart that cannot be had or loaded.
pub(crate) fn run(command: &Command, cx: &Context) -> Result<(), Failure> {
    let (args, all) = match command {
        Command::All(args) => (args, true),
        Command::Chart(args) | Command::Crds(args) | Command::Readme(args) => (args, false),
        Command::Values(args) => (&args.chart, false),
    };
    let source = chart_source::locate(cx, &args.reference, &args.chart, Origin::Stderr)?;
    let chart = chart_source::load_to_show(cx, &source)?;
    let mut out = Vec::new();
    if all || matches!(command, Command::Chart(_)) {
        out.extend(metadata(&chart, cx.settings.compat)?);
        out.push(b'\n');
    }
    match command {
        Command::Values(args) if !args.jsonpath.is_empty() => {
            let (text, values) = (&args.jsonpath, Value::Map(chart.values.clone()));
            let found = jsonpath::print(text, &values, cx.settings.compat);
            out.extend(found.map_err(|e| Failure::new(format!("error parsing jsonpath {text}: {e}")))?);
        }
        Command::All(_) | Command::Values(_) => values(&mut out, &chart, all),
        _ => {}
    }
    if all || matches!(command, Command::Readme(_)) {
        readme(&mut out, &chart, all);
    }
    if all || matches!(command, Command::Crds(_)) {
        for (i, crd) in charts::crds::crds(&chart).iter().enumerate() {
            // Helm 3 parts only what stands before them from the first.
            let parted = cx.settings.compat.parts_every_crd() || (all && i == 0);
            if parted && !crd.file.data.starts_with(b"---") {
                out.extend_from_slice(b"---\n");
            }
            out.extend_from_slice(&crd.file.data);
            out.push(b'\n');
        }
    }
    cx.printer.bytes(&out)
}

/// A chart's metadata as YAML.
///
/// # Errors
/// What cannot be written.
pub(super) fn metadata(chart: &Chart, compat: Compat) -> Result<Vec<u8>, Failure> {
    let record = engine::release::ChartRecord::of(chart).map_err(Failure::from_display)?;
    let metadata = json::read(record.metadata.to_string().as_bytes(), compat).map_err(Failure::from_display)?;
    yaml::write(&metadata, compat).map_err(Failure::from_display)
}

fn values(out: &mut Vec<u8>, chart: &Chart, all: bool) {
    if let Some(file) = chart.raw_file("values.yaml") {
        if all {
            out.extend_from_slice(b"---\n");
        }
        out.extend_from_slice(&file.data);
        out.push(b'\n');
    }
}

fn readme(out: &mut Vec<u8>, chart: &Chart, all: bool) {
    let found = chart.files.iter().find(|f| READMES.iter().any(|name| f.name.eq_ignore_ascii_case(name)));
    if let Some(file) = found {
        if all {
            out.extend_from_slice(b"---\n");
        }
        out.extend_from_slice(&file.data);
        out.push(b'\n');
    }
}
