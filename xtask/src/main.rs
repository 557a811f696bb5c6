//! The developers' own commands: `cargo xtask …`.
//!
//! Light to compile: it starts Cargo, the testbed's servers and this project's
//! own programs, and contains none of them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people prints")]

mod bench;
mod demo;
mod deps;
mod fuzz;
mod goldens;
mod lines;
mod patch_schema;
mod progress;
mod repository;
mod testbed;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  demo [--keep] [--context NAME]
                     show everything on a cluster of its own, or on yours
  demo --stop        stop what `demo --keep` has left running
  testbed build      build the test servers into the cache (12 minutes, once)
  testbed up DIR     start a cluster and a NATS server that stay; files in DIR
  testbed down DIR   stop what `up` started
  testbed node up DIR
                     start a real node with containers that stays (root, Debian)
  testbed node down DIR
                     stop it
  testbed env        print where the built programs are, for a shell to read
  bench render [CORPUS.tgz] [--runs N] [--program ANKRA-HELM]
                     how fast charts are rendered beside real Helm; writes
                     docs/benchmarks.md and its picture; builds ankra-helm as
                     it is released unless it is given
  bench releases [--runs N] [--program ANKRA-HELM]
                     installs, upgrades and reads beside real Helm on one API
                     server; writes its section of docs/benchmarks.md
  bench agent [--pods N] [--changes N] [--seconds N] [--smoke]
                     memory, lists, watches and logs of one agent on a cluster
                     of 50,000 pods; writes its section of docs/benchmarks.md;
                     --smoke: a small one that only shows that it works
  bench agents [--agents N] [--seconds N] [--smoke]
                     200 agents on one NATS server; writes its section
  fuzz [TARGET…] [--seconds N]
                     build the fuzz targets and run each for a minute
  differ [--tries N] [--seed N] [--jobs N] [--show N]
                     compare random templates with real Helm's results
  goldens            record what real Helm answers to the cases in testdata/cli
  patch-schema       write the table of how built-in kinds are merged (Go)
  deps               check the dependency tree: licences, duplicates, bans, purity
  lines              check that no file is over 800 lines
";

/// What every command comes to: done, or what went wrong in words.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Runs the program that compares, optimised: most of its time is rendering.
fn differ(words: &[&str]) -> Outcome {
    let mut cargo = repository::cargo();
    cargo.args(["run", "--quiet", "--release", "--package", "differ", "--"]).args(words);
    if cargo.status()?.success() { Ok(()) } else { Err("the random templates differ, see above".into()) }
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == bench::measure::COMMAND) {
        return bench::measure::between(words);
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["demo", flags @ ..] => match demo::Options::parse(flags) {
            Ok(options) => demo::run(options),
            Err(wrong) => {
                eprintln!("error: {wrong}");
                return ExitCode::from(2);
            }
        },
        ["testbed", "build"] => testbed::build().map(drop),
        ["testbed", "up", folder] => testbed::up(folder.as_ref()),
        ["testbed", "down", folder] => testbed::down(folder.as_ref()),
        ["testbed", "node", "up", folder] => testbed::node_up(folder.as_ref()),
        ["testbed", "node", "down", folder] => testbed::node_down(folder.as_ref()),
        ["testbed", "env"] => testbed::env(),
        ["bench", name, words @ ..] => bench::run(name, words),
        ["fuzz", words @ ..] => match fuzz::Options::parse(words) {
            Ok(options) => fuzz::run(options),
            Err(wrong) => {
                eprintln!("error: {wrong}");
                return ExitCode::from(2);
            }
        },
        ["differ", words @ ..] => differ(words),
        ["goldens"] => goldens::record(),
        ["patch-schema"] => patch_schema::write(),
        ["deps"] => deps::check(),
        ["lines"] => lines::check(),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
