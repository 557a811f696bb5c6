//! From what was measured to what is read.

use std::fmt::Write as _;

use super::super::bars::{self, Bar};
use super::super::plot::{self, Axis, OURS, Panel, Series, THEIRS};
use super::super::stats::ratio;
use super::super::units::{mebibytes, mib, millis, ms};
use super::super::{Anything, machine};
use super::{Measured, Results};

/// The picture, beside the document.
pub(super) const PICTURE: &str = "benchmarks-releases.svg";
/// How much later than it could be an install with `--wait` may end.
const LATE: f64 = 1.2;

#[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
fn smaller(measured: &Measured) -> f64 {
    measured.helm.peak as f64 / measured.ours.peak.max(1) as f64
}

fn faster(measured: &Measured) -> f64 {
    ratio(measured.helm.wall, measured.ours.wall)
}

/// Everything that must hold, and whether it does.
pub(super) fn bars(results: &Results) -> Vec<Bar> {
    let mut bars = Vec::new();
    for measured in &results.measured {
        for (wanted, found, unit) in
            [(measured.faster, faster(measured), "faster"), (measured.smaller, smaller(measured), "less memory")]
        {
            if wanted > 0.0 {
                bars.push(Bar {
                    what: measured.what.into(),
                    wanted: format!("at least {wanted:.0}× {unit}"),
                    found: format!("{found:.1}×"),
                    holds: found >= wanted,
                });
            }
        }
    }
    let late = ratio(results.floor.1, results.floor.0);
    bars.push(Bar {
        what: "install --wait, 150 objects, beside the least it can take".into(),
        wanted: format!("at most {LATE}×"),
        found: format!("{late:.2}×"),
        holds: late <= LATE,
    });
    bars
}

/// The section of the document.
pub(super) fn text(results: &Results) -> Anything<String> {
    let mut out = String::new();
    writeln!(
        out,
        "`cargo xtask bench releases` does the same on one API server with real Helm and with `ankra-helm`, as whole processes, in turn.\n"
    )?;
    writeln!(out, "![Wall time and peak memory of each command]({PICTURE})\n")?;
    out.push_str(&bars::table(&bars(results)));
    writeln!(out, "\n| wall time, processor time, peak memory | Helm | ankra-helm | ratio |\n|---|---|---|---|")?;
    for m in &results.measured {
        let of = |s: &super::Sample| format!("{}, {}, {}", ms(s.wall), ms(s.processor), mib(s.peak));
        let ratios = format!("{:.1}×, {:.1}×", faster(m), smaller(m));
        writeln!(out, "| {} | {} | {} | {ratios} |", m.what, of(&m.helm), of(&m.ours))?;
    }
    writeln!(out, "\nHow it is measured:\n")?;
    writeln!(
        out,
        "- The 150 objects are 30 each of ConfigMap, Service, ServiceAccount, Secret and Deployment; the upgrade changes all but the pods. Without `--wait` the Deployments have no pods, with it one each. Every run has a namespace of its own, which is gone before the next, and the controllers have come to rest before an upgrade. The numbers are medians of {} runs, of reads {}, both programs in turn; the ratios are of wall time and of the largest resident set.",
        results.runs,
        results.runs.max(super::READS)
    )?;
    writeln!(
        out,
        "- The least that waiting can take is `engine/examples/floor.rs`: a program that applies all objects side by side, with a watch beside it that sees the last Deployment available: {}. ankra-helm took {}.",
        ms(results.floor.0),
        ms(results.floor.1)
    )?;
    writeln!(
        out,
        "- The 1,000 records are 100 releases with 10 revisions each, of a chart with 64 kB of templates, values and README, which every record holds, as it does for published charts. What both print must be the same, byte for byte."
    )?;
    writeln!(
        out,
        "- API server, etcd, controllers and both programs share the machine. Helm: `{}`, built by the testbed. ankra-helm: the release profile, {}. The load was {} before the first run.",
        results.helm,
        machine::rustc(),
        results.load
    )?;
    writeln!(out, "- Machine: {}.", machine::describe())?;
    Ok(out)
}

/// Time and memory of each command, in the order of the table.
pub(super) fn picture(results: &Results) -> Anything<String> {
    let series = |name, colour, value: &dyn Fn(&Measured) -> f64| Series {
        name,
        colour,
        joined: true,
        points: results.measured.iter().zip(1u32..).map(|(m, n)| (f64::from(n), value(m))).collect(),
    };
    let x = Axis { label: "1 install, 2 upgrade, 3 install --wait, 4 list, 5 history, 6 get", logarithmic: false };
    let panel =
        |title: &str, label, series| Panel { title: title.to_owned(), x, y: Axis { label, logarithmic: true }, series };
    let panels = [
        panel(
            "Wall time",
            "milliseconds",
            vec![
                series("Helm", THEIRS, &|m| millis(m.helm.wall)),
                series("ankra-helm", OURS, &|m| millis(m.ours.wall)),
            ],
        ),
        panel(
            "Peak memory",
            "MiB",
            vec![
                series("Helm", THEIRS, &|m| mebibytes(m.helm.peak)),
                series("ankra-helm", OURS, &|m| mebibytes(m.ours.peak)),
            ],
        ),
    ];
    Ok(plot::draw(&panels)?)
}
