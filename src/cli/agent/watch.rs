//! `ankra-helm agent watch`

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Output, Session,
    columns::{Columns, cell},
    failure,
};
use crate::{
    cli::Failure,
    client::Watch,
    protocol::{
        read::{Column, Projection, Row},
        watch::{Op, Scope, WatchEvent, WatchFrame, WatchRequest},
    },
};

/// show objects and then every change, one line each
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// the kinds, by any name kubectl takes
    #[arg(required = true, value_name = "KIND")]
    kinds: Vec<String>,
    /// watch all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// label selector
    #[arg(short = 'l', long, value_name = "string", default_value = "", hide_default_value = true)]
    selector: String,
    /// field selector
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    field_selector: String,
    /// only changes, not the objects that exist
    #[arg(long)]
    watch_only: bool,
    /// prints the output in the specified format (json: one event a line)
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// show what happened before each object
    #[arg(long)]
    output_watch_events: bool,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client().await?;
    let request = WatchRequest {
        resources: args.kinds.clone(),
        namespaces: if args.all_namespaces { Vec::new() } else { vec![session.namespace()] },
        label_selector: args.selector.clone(),
        field_selector: args.field_selector.clone(),
        projection: match args.output {
            Output::Table | Output::Wide => Projection::Table,
            Output::Name => Projection::Meta,
            Output::Json | Output::Yaml => Projection::Full,
        },
        initial: !args.watch_only,
        ..WatchRequest::default()
    };
    let mut watch = Watch::open(&client, request).await.map_err(failure)?;
    let mut screen = Screen::new(args);
    let shown = async {
        while let Some(frame) = watch.next().await.map_err(failure)? {
            let text = screen.show(frame)?;
            if !text.is_empty() {
                session.cx.printer.text(&text)?;
            }
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = shown => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::quiet(130)),
    };
    watch.close().await;
    ended
}

/// What was shown, so that nothing is shown twice after an interruption.
struct Screen<'a> {
    args: &'a Args,
    columns: HashMap<Scope, Vec<Column>>,
    widths: Columns,
    heading: bool,
    shown: HashMap<(String, String), String>,
}

impl<'a> Screen<'a> {
    fn new(args: &'a Args) -> Self {
        Screen { args, columns: HashMap::new(), widths: Columns::default(), heading: false, shown: HashMap::new() }
    }

    /// The lines of a frame.
    fn show(&mut self, frame: WatchFrame) -> Result<String, Failure> {
        match frame {
            WatchFrame::Columns { scope, columns } => {
                self.columns.insert(scope, columns);
                Ok(String::new())
            }
            WatchFrame::Batch { events, .. } => {
                let mut text = String::new();
                for event in events {
                    text.push_str(&self.event(&event)?);
                }
                Ok(text)
            }
            _ => Ok(String::new()),
        }
    }

    fn event(&mut self, event: &WatchEvent) -> Result<String, Failure> {
        let key = (event.gvk.clone(), event.uid.clone());
        if event.op == Op::Del {
            self.shown.remove(&key);
        } else if self.shown.insert(key, event.rv.clone()).as_ref() == Some(&event.rv) {
            // It came again with a new sync, unchanged.
            return Ok(String::new());
        }
        let op = match event.op {
            Op::Add => "ADDED",
            Op::Mod => "MODIFIED",
            Op::Del => "DELETED",
        };
        match self.args.output {
            Output::Table | Output::Wide => self.row(event, op),
            Output::Name => {
                let kind = event.gvk.rsplit('/').next().unwrap_or_default().to_lowercase();
                let name = event.key.rsplit('/').next().unwrap_or_default();
                let op = if self.args.output_watch_events { format!("{op} ") } else { String::new() };
                Ok(format!("{op}{kind}/{name}\n"))
            }
            Output::Json | Output::Yaml => {
                let line = serde_json::json!({"type": op, "object": event.obj});
                let json = serde_json::to_string(&line).map_err(Failure::from_display)?;
                if self.args.output == Output::Json {
                    return Ok(format!("{json}\n"));
                }
                yaml(&json)
            }
        }
    }

    fn row(&mut self, event: &WatchEvent, op: &str) -> Result<String, Failure> {
        let wide = self.args.output == Output::Wide;
        let row: Row = serde_json::from_value(event.obj.clone()).unwrap_or_else(|_| fallback(event));
        let columns = self.columns.iter().find(|(scope, _)| scope.gvk == event.gvk).map(|(_, columns)| columns);
        let shown = |at: usize| columns.and_then(|c| c.get(at)).is_none_or(|c| wide || c.priority == 0);
        let several = self.args.kinds.len() > 1;
        let mut rows = Vec::new();
        let lead = |event: &str, kind: &str, namespace: &str| {
            let mut lead = Vec::new();
            if self.args.output_watch_events {
                lead.push(event.to_owned());
            }
            if several {
                lead.push(kind.to_owned());
            }
            if self.args.all_namespaces {
                lead.push(namespace.to_owned());
            }
            lead
        };
        // Kinds have columns of their own, so several share no heading.
        if !self.heading && !several {
            self.heading = true;
            let mut heading = lead("EVENT", "KIND", "NAMESPACE");
            let names = columns.into_iter().flatten().enumerate().filter(|(at, _)| shown(*at));
            heading.extend(names.map(|(_, column)| column.name.to_uppercase()));
            rows.push(heading);
        }
        let kind = event.gvk.rsplit('/').next().unwrap_or_default();
        let mut cells = lead(op, kind, &row.namespace);
        cells.extend(row.cells.iter().enumerate().filter(|(at, _)| shown(*at)).map(|(_, value)| cell(value)));
        rows.push(cells);
        Ok(self.widths.render(&rows))
    }
}

/// A row of an event that holds no row.
fn fallback(event: &WatchEvent) -> Row {
    let (namespace, name) = event.key.split_once('/').unwrap_or(("", &event.key));
    Row {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: event.uid.clone(),
        rv: event.rv.clone(),
        created: String::new(),
        cells: vec![Value::from(name)],
    }
}

fn yaml(json: &str) -> Result<String, Failure> {
    use templates_compat::{Compat, json, yaml};
    let value = json::read(json.as_bytes(), Compat::default()).map_err(Failure::from_display)?;
    let text = yaml::write(&value, Compat::default()).map_err(Failure::from_display)?;
    Ok(format!("---\n{}", String::from_utf8_lossy(&text)))
}
