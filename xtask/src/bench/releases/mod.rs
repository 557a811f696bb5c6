//! `cargo xtask bench releases`: what is done to a cluster, beside Helm on the
//! same API server: installs, upgrades, waiting, and reading many records.

mod report;
mod stage;

use std::time::Duration;

use testbed::{ControlPlane, ControlPlaneOptions, Workdir};

use super::measure::{Run, Subject};
use super::stats::median;
use super::{Anything, Options, bars, document, say};
use crate::Outcome;
use crate::progress::Bar;
use stage::{Programs, Stage};

/// Releases and revisions whose records are listed: 1,000 Secrets.
const RELEASES: usize = 100;
const REVISIONS: usize = 10;

/// Reads are short, so they are measured more often.
const READS: usize = 15;

/// Addresses for the Services of several installs at once.
const SERVICES: &str = "--service-cluster-ip-range=10.0.0.0/16";

/// A program's medians of one command.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    wall: Duration,
    processor: Duration,
    /// In KiB.
    peak: u64,
}

impl Sample {
    fn of(runs: &[Run]) -> Self {
        Self {
            wall: median(runs.iter().map(|run| run.wall).collect()).unwrap_or_default(),
            processor: median(runs.iter().map(|run| run.processor).collect()).unwrap_or_default(),
            peak: median(runs.iter().map(|run| run.peak).collect()).unwrap_or_default(),
        }
    }
}

/// One command, measured with both, and what is wanted of it.
struct Measured {
    what: &'static str,
    helm: Sample,
    ours: Sample,
    /// How many times faster it shall be; 0: no matter.
    faster: f64,
    /// How many times less memory it shall take; 0: no matter.
    smaller: f64,
}

/// Everything that was measured.
struct Results {
    runs: usize,
    helm: String,
    /// The load of the machine before the first run.
    load: String,
    measured: Vec<Measured>,
    /// The least time that an install with `--wait` can take, and ours.
    floor: (Duration, Duration),
}

/// Measures, writes the document and its picture, and fails if a bar was
/// missed.
pub(super) fn run(options: &Options) -> Outcome {
    if !options.words.is_empty() {
        return Err("`bench releases` takes no arguments".into());
    }
    let mut bar = Bar::new();
    let binaries = testbed::build(|news| bar.show(&news))?;
    let program = match &options.program {
        Some(program) => program.canonicalize()?,
        None => super::build_release("ankra-helm")?,
    };
    let floor = super::build_example("engine", "floor")?;
    let plane = ControlPlane::start(
        &binaries,
        ControlPlaneOptions { nodes: 4, apiserver_flags: vec![SERVICES.to_owned()], ..ControlPlaneOptions::default() },
    )?;
    let work = Workdir::new("bench")?;
    let programs = Programs { helm: &binaries.helm4, ours: &program, floor: &floor };
    let stage = Stage::new(&plane, work.path(), programs)?;
    let results = measure(&stage, options.runs)?;
    document::write_picture(report::PICTURE, &report::picture(&results)?)?;
    let path = document::write_section("releases", &report::text(&results)?)?;
    let found = report::bars(&results);
    say(&bars::summary(&found));
    say(&format!("written: {}", path.display()));
    bars::outcome(&found, Vec::new())
}

/// Runs of one command with each program, in turn.
type Pair = (Vec<Run>, Vec<Run>);

fn measure(stage: &Stage<'_>, runs: usize) -> Anything<Results> {
    let load = super::machine::load();
    let helm = String::from_utf8_lossy(&stage.helm.run(&["version"])?.stdout).trim().to_owned();
    let (mut install, mut upgrade, mut waited) = (Pair::default(), Pair::default(), Pair::default());
    let mut floors = Vec::new();
    for number in 0..runs {
        say(&format!("150 objects, run {} of {runs}", number + 1));
        let (theirs, ours) = (stage.cycle(&stage.helm)?, stage.cycle(&stage.ours)?);
        for (all, cycle) in [&mut install.0, &mut upgrade.0].into_iter().zip(theirs) {
            all.push(cycle);
        }
        for (all, cycle) in [&mut install.1, &mut upgrade.1].into_iter().zip(ours) {
            all.push(cycle);
        }
        waited.0.push(stage.waiting(&stage.helm)?);
        floors.push(stage.least()?.wall);
        waited.1.push(stage.waiting(&stage.ours)?);
    }
    let mut measured = vec![
        paired("install, 150 objects", &install, 3.0, 0.0),
        paired("upgrade, 150 objects", &upgrade, 5.0, 0.0),
        paired("install --wait, 150 objects", &waited, 0.0, 0.0),
    ];
    say(&format!("making {} records", RELEASES * REVISIONS));
    stage.fill(RELEASES, REVISIONS)?;
    for (what, args, faster, smaller) in [
        ("list, 1,000 records", ["list", "--max=0"].as_slice(), 10.0, 10.0),
        ("history", &["history", "r-0"], 5.0, 0.0),
        ("get all", &["get", "all", "r-0"], 5.0, 0.0),
    ] {
        measured.push(paired(what, &stage.reading(args, runs.max(READS))?, faster, smaller));
    }
    let ours = Sample::of(&waited.1).wall;
    Ok(Results { runs, helm, load, measured, floor: (median(floors).unwrap_or_default(), ours) })
}

fn paired(what: &'static str, runs: &Pair, faster: f64, smaller: f64) -> Measured {
    Measured { what, helm: Sample::of(&runs.0), ours: Sample::of(&runs.1), faster, smaller }
}

/// A run that must have worked.
fn worked(run: Run) -> Anything<Run> {
    if run.code == 0 {
        return Ok(run);
    }
    Err(format!("a measured command ended with {}: {}", run.code, String::from_utf8_lossy(&run.stderr)).into())
}

/// Runs it, and it must work.
fn must(subject: &Subject, args: &[String]) -> Anything<Run> {
    worked(subject.run(args)?)
}
