//! The suites of recorded outputs that lie beside this repository: charts of
//! public repositories and snippets of templates, with what the official
//! binaries of both Helms print for them. Each is run as a whole by its own
//! runner, and every output must be the same.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::ANKRA_HELM;

/// How a suite's runner calls us for Helm 3.
const HELM3_COMMAND: &str = "{bin} template {release} {chart} --namespace {namespace} {args} {values} --compat=helm3";
/// The snippets of one run are rendered many to a chart, and Helm 4 ends the
/// last document of a chart otherwise than the others. With this many the same
/// snippets are last as when the outputs were recorded; with other numbers
/// Helm itself does not print what is recorded.
const SNIPPETS_TOGETHER: &str = "183";
/// How often charts whose output differs are rendered again. In one of them a
/// random certificate stands inside of encoded text: where its serial number
/// is a byte longer or shorter than in the recorded one, lines shift that are
/// not random otherwise. Each render draws it anew; what is really wrong stays
/// wrong.
const TRIES: usize = 40;
/// With more charts than these it is no matter of chance.
const BY_CHANCE: usize = 2;
/// What of a failed run is shown.
const SHOWN_LINES: usize = 60;

/// One suite for one Helm.
struct Suite {
    name: &'static str,
    /// The runner, from the folder of all suites.
    runner: &'static str,
    args: Vec<String>,
}

/// The tests, and why they cannot run if they cannot.
pub(crate) fn trials() -> (Vec<Trial>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let (mut trials, mut skipped) = (Vec::new(), Vec::new());
    for suite in suites(&folder) {
        let missing = missing(&folder, &suite);
        let name = format!("suites::{}", suite.name);
        if let Some(reason) = &missing {
            skipped.push(format!("{name}: {reason}"));
        }
        let folder = folder.clone();
        trials.push(Trial::test(name, move || suite.run(&folder)).with_ignored_flag(missing.is_some()));
    }
    (trials, skipped)
}

fn suites(folder: &Path) -> Vec<Suite> {
    let corpus = folder.join("corpus/dev.tgz").display().to_string();
    let suite = |name, runner, words: &[&str]| Suite {
        name,
        runner,
        args: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    let charts = |name, words: &[&str]| {
        let mut suite = suite(name, "corpus/run.py", &[&corpus, "--masked", "--jobs", "2"]);
        suite.args.extend(words.iter().map(|word| (*word).to_owned()));
        suite
    };
    vec![
        charts("charts_helm4", &[]),
        charts("charts_helm3", &["--reference", "helm3", "--cmd", HELM3_COMMAND]),
        suite("snippets_helm4", "snippets/run.py", &["--batch", SNIPPETS_TOGETHER]),
        suite("snippets_helm3", "snippets/run.py", &["--reference", "helm3", "--arg=--compat=helm3"]),
    ]
}

fn missing(folder: &Path, suite: &Suite) -> Option<String> {
    let runner = folder.join(suite.runner);
    if !runner.is_file() {
        return Some(format!("there is no ../shared/{} beside this repository", suite.runner));
    }
    let python = Command::new("python3").arg("--version").output();
    (!python.is_ok_and(|answer| answer.status.success())).then(|| "python3 is not installed".to_owned())
}

impl Suite {
    fn run(&self, folder: &Path) -> Result<(), Failed> {
        let mut only: Vec<String> = Vec::new();
        let mut tries = 0;
        let (said, output) = loop {
            let mut command = Command::new("python3");
            command.arg(folder.join(self.runner)).args(&self.args).args(["--bin", ANKRA_HELM]).args(&only);
            let output = command.output()?;
            if output.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let different = said.lines().filter_map(|line| line.strip_prefix("DIFF ")?.split_once(": "));
            let different: Vec<&str> = different.map(|(id, _)| id).collect();
            tries += 1;
            if different.is_empty() || different.len() > BY_CHANCE || tries == TRIES {
                break (said, output);
            }
            only = different.into_iter().flat_map(|id| ["--only".to_owned(), id.to_owned()]).collect();
        };
        let lines: Vec<&str> = said.lines().collect();
        let last = lines.iter().rev().take(2).rev().copied();
        let shown: Vec<&str> = lines.iter().take(SHOWN_LINES).copied().chain(["…"]).chain(last).collect();
        Err(format!("{}\n{}{}", output.status, shown.join("\n"), String::from_utf8_lossy(&output.stderr)).into())
    }
}
