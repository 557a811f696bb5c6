//! A run: tries are rendered here, then by Helm, and compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use testbed::{HelmVersion, Program, Workdir, build_only, tools};

use crate::chart::{files, render};
use crate::generate::{Generator, Try};
use crate::known::{differs_by_addresses, masked};

/// How many templates that render go into one chart.
const BATCH: usize = 150;

/// What to try.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many templates.
    pub tries: u64,
    /// What they depend on.
    pub seed: u64,
    /// How many Helms run at a time.
    pub jobs: usize,
}

/// A template of which the two make different things.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The number of the try.
    pub number: u64,
    /// The template.
    pub template: String,
    /// What this project makes of it.
    pub ours: String,
    /// What Helm makes of it.
    pub helms: String,
}

/// What a run has found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many templates both rendered.
    pub rendered: usize,
    /// How many both refused.
    pub refused: usize,
    /// How often only the version of Go or an address made a difference.
    pub known: usize,
    /// Everything else.
    pub differences: Vec<Difference>,
}

/// Renders all tries on both sides. `says` is told how far it is.
///
/// # Errors
/// When Helm cannot be built or started.
pub fn run(options: Options, says: &(dyn Fn(usize, usize) + Sync)) -> testbed::Result<Report> {
    let binaries = build_only(&[tools::HELM4], |_| {})?;
    let work = Workdir::new("differ")?;
    let nowhere = work.path().join("no-kubeconfig");
    let helm = HelmVersion::V4.program(&binaries, work.path())?.with_kubeconfig(&nowhere);
    let generator = Generator::new(options.seed);
    let build = build_of(&helm)?;
    let jobs = sort(&generator, options.tries, &build);
    let (next, report) = (AtomicUsize::new(0), Mutex::new(Report::default()));
    let work_on = || -> testbed::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { return Ok(()) };
            let folder = work.path().join(format!("job-{at}"));
            let found = job.compare(&helm, &build, &folder)?;
            let _ = std::fs::remove_dir_all(&folder);
            if let Ok(mut report) = report.lock() {
                report.add(found);
            }
            says(at + 1, jobs.len());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.jobs.max(1)).map(|_| scope.spawn(work_on)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let mut report = report.into_inner().unwrap_or_default();
    report.differences.sort_by_key(|d| d.number);
    Ok(report)
}

/// What a Helm says of its own build, which templates can see.
fn build_of(helm: &Program) -> testbed::Result<charts::HelmVersion> {
    const FIELDS: &str = "{{.Version}}|{{.GitCommit}}|{{.GitTreeState}}|{{.GoVersion}}|{{.KubeClientVersion}}";
    let said = helm.run(["version", "--template", FIELDS])?.stdout;
    let mut fields = said.trim_end().split('|').map(str::to_owned);
    let mut next = || fields.next().unwrap_or_default();
    Ok(charts::HelmVersion {
        version: next(),
        git_commit: next(),
        git_tree_state: next(),
        go_version: next(),
        kube_client_version: next(),
    })
}

/// One start of Helm, as far as nothing is found.
enum Job {
    /// These render here.
    Renders(Vec<Try>),
    /// This one fails here, so.
    Fails(Try, String),
}

/// Renders every try here and puts those together that Helm can take at once.
fn sort(generator: &Generator, tries: u64, build: &charts::HelmVersion) -> Vec<Job> {
    let (mut jobs, mut batch) = (Vec::new(), Vec::new());
    for number in 0..tries {
        let one = generator.make(number);
        match render(&files(&[&one], true), Some(build)) {
            Err(text) if is_of_rendering(&text) => jobs.push(Job::Fails(one, text)),
            _ if one.alone => jobs.push(Job::Renders(vec![one])),
            _ => batch.push(one),
        }
        if batch.len() == BATCH {
            jobs.push(Job::Renders(std::mem::take(&mut batch)));
        }
    }
    if !batch.is_empty() {
        jobs.push(Job::Renders(batch));
    }
    jobs
}

/// The plain include of a text that is no YAML fails after rendering.
fn is_of_rendering(text: &str) -> bool {
    !text.starts_with("YAML parse error on ")
}

impl Job {
    fn compare(&self, helm: &Program, build: &charts::HelmVersion, folder: &Path) -> testbed::Result<Report> {
        match self {
            Job::Renders(tries) => {
                let mut report = Report::default();
                compare_rendered(&tries.iter().collect::<Vec<_>>(), (helm, build), folder, &mut report)?;
                Ok(report)
            }
            Job::Fails(one, text) => {
                let theirs = helm_says(&files(&[one], true), helm, folder)?;
                let mut report = Report { refused: 1, ..Report::default() };
                report.compare(one, &format!("Error: {text}"), &theirs.unwrap_or_else(|text| text));
                Ok(report)
            }
        }
    }
}

/// Compares templates that render here; if Helm refuses the chart, its halves.
fn compare_rendered(
    tries: &[&Try],
    by: (&Program, &charts::HelmVersion),
    folder: &Path,
    report: &mut Report,
) -> testbed::Result<()> {
    let files = files(tries, false);
    let ours = render(&files, Some(by.1));
    let theirs = helm_says(&files, by.0, folder)?;
    if let (Ok(ours), Ok(theirs)) = (&ours, &theirs) {
        let (ours, theirs) = (documents(ours), documents(theirs));
        for one in tries {
            let of = |documents: &BTreeMap<String, String>| {
                let path = format!("diff/templates/{}.yaml", one.number);
                documents.get(&path).cloned().unwrap_or_default()
            };
            report.rendered += 1;
            report.compare(one, &of(&ours), &of(&theirs));
        }
        return Ok(());
    }
    if let [one] = tries {
        report.rendered += 1;
        let text = |side: Result<String, String>| side.unwrap_or_else(|text| text);
        report.compare(one, &text(ours), &text(theirs));
        return Ok(());
    }
    let (first, second) = tries.split_at(tries.len() / 2);
    compare_rendered(first, by, folder, report)?;
    compare_rendered(second, by, folder, report)
}

/// Writes the chart and has Helm render it.
pub(crate) fn helm_says(
    files: &[(String, Vec<u8>)],
    helm: &Program,
    folder: &Path,
) -> testbed::Result<Result<String, String>> {
    let chart = folder.join("diff");
    let _ = std::fs::remove_dir_all(&chart);
    for (name, data) in files {
        let path = chart.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| error("make", parent, e))?;
        }
        std::fs::write(&path, data).map_err(|e| error("write", &path, e))?;
    }
    let done = helm.run(["template".as_ref(), "rel".as_ref(), chart.as_os_str()])?;
    Ok(if done.code == 0 { Ok(done.stdout) } else { Err(done.stderr.trim_end().to_owned()) })
}

/// The documents of a stream by the template that each came from.
fn documents(text: &str) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for part in text.split("---\n# Source: ").skip(1) {
        if let Some((name, body)) = part.split_once('\n') {
            documents.insert(name.to_owned(), decoded(body.trim_end()));
        }
    }
    documents
}

/// The text behind `out: "…"`.
pub(crate) fn decoded(body: &str) -> String {
    let inner = body.strip_prefix("out: \"").and_then(|b| b.strip_suffix('"')).unwrap_or(body);
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for c in inner.bytes().filter(|c| *c != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return body.to_owned(),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(not) => not.as_bytes().escape_ascii().to_string(),
    }
}

impl Report {
    fn add(&mut self, other: Report) {
        self.rendered += other.rendered;
        self.refused += other.refused;
        self.known += other.known;
        self.differences.extend(other.differences);
    }

    fn compare(&mut self, one: &Try, ours: &str, helms: &str) {
        if ours == helms {
            return;
        }
        if masked(ours) == masked(helms) || differs_by_addresses(ours, helms) {
            self.known += 1;
            return;
        }
        self.differences.push(Difference {
            number: one.number,
            template: one.template.clone(),
            ours: ours.to_owned(),
            helms: helms.to_owned(),
        });
    }
}

fn error(verb: &str, path: &Path, source: std::io::Error) -> testbed::Error {
    testbed::Error::Io { doing: format!("{verb} {}", path.display()), source }
}
