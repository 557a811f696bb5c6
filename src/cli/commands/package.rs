//! `ankra-helm package`

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use charts::package::{self, ModTimes};
use charts::{Compat, Warnings};

use crate::cli::{Context, Failure};

/// package a chart directory into a chart archive
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// folders of charts
    #[arg(value_name = "CHART_PATH", num_args = 0..)]
    paths: Vec<String>,
    /// set the appVersion on the chart to this version
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    app_version: String,
    /// location to write the chart.
    #[arg(short, long, value_name = "string", default_value = ".")]
    destination: String,
    /// set the version on the chart to this semver version
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    version: String,
}

/// Packs charts.
///
/// # Errors
/// The first that cannot be packed.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    if args.paths.is_empty() {
        return Err(Failure::new("need at least one argument, the path to the chart"));
    }
    let epoch = match cx.settings.compat {
        Compat::Helm4 => source_date_epoch()?,
        Compat::Helm3 => None,
    };
    for path in &args.paths {
        std::fs::metadata(path).map_err(|e| Failure::new(charts::go_file_error("stat", path, &e)))?;
        let saved = pack(path, args, epoch, cx)?;
        cx.printer.line(&format!("Successfully packaged chart and saved it to: {}", saved.display()))?;
    }
    Ok(())
}

/// `SOURCE_DATE_EPOCH`: the time that all files get.
fn source_date_epoch() -> Result<Option<SystemTime>, Failure> {
    let Some(text) = crate::cli::settings::env("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let wrong = |why: String| Failure::new(format!("invalid SOURCE_DATE_EPOCH: {why}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")));
    }
    let seconds: i64 =
        text.parse().map_err(|_| wrong(format!("strconv.ParseInt: parsing {text:?}: value out of range")))?;
    match u64::try_from(seconds) {
        Ok(seconds) => Ok(Some(UNIX_EPOCH + Duration::from_secs(seconds))),
        Err(_) => Err(wrong("must not be negative".into())),
    }
}

fn pack(path: &str, args: &Args, epoch: Option<SystemTime>, cx: &Context) -> Result<PathBuf, Failure> {
    let compat = cx.settings.compat;
    let mut warnings = Warnings::new();
    // Helm 3 takes a file for a folder with nothing in it.
    if compat == Compat::Helm3 && Path::new(path).is_file() {
        return Err(Failure::new("Chart.yaml file is missing"));
    }
    let chart = charts::load::load_dir(Path::new(path), compat, &mut warnings);
    cx.show(warnings);
    let mut chart = chart.map_err(Failure::from_display)?;
    if !args.version.is_empty() {
        chart.metadata.version.clone_from(&args.version);
    }
    templates_compat::semver::Version::parse(&chart.metadata.version, compat).map_err(Failure::from_display)?;
    if !args.app_version.is_empty() {
        chart.metadata.app_version.clone_from(&args.app_version);
    }
    charts::dependencies::check_present(&chart).map_err(Failure::from_display)?;
    let times = match (epoch, compat) {
        (Some(epoch), _) => ModTimes::All(epoch),
        (None, Compat::Helm4) => ModTimes::Kept(SystemTime::now()),
        (None, Compat::Helm3) => ModTimes::All(SystemTime::now()),
    };
    let folder = match args.destination.as_str() {
        "." => std::env::current_dir().map_err(Failure::from_display)?,
        other => PathBuf::from(other),
    };
    let failed = |e: String| Failure::new(format!("failed to save: {e}"));
    let bytes = package::package(&mut chart, times, compat).map_err(|e| failed(e.to_string()))?;
    let target = PathBuf::from(charts::clean_path(&folder.join(package::file_name(&chart.metadata)).to_string_lossy()));
    std::fs::create_dir_all(&folder).map_err(|e| failed(e.to_string()))?;
    // A half-written archive must not look like a chart: write aside, rename.
    let aside = target.with_extension("partial");
    let written = std::fs::write(&aside, bytes).and_then(|()| std::fs::rename(&aside, &target));
    written.map_err(|e| failed(charts::go_file_error("open", &target.to_string_lossy(), &e)))?;
    Ok(target)
}
