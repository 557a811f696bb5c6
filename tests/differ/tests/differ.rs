//! Random templates against real Helm, the same ones each time; `cargo xtask
//! differ` tries others. Without Go there is no Helm to compare with.

#![allow(clippy::panic, clippy::print_stderr, reason = "a test")]

use differ::{Options, run};

fn check(tries: u64, seed: u64) {
    let report = match run(Options { tries, seed, jobs: 2 }, &|_, _| {}) {
        Ok(report) => report,
        Err(e) if e.is_missing_prerequisite() => {
            eprintln!("SKIPPED random templates against real Helm: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    assert!(report.rendered > 0 && report.refused > 0, "{report:?}");
    if let Some(first) = report.differences.first() {
        panic!(
            "seed {seed}: {} differences, the first:\n{}\n-- ours\n{}\n-- Helm's\n{}",
            report.differences.len(),
            first.template,
            first.ours,
            first.helms
        );
    }
}

#[test]
fn the_same_templates_each_time() {
    check(800, 1);
}
