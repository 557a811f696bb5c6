//! `ankra-helm agent info`

use serde_json::json;

use super::{Session, failure};
use crate::{
    cli::{Failure, Format},
    protocol::info::Info,
};

/// show what an agent is and can do
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client().await?;
    let info: Info = client.request("info", &json!({})).await.map_err(failure)?;
    if args.output != Format::Table {
        return session.structured(args.output, &info);
    }
    let unknown = || "unknown".to_owned();
    let lines = [
        ("cluster", info.cluster_id),
        ("cluster uid", info.cluster_uid.unwrap_or_else(unknown)),
        ("kubernetes", info.k8s_version.unwrap_or_else(unknown)),
        ("agent", info.agent_version),
        ("instance", info.instance),
        ("uptime", format!("{}s", info.uptime_s)),
        ("can", info.capabilities.join(", ")),
        ("workers", format!("{} for requests, {} for commands", info.limits.workers, info.limits.write_workers)),
        ("sessions", format!("at most {}, {} log streams", info.limits.sessions_max, info.limits.log_streams_max)),
        ("messages", format!("at most {} bytes", info.limits.message_max)),
    ];
    let text: String = lines.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect();
    session.cx.printer.text(&text)
}
