//! `ankra-helm lint`

use std::path::{Path, PathBuf};

use charts::lint::{self, LintOptions, Message, Severity};
use charts::{KubeVersion, Warnings};
use templates_compat::{Compat, Map, Seed};

use super::template::offline_namespace;
use crate::cli::chart_source::{OsHost, SchemaResolver};
use crate::cli::flags::{SeedArgs, ValuesArgs};
use crate::cli::{Context, Failure};

/// examine a chart for possible issues
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the charts
    #[arg(value_name = "PATH", num_args = 0..)]
    paths: Vec<String>,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    values: ValuesArgs,
    /// Kubernetes version used for capabilities and deprecation checks
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    kube_version: String,
    /// print only warnings and errors
    #[arg(long)]
    quiet: bool,
    /// if set, disables JSON schema validation
    #[arg(long)]
    skip_schema_validation: bool,
    /// fail on lint warnings
    #[arg(long)]
    strict: bool,
    /// lint dependent charts
    #[arg(long)]
    with_subcharts: bool,
}

/// Checks charts and prints what was found.
///
/// # Errors
/// A summary when a chart failed.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let compat = cx.settings.compat;
    let mut paths = args.paths.clone();
    if args.with_subcharts {
        let below: Vec<String> = paths.iter().flat_map(|path| lint::subchart_paths(path)).collect();
        paths.extend(below);
    }
    let options = LintOptions {
        kube_version: KubeVersion::from_flag(&args.kube_version, compat).map_err(Failure::from_display)?,
        skip_schema_validation: args.skip_schema_validation,
        compat,
        namespace: offline_namespace(cx)?,
    };
    let seed = args.seed.seed()?;
    let values = args.values.merge(cx)?;
    let tolerated = if args.strict { Severity::Info } else { Severity::Warning };
    let (mut text, mut failed, mut noted) = (String::new(), 0, 0);
    for path in &paths {
        let outcome = lint_path(path, &values, &options, seed, cx);
        let bad = match &outcome {
            Ok(messages) => messages.iter().any(|m| m.severity > tolerated),
            Err(_) => true,
        };
        let notable = match &outcome {
            Ok(messages) => messages.iter().any(|m| m.severity > Severity::Info),
            Err(_) => true,
        };
        failed += usize::from(bad);
        noted += usize::from(notable);
        if args.quiet && !notable {
            continue;
        }
        text.push_str(&format!("==> Linting {path}\n"));
        match outcome {
            Ok(messages) => {
                let shown = messages.iter().filter(|m| !args.quiet || m.severity > Severity::Info);
                shown.for_each(|message| text.push_str(&format!("{message}\n")));
            }
            Err(error) => text.push_str(&format!("Error {error}\n")),
        }
        text.push('\n');
    }
    cx.printer.text(&text)?;
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", paths.len());
    match failed {
        0 if args.quiet && noted == 0 => Ok(()),
        0 => cx.printer.line(&summary),
        _ => Err(Failure::new(summary)),
    }
}

/// Checks one chart; an archive is unpacked first.
fn lint_path(
    path: &str,
    values: &Map,
    options: &LintOptions,
    seed: Option<Seed>,
    cx: &Context,
) -> Result<Vec<Message>, String> {
    let mut warnings = Warnings::new();
    let unpacked;
    let folder = if path.ends_with(".tgz") || path.ends_with(".tar.gz") {
        unpacked = Unpacked::new(path, options.compat)?;
        unpacked.chart.as_path()
    } else {
        Path::new(path)
    };
    let resolver = SchemaResolver::new(cx);
    let messages = lint::lint(folder, values, options, &OsHost::new(seed), &resolver, &mut warnings);
    cx.show(warnings);
    messages.map_err(|e| e.to_string())
}

/// An archive's files in a folder of their own, which goes when this is
/// dropped.
struct Unpacked {
    folder: PathBuf,
    chart: PathBuf,
}

impl Unpacked {
    fn new(path: &str, compat: Compat) -> Result<Unpacked, String> {
        let archive =
            std::fs::File::open(path).map_err(|e| format!("unable to open tarball: {}", go_open(path, &e)))?;
        drop(archive);
        let extract = |e: String| format!("unable to extract tarball: {e}");
        let content = std::fs::read(path).map_err(|e| extract(go_open(path, &e)))?;
        let files = charts::load::archive_files(&content, compat).map_err(|e| extract(e.to_string()))?;
        let name = charts::load::expanded_name(&files, compat).map_err(|e| extract(e.to_string()))?;
        let folder = std::env::temp_dir().join(format!("helm-lint{}", std::process::id()));
        let unpacked = Unpacked { chart: folder.join(name), folder };
        for file in &files {
            let failed = |e: std::io::Error| extract(e.to_string());
            let target = unpacked.chart.join(&file.name);
            std::fs::create_dir_all(target.parent().unwrap_or(&unpacked.chart)).map_err(failed)?;
            std::fs::write(&target, &file.data).map_err(failed)?;
        }
        Ok(unpacked)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // A leftover in the temporary folder is nobody's failure.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn go_open(path: &str, error: &std::io::Error) -> String {
    charts::go_file_error("open", path, error)
}
