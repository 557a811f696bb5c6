//! `ankra-helm agent kinds`

use serde_json::json;

use super::{Session, columns::Columns, failure};
use crate::{
    cli::{Failure, Format},
    protocol::info::{KindInfo, Kinds},
};

/// list the kinds of the cluster
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client().await?;
    let kinds: Kinds = client.request("kinds", &json!({})).await.map_err(failure)?;
    if args.output != Format::Table {
        return session.structured(args.output, &kinds.kinds);
    }
    let mut rows = vec![["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(str::to_owned).to_vec()];
    rows.extend(kinds.kinds.into_iter().map(row));
    session.cx.printer.text(&Columns::default().render(&rows))?;
    for group in kinds.missing_groups {
        session.cx.printer.note(&format!("The API group {group} could not be read."));
    }
    Ok(())
}

fn row(kind: KindInfo) -> Vec<String> {
    let api = if kind.group.is_empty() { kind.version } else { format!("{}/{}", kind.group, kind.version) };
    vec![kind.resource, kind.short_names.join(","), api, kind.namespaced.to_string(), kind.kind]
}
