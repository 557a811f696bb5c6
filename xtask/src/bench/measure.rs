//! One run of a program: its exit code, wall time and peak memory.
//!
//! The kernel tells a process the largest peak among all children it has ever
//! waited for, and counts the memory of a parent into its child until that
//! becomes another program. So each run has a small process of its own in
//! between: this program again, which starts the measured one and nothing else.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::Anything;

/// The hidden command by which this program starts itself.
pub(crate) const COMMAND: &str = "bench-measure";

/// A program in surroundings that hold nothing of the machine it runs on.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    program: PathBuf,
    folder: PathBuf,
    home: PathBuf,
}

/// What one run came to.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The exit code; 128 and more when a signal ended it.
    pub(super) code: i32,
    pub(super) wall: Duration,
    /// What all its threads took of the processors.
    pub(super) processor: Duration,
    /// In KiB.
    pub(super) peak: u64,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Subject {
    /// A program that works in `folder` and finds an empty `home`.
    pub(super) fn new(program: &Path, folder: &Path, home: &Path) -> Anything<Self> {
        std::fs::create_dir_all(home)?;
        Ok(Self { program: program.to_owned(), folder: folder.to_owned(), home: home.to_owned() })
    }

    /// Runs it to its end.
    pub(super) fn run<S: AsRef<str>>(&self, args: &[S]) -> Anything<Run> {
        let (out, err) = (self.home.join("stdout"), self.home.join("stderr"));
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).arg(&out).arg(&err).arg(&self.program).args(args.iter().map(AsRef::as_ref));
        command.current_dir(&self.folder).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("KUBECONFIG", "/dev/null").env("TZ", "UTC");
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<u64> = said.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [code, nanos, processor, peak] = numbers[..] else {
            return Err(format!("{}: {}", self.program.display(), String::from_utf8_lossy(&output.stderr)).into());
        };
        Ok(Run {
            code: i32::try_from(code)?,
            wall: Duration::from_nanos(nanos),
            processor: Duration::from_micros(processor),
            peak,
            stdout: std::fs::read(out)?,
            stderr: std::fs::read(err)?,
        })
    }
}

/// The process in between: runs the program and prints exit code, nanoseconds
/// of wall time, microseconds of processor time and KiB.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is how it answers its parent")]
pub(crate) fn between(words: impl Iterator<Item = OsString>) -> ExitCode {
    match measured(words) {
        Ok((code, wall, usage)) => {
            let processor = (usage.user_time() + usage.system_time()).num_microseconds();
            println!("{code} {} {processor} {}", wall.as_nanos(), usage.max_rss());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measured(mut words: impl Iterator<Item = OsString>) -> Anything<(i32, Duration, Usage)> {
    use std::os::unix::process::ExitStatusExt;
    let (Some(out), Some(err), Some(program)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("{COMMAND} OUT ERR PROGRAM ARGUMENTS").into());
    };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(File::create(out)?).stderr(File::create(err)?);
    let start = Instant::now();
    let status = command.status()?;
    let wall = start.elapsed();
    let code = status.code().or_else(|| status.signal().map(|s| s + 128)).unwrap_or(255);
    Ok((code, wall, getrusage(UsageWho::RUSAGE_CHILDREN)?))
}
