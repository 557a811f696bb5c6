//! From what was measured to what is read.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::bars::{self, Bar};
use super::super::plot::{self, Axis, OURS, Panel, Series, THEIRS};
use super::super::stats::{geometric_mean, median, ratio};
use super::super::units::{mebibytes, mib, millis, ms};
use super::super::{Anything, machine};
use super::Results;
use super::cases::{Measured, Sample};

/// The picture, beside the document.
pub(super) const PICTURE: &str = "benchmarks-render.svg";
/// A growth of this power counts as linear; what is above 1 is noise.
const LINEAR: f64 = 1.2;

/// What a process takes at least: the kernel counts no finer.
const LEAST: Duration = Duration::from_micros(1);

/// What a corpus boils down to.
struct Summary<'r> {
    wall: f64,
    processor: f64,
    peak: f64,
    slowest: Option<&'r Measured>,
    largest: Option<&'r Measured>,
}

fn wall_ratio(case: &Measured) -> f64 {
    ratio(case.helm.wall, case.ours.wall)
}

#[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
fn peak_ratio(case: &Measured) -> f64 {
    case.helm.peak as f64 / case.ours.peak as f64
}

fn summarize(results: &Results) -> Summary<'_> {
    let all = &results.cases.measured;
    let ratios = |of: fn(&Measured) -> f64| geometric_mean(&all.iter().map(of).collect::<Vec<_>>());
    let least = |of: fn(&Measured) -> f64| all.iter().min_by(|a, b| of(a).total_cmp(&of(b)));
    Summary {
        wall: ratios(wall_ratio),
        processor: ratios(|case| ratio(case.helm.processor, case.ours.processor.max(LEAST))),
        peak: ratios(peak_ratio),
        slowest: least(wall_ratio),
        largest: least(peak_ratio),
    }
}

/// Everything that must hold, and whether it does.
pub(super) fn bars(results: &Results) -> Vec<Bar> {
    let summary = summarize(results);
    let all = &results.cases.measured;
    let slower = all.iter().filter(|case| wall_ratio(case) < 1.0).count();
    let ours = results.start.1.wall;
    let mut bars = vec![
        Bar {
            what: "wall time, geometric mean".into(),
            wanted: "at least 12× less (aim: 20×)".into(),
            found: format!("{:.1}× less", summary.wall),
            holds: summary.wall >= 12.0,
        },
        Bar {
            what: "peak memory, geometric mean".into(),
            wanted: "at least 4× less (aim: 8×)".into(),
            found: format!("{:.1}× less", summary.peak),
            holds: summary.peak >= 4.0,
        },
        Bar { what: "cases that are slower".into(), wanted: "0".into(), found: slower.to_string(), holds: slower == 0 },
        Bar {
            what: "process start (`version`)".into(),
            wanted: "under 5 ms".into(),
            found: format!("{} (Helm: {})", ms(ours), ms(results.start.0.wall)),
            holds: ours < Duration::from_millis(5),
        },
    ];
    for series in &results.series {
        let growth = series.growth(ours);
        bars.push(Bar {
            what: format!("growth with {}", series.kind.unit()),
            wanted: "linear (power 1)".into(),
            found: format!("power {growth:.2}, {:.0}× faster at the largest", series.ratio_at_largest()),
            holds: growth <= LINEAR,
        });
    }
    bars
}

/// A few lines for the terminal.
pub(super) fn summary(results: &Results) -> String {
    let processor = summarize(results).processor;
    format!("{}\nprocessor time, geometric mean: {processor:.1}× less", bars::summary(&bars(results)))
}

/// The section of the document.
pub(super) fn text(results: &Results) -> Anything<String> {
    let mut out = String::new();
    let summary = summarize(results);
    let all = &results.cases.measured;
    writeln!(
        out,
        "`cargo xtask bench render` renders every case of a corpus of public charts with real Helm and with `ankra-helm template`, as whole processes.\n"
    )?;
    writeln!(out, "![Wall time and peak memory of each case, and growth]({PICTURE})\n")?;
    out.push_str(&bars::table(&bars(results)));
    writeln!(
        out,
        "\nProcessor time, which other work on the machine does not lengthen: {:.1}× less as geometric mean.",
        summary.processor
    )?;
    writeln!(out, "\n| wall time, peak memory | Helm | ankra-helm | ratio |\n|---|---|---|---|")?;
    let of = |pick: fn(&Measured) -> Sample| {
        let wall = median(all.iter().map(|case| pick(case).wall).collect()).unwrap_or_default();
        (wall, median(all.iter().map(|case| pick(case).peak).collect()).unwrap_or_default())
    };
    let (helm, ours) = (of(|case| case.helm), of(|case| case.ours));
    row(&mut out, "the middle case", (helm.0, ours.0), (helm.1, ours.1))?;
    let whole = |pick: fn(&Measured) -> Sample| all.iter().map(|case| pick(case).wall).sum::<Duration>();
    let (helm, ours) = (whole(|case| case.helm), whole(|case| case.ours));
    writeln!(out, "| all cases, one after the other | {} | {} | {:.1}× |", ms(helm), ms(ours), ratio(helm, ours))?;
    for (what, case) in [("worst case for time", summary.slowest), ("worst case for memory", summary.largest)] {
        if let Some(case) = case {
            let what = format!("{what}: `{}`", case.id);
            row(&mut out, &what, (case.helm.wall, case.ours.wall), (case.helm.peak, case.ours.peak))?;
        }
    }
    let (helm, ours) = results.start;
    row(&mut out, "process start: `version`", (helm.wall, ours.wall), (helm.peak, ours.peak))?;
    growth(&mut out, results)?;
    how(&mut out, results)?;
    Ok(out)
}

fn row(out: &mut String, what: &str, wall: (Duration, Duration), peak: (u64, u64)) -> fmt::Result {
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
    let peaks = peak.0 as f64 / peak.1 as f64;
    let walls = ratio(wall.0, wall.1);
    let (helm, ours) = (format!("{}, {}", ms(wall.0), mib(peak.0)), format!("{}, {}", ms(wall.1), mib(peak.1)));
    writeln!(out, "| {what} | {helm} | {ours} | {walls:.1}×, {peaks:.1}× |")
}

fn growth(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(out, "\nCharts made to grow:\n")?;
    writeln!(out, "| | Helm | ankra-helm | ratio |\n|---|---|---|---|")?;
    for series in &results.series {
        for (size, helm, ours) in &series.points {
            let what = format!("{size} {}", series.kind.unit());
            row(out, &what, (helm.wall, ours.wall), (helm.peak, ours.peak))?;
        }
    }
    Ok(())
}

fn how(out: &mut String, results: &Results) -> fmt::Result {
    let cases = &results.cases;
    writeln!(out, "\nHow it is measured:\n")?;
    writeln!(
        out,
        "- {} cases of `{}`. Each is run once unmeasured, then {} times with each program, alternately; the numbers are medians. Wall time is from starting the process to its end, memory its largest resident set (`ru_maxrss`), each run below a small process of its own.",
        cases.measured.len(),
        results.corpus,
        results.runs
    )?;
    writeln!(
        out,
        "- Every measured output is checked: the exit status must be that of the recorded run, and {} of the outputs are compared with recorded bytes (without the lines that are random; the others are known to vary as a whole). What is wrong does not count and fails the benchmark; it was wrong in {} cases.",
        cases.compared,
        cases.wrong.len()
    )?;
    if !cases.unsteady.is_empty() {
        writeln!(
            out,
            "- Left out, because Helm itself did not print what it printed when it was recorded (something random decides): `{}`.",
            cases.unsteady.join("`, `")
        )?;
    }
    writeln!(
        out,
        "- Keys and certificates are made anew in each run: how long the search for primes takes varies by chance, in both programs."
    )?;
    writeln!(
        out,
        "- Growth is the slope of time over size, both as logarithms, less the time of a process start. The charts are made by the benchmark, and both programs must print the same."
    )?;
    writeln!(
        out,
        "- Helm: `{}`, built by the testbed. ankra-helm: the release profile, {}. The load was {} before the first run.",
        results.helm,
        machine::rustc(),
        results.load
    )?;
    writeln!(out, "- Machine: {}.", machine::describe())
}

/// Four plots: time and memory of each case, and both growths.
pub(super) fn picture(results: &Results) -> Anything<String> {
    let mut cases: Vec<&Measured> = results.cases.measured.iter().collect();
    cases.sort_by_key(|case| case.helm.wall);
    let summary = summarize(results);
    let ranked = |name, colour, value: &dyn Fn(&Measured) -> f64| {
        let points = cases.iter().zip(1u32..).map(|(case, rank)| (f64::from(rank), value(case))).collect();
        Series { name, colour, joined: false, points }
    };
    let rank = Axis { label: "cases, by Helm's time", logarithmic: false };
    let time = Axis { label: "milliseconds", logarithmic: true };
    let mut panels = vec![
        Panel {
            title: format!("Wall time: {:.1}× less", summary.wall),
            x: rank,
            y: time,
            series: vec![
                ranked("Helm", THEIRS, &|case| millis(case.helm.wall)),
                ranked("ankra-helm", OURS, &|case| millis(case.ours.wall)),
            ],
        },
        Panel {
            title: format!("Peak memory: {:.1}× less", summary.peak),
            x: rank,
            y: Axis { label: "MiB", logarithmic: true },
            series: vec![
                ranked("Helm", THEIRS, &|case| mebibytes(case.helm.peak)),
                ranked("ankra-helm", OURS, &|case| mebibytes(case.ours.peak)),
            ],
        },
    ];
    for series in &results.series {
        let line = |name, colour, of: fn(&(u32, Sample, Sample)) -> Sample| {
            let points = series.points.iter().map(|p| (f64::from(p.0), millis(of(p).wall))).collect();
            Series { name, colour, joined: true, points }
        };
        panels.push(Panel {
            title: "Growth".into(),
            x: Axis { label: series.kind.unit(), logarithmic: true },
            y: time,
            series: vec![line("Helm", THEIRS, |p| p.1), line("ankra-helm", OURS, |p| p.2)],
        });
    }
    Ok(plot::draw(&panels)?)
}
