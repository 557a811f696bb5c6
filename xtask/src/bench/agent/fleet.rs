//! Many agents on one NATS server: what each costs and how soon each answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::stats::median;
use super::super::{Anything, say};
use super::Options;
use super::http::Http;
use super::nats::Nats;
use super::stage::{self, Agent, Stage};

/// Clients that ask at one time.
pub(super) const CLIENTS: usize = 8;
/// How many agents are started before the first of them must answer.
const AT_ONCE: usize = 10;
/// How long agents are left alone before they are looked at.
const REST: Duration = Duration::from_secs(20);

/// What a NATS server has to do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Server {
    /// In KiB.
    pub(super) memory: u64,
    pub(super) connections: u64,
    pub(super) subscriptions: u64,
    pub(super) consumers: u64,
    /// Since its start: messages and bytes in, messages and bytes out.
    traffic: [u64; 4],
    /// Processor time since its start.
    processor: Duration,
}

/// What was measured.
pub(super) struct Fleet {
    pub(super) agents: usize,
    /// Before the first agent, and with all.
    pub(super) servers: (Server, Server),
    /// For an agent at rest, each second: messages and bytes in, messages and
    /// bytes out, as the server counts them.
    pub(super) rest: [f64; 4],
    /// The server's share of one processor while all agents are at rest.
    pub(super) processor: f64,
    /// An agent's at rest, in thousandths of a processor.
    pub(super) agent_processor: f64,
    /// Of one agent, in KiB: the middle and the largest resident set, and the
    /// middle of what it adds to the others.
    pub(super) resident: (u64, u64),
    pub(super) own: u64,
    /// How long the agents took until all answered.
    pub(super) start: Duration,
    pub(super) info: Vec<Duration>,
    pub(super) list: Vec<Duration>,
    /// Answers in a second.
    pub(super) rate: f64,
    pub(super) failures: Vec<String>,
}

/// Starts the agents, leaves them alone for a while, then asks all of them.
pub(super) fn measure(stage: &Stage, options: &Options) -> Anything<Fleet> {
    let nats = Nats::connect(&stage.nats.url())?;
    // One agent makes the streams; what is counted is what the others add.
    drop(stage.agent("fleet-first", &nats)?);
    let mut monitor = Http::connect(&stage.nats.monitor_url())?;
    let process = super::process::Process::child_of(stage.nats.pid().ok_or("no NATS server")?)?;
    let before = Server::look(&mut monitor, process)?;
    let start = Instant::now();
    let mut agents: Vec<Agent> = Vec::new();
    for number in 0..options.agents {
        agents.push(stage.start_agent(&format!("fleet-{number}"))?);
        if agents.len().is_multiple_of(AT_ONCE) {
            agents.iter().rev().take(AT_ONCE).try_for_each(|agent| stage::answers(agent, &nats))?;
        }
    }
    agents.iter().try_for_each(|agent| stage::answers(agent, &nats))?;
    let started = start.elapsed();
    say(&format!("{} agents answer after {:.0} s", agents.len(), started.as_secs_f64()));
    std::thread::sleep(REST);
    let first = Server::look(&mut monitor, process)?;
    let (rested, used) = (Instant::now(), processor(&agents)?);
    std::thread::sleep(Duration::from_secs(options.seconds));
    let (last, span) = (Server::look(&mut monitor, process)?, rested.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "counts of messages and agents")]
    let (rest, count) =
        (std::array::from_fn(|at| (last.traffic[at] - first.traffic[at]) as f64 / span), agents.len() as f64);
    let used = (processor(&agents)? - used).as_secs_f64() / span;
    let of = |look: fn(super::process::Process) -> Anything<u64>| {
        agents.iter().map(|a| look(a.process)).collect::<Anything<Vec<_>>>()
    };
    let (resident, own) = (of(super::process::Process::resident)?, of(super::process::Process::proportional)?);
    let asked = ask(stage, &agents, options.seconds)?;
    Ok(Fleet {
        agents: agents.len(),
        servers: (before, last),
        rest: rest.map(|all: f64| all / count),
        processor: (last.processor - first.processor).as_secs_f64() / span,
        agent_processor: used * 1000.0 / count,
        resident: (median(resident.clone()).unwrap_or_default(), resident.into_iter().max().unwrap_or_default()),
        own: median(own).unwrap_or_default(),
        start: started,
        info: asked.info,
        list: asked.list,
        rate: asked.rate,
        failures: asked.failures,
    })
}

impl Fleet {
    /// Subscriptions of one agent.
    pub(super) fn subscriptions_each(&self) -> usize {
        let (before, with) = self.servers;
        let all = usize::try_from(with.subscriptions.saturating_sub(before.subscriptions)).unwrap_or_default();
        all.div_ceil(self.agents.max(1))
    }
}

fn processor(agents: &[Agent]) -> Anything<Duration> {
    agents.iter().map(|agent| agent.process.processor()).sum::<Anything<Duration>>()
}

impl Server {
    fn look(monitor: &mut Http, process: super::process::Process) -> Anything<Self> {
        let (var, js) = (monitor.json("/varz")?, monitor.json("/jsz")?);
        let of = |value: &Value, name: &str| value[name].as_u64().unwrap_or_default();
        Ok(Self {
            memory: process.resident()?,
            connections: of(&var, "connections"),
            subscriptions: of(&var, "subscriptions"),
            consumers: of(&js, "consumers"),
            traffic: ["in_msgs", "in_bytes", "out_msgs", "out_bytes"].map(|name| of(&var, name)),
            processor: process.processor()?,
        })
    }
}

/// What the clients came to.
#[derive(Default)]
struct Asked {
    info: Vec<Duration>,
    list: Vec<Duration>,
    rate: f64,
    failures: Vec<String>,
}

/// Several clients ask one agent after the other: who are you, and a page of
/// Pods.
fn ask(stage: &Stage, agents: &[Agent], seconds: u64) -> Anything<Asked> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let mut all = Asked::default();
    std::thread::scope(|scope| {
        let client = || {
            let mut mine = Asked::default();
            let nats = Nats::connect(&stage.nats.url()).map_err(|e| e.to_string())?;
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(agent) = agents.get(number % agents.len().max(1)) else { break };
                // Each agent is asked both in turn.
                let listing = number / agents.len() % 2 == 1;
                let (verb, body) =
                    if listing { ("list", json!({"resource": "pods", "limit": 100})) } else { ("info", json!({})) };
                match nats.request(&agent.request(verb), &body) {
                    Ok((_, took)) if listing => mine.list.push(took),
                    Ok((_, took)) => mine.info.push(took),
                    Err(error) => mine.failures.push(error.to_string()),
                }
            }
            Ok::<_, String>(mine)
        };
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        std::thread::sleep(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            let mut mine = thread.join().map_err(|_| "a thread failed")??;
            all.info.append(&mut mine.info);
            all.list.append(&mut mine.list);
            all.failures.append(&mut mine.failures);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a count of answers")]
    let answers = (all.info.len() + all.list.len()) as f64;
    all.rate = answers / start.elapsed().as_secs_f64();
    Ok(all)
}
