//! Writes the table of how built-in kinds are merged. The types are Go's:
//! a small Go program walks them.

use std::process::{Command, Stdio};

use crate::Outcome;
use crate::repository;

/// Runs the generator and replaces the table.
///
/// # Errors
/// When there is no Go, or the program does not build.
pub(crate) fn write() -> Outcome {
    let root = repository::root();
    let mut go = Command::new("go");
    go.args(["run", "."]).current_dir(root.join("xtask/patch-schema"));
    go.env("GOFLAGS", "").env("GOWORK", "off").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = go.output().map_err(|e| format!("`go` cannot be started: {e}"))?;
    if !output.status.success() {
        return Err("the generator failed".into());
    }
    let file = root.join("engine/src/plan/patch/schema.txt");
    std::fs::write(&file, &output.stdout)?;
    println!("{}", file.display());
    Ok(())
}
