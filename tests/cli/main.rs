//! The command-line program as a process, without a cluster.
//!
//! Each file in `testdata/cli` is a test: a command line and everything that
//! real Helm answered to it, which ours must answer too, byte for byte.

#![expect(clippy::print_stderr, reason = "a skipped test says so out loud")]

mod errors;
mod flags;
mod post_render;
mod process;
mod remote;
mod seed;
mod static_binary;
mod suites;
mod written;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use testbed::golden::{self, Case};
use testbed::{HelmVersion, Program, Workdir};

/// What the program under test is called by Cargo.
const ANKRA_HELM: &str = env!("CARGO_BIN_EXE_ankra-helm");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut trials = Vec::new();
    for file in golden::files(&testdata.join("cli")).unwrap_or_default() {
        let name = format!("golden::{}", file.file_stem().unwrap_or_default().to_string_lossy());
        let testdata = testdata.clone();
        trials.push(Trial::test(name, move || same_as_helm(&file, testdata)));
    }
    assert!(trials.len() > 10, "the case files are gone");
    trials.extend(flags::trials());
    trials.extend(post_render::trials());
    trials.extend(process::trials());
    trials.extend(remote::trials());
    trials.extend(seed::trials());
    trials.extend(written::trials());
    trials.push(Trial::test("errors::bad_invocations", errors::bad_invocations));
    let (static_trial, skipped) = static_binary::trial();
    trials.push(static_trial);
    let (suites, skipped_suites) = suites::trials();
    trials.extend(suites);
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(reason) = skipped {
        eprintln!("SKIPPED static_binary: {reason}");
    }
    for suite in skipped_suites {
        eprintln!("SKIPPED {suite}");
    }
    conclusion.exit_code()
}

fn same_as_helm(file: &Path, testdata: PathBuf) -> Result<(), Failed> {
    let case = Case::parse(&std::fs::read_to_string(file)?)?;
    let work = Workdir::new("cli")?;
    let mut ours = Program::new(ANKRA_HELM, work.path())?.in_folder(testdata);
    if case.helm == HelmVersion::V3 {
        ours = ours.with("ANKRA_HELM_COMPAT", "helm3");
    }
    let answer = ours.with_kubeconfig(&work.path().join("no-kubeconfig")).run(case.args())?;
    if answer.code != case.code {
        return Err(format!("exit code {} and not {}\n{}", answer.code, case.code, answer.stderr).into());
    }
    same("standard output", &case.stdout, &answer.stdout)?;
    // Ours calls itself by its own name.
    same("standard error", &case.stderr, &answer.stderr.replace("ankra-helm", "helm"))
}

/// Says where two texts part.
fn same(what: &str, expected: &str, found: &str) -> Result<(), Failed> {
    if expected == found {
        return Ok(());
    }
    let (mut a, mut b) = (expected.split('\n'), found.split('\n'));
    for line in 1.. {
        let (a, b) = (a.next(), b.next());
        if a != b {
            return Err(format!("{what}, line {line}:\n  Helm: {a:?}\n  ours: {b:?}").into());
        }
    }
    Ok(())
}
