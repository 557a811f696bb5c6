//! The programs as the container image holds them: static, in an empty root.
//!
//! There need not be a container engine here. The same build is made, the files
//! are put alone into a folder, and that folder is the root they run in.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use testbed::{Workdir, static_build};

/// The test, and why it cannot run if it cannot.
pub(crate) fn trial() -> (Trial, Option<String>) {
    let missing = missing();
    let trial = Trial::test("static_binary", run_in_an_empty_root).with_ignored_flag(missing.is_some());
    (trial, missing)
}

fn missing() -> Option<String> {
    if let Some(reason) = static_build::missing() {
        return Some(reason);
    }
    // A user who is not root may change the root in a user namespace of their
    // own, where the system allows that.
    let allowed = chroot(Path::new("/"), "true", &[]).is_ok_and(|answer| answer.status.success());
    (!allowed).then(|| "changing the root folder is not allowed here".to_owned())
}

fn chroot(root: &Path, program: &str, args: &[&str]) -> std::io::Result<std::process::Output> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--root"]).arg(root).arg(program).args(args);
    command.env_clear().env("PATH", "/usr/bin:/bin").output()
}

fn run_in_an_empty_root() -> Result<(), Failed> {
    let work = Workdir::new("root")?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for program in static_build::build(project, Path::new(crate::ANKRA_HELM), &["ankra-helm", "ankra-agent"])? {
        let name = program.file_name().ok_or("it has no name")?;
        std::fs::copy(&program, work.path().join(name))?;
    }
    let chart = work.path().join("chart");
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: tiny\nversion: 1.0.0\n")?;
    std::fs::write(chart.join("templates/a.yaml"), "a: {{ .Release.Name | upper }}\n")?;
    let answers: [(&str, &[&str], &str); 3] = [
        ("/ankra-helm", &["template", "shop", "/chart"], "a: SHOP"),
        ("/ankra-helm", &["version"], "v"),
        ("/ankra-agent", &["--version"], "ankra-agent"),
    ];
    for (program, args, word) in answers {
        let answer = chroot(work.path(), program, args)?;
        let text = String::from_utf8_lossy(&answer.stdout);
        if !answer.status.success() || !text.contains(word) {
            let said = String::from_utf8_lossy(&answer.stderr);
            return Err(format!("{program} {args:?}: {}\n{text}{said}", answer.status).into());
        }
    }
    Ok(())
}
