//! How many bytes of logs go through an agent in a second, beside kubectl on
//! the same logs.

use std::io::{BufWriter, Read, Write};
use std::process::Child;
use std::time::{Duration, Instant};

use testbed::Program;

use super::super::{Anything, say, stats::median};
use super::Options;
use super::stage::{Agent, NODES, Stage};

/// How many logs are followed at one time.
pub(super) const STREAMS: [usize; 3] = [1, 20, 100];
/// How long one run may take.
const WINDOW: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

/// One number of streams, in MB a second.
pub(super) struct Flow {
    pub(super) streams: usize,
    pub(super) kubectl: f64,
    pub(super) ours: f64,
}

/// Follows the logs with both, in turn.
pub(super) fn measure(stage: &Stage, agent: &Agent, options: &Options) -> Anything<Vec<Flow>> {
    let wanted = options.log_mib * MIB;
    write_log(stage, wanted + wanted / 4)?;
    make_pods(stage)?;
    let kubectl = stage.kubectl("logs-kubectl")?;
    let ours = Program::new(&stage.client, stage.plane.folder().join("logs-ours"))?.with("NATS_URL", stage.nats.url());
    let mut flows = Vec::new();
    for streams in STREAMS {
        let selector = format!("load-logs=of-{streams}");
        let (mut theirs, mut mine) = (Vec::new(), Vec::new());
        for _ in 0..options.runs {
            let args = ["kubectl", "logs", "-f", "-n", "logs", "-l", &selector, "--tail=-1", "--max-log-requests=100"];
            theirs.push(rate(kubectl.spawn(args)?, wanted)?);
            let args = [
                "agent",
                "logs",
                "-f",
                "-n",
                "logs",
                "-l",
                &selector,
                "--max-log-requests=100",
                "--no-prefix",
                "--cluster",
                &agent.cluster,
            ];
            mine.push(rate(ours.spawn(args)?, wanted)?);
        }
        let of = |rates: Vec<u64>| median(rates).unwrap_or_default();
        let (theirs, mine) = (of(theirs), of(mine));
        #[expect(clippy::cast_precision_loss, reason = "bytes of a second")]
        let flow = Flow { streams, kubectl: theirs as f64 / 1e6, ours: mine as f64 / 1e6 };
        say(&format!("{streams} logs: {:.1} MB/s, kubectl {:.1} MB/s", flow.ours, flow.kubectl));
        flows.push(flow);
    }
    Ok(flows)
}

/// Bytes a second from the first one on, until enough have come or the time is
/// over. Then the program is ended: it follows.
fn rate(mut child: Child, wanted: usize) -> Anything<u64> {
    let read = child.stdout.take().ok_or("no output").map(|out| received(out, wanted));
    child.kill()?;
    child.wait()?;
    let (bytes, took) = read??;
    if bytes < MIB {
        let mut why = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut why)?;
        }
        return Err(format!("{bytes} bytes of logs came: {why}").into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "bytes of a second"
    )]
    Ok((bytes as f64 / took.as_secs_f64()) as u64)
}

fn received(mut out: impl Read, wanted: usize) -> Anything<(usize, Duration)> {
    let mut buffer = vec![0; 64 * 1024];
    let (mut bytes, mut start) = (0, Instant::now());
    loop {
        let read = out.read(&mut buffer)?;
        if bytes == 0 {
            start = Instant::now();
        }
        bytes += read;
        if read == 0 || bytes >= wanted || start.elapsed() > WINDOW {
            return Ok((bytes, start.elapsed()));
        }
    }
}

/// The log of every pod: lines as a container runtime writes them.
fn write_log(stage: &Stage, bytes: usize) -> Anything<()> {
    let mut file = BufWriter::new(std::fs::File::create(stage.plane.pod_log())?);
    let mut written = 0;
    let mut number = 0u64;
    while written < bytes {
        let (second, micro) = (number / 100_000 % 60, number % 100_000 * 10);
        let minute = number / 6_000_000 % 60;
        let word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let line = format!(
            "level=info request={number} path=/v1/items/{word:x} status=200 took={}ms user-agent=\"curl/8.5\"",
            number % 97
        );
        writeln!(file, "2026-03-01T00:{minute:02}:{second:02}.{micro:06}000Z stdout F {line}")?;
        written += line.len() + 1;
        number += 1;
    }
    Ok(file.flush()?)
}

fn make_pods(stage: &Stage) -> Anything<()> {
    let mut text = String::from("apiVersion: v1\nkind: Namespace\nmetadata: {name: logs}\n");
    for streams in STREAMS {
        for number in 0..streams {
            text.push_str(&format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: log-{streams}-{number}, namespace: logs, labels: {{load-logs: of-{streams}}}}}\nspec:\n  nodeName: node-{}\n  automountServiceAccountToken: false\n  containers: [{{name: web, image: none}}]\n",
                number % NODES as usize
            ));
        }
    }
    // The namespace's service account comes a moment after it.
    stage.plane.apply(text.split("---").next().unwrap_or_default())?;
    let worked =
        stage.plane.kubectl(["wait", "--for=create", "serviceaccount/default", "-n", "logs", "--timeout=60s"])?;
    if worked.code != 0 {
        return Err(worked.stderr.into());
    }
    stage.plane.apply(&text)?;
    let worked =
        stage.plane.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "-n", "logs", "--timeout=120s"])?;
    if worked.code == 0 { Ok(()) } else { Err(worked.stderr.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_with_the_first_byte() {
        struct Late(u32);
        impl Read for Late {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                if self.0 == 0 {
                    std::thread::sleep(Duration::from_millis(300));
                }
                self.0 += 1;
                Ok(buffer.len().min(1000))
            }
        }
        let (bytes, took) = received(Late(0), 2500).unwrap();
        assert_eq!(bytes, 3000);
        assert!(took < Duration::from_millis(200), "{took:?}");
        assert_eq!(received(b"end".as_slice(), 100).unwrap().0, 3);
    }
}
