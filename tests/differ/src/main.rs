//! `differ [--tries N] [--seed N] [--jobs N] [--show N]`: looks for templates
//! of which this project and real Helm make different things.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people prints")]

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use differ::{Options, run};

fn main() -> ExitCode {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_secs());
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { tries: 20_000, seed: fresh, jobs };
    let mut show = 20;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|n| n.parse::<u64>().ok());
        match (word.as_str(), number) {
            ("--tries", Some(n)) => options.tries = n,
            ("--seed", Some(n)) => options.seed = n,
            ("--jobs", Some(n)) => options.jobs = n as usize,
            ("--show", Some(n)) => show = n as usize,
            _ => {
                eprintln!("usage: differ [--tries N] [--seed N] [--jobs N] [--show N]");
                return ExitCode::from(2);
            }
        }
    }
    println!("{} tries, seed {}", options.tries, options.seed);
    let says = |done: usize, all: usize| {
        if done.is_multiple_of(500) {
            eprintln!("{done} of {all} starts of Helm");
        }
    };
    let report = match run(options, &says) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    for difference in report.differences.iter().take(show) {
        println!("== try {}\n{}", difference.number, difference.template);
        println!("-- ours\n{}\n-- Helm's\n{}", difference.ours, difference.helms);
    }
    println!(
        "{} rendered, {} refused, {} differ only by Go's version or an address, {} differ",
        report.rendered,
        report.refused,
        report.known,
        report.differences.len()
    );
    if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
