//! Templates with what real Helm makes of them: one case a file in
//! `testdata/templates`.
//!
//! A case has sections that begin with a line `-- NAME --`: `template`,
//! `values` (JSON, may be left out), and for each Helm what it gave:
//! `helm4 ok` or `helm4 error`, likewise `helm3`. The template is a partial
//! that a file includes, or with `-- mode: file --` the file itself.
//!
//! With `RECORD_HELM4` and `RECORD_HELM3` set to the paths of Helm binaries,
//! the test records instead: it renders each case with `helm template` and
//! writes what came out into the case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use templates_compat::value::{Map, MapType, Value};
use templates_compat::{Compat, Options, Seed, Seeded, TemplateSet, json};

const FILE: &str = "snip/templates/case.yaml";
const PARTIAL: &str = "snip/templates/_case.tpl";
const CALLER: &str = "out: \"{{ include \"snip/templates/_case.tpl\" . | b64enc }}\"\n";
const ERROR_CALLER: &str = "{{ include \"snip/templates/_case.tpl\" . }}\n";

/// What came out: a text, or an error.
type Outcome = Result<Vec<u8>, String>;

struct Case {
    path: PathBuf,
    sections: BTreeMap<String, String>,
}

impl Case {
    fn read(path: PathBuf) -> Case {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut sections = BTreeMap::new();
        let mut name = None;
        for line in text.split_inclusive('\n') {
            if let Some(head) = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --\n")) {
                name = Some(head.to_owned());
                sections.insert(head.to_owned(), String::new());
            } else if let Some(section) = name.as_ref().and_then(|name| sections.get_mut(name)) {
                section.push_str(line);
            }
        }
        Case { path, sections }
    }

    fn section(&self, name: &str) -> Option<&str> {
        // The last newline belongs to the layout.
        self.sections.get(name).map(|text| text.strip_suffix('\n').unwrap_or(text))
    }

    fn expected(&self, helm: &str) -> Option<Outcome> {
        let ok = self.section(&format!("{helm} ok")).map(|text| Ok(text.as_bytes().to_vec()));
        ok.or_else(|| self.section(&format!("{helm} error")).map(|text| Err(text.to_owned())))
    }

    fn is_file(&self) -> bool {
        self.sections.contains_key("mode: file")
    }

    /// The files of the chart, by name.
    fn files(&self, error: bool) -> Vec<(&'static str, String)> {
        let template = self.section("template").unwrap().to_owned();
        if self.is_file() {
            return vec![(FILE, template)];
        }
        let caller = if error { ERROR_CALLER } else { CALLER };
        vec![(FILE, caller.to_owned()), (PARTIAL, template)]
    }

    fn values(&self) -> &str {
        self.section("values").unwrap_or("{}")
    }

    fn render(&self, compat: Compat) -> Outcome {
        let error = matches!(self.expected(name_of(compat)), Some(Err(_)));
        let mut set = TemplateSet::new(Options { compat, ..Options::default() });
        for (name, text) in self.files(error) {
            set.parse(name, text.as_bytes()).map_err(|error| error.to_string())?;
        }
        let values = json::read(self.values().as_bytes(), compat).unwrap();
        let root = Map::of_type(MapType::Values);
        root.insert("Values", Value::Map(values.as_map().unwrap().with_type(MapType::Values)));
        root.insert("Release", Value::Map([("Name".into(), Value::str("rel"))].into_iter().collect()));
        let text =
            set.render(FILE, &Value::Map(root), &Seeded::new(Seed::at(1, 0))).map_err(|error| error.to_string())?;
        Ok(if self.is_file() { text } else { decode_caller(&text) })
    }

    fn record(&mut self, helm: &str, binary: &str) {
        let ok = self.run(binary, false);
        let outcome = if ok.is_ok() { ok } else { self.run(binary, true) };
        self.sections.remove(&format!("{helm} ok"));
        self.sections.remove(&format!("{helm} error"));
        let (name, text) = match outcome {
            Ok(text) => (format!("{helm} ok"), String::from_utf8(text).unwrap()),
            Err(text) => (format!("{helm} error"), text),
        };
        self.sections.insert(name, text + "\n");
    }

    fn run(&self, binary: &str, error: bool) -> Outcome {
        let chart = std::env::temp_dir().join(format!("templates-cases-{}", std::process::id()));
        std::fs::create_dir_all(chart.join("templates")).unwrap();
        std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: snip\nversion: 1.0.0\n").unwrap();
        std::fs::write(chart.join("values.yaml"), self.values()).unwrap();
        for (name, text) in self.files(error) {
            std::fs::write(chart.join(name.strip_prefix("snip/").unwrap()), text).unwrap();
        }
        let output = Command::new(binary).arg("template").arg("rel").arg(&chart).output().unwrap();
        std::fs::remove_dir_all(&chart).unwrap();
        if !output.status.success() {
            let text = String::from_utf8(output.stderr).unwrap();
            let text = text.strip_prefix("Error: ").unwrap();
            return Err(text.strip_suffix("\n\nUse --debug flag to render out invalid YAML\n").unwrap().to_owned());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, text) = text.split_once("case.yaml\n").unwrap();
        Ok(if self.is_file() { text.trim_end().as_bytes().to_vec() } else { decode_caller(text.as_bytes()) })
    }

    fn write(&self) {
        let mut text = String::new();
        for name in ["mode: file", "template", "values", "helm4 ok", "helm4 error", "helm3 ok", "helm3 error"] {
            if let Some(section) = self.sections.get(name) {
                let end = if section.is_empty() || section.ends_with('\n') { "" } else { "\n" };
                write!(text, "-- {name} --\n{section}{end}").unwrap();
            }
        }
        std::fs::write(&self.path, text).unwrap();
    }
}

fn name_of(compat: Compat) -> &'static str {
    match compat {
        Compat::Helm4 => "helm4",
        Compat::Helm3 => "helm3",
    }
}

fn decode_caller(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let (_, text) = text.split_once("out: \"").unwrap();
    let (text, _) = text.split_once('"').unwrap();
    let digit = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for b in text.bytes().filter(|&b| b != b'=') {
        bits = bits << 6 | u32::from(digit(b));
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/templates");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(text) => format!("ok {:?}", String::from_utf8_lossy(text)),
        Err(text) => format!("error {text:?}"),
    }
}

#[test]
fn templates_give_what_helm_gives() {
    let recorders: Vec<(&str, String)> = [("helm4", "RECORD_HELM4"), ("helm3", "RECORD_HELM3")]
        .into_iter()
        .filter_map(|(helm, variable)| std::env::var(variable).ok().map(|binary| (helm, binary)))
        .collect();
    let mut cases = cases();
    assert!(cases.len() >= 40, "only {} cases found", cases.len());
    let mut failures = String::new();
    for case in &mut cases {
        for (helm, binary) in &recorders {
            case.record(helm, binary);
        }
        if !recorders.is_empty() {
            case.write();
        }
        for compat in [Compat::Helm4, Compat::Helm3] {
            let name = name_of(compat);
            let want = case.expected(name).unwrap_or_else(|| panic!("{}: no {name} section", case.path.display()));
            let got = case.render(compat);
            if got != want {
                let (want, got) = (shown(&want), shown(&got));
                writeln!(failures, "{} {name}\n  want {want}\n  got  {got}", case.path.display()).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
