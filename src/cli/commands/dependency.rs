//! `ankra-helm dependency list|update|build`

use std::path::{Path, PathBuf};

use charts::{Chart, Compat, Dependency, Warnings};
use engine::pull::dependencies::Verify;
use templates_compat::semver::{Constraints, Version};

use crate::cli::chart_source::{Dependencies, Origin};
use crate::cli::flags::{TransportArgs, keyring};
use crate::cli::table::Table;
use crate::cli::{Context, Failure};

/// What to do with a chart's dependencies.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// rebuild the charts/ directory based on the Chart.lock file
    Build(FetchArgs),
    /// list the dependencies for the given chart
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// update charts/ based on the contents of Chart.yaml
    #[command(visible_alias = "up")]
    Update(FetchArgs),
}

/// A chart's folder, and how servers are spoken to.
#[derive(Debug, clap::Args)]
pub(crate) struct FetchArgs {
    /// the chart's folder
    #[arg(value_name = "CHART", default_value = ".", hide_default_value = true)]
    chart: String,
    /// keyring containing public keys
    #[arg(long, value_name = "string")]
    keyring: Option<String>,
    /// do not refresh the local repository cache
    #[arg(long)]
    skip_refresh: bool,
    /// verify the packages against signatures
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    transport: TransportArgs,
}

/// A chart, and how wide its table may be.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// the chart
    #[arg(value_name = "CHART", default_value = ".", hide_default_value = true)]
    chart: String,
    /// maximum column width for output table
    #[arg(long, value_name = "uint", default_value_t = 80)]
    max_col_width: usize,
}

/// Lists or fetches dependencies.
///
/// # Errors
/// Helm's words on what cannot be had.
pub(crate) fn run(command: &Command, cx: &Context) -> Result<(), Failure> {
    let (args, locked) = match command {
        Command::List(args) => return list(args, cx),
        Command::Build(args) => (args, true),
        Command::Update(args) => (args, false),
    };
    let verify = match (args.verify, locked) {
        (false, _) => Verify::Never,
        (true, true) => Verify::IfPossible,
        (true, false) => Verify::Always,
    };
    let keyring = keyring(args.keyring.as_deref(), cx.settings.compat);
    let dependencies = Dependencies { locked, skip_refresh: args.skip_refresh, verify, keyring, told: Origin::Stdout };
    let chart = charts::clean_path(&args.chart);
    dependencies.fetch(cx, Path::new(&chart), &args.transport.pull_options(&cx.settings), true)
}

fn list(args: &ListArgs, cx: &Context) -> Result<(), Failure> {
    let compat = cx.settings.compat;
    let path = charts::clean_path(&args.chart);
    let mut warnings = Warnings::new();
    let chart = charts::load::load(Path::new(&path), compat, &mut warnings);
    cx.show(warnings);
    let chart = chart.map_err(Failure::from_display)?;
    let below = charts::clean_path(&format!("{path}/charts"));
    let Some(declared) = &chart.metadata.dependencies else {
        return cx.printer.line(&format!("WARNING: no dependencies at {below}"));
    };
    let mut table = Table::with_max_column_width(args.max_col_width);
    table.row(["NAME", "VERSION", "REPOSITORY", "STATUS"]);
    for dependency in declared {
        let state = state(Path::new(&below), dependency, &chart, compat);
        table.row([&*dependency.name, &*dependency.version, &*dependency.repository, state]);
    }
    cx.printer.line(&table.render())?;
    undeclared(Path::new(&below), declared, cx)
}

/// What is in `charts/` for a dependency, in Helm's words.
fn state(below: &Path, wanted: &Dependency, chart: &Chart, compat: Compat) -> &'static str {
    let archives: Vec<PathBuf> = entries(below)
        .into_iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(&format!("{}-", wanted.name)).is_some_and(|rest| rest.ends_with(".tgz"))
        })
        .collect();
    let versioned = |path: &&PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        name.strip_prefix(&format!("{}-", wanted.name)).is_some_and(|v| Version::parse_strict(v, compat).is_ok())
    };
    match archives.as_slice() {
        [] => {}
        [one] => return archive_state(one, wanted, compat),
        several => match several.iter().filter(versioned).collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => return archive_state(one, wanted, compat),
            _ => return "too many matches",
        },
    }
    match chart.dependencies.iter().rfind(|c| c.metadata.name == wanted.name) {
        None => "missing",
        Some(found) => mismatch(wanted, &found.metadata.version, compat).unwrap_or("unpacked"),
    }
}

fn archive_state(path: &Path, wanted: &Dependency, compat: Compat) -> &'static str {
    match charts::load::load(path, compat, &mut Warnings::new()) {
        Err(_) => "corrupt",
        Ok(found) if found.metadata.name != wanted.name => "misnamed",
        Ok(found) => mismatch(wanted, &found.metadata.version, compat).unwrap_or("ok"),
    }
}

fn mismatch(wanted: &Dependency, found: &str, compat: Compat) -> Option<&'static str> {
    if found == wanted.version {
        return None;
    }
    match (Constraints::parse(&wanted.version, compat), Version::parse(found, compat)) {
        (Ok(constraint), Ok(version)) if constraint.check(&version) => None,
        (Ok(_), Ok(_)) => Some("wrong version"),
        _ => Some("invalid version"),
    }
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Says what is in `charts/` that no dependency asks for.
fn undeclared(below: &Path, declared: &[Dependency], cx: &Context) -> Result<(), Failure> {
    for path in entries(below) {
        if !path.is_dir() && path.extension().is_none_or(|e| e != "tgz") {
            continue;
        }
        let shown = path.to_string_lossy();
        let warning = match charts::load::load(&path, cx.settings.compat, &mut Warnings::new()) {
            Err(_) => format!("WARNING: {shown:?} is not a chart."),
            Ok(found) if declared.iter().any(|d| d.name == found.metadata.name) => continue,
            Ok(_) => format!("WARNING: {shown:?} is not in Chart.yaml."),
        };
        cx.printer.line(&warning)?;
    }
    Ok(())
}
