//! `ankra-helm agent events`

use super::{
    Session,
    columns::{Columns, cell},
    failure,
};
use crate::{
    cli::{Failure, Format},
    protocol::inspect::{EVENTS_MAX, EventRow, Events, EventsRequest},
};

/// show what Kubernetes tells about objects
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// only events about this object
    #[arg(value_name = "KIND/NAME")]
    object: Option<String>,
    /// show events of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// only events of this type: Normal or Warning
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    types: String,
    /// the newest so many
    #[arg(long, value_name = "int", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=i64::from(EVENTS_MAX)))]
    limit: u32,
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let (kind, name) = match args.object.as_deref().map(|object| object.split_once('/').unwrap_or(("", object))) {
        Some((kind, name)) => (session.kind(kind).await?, name.to_owned()),
        None => (String::new(), String::new()),
    };
    let request = EventsRequest {
        namespaces: if args.all_namespaces { Vec::new() } else { vec![session.namespace()] },
        kind,
        name,
        kind_of_event: args.types.clone(),
        limit: args.limit,
    };
    let events: Events = session.client().await?.request("events", &request).await.map_err(failure)?;
    if args.output != Format::Table {
        return session.structured(args.output, &events);
    }
    if events.events.is_empty() {
        session.cx.printer.note("No events found.");
        return Ok(());
    }
    let mut heading = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    if args.all_namespaces {
        heading.insert(0, "NAMESPACE");
    }
    let mut rows = vec![heading.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(events.events.into_iter().map(|event| row(event, args.all_namespaces)));
    session.cx.printer.text(&Columns::default().render(&rows))?;
    if events.more {
        session.cx.printer.note(&format!("Only the newest {} are shown.", args.limit));
    }
    Ok(())
}

fn row(event: EventRow, with_namespace: bool) -> Vec<String> {
    let times = if event.count > 1 { format!(" (x{})", event.count) } else { String::new() };
    let object = format!("{}/{}", event.kind.to_lowercase(), event.name);
    let message = cell(&serde_json::Value::from(event.message));
    let mut row = vec![format!("{}{times}", age(&event.last)), event.kind_of_event, event.reason, object, message];
    if with_namespace {
        row.insert(0, event.namespace);
    }
    row
}

/// How long ago, as kubectl says it.
pub(super) fn age(at: &str) -> String {
    let Ok(at) = at.parse::<jiff::Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = jiff::Timestamp::now().duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
