//! Case files: a command line of Helm and everything that real Helm answered.
//!
//! ```text
//! $ helm4 template shop charts/site --set=replicas=3
//! exit 0
//! -- stdout --
//! …
//! -- stderr --
//! …
//! ```
//!
//! The first line is written by hand, the rest is recorded (`cargo xtask
//! goldens`). Commands work in `testdata/`.

use std::path::{Path, PathBuf};

use crate::{Finished, HelmVersion};

/// Lines that part the answers from each other.
const STDOUT: &str = "-- stdout --\n";
const STDERR: &str = "-- stderr --\n";

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Which Helm answered.
    pub helm: HelmVersion,
    /// The command line, without the program.
    pub line: String,
    /// What it ended with.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Case {
    /// Reads a case file. One that has not been recorded yet has the first line
    /// alone.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let command = first.strip_prefix("$ ").ok_or("the first line must be `$ helm4 …` or `$ helm3 …`")?;
        let (name, line) = command.split_once(' ').ok_or("the first line has no command")?;
        let helm = match name {
            "helm4" => HelmVersion::V4,
            "helm3" => HelmVersion::V3,
            other => return Err(format!("there is no program {other:?}")),
        };
        let mut case = Self { helm, line: line.to_owned(), code: 0, stdout: String::new(), stderr: String::new() };
        if rest.trim().is_empty() {
            return Ok(case);
        }
        let (exit, rest) = rest.split_once('\n').ok_or("the second line must be `exit …`")?;
        case.code = exit.strip_prefix("exit ").and_then(|code| code.parse().ok()).ok_or("what exit code?")?;
        let rest = rest.strip_prefix(STDOUT).ok_or("there is no standard output")?;
        let (stdout, stderr) = rest.rsplit_once(STDERR).ok_or("there is no standard error")?;
        case.stdout = stdout.to_owned();
        case.stderr = stderr.to_owned();
        Ok(case)
    }

    /// The text of the case file, with this answer.
    #[must_use]
    pub fn recorded(&self, answer: &Finished) -> String {
        let helm = if self.helm == HelmVersion::V4 { "helm4" } else { "helm3" };
        let Finished { code, stdout, stderr, .. } = answer;
        format!("$ {helm} {}\nexit {code}\n{STDOUT}{stdout}{STDERR}{stderr}", self.line)
    }

    /// The arguments. Single quotes keep spaces, as in a shell.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let mut args = Vec::new();
        let mut current: Option<String> = None;
        let mut quoted = false;
        for c in self.line.chars() {
            match c {
                '\'' => {
                    quoted = !quoted;
                    current.get_or_insert_default();
                }
                ' ' if !quoted => args.extend(current.take()),
                c => current.get_or_insert_default().push(c),
            }
        }
        args.extend(current);
        args
    }
}

/// Every case file in a folder, by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "case") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_back() {
        let case = Case::parse("$ helm3 template 'a b' --set=x='y z'\n").unwrap();
        assert_eq!(case.args(), ["template", "a b", "--set=x=y z"]);
        let answer =
            Finished { command: String::new(), code: 1, stdout: "a: 1\n".to_owned(), stderr: "Error: no\n".to_owned() };
        let read = Case::parse(&case.recorded(&answer)).unwrap();
        assert_eq!((read.code, read.stdout, read.stderr), (1, answer.stdout, answer.stderr));
        assert_eq!((read.helm, read.line), (case.helm, case.line));
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in ["", "template", "$ helm5 template\n", "$ helm4 template\nexit x\n", "$ helm4 a\nexit 0\nx"] {
            assert!(Case::parse(bad).is_err(), "{bad:?}");
        }
    }
}
