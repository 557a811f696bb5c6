//! `ankra-helm agent doctor`

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::{Session, columns::Columns, failure};
use crate::{
    cli::{Failure, Format},
    client::{discover, ops::presence},
    protocol::{Error, info::Info},
};

/// Difference of two clocks that is worth a word.
const SKEW_MAX: Duration = Duration::from_secs(30);
/// Smallest message that a server should allow.
const PAYLOAD_MIN: usize = 64 * 1024;

/// check the way to a cluster, step by step
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
}

/// What was found so far.
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, check: &'static str, found: Result<String, String>, advice: &'static str) -> bool {
        let ok = found.is_ok();
        let advice = if ok { "" } else { advice };
        self.0.push(Check { check, ok, found: found.unwrap_or_else(|why| why), advice });
        ok
    }
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut checks = Checks(Vec::new());
    look(session, &mut checks).await;
    let failed = checks.0.iter().filter(|check| !check.ok).count();
    if args.output == Format::Table {
        let mut rows = vec![["CHECK", "", "FOUND"].map(str::to_owned).to_vec()];
        for check in &checks.0 {
            let advice = if check.advice.is_empty() { String::new() } else { format!(": {}", check.advice) };
            let mark = if check.ok { "ok" } else { "FAILED" };
            rows.push(vec![check.check.to_owned(), mark.to_owned(), format!("{}{advice}", check.found)]);
        }
        session.cx.printer.text(&Columns::default().render(&rows))?;
    } else {
        session.structured(args.output, &checks.0)?;
    }
    if failed == 0 { Ok(()) } else { Err(failure(Error::internal(format!("{failed} checks failed")))) }
}

/// Each check needs the ones before it.
async fn look(session: &Session<'_>, checks: &mut Checks) {
    let begun = Instant::now();
    let nats = match session.nats().await {
        Ok(nats) => nats,
        Err(failed) => {
            let why = failed.message.unwrap_or_default();
            checks.add(
                "nats",
                Err(why),
                "is --nats-url right, is the port open, are the credentials those of a client?",
            );
            return;
        }
    };
    let info = nats.server_info();
    let took = begun.elapsed().as_millis();
    checks.add("nats", Ok(format!("{} {}, connected in {took} ms", info.server_name, info.version)), "");
    let payload = info.max_payload;
    let found = if payload >= PAYLOAD_MIN { Ok(()) } else { Err(()) };
    let say = format!("messages of {payload} bytes");
    checks.add("payload", found.map(|()| say.clone()).map_err(|()| say), "raise max_payload of the server");
    let found = match discover(&nats).await {
        Ok(found) if found.is_empty() => Err("no agent answers".to_owned()),
        Ok(found) => Ok(format!("{} answer: {}", found.len(), names(&found))),
        Err(error) => Err(error.message),
    };
    if !checks.add(
        "agents",
        found,
        "is the agent ready (its /ready says why not), in the same account, with the same prefix?",
    ) {
        return;
    }
    agent(session, checks).await;
    let found = match presence(&nats).await {
        Ok(beats) if beats.is_empty() => Err("no presence is kept".to_owned()),
        Ok(beats) => {
            let late = beats.iter().filter_map(|beat| skew(&beat.at, beat.interval_s)).max().unwrap_or_default();
            let found = format!("{} agents, clocks within {} s", beats.len(), late.as_secs());
            if late > SKEW_MAX { Err(found) } else { Ok(found) }
        }
        Err(error) => Err(error.message),
    };
    checks.add(
        "jetstream",
        found,
        "commands need a server with JetStream (nats-server -js), the right to it, and clocks that agree",
    );
}

async fn agent(session: &Session<'_>, checks: &mut Checks) {
    let client = match session.client().await {
        Ok(client) => client,
        Err(failed) => {
            checks.add("cluster", Err(failed.message.unwrap_or_default()), "name one with --cluster");
            return;
        }
    };
    let begun = Instant::now();
    let info: Result<Info, Error> = client.request("info", &json!({})).await;
    let took = begun.elapsed().as_millis();
    let found = info.map(|info| {
        let version = info.k8s_version.unwrap_or_else(|| "not reached".to_owned());
        format!("{}: Kubernetes {version}, can {}, answered in {took} ms", info.cluster_id, info.capabilities.join(" "))
    });
    if !checks.add(
        "cluster",
        found.map_err(|e| e.message),
        "may these credentials publish to req.> and subscribe to inboxes?",
    ) {
        return;
    }
    let request = json!({"resource": "namespaces", "limit": 1, "projection": "meta"});
    let listed: Result<serde_json::Value, Error> = client.request("list", &request).await;
    let found = listed.map(|_| "namespaces can be listed".to_owned()).map_err(|e| e.message);
    checks.add("api server", found, "rbac.mode of the agent's chart may not allow it");
}

fn names(found: &[crate::client::Found]) -> String {
    let mut names: Vec<_> = found.iter().map(|agent| agent.cluster()).collect();
    names.dedup();
    names.join(", ")
}

/// How far a heartbeat's time is from ours, beyond the time between two.
fn skew(at: &str, interval_s: u64) -> Option<Duration> {
    let at: jiff::Timestamp = at.parse().ok()?;
    let apart = jiff::Timestamp::now().duration_since(at).unsigned_abs();
    Some(apart.saturating_sub(Duration::from_secs(interval_s.saturating_mul(3))))
}
