//! From what was measured to what is read.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::bars::{self, Bar};
use super::super::plot::{self, Axis, OURS, OURS_TOO, Panel, Series, THEIRS};
use super::super::stats::percentile;
use super::super::units::{mebibytes, mib, millis, ms};
use super::super::{Anything, machine};
use super::crowd::Crowd;
use super::fleet::{self, Fleet};
use super::{About, One, changes, lists, load, logs, pods};

/// The pictures, beside the document.
pub(super) const PICTURE: &str = "benchmarks-agent.svg";
pub(super) const FLEET_PICTURE: &str = "benchmarks-agents.svg";
/// Most memory, in KiB, under load and at rest.
const LOADED: u64 = 200 * 1024;
const RESTING: u64 = 64 * 1024;
/// Pods of a whole run.
const WHOLE: usize = 50_000;
/// The least of kubectl's bytes a second.
const FLOW: f64 = 0.9;
/// How much of the load that was asked for must have been there.
const MADE: f64 = 0.95;
/// An answer that comes later than this is not soon.
const SOON: Duration = Duration::from_millis(500);

fn p50(all: &[Duration]) -> Duration {
    percentile(all, 0.5)
}

fn p99(all: &[Duration]) -> Duration {
    percentile(all, 0.99)
}

/// Everything that must hold, and whether it does.
pub(super) fn bars(one: &One) -> Vec<Bar> {
    let (options, load) = (&one.about.options, &one.load);
    #[expect(clippy::cast_precision_loss, reason = "a count of changes")]
    let wanted = options.changes as f64;
    let mut bars = vec![
        Bar {
            what: format!(
                "memory: {} pods, {} changes a second, {} watches, {} logs",
                options.pods,
                options.changes,
                load.syncs.len(),
                load::STREAMS
            ),
            wanted: format!("under {} MiB", LOADED / 1024),
            found: mib(load.peak),
            holds: load.peak < LOADED,
        },
        Bar {
            what: format!("memory: {} pods at rest, one watch", options.idle()),
            wanted: format!("under {} MiB", RESTING / 1024),
            found: mib(one.idle),
            holds: one.idle < RESTING,
        },
        Bar {
            what: "changes that were made".into(),
            wanted: format!("at least {:.0} a second", wanted * MADE),
            found: format!("{:.0} a second", load.rate),
            holds: load.rate >= wanted * MADE,
        },
    ];
    for flow in &one.flows {
        let found = flow.ours / flow.kubectl;
        let streams = if flow.streams == 1 { "1 log".to_owned() } else { format!("{} logs", flow.streams) };
        bars.push(Bar {
            what: format!("{streams}, beside `kubectl logs -f`"),
            wanted: format!("at least {FLOW}×"),
            found: format!("{found:.2}×"),
            holds: found >= FLOW,
        });
    }
    bars
}

/// What must never be.
pub(super) fn wrong(one: &One) -> Vec<String> {
    let mut wrong = Vec::new();
    if one.load.lost > 0 {
        wrong.push(format!("{} changes were not told to a session", one.load.lost));
    }
    if one.load.lines.1 > 0 {
        wrong.push(format!("{} lines of logs were lost or came twice", one.load.lines.1));
    }
    for pages in one.lists.iter().filter(|pages| pages.times.is_empty() || pages.objects == 0) {
        wrong.push(format!("a list is empty: {}", pages.what));
    }
    wrong
}

/// The section of the document.
pub(super) fn text(one: &One) -> Anything<String> {
    let (mut out, load) = (String::new(), &one.load);
    writeln!(
        out,
        "`cargo xtask bench agent` puts one agent, as it is released, beside a real API server with {} pods.\n",
        one.about.options.pods
    )?;
    writeln!(out, "![Memory over time, time from change to client, logs beside kubectl, pages of lists]({PICTURE})\n")?;
    if one.about.options.pods < WHOLE {
        writeln!(
            out,
            "This run was a smaller one: `--pods {}`. The bars are those of {WHOLE} pods.\n",
            one.about.options.pods
        )?;
    }
    out.push_str(&bars::table(&bars(one)));
    writeln!(out, "\n| time | p50 | p99 |\n|---|---|---|")?;
    let mut row = |what: &str, all: &[Duration]| writeln!(out, "| {what} | {} | {} |", ms(p50(all)), ms(p99(all)));
    row("from sending a change to a client of the agent", &load.seen)?;
    row("from sending it to a watch straight on the API server", &load.direct)?;
    row("how much later than that watch the agent's clients are told", &load.behind)?;
    row("of those made through the API server, until it has answered", &load.taken)?;
    for pages in &one.lists {
        #[expect(clippy::integer_division, reason = "about how many")]
        let each = pages.objects / pages.times.len().max(1);
        row(&format!("a page of a list: {}, {each} objects a page", pages.what), &pages.times)?;
    }
    writeln!(out, "\n| logs followed at one time | kubectl | ankra-agent and ankra-helm | |\n|---|---|---|---|")?;
    for flow in &one.flows {
        writeln!(
            out,
            "| {} | {:.1} MB/s | {:.1} MB/s | {:.2}× |",
            flow.streams,
            flow.kubectl,
            flow.ours,
            flow.ours / flow.kubectl
        )?;
    }
    let syncs: Vec<String> = load.syncs.iter().map(|(name, took)| format!("{name} {}", ms(*took))).collect();
    writeln!(
        out,
        "\nThe first list of the three watches, begun together: {}. Under load the agent took {:.0} % of one processor.",
        syncs.join(", "),
        load.processor * 100.0
    )?;
    how(&mut out, one)?;
    Ok(out)
}

#[expect(clippy::cast_precision_loss, reason = "a count of changes")]
fn how(out: &mut String, one: &One) -> Anything<()> {
    let (options, load) = (&one.about.options, &one.load);
    writeln!(out, "\nHow it is measured:\n")?;
    writeln!(
        out,
        "- Memory is the agent's largest resident set (`VmHWM` of `/proc`), from its start to the end of the load, first lists included."
    )?;
    writeln!(
        out,
        "- The pods are of about 3 kB, in {} namespaces on {} nodes that kwok plays. One watch over all pods in each projection, `table`, `meta` and `full`, and {} followed logs that grow by {} lines a second each. {} changes in {} s; every one must reach every session ({} did not), and every line every log ({} did not).",
        pods::NAMESPACES,
        super::stage::NODES,
        load::STREAMS,
        load::LINES,
        load.changes,
        options.seconds,
        load.lost,
        load.lines.1
    )?;
    writeln!(
        out,
        "- A change is a new value of an annotation, of another pod each time. As in a cluster with {} API servers, one of {0} is made through the one that is here, by a PATCH; it took {:.0} a second. The others are made as the other API servers make them, by their last step: a transaction on etcd, which holds only if nobody else has changed the pod. This API server reads all changes from etcd and tells all who watch. To take a change costs it several times as much as to tell of it: two processors cannot take 500 a second beside everything else that runs on them. Where they are behind with telling, too, the watch straight on the API server is as late; it is one over the pods of one namespace, and is set beside what the agent's clients are told of these.",
        changes::SHARE,
        load.taken.len() as f64 / load.spent.as_secs_f64()
    )?;
    writeln!(
        out,
        "- The servers of the cluster have `GOGC=400`. It has no scheduler and of the controllers only those that make a namespace fit for pods: each pod names its node, and whoever watches pods is told of every change. kwok plays the nodes and serves the logs, and is told to leave these pods alone; that they run is written by the benchmark."
    )?;
    writeln!(out, "- A change waits up to 200 ms in the agent for others to go with it in one message (`batch_ms`).")?;
    writeln!(
        out,
        "- Pages of at most {} objects and 256 KiB, one after the other, by a client that speaks NATS and nothing else of ours.",
        lists::LIMIT
    )?;
    let streams: Vec<String> = logs::STREAMS.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "- Logs: `kubectl logs -f` and `ankra-helm agent logs -f` in turn, as whole processes that print into a pipe, on {} pods whose log is one large file; bytes from the first one to the {} MiB-th, medians of {} runs. Both read what kwok serves through the same API server; ours goes through NATS too.",
        streams.join(", "),
        options.log_mib,
        options.runs
    )?;
    machine_lines(out, &one.about)
}

fn machine_lines(out: &mut String, about: &About) -> Anything<()> {
    writeln!(
        out,
        "- etcd, API server, controllers, kwok, NATS, the clients and the agent share the machine. The release profile, {}. The load was {} before and {} after.",
        machine::rustc(),
        about.load.0,
        about.load.1
    )?;
    writeln!(out, "- Machine: {}.", machine::describe())?;
    Ok(())
}

/// Four plots.
pub(super) fn picture(one: &One) -> Anything<String> {
    let line = |name, colour, points| Series { name, colour, joined: true, points };
    let dots = |name, colour, points| Series { name, colour, joined: false, points };
    let memory = one.load.memory.iter().map(|(at, kib)| (*at, mebibytes(*kib))).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of streams")]
    let flows = |of: fn(&logs::Flow) -> f64| one.flows.iter().map(|flow| (flow.streams as f64, of(flow))).collect();
    let pages = |at: usize| one.lists.get(at).map_or_else(Vec::new, |pages| quantiles(&pages.times));
    let share = Axis { label: "% of all", logarithmic: false };
    let time = Axis { label: "milliseconds", logarithmic: true };
    let panels = [
        Panel {
            title: format!("Memory, {} pods", one.about.options.pods),
            x: Axis { label: "seconds since the first watch", logarithmic: false },
            y: Axis { label: "MiB", logarithmic: false },
            series: vec![dots("ankra-agent", OURS, memory)],
        },
        Panel {
            title: "From change to client".into(),
            x: share,
            y: time,
            series: vec![
                dots("API server", THEIRS, quantiles(&one.load.direct)),
                dots("client", OURS, quantiles(&one.load.seen)),
            ],
        },
        Panel {
            title: "Logs".into(),
            x: Axis { label: "logs followed at one time", logarithmic: true },
            y: Axis { label: "MB a second", logarithmic: false },
            series: vec![
                line("kubectl", THEIRS, flows(|flow| flow.kubectl)),
                line("ankra-agent", OURS, flows(|flow| flow.ours)),
            ],
        },
        Panel {
            title: "Pages of lists".into(),
            x: share,
            y: time,
            series: vec![
                dots("API server", THEIRS, pages(0)),
                dots("table", OURS, pages(1)),
                dots("full", OURS_TOO, pages(3)),
            ],
        },
    ];
    Ok(plot::draw(&panels)?)
}

/// Each hundredth: how many per cent took at most so many milliseconds.
fn quantiles(all: &[Duration]) -> Vec<(f64, f64)> {
    if all.is_empty() {
        return Vec::new();
    }
    (1..=100u32).map(|part| (f64::from(part), millis(percentile(all, f64::from(part) / 100.0)))).collect()
}

/// What must hold of many agents.
pub(super) fn fleet_bars(fleet: &Fleet) -> Vec<Bar> {
    [("info", &fleet.info), ("a page of 100 pods", &fleet.list)]
        .into_iter()
        .map(|(what, times)| Bar {
            what: format!("{} agents, {} clients: {what}, p99", fleet.agents, fleet::CLIENTS),
            wanted: format!("under {}", ms(SOON)),
            found: ms(p99(times)),
            holds: p99(times) < SOON && !times.is_empty(),
        })
        .collect()
}

/// The section of the document.
pub(super) fn fleet_text(fleet: &Fleet, crowd: Crowd, about: &About) -> Anything<String> {
    let mut out = String::new();
    let (before, with) = (fleet.servers.0, fleet.servers.1);
    #[expect(clippy::cast_precision_loss, reason = "counts of agents")]
    let each = |now: u64, then: u64| now.saturating_sub(then) as f64 / fleet.agents as f64;
    writeln!(
        out,
        "`cargo xtask bench agents` starts {} agents, each a process of its own under the name of a cluster of its own, on one NATS server with JetStream and one API server. [scaling.md](scaling.md) goes on from here.\n",
        fleet.agents
    )?;
    writeln!(out, "![Time of requests]({FLEET_PICTURE})\n")?;
    out.push_str(&bars::table(&fleet_bars(fleet)));
    writeln!(out, "\n| time | p50 | p99 |\n|---|---|---|")?;
    for (what, times) in [("`info`", &fleet.info), ("`list`, 100 pods as a table", &fleet.list)] {
        writeln!(out, "| {what} | {} | {} |", ms(p50(times)), ms(p99(times)))?;
    }
    let [messages_in, bytes_in, messages_out, bytes_out] = fleet.rest;
    writeln!(out, "\n| of one agent at rest | |\n|---|---|")?;
    writeln!(
        out,
        "| its resident memory: the middle, the largest | {}, {} |",
        mib(fleet.resident.0),
        mib(fleet.resident.1)
    )?;
    writeln!(out, "| of it not shared with other agents of the machine | {} |", mib(fleet.own))?;
    let processor = match fleet.agent_processor {
        part if part < 0.005 => "too little for the kernel's clock".to_owned(),
        part => format!("{part:.2} thousandths"),
    };
    writeln!(out, "| its processor | {processor} |")?;
    writeln!(out, "| memory of the NATS server | {:.0} KiB |", each(with.memory, before.memory))?;
    writeln!(
        out,
        "| connections, subscriptions, JetStream consumers | {:.1}, {:.1}, {:.1} |",
        each(with.connections, before.connections),
        each(with.subscriptions, before.subscriptions),
        each(with.consumers, before.consumers)
    )?;
    writeln!(out, "| to the server, each second | {messages_in:.2} messages, {bytes_in:.0} bytes |")?;
    writeln!(out, "| from the server, each second | {messages_out:.2} messages, {bytes_out:.0} bytes |")?;
    writeln!(
        out,
        "\nAll {} agents answered {} after the first was started. At rest the NATS server took {:.1} % of one processor and {} of memory ({} with no agent). The {} clients got {:.0} answers a second; {} requests failed.",
        fleet.agents,
        ms(fleet.start),
        fleet.processor * 100.0,
        mib(with.memory),
        mib(before.memory),
        fleet::CLIENTS,
        fleet.rate,
        fleet.failures.len()
    )?;
    writeln!(
        out,
        "\n{} more connections, of another program, with {} subscriptions each and nothing else, cost the NATS server that they come to {:.0} KiB each, and another that a gateway joins to it {:.1} KiB each.",
        crowd.connections, crowd.subscriptions, crowd.home, crowd.away
    )?;
    writeln!(out, "\nHow it is measured:\n")?;
    writeln!(
        out,
        "- The agents are left alone for 20 s, then watched for {} s: memory from `/proc` (`VmRSS`, `Pss`), the rest from the server's `/varz` and `/jsz`, less what it was before the first agent.",
        about.options.seconds
    )?;
    writeln!(
        out,
        "- Then {} clients ask one agent after the other, `info` and `list` in turn, for {} s, each waiting for its answer before the next request. Each list is read live from the API server.",
        fleet::CLIENTS,
        about.options.seconds
    )?;
    machine_lines(&mut out, about)?;
    Ok(out)
}

/// How many requests took how long.
pub(super) fn fleet_picture(fleet: &Fleet) -> Anything<String> {
    let panel = |title: &str, times: &[Duration]| Panel {
        title: title.to_owned(),
        x: Axis { label: "% of all", logarithmic: false },
        y: Axis { label: "milliseconds", logarithmic: true },
        series: vec![Series { name: "ankra-agent", colour: OURS, joined: false, points: quantiles(times) }],
    };
    Ok(plot::draw(&[panel("info", &fleet.info), panel("list, 100 pods", &fleet.list)])?)
}
