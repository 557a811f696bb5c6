//! `ankra-helm pull`

use std::path::{Path, PathBuf};

use engine::provenance::Verified;
use engine::pull::{self, Located, NoProvenance, Pulled, Remote};

use crate::cli::chart_source::Origin;
use crate::cli::flags::ChartArgs;
use crate::cli::{Context, Failure, chart_source};

/// download a chart from a repository and (optionally) unpack it in local directory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// chart references: oci://…, a URL, repo/name, or a name with --repo
    #[arg(value_name = "chart URL | repo/chartname", required = true)]
    references: Vec<String>,
    #[command(flatten)]
    chart: ChartArgs,
    /// location to write the chart. If this and untardir are specified, untardir is appended to this
    #[arg(short, long, value_name = "string", default_value = ".")]
    destination: PathBuf,
    /// fetch the provenance file, but don't perform verification
    #[arg(long)]
    prov: bool,
    /// if set to true, will untar the chart after downloading it
    #[arg(long)]
    untar: bool,
    /// if untar is specified, this flag specifies the name of the directory into which the chart is expanded
    #[arg(long, value_name = "string", default_value = ".")]
    untardir: PathBuf,
}

/// Downloads charts.
///
/// # Errors
/// The first that cannot be had or written.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let mut options = args.chart.pull_options(&cx.settings);
    options.provenance |= args.prov;
    let trusted = args.chart.trusted(&cx.settings);
    for reference in &args.references {
        let remote = match pull::locate(reference, &options) {
            Ok(Located::Remote(remote)) => remote,
            Ok(Located::Path(_)) => pull::remote(reference).map_err(Failure::from_display)?,
            Err(error) => return Err(Failure::from_display(error)),
        };
        let pulled = cx.block_on(async { pull::pull(&remote, &options).await.map_err(Failure::from_display) })?;
        for warning in &pulled.warnings {
            cx.printer.note(warning);
        }
        if let Some(origin) = pulled.origin() {
            Origin::Stdout.tell(cx, &origin)?;
        }
        // What is written is a chart, whatever the server says that it is.
        let source = chart_source::Source::Archive(pulled.bytes.clone());
        let chart = chart_source::load(cx, &source)?;
        if !args.untar {
            save(&args.destination, &pulled)?;
        }
        match (&trusted, &pulled.provenance) {
            (Some(keyring), _) => {
                let verified = chart_source::verify(&pulled, keyring, cx.settings.compat)?;
                tell(cx, &verified)?;
            }
            (None, Some(Err(missing))) => {
                let NoProvenance { cause, .. } = missing;
                let named = if matches!(remote, Remote::InRepository { .. }) { &pulled.source } else { reference };
                cx.printer.line(&format!("WARNING: Verification not found for {named}: {cause}"))?;
            }
            (None, _) => {}
        }
        if args.untar {
            untar(&args.destination.join(&args.untardir), &chart)?;
        }
    }
    Ok(())
}

/// Says who signed a chart.
pub(super) fn tell(cx: &Context, verified: &Verified) -> Result<(), Failure> {
    for name in &verified.identities {
        cx.printer.line(&format!("Signed by: {name}"))?;
    }
    cx.printer.line(&format!("Using Key With Fingerprint: {}", verified.fingerprint))?;
    cx.printer.line(&format!("Chart Hash Verified: {}", verified.hash))
}

/// Writes an archive, and its provenance file beside it.
fn save(folder: &Path, pulled: &Pulled) -> Result<(), Failure> {
    let name = Path::new(&pulled.name);
    // A server's word for a file may not lead out of the folder.
    if !matches!(name.components().collect::<Vec<_>>()[..], [std::path::Component::Normal(_)]) {
        return Err(Failure::new(format!("{:?} is no name for a file", pulled.name)));
    }
    write(&folder.join(name), &pulled.bytes)?;
    match &pulled.provenance {
        Some(Ok(provenance)) => write(&folder.join(format!("{}.prov", pulled.name)), provenance),
        _ => Ok(()),
    }
}

fn untar(folder: &Path, chart: &charts::Chart) -> Result<(), Failure> {
    let root = folder.join(&chart.metadata.name);
    if root.exists() {
        return Err(Failure::new(format!(
            "failed to untar: a file or directory with the name {} already exists",
            root.display()
        )));
    }
    for file in &chart.raw {
        let relative = Path::new(&file.name);
        // The loader refuses such names; this keeps the promise where the
        // files are written.
        if !relative.components().all(|c| matches!(c, std::path::Component::Normal(_))) {
            return Err(Failure::new(format!("chart illegally references a path outside itself: {}", file.name)));
        }
        write(&root.join(relative), &file.data)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // A half-written archive must not look like a chart: write aside, rename.
    let aside = path.with_extension("partial");
    std::fs::write(&aside, bytes).map_err(failed)?;
    std::fs::rename(&aside, path).map_err(failed)
}
