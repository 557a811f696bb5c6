//! Measuring every case of a corpus with both programs.

use std::time::Duration;

use super::super::Anything;
use super::super::measure::{Run, Subject};
use super::super::stats::median;
use super::corpus::{Case, Corpus, Verdict};

/// A program's medians of one case.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) wall: Duration,
    pub(super) processor: Duration,
    /// In KiB.
    pub(super) peak: u64,
}

/// One case, measured with both.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) id: String,
    pub(super) helm: Sample,
    pub(super) ours: Sample,
}

/// What a whole corpus came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) measured: Vec<Measured>,
    /// How many outputs were compared with recorded bytes.
    pub(super) compared: usize,
    /// The cases in which ours, or the Helm beside it, did not do what the
    /// recorded Helm did. They count for nothing, and the benchmark fails.
    pub(super) wrong: Vec<String>,
}

/// Both programs, in the same surroundings.
pub(super) struct Both {
    pub(super) helm: Subject,
    pub(super) ours: Subject,
}

impl Both {
    /// Runs the same command alternately with both: Helm, ours, Helm, ours …
    pub(super) fn alternate(&self, args: &[String], runs: usize) -> Anything<(Vec<Run>, Vec<Run>)> {
        let mut all = (Vec::with_capacity(runs), Vec::with_capacity(runs));
        for _ in 0..runs {
            all.0.push(self.helm.run(args)?);
            all.1.push(self.ours.run(args)?);
        }
        Ok(all)
    }
}

/// Wall time and memory of the run in the middle.
pub(super) fn sample(runs: &[Run]) -> Sample {
    Sample {
        wall: median(runs.iter().map(|run| run.wall).collect()).unwrap_or_default(),
        processor: median(runs.iter().map(|run| run.processor).collect()).unwrap_or_default(),
        peak: median(runs.iter().map(|run| run.peak).collect()).unwrap_or_default(),
    }
}

/// Measures all cases, and looks at every output that is measured.
pub(super) fn measure(corpus: &Corpus, both: &Both, runs: usize, mut news: impl FnMut(usize)) -> Anything<Outcome> {
    let mut outcome = Outcome::default();
    for (number, case) in corpus.cases.iter().enumerate() {
        news(number);
        // The first time, files are read from the disk: that is not measured.
        both.alternate(&case.args, 1)?;
        let (helm, ours) = both.alternate(&case.args, runs)?;
        let wrong = problem(corpus, case, &helm, &ours)?;
        match wrong {
            Some(text) => outcome.wrong.push(format!("{}: {text}", case.id)),
            None => {
                outcome.compared += usize::from(corpus.judge(case, &ours[0], true)? == Verdict::Same);
                let (helm, ours) = (sample(&helm), sample(&ours));
                outcome.measured.push(Measured { id: case.id.clone(), helm, ours });
            }
        }
    }
    Ok(outcome)
}

/// What is wrong with the outputs, if anything.
fn problem(corpus: &Corpus, case: &Case, helm: &[Run], ours: &[Run]) -> Anything<Option<String>> {
    for (name, runs, words) in [("Helm", helm, false), ("ankra-helm", ours, true)] {
        for run in runs {
            // The words of errors depend on the Go that a Helm is built with.
            if corpus.judge(case, run, words)? == Verdict::Different {
                return Ok(Some(format!("{name} (exit code {}) does not print what is recorded", run.code)));
            }
        }
    }
    Ok(None)
}
