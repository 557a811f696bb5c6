//! `docs/benchmarks.md`: a section for each benchmark.

use std::path::PathBuf;

use super::Anything;
use crate::repository;

const HEAD: &str = "\
# Benchmarks

Ratios, measured side by side in one run on one machine. Each section is written by the command that it names; numbers of other machines will be others, the ratios much the same.
";

/// Puts a section in the place of the one with the same heading, or at the
/// end.
pub(super) fn write_section(heading: &str, text: &str) -> Anything<PathBuf> {
    let path = folder().join("benchmarks.md");
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, with_section(&old, heading, text))?;
    Ok(path)
}

/// Writes a picture that a section shows.
pub(super) fn write_picture(name: &str, svg: &str) -> Anything<()> {
    Ok(std::fs::write(folder().join(name), svg)?)
}

fn folder() -> PathBuf {
    repository::root().join("docs")
}

fn with_section(old: &str, heading: &str, text: &str) -> String {
    let line = format!("## {heading}");
    let mut sections: Vec<String> = Vec::new();
    for old_line in old.lines() {
        if old_line.starts_with("## ") {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(old_line);
            section.push('\n');
        }
    }
    let new = format!("{line}\n\n{}\n", text.trim());
    match sections.iter_mut().find(|s| s.lines().next() == Some(&line)) {
        Some(section) => *section = new,
        None => sections.push(new),
    }
    let sections: Vec<&str> = sections.iter().map(|s| s.trim_end()).collect();
    format!("{HEAD}\n{}\n", sections.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_replaces_its_own_section_only() {
        let one = with_section("", "render", "first");
        let two = with_section(&one, "agent", "other");
        let three = with_section(&two, "render", "second");
        assert_eq!(one, format!("{HEAD}\n## render\n\nfirst\n"));
        assert_eq!(three, format!("{HEAD}\n## render\n\nsecond\n\n## agent\n\nother\n"));
    }
}
