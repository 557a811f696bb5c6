//! `cargo xtask fuzz`: builds the fuzz targets and runs them for a while.
//!
//! libFuzzer on the stable compiler: the coverage that cargo-fuzz asks for is
//! asked for here by the same flags.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, repository};

/// All targets; each has its seeds in `fuzz/seeds`.
const TARGETS: [&str; 6] = ["archive", "release", "template", "text", "values", "yaml"];

/// What makes the compiler count which branches an input takes.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// The longest input, in bytes.
const MAX_INPUT: usize = 4096;

/// The most memory of a target's process, what it remembers of coverage
/// included. The memory of one input has a limit of its own in `fuzz/src`.
const MAX_MIB: usize = 1024;

/// The longest that one input may take on a machine that does other work, in
/// seconds. The processor's time for one input has a limit of its own.
const MAX_SECONDS: usize = 120;

/// What was asked for.
pub(crate) struct Options {
    targets: Vec<String>,
    seconds: u64,
}

impl Options {
    /// Reads `[TARGET…] [--seconds N]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options { targets: Vec::new(), seconds: 60 };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--seconds" => {
                    let number = words.next().and_then(|n| n.parse().ok());
                    options.seconds = number.ok_or("--seconds takes a number")?;
                }
                target if TARGETS.contains(&target) => options.targets.push(target.to_owned()),
                other => return Err(format!("{other} is none of the targets {}", TARGETS.join(", "))),
            }
        }
        if options.targets.is_empty() {
            options.targets = TARGETS.map(str::to_owned).to_vec();
        }
        Ok(options)
    }
}

/// Builds the targets and runs them, as many at a time as there are
/// processors.
pub(crate) fn run(options: Options) -> Outcome {
    let platform = match platform()? {
        Ok(platform) => platform,
        Err(why) => {
            println!("SKIPPED fuzz targets: {why}");
            return Ok(());
        }
    };
    let target_dir = build(&platform)?;
    let programs = target_dir.join(platform).join("release");
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failed = Vec::new();
    for group in options.targets.chunks(at_once) {
        let started: Result<Vec<_>, _> =
            group.iter().map(|t| start(t, &programs, &target_dir.join("fuzz"), options.seconds)).collect();
        for mut run in started? {
            let status = run.child.wait()?;
            let log = std::fs::read_to_string(&run.log).unwrap_or_else(|e| e.to_string());
            let took = run.since.elapsed().as_secs();
            let count = log.lines().rev().find_map(|l| l.strip_prefix("stat::number_of_executed_units:"));
            println!("fuzz {}: {} inputs in {took} s", run.target, count.unwrap_or(" ?").trim());
            if !status.success() {
                let end: Vec<&str> = log.lines().rev().take(40).collect();
                for line in end.into_iter().rev() {
                    println!("  {line}");
                }
                failed.push(format!("{}: the input is in {}", run.target, run.found.display()));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

/// The platform that the targets are built for, or why they cannot be.
fn platform() -> Result<Result<String, &'static str>, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    if !host.ends_with("-linux-gnu") {
        return Ok(Err("they are built for Linux with glibc"));
    }
    // libFuzzer is C++.
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let asked = Command::new(compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(if asked.is_ok_and(|status| status.success()) { Ok(host.to_owned()) } else { Err("there is no C++ compiler") })
}

fn build(platform: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let root = repository::root();
    // Flags of its own need a target folder of its own.
    let target_dir = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target_dir = std::path::absolute(target_dir)?.join("fuzzing");
    let mut cargo = repository::cargo();
    cargo.current_dir(root.join("fuzz"));
    // The platform is named so that build scripts are built without the flags.
    cargo.args(["build", "--quiet", "--locked", "--release", "--bins", "--target", platform]);
    cargo.env("CARGO_TARGET_DIR", &target_dir).env("RUSTFLAGS", FLAGS).env("CARGO_INCREMENTAL", "0");
    if !cargo.status()?.success() {
        return Err("the fuzz targets do not build".into());
    }
    Ok(target_dir)
}

/// A target that is running.
struct Running {
    target: String,
    child: Child,
    since: Instant,
    log: PathBuf,
    found: PathBuf,
}

/// Starts a target on its seeds, on what earlier runs have kept, and on what
/// they have found: that must not come back.
fn start(target: &str, programs: &Path, work: &Path, seconds: u64) -> std::io::Result<Running> {
    let fuzz = repository::root().join("fuzz");
    let (corpus, found) = (work.join(target).join("corpus"), work.join(target).join("found"));
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&found)?;
    let log = work.join(target).join("log");
    let file = std::fs::File::create(&log)?;
    let mut command = Command::new(programs.join(target));
    command.arg(&corpus).arg(fuzz.join("seeds").join(target)).arg(&found);
    command.arg(format!("-dict={}", fuzz.join("dictionaries").join(format!("{target}.dict")).display()));
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command.arg(format!("-max_total_time={}", Duration::from_secs(seconds).as_secs()));
    command.arg(format!("-max_len={MAX_INPUT}")).arg(format!("-rss_limit_mb={MAX_MIB}"));
    command.arg(format!("-timeout={MAX_SECONDS}")).arg("-print_final_stats=1");
    let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
    Ok(Running { target: target.to_owned(), child, since: Instant::now(), log, found })
}
