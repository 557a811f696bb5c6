//! How the program behaves as a process: exit codes, streams, help.

use std::io::Read;

use libtest_mimic::{Failed, Trial};
use testbed::{Program, Workdir};

use crate::ANKRA_HELM;

type Outcome = Result<(), Failed>;

/// A test's name and body.
type Test = (&'static str, fn() -> Outcome);

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [Test; 4] = [
        ("help_names_every_verb", help_names_every_verb),
        ("unknown_commands_are_refused", unknown_commands_are_refused),
        ("closed_pipe_is_no_crash", closed_pipe_is_no_crash),
        ("values_come_from_standard_input", values_come_from_standard_input),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("process::{name}"), test)).collect()
}

fn program(work: &Workdir) -> Result<Program, Failed> {
    let testdata = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    Ok(Program::new(ANKRA_HELM, work.path())?.in_folder(testdata))
}

fn help_names_every_verb() -> Outcome {
    let work = Workdir::new("cli")?;
    let help = program(&work)?.run(["--help"])?.ok();
    for verb in ["install", "upgrade", "rollback", "uninstall", "template", "list", "status", "history", "get", "diff"]
    {
        if !help.lines().any(|line| line.trim_start().starts_with(verb)) {
            return Err(format!("help does not name {verb}:\n{help}").into());
        }
        if program(&work)?.run([verb, "--help"])?.code != 0 {
            return Err(format!("{verb} has no help").into());
        }
    }
    Ok(())
}

fn unknown_commands_are_refused() -> Outcome {
    let work = Workdir::new("cli")?;
    for args in [["instal"].as_slice(), &["template", "a", "charts/site", "--no-such-flag"], &["rollback"]] {
        let answer = program(&work)?.run(args)?;
        if answer.code == 0 || answer.stderr.is_empty() || !answer.stdout.is_empty() {
            return Err(format!("{answer:?}").into());
        }
    }
    Ok(())
}

/// `ankra-helm template … | head -1` closes the pipe early.
fn closed_pipe_is_no_crash() -> Outcome {
    let work = Workdir::new("cli")?;
    let mut child = program(&work)?.spawn(["template", "shop", "charts/site", "--include-crds"])?;
    drop(child.stdout.take());
    let status = child.wait()?;
    let mut said = String::new();
    child.stderr.take().ok_or("no pipe")?.read_to_string(&mut said)?;
    if said.contains("panicked") || status.code() == Some(101) {
        return Err(format!("{status}: {said}").into());
    }
    Ok(())
}

fn values_come_from_standard_input() -> Outcome {
    let work = Workdir::new("cli")?;
    let rendered = program(&work)?
        .with_stdin("replicas: 7\n")
        .run(["template", "shop", "charts/site", "--values", "-", "--show-only", "templates/deployment.yaml"])?
        .ok();
    if !rendered.contains("  replicas: 7\n") {
        return Err(rendered.into());
    }
    Ok(())
}
