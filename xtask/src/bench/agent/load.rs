//! An agent under load: watches, logs and changes at one time.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::{Anything, say};
use super::Options;
use super::changes::{self, Change, Changing};
use super::direct::Direct;
use super::nats::Nats;
use super::pods;
use super::process::Sampler;
use super::sessions::{Seen, Session};
use super::stage::{Agent, Stage};

/// One watch session in each.
const PROJECTIONS: [&str; 3] = ["table", "meta", "full"];
/// Log streams that are open.
pub(super) const STREAMS: usize = pods::NAMESPACES;
/// Lines that each log grows by in a second.
pub(super) const LINES: u64 = 50;
/// How long the first list may take to be there, and the last message.
const SYNCED: Duration = Duration::from_secs(900);
const SETTLED: Duration = Duration::from_secs(30);
/// Silence after which no more changes are on the way.
const SILENCE: Duration = Duration::from_secs(3);

/// What was measured.
pub(super) struct Load {
    /// How long each session's first list took.
    pub(super) syncs: Vec<(&'static str, Duration)>,
    /// Changes in a second.
    pub(super) rate: f64,
    pub(super) changes: usize,
    /// How long they were made.
    pub(super) spent: Duration,
    /// From sending a change to a client of the agent, over all sessions.
    pub(super) seen: Vec<Duration>,
    /// The same to a watch straight on the API server.
    pub(super) direct: Vec<Duration>,
    /// How much later the agent's clients were told than that watch.
    pub(super) behind: Vec<Duration>,
    /// From sending a change to the API server's answer, of those that it made.
    pub(super) taken: Vec<Duration>,
    /// Changes that a session was not told of.
    pub(super) lost: usize,
    /// Lines that each log had, and that were missing over all logs.
    pub(super) lines: (u64, u64),
    /// In KiB.
    pub(super) peak: u64,
    /// Processor time for a second of load.
    pub(super) processor: f64,
    /// Seconds, KiB.
    pub(super) memory: Vec<(f64, u64)>,
}

/// Opens the sessions, changes pods and counts what comes.
pub(super) fn measure(stage: &Stage, agent: &Agent, options: &Options) -> Anything<Load> {
    let changing = changes::prepare(stage, options.pods, options.changes, options.seconds)?;
    let sampler = Sampler::start(agent.process);
    let mut watches = Vec::new();
    for projection in PROJECTIONS {
        // Each by a connection of its own, as three people would.
        watches.push(Session::watch(&Nats::connect(&stage.nats.url())?, agent, projection)?);
    }
    wait(SYNCED, "the first lists", &watches, || watches.iter().all(Session::is_synced))?;
    for watch in &watches {
        let count = watch.progress.count.load(Ordering::Relaxed);
        if count < options.pods as u64 {
            return Err(format!("a watch brought {count} pods").into());
        }
    }
    let nats = Nats::connect(&stage.nats.url())?;
    let logs: Vec<Session> = (0..STREAMS)
        .map(|n| {
            let (namespace, pod) = pods::place(n);
            Session::log(&nats, agent, &namespace, &pod)
        })
        .collect::<Anything<_>>()?;
    let first = whole_lines(stage)?;
    wait(SETTLED, "the logs", &logs, || logs.iter().all(|log| log.progress.count.load(Ordering::Relaxed) >= first))?;
    say(&format!("{} watches and {} logs are open", watches.len(), logs.len()));
    let direct = Direct::start(stage)?;
    let (processor, start) = (agent.process.processor()?, Instant::now());
    let (changes, spent) = changed(stage, &changing, options)?;
    let processor = (agent.process.processor()? - processor).as_secs_f64() / start.elapsed().as_secs_f64();
    let last = whole_lines(stage)?;
    let all_lines = || logs.iter().all(|log| log.progress.count.load(Ordering::Relaxed) >= last);
    // What does not come is counted as lost.
    let _ = wait(SETTLED, "the last lines", &logs, all_lines);
    quiet(&watches, &direct);
    let missing = logs.iter().map(|log| last.abs_diff(log.progress.count.load(Ordering::Relaxed))).sum();
    logs.into_iter().try_for_each(|log| log.stop().map(drop))?;
    let sessions = watches.into_iter().map(Session::stop).collect::<Anything<Vec<Seen>>>()?;
    let direct = direct.stop(|| changes::touch(stage))?;
    let peak = agent.process.peak()?;
    let mut load = Load {
        syncs: PROJECTIONS.into_iter().zip(sessions.iter().map(|seen| seen.synced)).collect(),
        #[expect(clippy::cast_precision_loss, reason = "a count of changes")]
        rate: changes.len() as f64 / spent.as_secs_f64(),
        changes: changes.len(),
        spent,
        seen: Vec::new(),
        direct: changes.iter().filter_map(|change| Some(*direct.get(&change.rv)? - change.sent)).collect(),
        behind: Vec::new(),
        taken: changes.iter().filter_map(|change| Some(change.answered? - change.sent)).collect(),
        lost: 0,
        lines: (last, missing),
        peak,
        processor,
        memory: sampler.stop(),
    };
    for seen in &sessions {
        for change in &changes {
            match seen.arrivals.get(&change.rv) {
                Some(at) => {
                    load.seen.push(at.saturating_duration_since(change.sent));
                    load.behind.extend(direct.get(&change.rv).map(|told| at.saturating_duration_since(*told)));
                }
                None => load.lost += 1,
            }
        }
    }
    Ok(load)
}

/// Changes pods and lets logs grow for as long as was asked for.
fn changed(stage: &Stage, pods: &[Changing], options: &Options) -> Anything<(Vec<Change>, Duration)> {
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let start = Instant::now();
        let changing = scope.spawn(|| changes::make(stage, pods, options.changes, &stop).map_err(|e| e.to_string()));
        let growing = grow(stage, options.seconds, || changing.is_finished());
        stop.store(true, Ordering::Relaxed);
        let changes = changing.join().map_err(|_| "a thread failed")??;
        growing?;
        Ok((changes, start.elapsed()))
    })
}

fn grow(stage: &Stage, seconds: u64, failed: impl Fn() -> bool) -> Anything<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(stage.plane.pod_log())?;
    let start = Instant::now();
    for number in 0..seconds * LINES {
        if failed() {
            break;
        }
        // The times go on behind those of the lines that are there.
        writeln!(
            file,
            "2026-02-01T{:02}:{:02}:{:02}.{:09}Z stdout F line {number} of a log that grows while pods change",
            number / 3600 % 24,
            number / 60 % 60,
            number % 60,
            number
        )?;
        let due = start + Duration::from_secs(number + 1) / u32::try_from(LINES)?;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn whole_lines(stage: &Stage) -> Anything<u64> {
    Ok(std::fs::read(stage.plane.pod_log())?.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// Waits until nothing has come for a while: an API server that is behind tells
/// of changes for some seconds after the last was made.
fn quiet(watches: &[Session], direct: &Direct) {
    let told = || {
        let sessions = watches.iter().map(|watch| watch.progress.changes.load(Ordering::Relaxed));
        sessions.sum::<u64>() + direct.count()
    };
    let until = Instant::now() + SETTLED;
    let mut last = (told(), Instant::now());
    while last.1.elapsed() < SILENCE && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        let now = told();
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
}

/// Waits until `done`, or until a session has ended before its time.
fn wait(limit: Duration, what: &str, sessions: &[Session], done: impl Fn() -> bool) -> Anything<()> {
    let until = Instant::now() + limit;
    while !done() {
        if Instant::now() > until || sessions.iter().any(Session::is_over) {
            let ended = sessions.iter().filter(|session| session.is_over()).count();
            return Err(format!("{what} did not come ({ended} sessions ended)").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
