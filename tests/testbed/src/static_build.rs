//! Builds programs of this project as its container image holds them: static,
//! though not optimised.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// What they are built for.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Why they cannot be built here, if they cannot.
#[must_use]
pub fn missing() -> Option<String> {
    let fits = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    (!fits).then(|| format!("static programs are built for {TARGET} only"))
}

/// Builds programs of the project in this folder, all in one go, so that every
/// caller that asks for the same finds them done. `plain` is one of the
/// project's ordinarily built programs; the folder `static` in its target
/// folder is used, because the two kinds of build share nothing.
///
/// # Errors
/// When Cargo cannot be started or the build fails.
pub fn build(project: &Path, plain: &Path, programs: &[&str]) -> Result<Vec<PathBuf>> {
    let folder = plain.ancestors().nth(2).unwrap_or(project).join("static");
    let cargo = Path::new(env!("CARGO"));
    let mut command = Command::new(cargo);
    command.args(["build", "--locked", "--target", TARGET]).current_dir(project);
    command.args(programs.iter().flat_map(|program| ["--bin", program]));
    command
        .env("CARGO_TARGET_DIR", &folder)
        // The compiler that belongs to this Cargo, whatever a dependency's own
        // folder asks for.
        .env("RUSTC", cargo.with_file_name("rustc"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = command.output().map_err(Error::io("start cargo"))?;
    if !output.status.success() {
        let output = crate::error::tail(&output.stderr, 40);
        return Err(Error::Command { command: "cargo build".to_owned(), output });
    }
    let built = folder.join(TARGET).join("debug");
    Ok(programs.iter().map(|program| built.join(program)).collect())
}
