//! `ankra-helm package`

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use charts::Warnings;
use charts::package::{self, ModTimes};
use engine::provenance::{self, Signer};
use engine::pull::dependencies::Verify;

use crate::cli::flags::{TransportArgs, keyring};
use crate::cli::{Context, Failure, chart_source};

/// No passphrase is longer (bytes).
const MAX_PASSPHRASE: u64 = 4096;

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
    /// update dependencies from "Chart.yaml" to dir "charts/" before packaging
    #[arg(short = 'u', long)]
    dependency_update: bool,
    #[command(flatten)]
    transport: TransportArgs,
    /// name of the key to use when signing. Used if --sign is true
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    key: String,
    /// location of a public keyring
    #[arg(long, value_name = "string")]
    keyring: Option<String>,
    /// location of a file which contains the passphrase for the signing key. Use "-" in order to read from stdin
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    passphrase_file: String,
    /// use a PGP private key to sign this package
    #[arg(long)]
    sign: bool,
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
    let epoch = chart_source::source_date_epoch(cx)?;
    if args.sign && args.key.is_empty() {
        return Err(Failure::new("--key is required for signing a package"));
    }
    if args.sign && args.keyring.as_ref().is_some_and(String::is_empty) {
        return Err(Failure::new("--keyring is required for signing a package"));
    }
    let mut passphrase = Passphrase { file: &args.passphrase_file, known: None };
    for path in &args.paths {
        std::fs::metadata(path).map_err(|e| Failure::new(charts::go_file_error("stat", path, &e)))?;
        if args.dependency_update {
            let options = args.transport.pull_options(&cx.settings);
            let dependencies = chart_source::Dependencies { verify: Verify::Never, ..Default::default() };
            dependencies.fetch(cx, Path::new(path), &options, false)?;
        }
        let saved = pack(path, args, epoch, cx)?;
        if args.sign {
            sign(&saved, args, &mut passphrase, cx)?;
        }
        cx.printer.line(&format!("Successfully packaged chart and saved it to: {}", saved.display()))?;
    }
    Ok(())
}

/// Writes the provenance file of an archive beside it.
fn sign(archive: &Path, args: &Args, passphrase: &mut Passphrase<'_>, cx: &Context) -> Result<(), Failure> {
    let compat = cx.settings.compat;
    let keyring = keyring(args.keyring.as_deref(), compat);
    let signer = Signer::find(&keyring, &args.key, compat).map_err(Failure::from_display)?;
    let secret = if passphrase.is_wanted(&signer) { passphrase.read(&signer, cx)? } else { Vec::new() };
    signer.unlock(&secret).map_err(Failure::from_display)?;
    // What is signed is what is written, not what it was made of.
    let bytes = std::fs::read(archive).map_err(Failure::from_display)?;
    let chart = chart_source::load(cx, &chart_source::Source::Archive(bytes.clone()))?;
    let metadata = super::show::metadata(&chart, compat)?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let signed = provenance::sign(&signer, &secret, &bytes, &name, &metadata).map_err(Failure::from_display)?;
    let target = format!("{}.prov", archive.display());
    std::fs::write(&target, signed).map_err(|e| Failure::new(charts::go_file_error("open", &target, &e)))
}

/// The passphrase of the key, asked for once.
struct Passphrase<'a> {
    file: &'a str,
    known: Option<Vec<u8>>,
}

impl Passphrase<'_> {
    /// A file is read, as in Helm, whether the key needs it or not.
    fn is_wanted(&self, signer: &Signer) -> bool {
        signer.is_encrypted() || !self.file.is_empty()
    }

    fn read(&mut self, signer: &Signer, cx: &Context) -> Result<Vec<u8>, Failure> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let line = match self.file {
            "" => {
                cx.printer.note(&format!("Password for key {:?} >  ", signer.name()));
                unseen(|| first_line(std::io::stdin().lock()))?
            }
            "-" => {
                let input = std::fs::metadata("/proc/self/fd/0").map_err(Failure::from_display)?;
                if !std::os::unix::fs::FileTypeExt::is_fifo(&input.file_type()) {
                    return Err(Failure::new("specified reading passphrase from stdin, without input on stdin"));
                }
                first_line(std::io::stdin().lock())?
            }
            file => {
                let opened = std::fs::File::open(file);
                let opened = opened.map_err(|e| Failure::new(charts::go_file_error("open", file, &e)))?;
                first_line(std::io::BufReader::new(opened))?
            }
        };
        Ok(self.known.insert(line).clone())
    }
}

/// Reads from the terminal, if there is one, without showing what is typed.
fn unseen<R>(read: impl FnOnce() -> R) -> R {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let terminal = std::io::stdin();
    let Ok(before) = tcgetattr(&terminal) else { return read() };
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    // Where it cannot be hidden it is still wanted.
    let _ = tcsetattr(&terminal, OptionalActions::Now, &hidden);
    let line = read();
    let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    line
}

/// The first line without its end.
fn first_line(from: impl std::io::BufRead) -> Result<Vec<u8>, Failure> {
    let mut line = Vec::new();
    let read = from.take(MAX_PASSPHRASE).read_until(b'\n', &mut line).map_err(Failure::from_display)?;
    if read == 0 {
        return Err(Failure::new("EOF"));
    }
    let end = line.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |last| last + 1);
    line.truncate(end);
    Ok(line)
}

fn pack(path: &str, args: &Args, epoch: Option<SystemTime>, cx: &Context) -> Result<PathBuf, Failure> {
    let compat = cx.settings.compat;
    let mut warnings = Warnings::new();
    // Helm 3 takes a file for a folder with nothing in it.
    if compat.takes_files_for_empty_charts() && Path::new(path).is_file() {
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
    let times = match (epoch, compat.keeps_mod_times()) {
        (Some(epoch), _) => ModTimes::All(epoch),
        (None, true) => ModTimes::Kept(SystemTime::now()),
        (None, false) => ModTimes::All(SystemTime::now()),
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
