//! Charts of public repositories with what official Helm printed for them:
//! an archive with `cases.json`, charts, values and expected outputs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::{GzDecoder, MultiGzDecoder};
use serde_json::Value;

use super::super::Anything;
use super::super::measure::Run;

/// An unpacked corpus.
pub(super) struct Corpus {
    pub(super) folder: PathBuf,
    pub(super) cases: Vec<Case>,
}

/// One command line and what is known about its outcome in Helm 4.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) args: Vec<String>,
    /// It succeeds.
    pub(super) ok: bool,
    /// It prints the same each time.
    pub(super) deterministic: bool,
    /// The lines that are not, if they are known, from 0.
    volatile: Option<BTreeSet<usize>>,
    /// Several errors, in no fixed order.
    any_order: bool,
}

/// What can be said about an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The recorded bytes, or those of them that do not vary.
    Same,
    /// The exit status is right; there is nothing to compare the rest with.
    StatusOnly,
    /// Something else.
    Different,
}

impl Corpus {
    /// Unpacks an archive into `below`.
    pub(super) fn unpack(archive: &Path, below: &Path) -> Anything<Self> {
        let file = File::open(archive).map_err(|e| format!("{}: {e}", archive.display()))?;
        tar::Archive::new(GzDecoder::new(file)).unpack(below)?;
        let mut folders = std::fs::read_dir(below)?.filter_map(Result::ok).map(|entry| entry.path());
        let folder = folders.find(|path| path.join("cases.json").is_file());
        let folder = folder.ok_or_else(|| format!("{}: there is no cases.json", archive.display()))?;
        let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("cases.json"))?)?;
        let cases = cases.iter().map(Case::read).collect::<Anything<_>>()?;
        Ok(Self { folder, cases })
    }

    /// Compares an output with the recorded one. `words` says whether error
    /// texts count.
    pub(super) fn judge(&self, case: &Case, run: &Run, words: bool) -> Anything<Verdict> {
        if case.ok != (run.code == 0) {
            return Ok(Verdict::Different);
        }
        if !case.ok {
            let wanted = error_text(&self.expected(case, ".err")?);
            let found = error_text(&run.stderr);
            let same = wanted.is_some() && (wanted == found || case.any_order && sorted(wanted) == sorted(found));
            return Ok(match (same, words) {
                (true, _) => Verdict::Same,
                (false, true) => Verdict::Different,
                (false, false) => Verdict::StatusOnly,
            });
        }
        let none = BTreeSet::new();
        let volatile = match (&case.volatile, case.deterministic) {
            (_, true) => &none,
            (Some(lines), false) => lines,
            (None, false) => return Ok(Verdict::StatusOnly),
        };
        let same = same_lines(&self.expected(case, ".yaml")?, &run.stdout, volatile);
        Ok(if same { Verdict::Same } else { Verdict::Different })
    }

    fn expected(&self, case: &Case, end: &str) -> Anything<Vec<u8>> {
        let path = self.folder.join("expected").join("helm4").join(format!("{}{end}", case.id));
        let packed = path.with_file_name(format!("{}{end}.gz", case.id));
        if !packed.exists() {
            return Ok(std::fs::read(path)?);
        }
        let mut text = Vec::new();
        MultiGzDecoder::new(File::open(packed)?).read_to_end(&mut text)?;
        Ok(text)
    }
}

impl Case {
    fn read(case: &Value) -> Anything<Self> {
        let text = |name: &str| case[name].as_str().map(str::to_owned).ok_or_else(|| format!("a case has no {name}"));
        let texts = |name: &str| {
            let words = case[name].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut args = vec!["template".to_owned(), text("release")?, text("chart")?];
        args.extend(["--namespace".to_owned(), text("namespace")?]);
        args.extend(texts("args"));
        for file in texts("values_files") {
            args.extend(["-f".to_owned(), file]);
        }
        let helm = &case["helm4"];
        let line = |n: &Value| n.as_u64().and_then(|n| usize::try_from(n).ok());
        let volatile = helm["volatile_lines"].as_array().map(|lines| lines.iter().filter_map(line).collect());
        Ok(Self {
            id: text("id")?,
            args,
            ok: helm["expect"] == "ok",
            deterministic: helm["deterministic"] != false,
            volatile,
            any_order: helm["compare"] == "sorted-lines",
        })
    }
}

/// What follows `Error: ` at the beginning of a line.
fn error_text(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let at = if text.starts_with("Error: ") { 0 } else { text.find("\nError: ")? + 1 };
    Some(text[at..].trim_end_matches('\n').to_owned())
}

fn sorted(text: Option<String>) -> Vec<String> {
    let mut lines: Vec<String> = text.unwrap_or_default().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn same_lines(wanted: &[u8], found: &[u8], volatile: &BTreeSet<usize>) -> bool {
    if volatile.is_empty() {
        return wanted == found;
    }
    let lines = |text: &[u8]| text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (wanted, found) = (lines(wanted), lines(found));
    let same = |i: usize| volatile.contains(&i) || wanted.get(i) == found.get(i);
    wanted.len() == found.len() && (0..wanted.len()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_lines_may_differ() {
        let volatile = BTreeSet::from([1]);
        assert!(same_lines(b"a\nb\nc", b"a\nX\nc", &volatile));
        assert!(!same_lines(b"a\nb\nc", b"X\nb\nc", &volatile));
        assert!(!same_lines(b"a\nb\nc", b"a\nb\nc\n", &volatile));
        assert!(!same_lines(b"a\nb", b"a\nX", &BTreeSet::new()));
    }

    #[test]
    fn an_error_begins_with_its_word() {
        assert_eq!(error_text(b"warning\nError: no\n\n").as_deref(), Some("Error: no"));
        assert_eq!(error_text(b"an Error: no"), None);
    }
}
