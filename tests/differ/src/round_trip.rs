//! Random values written as YAML here and read by both sides: what is read is
//! what was written, and real Helm writes the same bytes.

use std::collections::BTreeMap;

use templates_compat::{Compat, Map, Value, json, yaml};
use testbed::{HelmVersion, Workdir, build_only, tools};

use crate::chart::render;
use crate::rng::Rng;
use crate::run::{decoded, helm_says};

/// How many values go into one chart.
const BATCH: usize = 400;

/// How deeply lists and maps stand in each other.
const DEPTH: usize = 4;

/// Texts that mean something else where they stand without quotes, that need
/// folding, or that only some readers take.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "yes",
    "No",
    "on",
    "y",
    "~",
    "null",
    "Null",
    "true",
    "False",
    "0",
    "-1",
    "+1",
    "012",
    "0o14",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1.5",
    ".5",
    "-.inf",
    ".NaN",
    "1:20",
    "190:20:30",
    "2001-12-14",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    "-",
    "- a",
    "-a",
    "--- ",
    "---",
    "...",
    "?",
    "? a",
    ":",
    ": a",
    "a:",
    "a: b",
    "a:b",
    "#",
    "# a",
    "a #b",
    "a#b",
    "*a",
    "&a",
    "!t",
    "!!str a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "|-",
    "'",
    "''",
    "\"",
    "a\"b",
    "it's",
    "{",
    "}",
    "{a: b}",
    "[",
    "]",
    "[a]",
    ",",
    "a,b",
    "\\",
    "a\\nb",
    "\n",
    "a\n",
    "a\n\n",
    "\na",
    " a",
    "a ",
    "a\nb",
    "a\n b",
    "  a\nb",
    "a\n\nb\n",
    "\t",
    "a\tb",
    "\r",
    "a\r\nb",
    "\u{7}",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "é",
    "日本語",
    "😀",
    "e\u{301}",
    "{{ .x }}",
    "$a",
    "https://a.example/b?c=d&e=f#g",
    "<a>&</a>",
    "a long text of many words that is longer than the width at which writers of YAML begin to fold lines, so that it may",
    "alongwordthatcannotbefoldedbecausethereisnospaceinitwhateverthewidthisatwhichwritersofYAMLbegintofoldtheirlines12",
];

/// A value, and where two sides differ on it.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The value as JSON.
    pub value: String,
    /// What was compared.
    pub what: &'static str,
    /// What should be there.
    pub want: String,
    /// What is there.
    pub got: String,
}

/// Tries so many random values.
///
/// # Errors
/// When Helm cannot be built or started, or the chart cannot be rendered.
pub fn round_trip(tries: u64, seed: u64) -> testbed::Result<Vec<Broken>> {
    let binaries = build_only(&[tools::HELM4], |_| {})?;
    let work = Workdir::new("round-trip")?;
    let helm = HelmVersion::V4.program(&binaries, work.path())?.with_kubeconfig(&work.path().join("no-kubeconfig"));
    let values: Vec<Written> = (0..tries).map(|number| Written::new(&mut Rng::new(seed, number))).collect();
    let mut broken = Vec::new();
    for batch in values.chunks(BATCH) {
        let files = files(batch);
        let theirs = helm_says(&files, &helm, &work.path().join("chart"))?;
        let (ours, theirs) = (entries(&render(&files, None)), entries(&theirs));
        for (at, written) in batch.iter().enumerate() {
            written.compare(at, &ours, &theirs, &mut broken);
        }
    }
    Ok(broken)
}

/// The texts that the chart gives for each file.
fn entries(text: &Result<String, String>) -> BTreeMap<String, String> {
    let entry = |line: &str| {
        let (name, text) = line.split_once(": \"")?;
        Some((name.to_owned(), decoded(&format!("out: \"{text}"))))
    };
    text.as_ref().map_or_else(|e| e.as_str(), String::as_str).lines().filter_map(entry).collect()
}

/// One value in both languages.
struct Written {
    json: String,
    yaml: String,
    /// Whether Helm can read what Helm writes of it.
    reads_back: bool,
}

impl Written {
    fn new(rng: &mut Rng) -> Written {
        let map = Map::new();
        map.insert("v", value(rng, DEPTH));
        let value = Value::Map(map);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Written {
            json: json::write(&value, &json::Options::default(), Compat::Helm4).map(text).unwrap_or_default(),
            yaml: yaml::write(&value, Compat::Helm4).map(text).unwrap_or_default(),
            reads_back: yaml::reads_back(&value),
        }
    }

    fn compare(
        &self,
        at: usize,
        ours: &BTreeMap<String, String>,
        theirs: &BTreeMap<String, String>,
        broken: &mut Vec<Broken>,
    ) {
        let of = |entries: &BTreeMap<String, String>, kind: &str| entries.get(&format!("v/{at}.{kind}")).cloned();
        let mut check = |what, want: Option<String>, got: Option<String>| {
            if want.is_none() || want != got {
                let (want, got) = (want.unwrap_or_default(), got.unwrap_or_default());
                broken.push(Broken { value: self.json.clone(), what, want, got });
            }
        };
        // `toYaml` has no newline at its end.
        let yaml = self.yaml.strip_suffix('\n').unwrap_or(&self.yaml).to_owned();
        check("what Helm writes", Some(yaml), of(theirs, "yaml"));
        check("what is written here", of(theirs, "yaml"), of(ours, "yaml"));
        check("what is read here", of(theirs, "json"), of(ours, "json"));
        if self.reads_back {
            check("what Helm reads", Some(self.json.clone()), of(theirs, "json"));
        }
    }
}

fn value(rng: &mut Rng, depth: usize) -> Value {
    match rng.below(if depth == 0 { 5 } else { 8 }) {
        0 => Value::Nil,
        1 => Value::Bool(rng.percent(50)),
        2 => Value::int(rng.number() as i64 >> (11 + rng.below(53))),
        3 | 4 => Value::str(text(rng)),
        5 => Value::list((0..rng.below(4)).map(|_| value(rng, depth - 1)).collect()),
        _ => {
            let map = Map::new();
            for _ in 0..rng.below(4) {
                map.insert(text(rng), value(rng, depth - 1));
            }
            Value::Map(map)
        }
    }
}

/// One of the texts, or several of them side by side.
fn text(rng: &mut Rng) -> String {
    let parts = if rng.percent(50) { 1 } else { 1 + rng.below(4) };
    let joint = rng.pick(&["", " ", "\n", "  ", "\n  "]);
    (0..parts).map(|_| rng.pick(TEXTS)).collect::<Vec<_>>().join(joint)
}

/// A chart that reads each value from both of its files.
fn files(batch: &[Written]) -> Vec<(String, Vec<u8>)> {
    const TEMPLATE: &str = "{{ range $f, $_ := .Files.Glob \"v/*.json\" }}{{ $y := $f | replace \".json\" \".yaml\" }}\
        {{ $f }}: \"{{ $.Files.Get $y | fromYaml | toJson | b64enc }}\"\n\
        {{ $y }}: \"{{ $.Files.Get $f | fromJson | toYaml | b64enc }}\"\n{{ end }}";
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("Chart.yaml".into(), b"apiVersion: v2\nname: trip\nversion: 1.0.0\n".to_vec()),
        ("templates/t.yaml".into(), TEMPLATE.into()),
    ];
    for (at, written) in batch.iter().enumerate() {
        files.push((format!("v/{at}.json"), written.json.clone().into_bytes()));
        files.push((format!("v/{at}.yaml"), written.yaml.clone().into_bytes()));
    }
    files
}
