//! `cargo xtask goldens`: records what real Helm answers to the case files.

use std::path::Path;

use testbed::golden::{self, Case};
use testbed::tools::{HELM3, HELM4};
use testbed::{Binaries, Program, Workdir};

use crate::progress::Bar;
use crate::{Outcome, repository};

/// Records every case file anew and says which ones have changed.
pub(crate) fn record() -> Outcome {
    let mut bar = Bar::new();
    let binaries = testbed::build_only(&[HELM4, HELM3], |news| bar.show(&news))?;
    let testdata = repository::root().join("testdata");
    let work = Workdir::new("goldens")?;
    let files = golden::files(&testdata.join("cli"))?;
    let mut changed = 0;
    for file in &files {
        let old = std::fs::read_to_string(file)?;
        let name = file.strip_prefix(&testdata).unwrap_or(file).display().to_string();
        let case = Case::parse(&old).map_err(|e| format!("{name}: {e}"))?;
        let helm = case.helm.program(&binaries, work.path())?.in_folder(&testdata);
        let new = case.recorded(&alone(helm, work.path()).run(case.args())?);
        if new != old {
            std::fs::write(file, new)?;
            println!("changed: {name}");
            changed += 1;
        }
    }
    println!("{} cases, {changed} changed: look at the difference before you commit it", files.len());
    record_templates(&binaries)
}

/// Lets the template cases record themselves: they know how to make a chart of
/// a template.
fn record_templates(binaries: &Binaries) -> Outcome {
    let mut cargo = repository::cargo();
    cargo.args(["test", "--quiet", "--package", "templates-compat", "--test", "cases"]);
    cargo.env("RECORD_HELM4", &binaries.helm4).env("RECORD_HELM3", &binaries.helm3);
    if cargo.status()?.success() {
        return Ok(());
    }
    Err("the template cases are recorded, and ours does not give what they say".into())
}

/// A Helm that finds no cluster, wherever it looks.
fn alone(helm: Program, nowhere: &Path) -> Program {
    helm.with_kubeconfig(&nowhere.join("no-kubeconfig"))
}
