//! Random templates against real Helm, the same ones each time; `cargo xtask
//! differ` tries others. Without Go there is no Helm to compare with.

#![allow(clippy::panic, clippy::print_stderr, reason = "a test")]

use differ::generate::Generator;
use differ::{Options, rendered, round_trip, run};

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

#[test]
fn yaml_is_read_as_it_was_written() {
    match round_trip(800, 1) {
        Ok(broken) => {
            if let Some(first) = broken.first() {
                panic!("{} differences, the first: {first:#?}", broken.len());
            }
        }
        Err(e) if e.is_missing_prerequisite() => {
            eprintln!("SKIPPED values written as YAML and read by real Helm: {e}");
        }
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn the_same_render_twice_gives_the_same_bytes() {
    let tries = 400;
    let texts = || {
        let generator = Generator::new(3);
        (0..tries).map(|number| rendered(&generator.make(number))).collect::<Vec<_>>()
    };
    let (first, second) = (texts(), texts());
    let rendered = first.iter().filter(|text| text.is_ok()).count();
    assert!(rendered > 50, "{rendered} of {tries} render");
    assert_eq!(first, second);
}
