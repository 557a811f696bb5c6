//! `cargo xtask bench render`: `template` as a whole process, beside Helm.

mod cases;
mod corpus;
mod report;
mod scale;

use std::path::{Path, PathBuf};

use testbed::Workdir;
use testbed::tools::HELM4;

use super::measure::Subject;
use super::{Anything, Options, bars, document, say};
use crate::progress::Bar;
use crate::{Outcome, repository};
use cases::{Both, Sample};
use corpus::Corpus;
use scale::Kind;

/// The recorded charts that lie beside this repository.
const CORPUS: &str = "../shared/corpus/dev.tgz";
/// How often the start of the process is measured: it is short, so often.
const STARTS: usize = 21;

/// Everything that was measured.
struct Results {
    corpus: String,
    runs: usize,
    helm: String,
    /// The load of the machine before the first run.
    load: String,
    cases: cases::Outcome,
    /// Helm's start, and ours.
    start: (Sample, Sample),
    series: Vec<scale::Series>,
}

/// Measures, writes the document and its picture, and fails if an output was
/// wrong or a bar was missed.
pub(super) fn run(options: &Options) -> Outcome {
    let archive = match options.words.as_slice() {
        [] => repository::root().join(CORPUS),
        [one] => PathBuf::from(one),
        _ => return Err("one corpus at a time".into()),
    };
    let mut bar = Bar::new();
    let binaries = testbed::build_only(&[HELM4], |news| bar.show(&news))?;
    let program = match &options.program {
        Some(program) => program.canonicalize()?,
        None => super::build_release("ankra-helm")?,
    };
    let work = Workdir::new("bench")?;
    let results = measure(&archive, &program, &binaries.helm4, &work, options.runs)?;
    document::write_picture(report::PICTURE, &report::picture(&results)?)?;
    let path = document::write_section("render", &report::text(&results)?)?;
    say(&report::summary(&results));
    say(&format!("written: {}", path.display()));
    bars::outcome(&report::bars(&results), results.cases.failures())
}

fn measure(archive: &Path, program: &Path, helm: &Path, work: &Workdir, runs: usize) -> Anything<Results> {
    let load = super::machine::load();
    let corpus = Corpus::unpack(archive, &work.path().join("corpus"))?;
    let both = Both {
        helm: Subject::new(helm, &corpus.folder, &work.path().join("helm"))?,
        ours: Subject::new(program, &corpus.folder, &work.path().join("ours"))?,
    };
    let version = String::from_utf8_lossy(&both.helm.run(&["version"])?.stdout).trim().to_owned();
    let starts = both.alternate(&["version".to_owned()], STARTS)?;
    let count = corpus.cases.len();
    let cases = cases::measure(&corpus, &both, runs, |number| {
        if number % 50 == 0 {
            say(&format!("case {number} of {count}"));
        }
    })?;
    let mut series = Vec::new();
    for kind in Kind::BOTH {
        say(&format!("growing: {}", kind.unit()));
        series.push(scale::measure(kind, &both, runs, work.path())?);
    }
    let corpus = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let start = (cases::sample(&starts.0), cases::sample(&starts.1));
    Ok(Results { corpus, runs, helm: version, load, cases, start, series })
}
