//! The programs as the container image holds them: static, in an empty root.
//!
//! There need not be a container engine here. The same build is made, the files
//! are put alone into a folder, and that folder is the root they run in.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use testbed::Workdir;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The test, and why it cannot run if it cannot.
pub(crate) fn trial() -> (Trial, Option<String>) {
    let missing = missing();
    let trial = Trial::test("static_binary", run_in_an_empty_root).with_ignored_flag(missing.is_some());
    (trial, missing)
}

fn missing() -> Option<String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some(format!("it is about {TARGET}"));
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
    for program in build()? {
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

/// Builds both programs as the Dockerfile does, though unoptimised, into a
/// target folder of their own.
fn build() -> Result<[PathBuf; 2], Failed> {
    let beside = Path::new(crate::ANKRA_HELM).ancestors().nth(2).ok_or("no target folder")?;
    let folder = beside.join("static");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--target", TARGET, "--bin", "ankra-helm", "--bin", "ankra-agent"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &folder)
        // The compiler that belongs to this Cargo, whatever a dependency's own
        // folder asks for.
        .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let programs = folder.join(TARGET).join("debug");
    Ok([programs.join("ankra-helm"), programs.join("ankra-agent")])
}
