//! `req.events`: what Kubernetes tells about objects, the newest of it.
//!
//! Owns reading pages while keeping no more than what is asked for.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    agent::api::{Accept, Api, client, path::Path},
    protocol::{
        Error,
        inspect::{EVENTS_DEFAULT, EventRow, Events, EventsRequest},
        read::KindRef,
    },
};

/// Events of one request to the API server.
const CHUNK: &str = "500";
/// Longest message of an event, in characters.
const TEXT_MAX: usize = 1024;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Item {
    metadata: Meta,
    #[serde(rename = "type")]
    kind_of_event: Option<String>,
    reason: Option<String>,
    message: Option<String>,
    count: Option<u64>,
    first_timestamp: Option<String>,
    last_timestamp: Option<String>,
    event_time: Option<String>,
    series: Option<Series>,
    involved_object: Involved,
    source: Source,
    reporting_component: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    namespace: String,
    uid: String,
    creation_timestamp: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: u64,
    last_observed_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Involved {
    kind: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Source {
    component: Option<String>,
}

/// The newest events.
pub(in crate::agent) async fn events(api: &Api, request: EventsRequest) -> Result<Events, Error> {
    request.check()?;
    let kind = api.resolve(&KindRef::resource("events")).await?;
    let limit = if request.limit == 0 { EVENTS_DEFAULT } else { request.limit } as usize;
    let selector = selector(&request);
    let namespaces = if request.namespaces.is_empty() { vec![String::new()] } else { request.namespaces };
    // By time; the UID tells events of one moment apart.
    let mut newest: BTreeMap<(String, String), EventRow> = BTreeMap::new();
    let mut more = false;
    for namespace in &namespaces {
        let mut next = String::new();
        loop {
            let path = Path::objects(&kind, namespace)
                .query("fieldSelector", &selector)
                .query("limit", CHUNK)
                .query("continue", &next);
            let held = api.get(&path, Accept::Json).await?;
            let list: client::List<Item> = client::parse(&held.bytes)?;
            drop(held);
            for item in list.items.unwrap_or_default() {
                let uid = item.metadata.uid.clone();
                let row = row(item);
                newest.insert((row.last.clone(), uid), row);
                if newest.len() > limit {
                    newest.pop_first();
                    more = true;
                }
            }
            next = list.metadata.next;
            if next.is_empty() {
                break;
            }
        }
    }
    Ok(Events { events: newest.into_values().collect(), more })
}

fn selector(request: &EventsRequest) -> String {
    let parts = [
        ("involvedObject.kind", &request.kind),
        ("involvedObject.name", &request.name),
        ("type", &request.kind_of_event),
    ];
    let given: Vec<_> = parts.iter().filter(|(_, v)| !v.is_empty()).map(|(name, v)| format!("{name}={v}")).collect();
    given.join(",")
}

fn row(item: Item) -> EventRow {
    let series = item.series.unwrap_or_default();
    let created = item.metadata.creation_timestamp.unwrap_or_default();
    let first = item.first_timestamp.or_else(|| item.event_time.clone()).unwrap_or_else(|| created.clone());
    let last = series.last_observed_time.or(item.last_timestamp).or(item.event_time).unwrap_or(created);
    EventRow {
        namespace: item.metadata.namespace,
        last: seconds(&last),
        first: seconds(&first),
        count: item.count.unwrap_or(series.count).max(1),
        kind_of_event: item.kind_of_event.unwrap_or_default(),
        reason: item.reason.unwrap_or_default(),
        kind: item.involved_object.kind,
        name: item.involved_object.name,
        source: item.source.component.or(item.reporting_component).unwrap_or_default(),
        message: item.message.unwrap_or_default().trim().chars().take(TEXT_MAX).collect(),
    }
}

/// A time without its fraction, so that texts sort as times.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_either_form_has_a_time_and_a_count() {
        let old: Item = serde_json::from_str(
            r#"{"metadata":{"namespace":"n","uid":"u"},"type":"Warning","reason":"BackOff","message":" m ",
                "count":3,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:01:00Z",
                "eventTime":null,"involvedObject":{"kind":"Pod","name":"p"},"source":{"component":"kubelet"}}"#,
        )
        .unwrap();
        let old = row(old);
        assert_eq!((old.count, old.last.as_str(), old.message.as_str()), (3, "2026-01-01T00:01:00Z", "m"));
        let new: Item = serde_json::from_str(
            r#"{"metadata":{"uid":"u"},"firstTimestamp":null,"lastTimestamp":null,
                "eventTime":"2026-01-01T00:00:00.123456Z","reportingComponent":"scheduler"}"#,
        )
        .unwrap();
        let new = row(new);
        assert_eq!((new.count, new.last.as_str(), new.source.as_str()), (1, "2026-01-01T00:00:00Z", "scheduler"));
    }
}
