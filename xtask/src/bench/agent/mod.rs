//! `cargo xtask bench agent` and `bench agents`: one agent on a large cluster,
//! and many agents on one NATS server.

mod changes;
mod crowd;
mod direct;
mod fleet;
mod http;
mod lists;
mod load;
mod logs;
mod nats;
mod pods;
mod process;
mod report;
mod sessions;
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use testbed::tools::CLUSTER;

use super::{Anything, bars, document, machine, say};
use crate::Outcome;
use crate::progress::Bar;
use nats::Nats;
use sessions::Session;
use stage::Stage;

/// Pods of the smaller cluster, in which nothing happens.
const IDLE: usize = 10_000;
/// How long the smaller cluster is looked at.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// What was asked for on the command line.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Pods of the large cluster.
    pods: usize,
    /// Changes in a second.
    changes: usize,
    /// How long each load lasts, in seconds.
    seconds: u64,
    /// Agents on one NATS server.
    agents: usize,
    /// Connections to a NATS server that only listen.
    connections: usize,
    /// How much of a log is read, in MiB.
    log_mib: usize,
    /// How often a log is read.
    runs: usize,
    /// Only whether it works: nothing is written, and no bar must be met.
    smoke: bool,
    /// The agent and the command, if they are built already.
    agent: Option<PathBuf>,
    client: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> Anything<Self> {
        let mut options = Self {
            pods: 50_000,
            changes: 500,
            seconds: 60,
            agents: 200,
            connections: 5000,
            log_mib: 128,
            runs: 3,
            smoke: false,
            agent: None,
            client: None,
        };
        if words.contains(&"--smoke") {
            options = Self {
                pods: 600,
                changes: 100,
                seconds: 4,
                agents: 3,
                connections: 50,
                log_mib: 2,
                runs: 1,
                smoke: true,
                ..options
            };
        }
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if *word == "--smoke" {
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} is unknown or needs a value"))?;
            let number =
                || value.parse::<usize>().ok().filter(|n| *n > 0).ok_or(format!("{word} {value}: not a number"));
            match *word {
                "--pods" => options.pods = number()?.max(pods::NAMESPACES),
                "--changes" => options.changes = number()?,
                "--seconds" => options.seconds = number()? as u64,
                "--agents" => options.agents = number()?,
                "--connections" => options.connections = number()?,
                "--log-mib" => options.log_mib = number()?,
                "--runs" => options.runs = number()?,
                "--program" => options.agent = Some(value.into()),
                "--client" => options.client = Some(value.into()),
                other => return Err(format!("unknown flag {other}").into()),
            }
        }
        Ok(options)
    }

    /// Pods of the cluster in which nothing happens.
    fn idle(&self) -> usize {
        IDLE.min(self.pods)
    }
}

/// What both benchmarks say about themselves.
struct About {
    options: Options,
    /// The load of the machine before and after.
    load: (String, String),
}

/// Everything that was measured with one agent.
struct One {
    about: About,
    /// The agent's largest resident set with the smaller cluster, in KiB.
    idle: u64,
    lists: Vec<lists::Pages>,
    load: load::Load,
    flows: Vec<logs::Flow>,
}

fn program(given: Option<&PathBuf>, name: &str) -> Anything<PathBuf> {
    match given {
        Some(program) => Ok(program.canonicalize()?),
        None => super::build_release(name),
    }
}

fn stage(options: &Options) -> Anything<Stage> {
    let mut bar = Bar::new();
    let binaries = testbed::build_only(&CLUSTER, |news| bar.show(&news))?;
    let agent = program(options.agent.as_ref(), "ankra-agent")?;
    let client = program(options.client.as_ref(), "ankra-helm")?;
    Stage::new(&binaries, &agent, &client)
}

/// One agent on a large cluster. Measures, writes the document and its
/// picture, and fails if something was lost or a bar was missed.
pub(super) fn run(options: &Options) -> Outcome {
    let before = machine::load();
    let stage = stage(options)?;
    let nats = Nats::connect(&stage.nats.url())?;
    pods::namespaces(&stage)?;
    pods::make(&stage, 0, options.idle())?;
    let idle = idle(&stage, &nats, options)?;
    pods::make(&stage, options.idle(), options.pods)?;
    let agent = stage.agent("bench", &nats)?;
    let load = load::measure(&stage, &agent, options)?;
    say(&format!("peak {} KiB, {:.0} changes a second, {} lost", load.peak, load.rate, load.lost));
    drop(agent);
    let agent = stage.agent("lists", &nats)?;
    let lists = lists::measure(&stage, &agent, &nats)?;
    let flows = logs::measure(&stage, &agent, options)?;
    let about = About { options: options.clone(), load: (before, machine::load()) };
    let one = One { about, idle, lists, load, flows };
    let found = report::bars(&one);
    say(&bars::summary(&found));
    finish(
        options,
        "agent",
        &found,
        &report::text(&one)?,
        (report::PICTURE, &report::picture(&one)?),
        report::wrong(&one),
    )
}

/// Many agents on one NATS server.
pub(super) fn run_many(options: &Options) -> Outcome {
    let before = machine::load();
    let stage = stage(options)?;
    pods::namespaces(&stage)?;
    pods::make(&stage, 0, options.idle().min(1000))?;
    let fleet = fleet::measure(&stage, options)?;
    let each = fleet.subscriptions_each();
    say(&format!("{} connections with {each} subscriptions", options.connections));
    let crowd = crowd::measure(&stage.binaries, stage.plane.folder(), options.connections, each)?;
    let about = About { options: options.clone(), load: (before, machine::load()) };
    let found = report::fleet_bars(&fleet);
    say(&bars::summary(&found));
    let picture = (report::FLEET_PICTURE, &*report::fleet_picture(&fleet)?);
    finish(options, "agents", &found, &report::fleet_text(&fleet, crowd, &about)?, picture, fleet.failures)
}

/// Writes what was found, unless it was only tried.
fn finish(
    options: &Options,
    heading: &str,
    found: &[bars::Bar],
    text: &str,
    picture: (&str, &str),
    wrong: Vec<String>,
) -> Outcome {
    if options.smoke {
        return bars::outcome(&[], wrong);
    }
    document::write_picture(picture.0, picture.1)?;
    let path = document::write_section(heading, text)?;
    say(&format!("written: {}", path.display()));
    bars::outcome(found, wrong)
}

/// The largest resident set of an agent with one watch over all pods, in a
/// cluster in which nothing happens.
fn idle(stage: &Stage, nats: &Nats, options: &Options) -> Anything<u64> {
    let agent = stage.agent("idle", nats)?;
    let watch = Session::watch(nats, &agent, "table")?;
    while !watch.is_synced() {
        if watch.is_over() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(IDLE_TIME.min(Duration::from_secs(options.seconds)));
    nats.request(&agent.request("info"), &json!({}))?;
    watch.stop()?;
    let peak = agent.process.peak()?;
    say(&format!("{} pods at rest: {peak} KiB", options.idle()));
    Ok(peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_run_is_asked_for_by_flags() {
        let options = Options::parse(&["--pods", "3000", "--smoke", "--program", "agent"]).unwrap();
        assert_eq!((options.pods, options.smoke, options.idle()), (3000, true, 3000));
        assert_eq!(options.agent, Some(PathBuf::from("agent")));
        let whole = Options::parse(&[]).unwrap();
        assert_eq!((whole.pods, whole.changes, whole.agents, whole.idle()), (50_000, 500, 200, 10_000));
        for wrong in [["--pods", "0"].as_slice(), &["--pods"], &["--fast", "1"], &["--pods", "many"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
