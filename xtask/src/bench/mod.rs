//! `cargo xtask bench`: how fast and how small we are beside real programs, in
//! one run on one machine.
//!
//! One folder or file a benchmark. Each writes its own section of
//! `docs/benchmarks.md` and its own picture, and leaves the others' alone.

mod agent;
mod bars;
mod document;
mod machine;
pub(crate) mod measure;
mod plot;
mod releases;
mod render;
mod stats;
mod units;

use std::path::PathBuf;

use crate::{Outcome, repository};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// How often each case is measured unless `--runs` says otherwise.
const RUNS: usize = 5;

/// What was asked for on the command line.
struct Options {
    /// How often each case is measured.
    runs: usize,
    /// A program of ours that is built already.
    program: Option<PathBuf>,
    /// The words that are not flags.
    words: Vec<String>,
}

impl Options {
    fn parse(words: &[&str]) -> Anything<Self> {
        let mut options = Self { runs: RUNS, program: None, words: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--runs" => {
                    let number = words.next().ok_or("--runs needs a number")?;
                    options.runs = number.parse().map_err(|e| format!("--runs {number}: {e}"))?;
                }
                "--program" => options.program = Some(words.next().ok_or("--program needs a path")?.into()),
                flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}").into()),
                word => options.words.push(word.to_owned()),
            }
        }
        if options.runs == 0 {
            return Err("--runs needs at least one run".into());
        }
        Ok(options)
    }
}

/// Runs the benchmark of this name.
pub(crate) fn run(name: &str, words: &[&str]) -> Outcome {
    if name == "agent" {
        return agent::run(&agent::Options::parse(words)?);
    }
    if name == "agents" {
        return agent::run_many(&agent::Options::parse(words)?);
    }
    let options = Options::parse(words)?;
    match name {
        "render" => render::run(&options),
        "releases" => releases::run(&options),
        other => Err(format!("there is no benchmark {other:?}; there are: agent, agents, releases, render").into()),
    }
}

#[expect(clippy::print_stdout, reason = "a command for people prints")]
fn say(text: &str) {
    println!("{text}");
}

/// The flags of the Dockerfile: static, at a fixed address. The platform must be
/// named with them, so that macros and build scripts are built without.
const STATIC: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// Builds a program of the root package as it is released: on Linux as in the
/// container image, elsewhere plainly.
fn build_release(program: &str) -> Anything<PathBuf> {
    let what = ["--package", "ankra-helm", "--bin", program];
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        build(&what)?;
        return Ok(repository::target()?.join("release").join(program));
    }
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = repository::cargo();
    cargo.args(["build", "--release", "--locked", "--target", &platform]).args(what);
    cargo.env("RUSTFLAGS", STATIC).env_remove("CARGO_ENCODED_RUSTFLAGS");
    if !cargo.status()?.success() {
        return Err(format!("a static build of {program} failed").into());
    }
    Ok(repository::target()?.join(platform).join("release").join(program))
}

/// Builds an example of a package with the same optimisation, and with the
/// features that its dependencies have in the program.
fn build_example(package: &str, example: &str) -> Anything<PathBuf> {
    build(&["--package", "ankra-helm", "--package", package, "--example", example])?;
    Ok(repository::target()?.join("release/examples").join(example))
}

fn build(what: &[&str]) -> Anything<()> {
    let mut cargo = repository::cargo();
    cargo.args(["build", "--release", "--locked"]).args(what);
    if !cargo.status()?.success() {
        return Err(format!("cargo build --release {} failed", what.join(" ")).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_words_are_told_apart() {
        let options = Options::parse(&["a.tgz", "--runs", "3"]).unwrap();
        assert_eq!((options.runs, options.words), (3, vec!["a.tgz".to_owned()]));
        let options = Options::parse(&["--program", "ours"]).unwrap();
        assert_eq!(options.program, Some(PathBuf::from("ours")));
        assert!(Options::parse(&["--runs", "0"]).is_err());
        assert!(Options::parse(&["--fast"]).is_err());
    }
}
