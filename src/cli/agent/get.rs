//! `ankra-helm agent get`

use serde_json::{Value, json, value::RawValue};

use super::{
    Output, Session,
    columns::{Columns, cell},
    failure,
};
use crate::{
    cli::{Failure, Format},
    client::Client,
    protocol::{
        Error,
        read::{Column, GetReply, GetRequest, Gvk, KindRef, LIMIT_MAX, ListReply, ListRequest, Projection, Row},
    },
};

/// show objects
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// the kind, by any name kubectl takes (pods, po, deployments.apps), and names; or KIND/NAME
    #[arg(required = true, value_name = "KIND[/NAME]|NAME")]
    what: Vec<String>,
    /// show objects of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// label selector
    #[arg(short = 'l', long, value_name = "string", default_value = "", hide_default_value = true)]
    selector: String,
    /// field selector
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    field_selector: String,
    /// only objects whose name holds this text
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    name_contains: String,
    /// order by name, namespace, created or a path such as .status.startTime; with a hyphen before it descending (can specify multiple)
    #[arg(long, value_name = "strings", value_delimiter = ',', allow_hyphen_values = true)]
    sort_by: Vec<String>,
    /// objects of one page
    #[arg(long, value_name = "int", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    chunk_size: u32,
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// don't print headers
    #[arg(long)]
    no_headers: bool,
}

/// Objects, however they were asked for.
struct Found {
    gvk: Gvk,
    namespaced: bool,
    columns: Vec<Column>,
    items: Vec<Box<RawValue>>,
    /// Whether they were asked for by one name.
    single: bool,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let (kind, names) = target(&args.what).map_err(failure)?;
    let client = session.client().await?;
    let projection = match args.output {
        Output::Table | Output::Wide => Projection::Table,
        Output::Name => Projection::Meta,
        Output::Json | Output::Yaml => Projection::Full,
    };
    if names.is_empty() {
        list(args, session, &client, kind, projection).await
    } else {
        let request = GetRequest { kind: KindRef::resource(kind), namespace: session.namespace(), names, projection };
        let single = request.names.len() == 1;
        let reply: GetReply = client.request("get", &request).await.map_err(failure)?;
        let found =
            Found { gvk: reply.gvk, namespaced: reply.namespaced, columns: reply.columns, items: reply.items, single };
        show(args, session, &found, &mut Columns::default(), !args.no_headers)?;
        match reply.missing.as_slice() {
            [] => Ok(()),
            missing => Err(failure(Error::not_found(format!("not found: {}", missing.join(", "))))),
        }
    }
}

/// Shows page by page as they come; JSON and YAML are one document, so they
/// wait for all.
async fn list(
    args: &Args,
    session: &Session<'_>,
    client: &Client,
    kind: String,
    projection: Projection,
) -> Result<(), Failure> {
    let namespaces = if args.all_namespaces { Vec::new() } else { vec![session.namespace()] };
    let mut request = ListRequest {
        kind: KindRef::resource(kind),
        namespaces,
        name_contains: args.name_contains.clone(),
        label_selector: args.selector.clone(),
        field_selector: args.field_selector.clone(),
        projection,
        sort: args.sort_by.clone(),
        limit: args.chunk_size,
        page_token: String::new(),
    };
    let whole = matches!(args.output, Output::Json | Output::Yaml);
    let mut columns = Columns::default();
    let mut kept = Vec::new();
    let mut shown = 0;
    loop {
        let reply: ListReply = client.request("list", &request).await.map_err(failure)?;
        let (gvk, namespaced) = (reply.gvk, reply.namespaced);
        let mut found = Found { gvk, namespaced, columns: reply.columns, items: reply.items, single: false };
        if whole {
            kept.append(&mut found.items);
        } else if !found.items.is_empty() {
            show(args, session, &found, &mut columns, shown == 0 && !args.no_headers)?;
            shown += found.items.len();
        }
        match reply.page_token {
            Some(token) => request.page_token = token,
            None if whole => {
                found.items = kept;
                return show(args, session, &found, &mut columns, true);
            }
            None => break,
        }
    }
    if shown == 0 && args.output != Output::Name {
        let place = if args.all_namespaces { String::new() } else { format!(" in {} namespace", session.namespace()) };
        session.cx.printer.note(&format!("No resources found{place}."));
    }
    Ok(())
}

fn show(
    args: &Args,
    session: &Session<'_>,
    found: &Found,
    columns: &mut Columns,
    headers: bool,
) -> Result<(), Failure> {
    match args.output {
        Output::Table | Output::Wide => {
            let with_namespace = found.namespaced && args.all_namespaces;
            let rows = rows(found, args.output == Output::Wide, with_namespace, headers)?;
            session.cx.printer.text(&columns.render(&rows))
        }
        Output::Name => {
            let text = found.items.iter().map(|item| name_line(&found.gvk, item)).collect::<Result<String, _>>()?;
            session.cx.printer.text(&text)
        }
        Output::Json | Output::Yaml => {
            let format = if args.output == Output::Json { Format::Json } else { Format::Yaml };
            match (found.single, found.items.as_slice()) {
                (true, [item]) => session.cx.printer.structured(format, item.get()),
                (_, items) => session.structured(format, &json!({"apiVersion": "v1", "kind": "List", "items": items})),
            }
        }
    }
}

fn rows(found: &Found, wide: bool, namespace: bool, headers: bool) -> Result<Vec<Vec<String>>, Failure> {
    let shown = |at: usize| found.columns.get(at).is_some_and(|column| wide || column.priority == 0);
    let mut rows = Vec::with_capacity(found.items.len() + 1);
    if headers {
        let names = found.columns.iter().enumerate().filter(|(at, _)| shown(*at));
        rows.push(prefixed(namespace, "NAMESPACE", names.map(|(_, column)| column.name.to_uppercase())));
    }
    for item in &found.items {
        let row: Row = serde_json::from_str(item.get()).map_err(Failure::from_display)?;
        let cells = row.cells.iter().enumerate().filter(|(at, _)| shown(*at));
        rows.push(prefixed(namespace, &row.namespace, cells.map(|(_, value)| cell(value))));
    }
    Ok(rows)
}

fn prefixed(with: bool, first: &str, rest: impl Iterator<Item = String>) -> Vec<String> {
    with.then(|| first.to_owned()).into_iter().chain(rest).collect()
}

/// `pod/web-1` or `deployment.apps/web`.
fn name_line(gvk: &Gvk, item: &RawValue) -> Result<String, Failure> {
    let object: Value = serde_json::from_str(item.get()).map_err(Failure::from_display)?;
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let dot = if gvk.group.is_empty() { "" } else { "." };
    Ok(format!("{}{dot}{}/{name}\n", gvk.kind.to_lowercase(), gvk.group))
}

/// The kind and the names of a command line: `pods`, `pods a b`, `pod/a`.
pub(super) fn target(what: &[String]) -> Result<(String, Vec<String>), Error> {
    let Some((first, rest)) = what.split_first() else { return Err(Error::invalid("name a kind")) };
    let Some((kind, name)) = first.split_once('/') else { return Ok((first.clone(), rest.to_vec())) };
    let mut names = vec![name.to_owned()];
    for more in rest {
        match more.split_once('/') {
            Some((same, name)) if same == kind => names.push(name.to_owned()),
            _ => return Err(Error::invalid(format!("{more:?} is not of the form {kind}/NAME"))),
        }
    }
    Ok((kind.to_owned(), names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names_are_told_apart() {
        let target = |what: &[&str]| target(&what.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(target(&["pods"]).unwrap(), ("pods".into(), vec![]));
        assert_eq!(target(&["pods", "a", "b"]).unwrap(), ("pods".into(), vec!["a".into(), "b".into()]));
        assert_eq!(target(&["pod/a", "pod/b"]).unwrap(), ("pod".into(), vec!["a".into(), "b".into()]));
        assert!(target(&["pod/a", "b"]).is_err());
    }
}
