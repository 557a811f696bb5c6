//! `cargo xtask demo`: what this project does, shown on a real cluster.
//!
//! Owns the order of the show and its words. Everything it shows is done by
//! `ankra-helm` and `ankra-agent` themselves, started as a person would start
//! them.

mod agent;
mod options;
mod stage;

use std::time::Instant;

use crate::Outcome;
use stage::Stage;

pub(crate) use options::Options;

/// The chart that the demo installs, from the root of the repository.
const CHART: &str = "testdata/charts/demo";

/// Runs the show.
pub(crate) fn run(options: Options) -> Outcome {
    if options.stop {
        return stage::stop();
    }
    let start = Instant::now();
    let keep = options.keep;
    let stage = Stage::set(options)?;
    let shown = releases(&stage).and_then(|()| agent::show(&stage));
    if shown.is_err() {
        stage.keep_logs();
    }
    shown?;
    if keep {
        stage.explain_how_to_go_on();
    } else {
        stage.strike();
        say(&format!("Everything is stopped and removed again. That took {:.0} s.", start.elapsed().as_secs_f32()));
    }
    Ok(())
}

/// A release from its first day to its last, by the command-line program.
fn releases(stage: &Stage) -> Outcome {
    chapter("A release, with ankra-helm");
    say("Install a chart and wait until its pods are ready. A Job of the chart runs after that.");
    stage.helm(&["install", "shop", CHART, "--wait", "--timeout=180s"])?;
    say("What is there?");
    stage.helm(&["list"])?;
    stage.helm(&["status", "shop"])?;
    say("What would change with three pods? Nothing is done yet.");
    stage.helm(&["diff", "shop", CHART, "--set=replicas=3"])?;
    say("Do it, and wait for the third pod.");
    stage.helm(&["upgrade", "shop", CHART, "--set=replicas=3", "--wait", "--timeout=180s"])?;
    say("And back to the first revision.");
    stage.helm(&["rollback", "shop", "1", "--wait", "--timeout=180s"])?;
    stage.helm(&["history", "shop"])
}

/// Begins a part of the show.
fn chapter(title: &str) {
    println!("\n=== {title}");
}

/// Says what happens next, or what has happened.
fn say(text: &str) {
    println!("\n--- {text}");
}
