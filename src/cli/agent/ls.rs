//! `ankra-helm agent ls`

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Session, columns::Columns, failure};
use crate::{
    cli::{Failure, Format},
    client::{discover, ops::presence},
};

/// list the agents that answer
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct Element {
    cluster: String,
    instance: String,
    version: String,
    kubernetes: String,
    uptime_seconds: Option<u64>,
    sessions: Option<usize>,
    operations: Option<usize>,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let nats = session.nats().await?;
    let found = discover(&nats).await.map_err(failure)?;
    // More is known when there is JetStream and the right to read it.
    let known: BTreeMap<_, _> = presence(&nats)
        .await
        .unwrap_or_default()
        .into_iter()
        .map(|beat| ((beat.cluster_id.clone(), beat.instance.clone()), beat))
        .collect();
    let wanted = |cluster: &str| session.args.cluster.as_deref().is_none_or(|wanted| wanted == cluster);
    let elements: Vec<Element> = found
        .iter()
        .filter(|agent| wanted(agent.cluster()))
        .map(|agent| {
            let beat = known.get(&(agent.cluster().to_owned(), agent.instance().to_owned()));
            Element {
                cluster: agent.cluster().to_owned(),
                instance: agent.instance().to_owned(),
                version: agent.version.clone(),
                kubernetes: beat.and_then(|beat| beat.k8s_version.clone()).unwrap_or_default(),
                uptime_seconds: beat.map(|beat| beat.uptime_s),
                sessions: beat.map(|beat| beat.sessions),
                operations: beat.map(|beat| beat.ops_running),
            }
        })
        .collect();
    if args.output != Format::Table {
        return session.structured(args.output, &elements);
    }
    if elements.is_empty() {
        session.cx.printer.note("No agent answers.");
        return Ok(());
    }
    let heading = ["CLUSTER", "INSTANCE", "VERSION", "KUBERNETES", "UPTIME", "SESSIONS", "OPERATIONS"];
    let number = |n: Option<usize>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(elements.into_iter().map(|e| {
        let kubernetes = if e.kubernetes.is_empty() { "-".to_owned() } else { e.kubernetes };
        let uptime = e.uptime_seconds.map_or_else(|| "-".to_owned(), |s| format!("{s}s"));
        vec![e.cluster, e.instance, e.version, kubernetes, uptime, number(e.sessions), number(e.operations)]
    }));
    session.cx.printer.text(&Columns::default().render(&rows))
}
