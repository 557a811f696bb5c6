//! `cargo xtask lines`: no file of code or prose is over the limit.

use crate::{Outcome, repository};

/// The most lines that a file may have.
const LIMIT: usize = 800;

/// What is written by hand, by the end of its name. Everything else is data.
const WRITTEN: [&str; 7] = [".rs", ".go", ".md", ".sh", ".toml", ".yml", "run"];

/// Says which files are too long.
pub(crate) fn check() -> Outcome {
    let mut long = Vec::new();
    for name in repository::files()? {
        if !WRITTEN.iter().any(|end| name.ends_with(end)) || name.starts_with("testdata/") {
            continue;
        }
        // A file that Git still lists may have just been removed.
        let Ok(text) = std::fs::read_to_string(repository::root().join(&name)) else { continue };
        let count = text.lines().count();
        if count > LIMIT {
            long.push(format!("{name}: {count} lines"));
        }
    }
    if long.is_empty() {
        println!("lines: no file is over {LIMIT}");
        return Ok(());
    }
    Err(format!("these files are over {LIMIT} lines:\n  {}", long.join("\n  ")).into())
}
