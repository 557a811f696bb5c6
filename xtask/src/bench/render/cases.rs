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
    /// The cases in which ours did not do what the recorded Helm did. They
    /// count for nothing, and the benchmark fails.
    pub(super) wrong: Vec<String>,
    /// The cases in which Helm itself does not do what it did when it was
    /// recorded, such as those where something random decides: nobody can be
    /// measured by them.
    pub(super) unsteady: Vec<String>,
}

impl Outcome {
    /// What fails the benchmark: what is wrong, and more unsteady cases than
    /// chance explains, for then the corpus or the Helm is another one.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = self.wrong.clone();
        let all = self.measured.len() + self.wrong.len() + self.unsteady.len();
        if self.unsteady.len() * 100 > all {
            failures.push(format!("Helm does not print what is recorded in {} of {all} cases", self.unsteady.len()));
        }
        failures
    }
}

/// How often Helm is asked again where ours prints something else.
const AGAIN: usize = 16;

/// Both programs, in the same surroundings.
pub(super) struct Both {
    pub(super) helm: Subject,
    pub(super) ours: Subject,
}

impl Both {
    /// Runs a command with Helm alone.
    fn helms(&self, args: &[String], runs: usize) -> Anything<Vec<Run>> {
        (0..runs).map(|_| self.helm.run(args)).collect()
    }

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
        // The words of errors depend on the Go that a Helm is built with.
        if differing(corpus, case, &helm, false)?.is_some() {
            outcome.unsteady.push(case.id.clone());
            continue;
        }
        if let Some(code) = differing(corpus, case, &ours, true)? {
            // Where something is random, Helm is asked more often before ours
            // is called wrong: what it then prints otherwise, ours may, too.
            if !case.deterministic && differing(corpus, case, &both.helms(&case.args, AGAIN)?, false)?.is_some() {
                outcome.unsteady.push(case.id.clone());
            } else {
                outcome.wrong.push(format!("{} (exit code {code}) does not print what is recorded", case.id));
            }
            continue;
        }
        outcome.compared += usize::from(corpus.judge(case, &ours[0], true)? == Verdict::Same);
        let (helm, ours) = (sample(&helm), sample(&ours));
        outcome.measured.push(Measured { id: case.id.clone(), helm, ours });
    }
    Ok(outcome)
}

/// The exit code of the first run that did not do what is recorded; `words`
/// says whether error texts count.
fn differing(corpus: &Corpus, case: &Case, runs: &[Run], words: bool) -> Anything<Option<i32>> {
    for run in runs {
        if corpus.judge(case, run, words)? == Verdict::Different {
            return Ok(Some(run.code));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_unsteady_cases_are_left_out_and_many_fail() {
        let measured = |n| vec![Measured { id: String::new(), helm: Sample::default(), ours: Sample::default() }; n];
        let outcome = |good, unsteady| Outcome {
            measured: measured(good),
            unsteady: vec!["random".to_owned(); unsteady],
            ..Outcome::default()
        };
        assert_eq!(outcome(99, 1).failures(), Vec::<String>::new());
        assert_eq!(outcome(98, 2).failures().len(), 1);
        let wrong = Outcome { measured: measured(99), wrong: vec!["a".to_owned()], ..Outcome::default() };
        assert_eq!(wrong.failures(), ["a"]);
    }
}
