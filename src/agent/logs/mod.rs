//! Log sessions: the lines of one container, a pod, or all pods of a workload.
//!
//! Owns which pods are meant and the two ways of reading: once, or for as long
//! as the client wants, with restarts and new pods.

mod chunk;
mod filter;
mod follow;
mod pods;
mod stream;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{sync::Semaphore, task::JoinSet};

use self::{
    filter::Filter,
    pods::Pod,
    stream::{Log, send, send_control},
};
use super::{
    Agent,
    api::{Accept, Api, Resolved, client::parse, path::Path},
    session::{By, Last, Session, Wish},
};
use crate::protocol::{
    Code, Error,
    logs::{LogFrame, LogsRequest},
    read::KindRef,
    session::Opened,
};

/// Most pods of a reading without `follow`.
const PODS_MAX: usize = 500;

/// What the parts of one log session share.
struct Reading {
    session: Arc<Session>,
    request: LogsRequest,
    filter: Filter,
    pods: Resolved,
    /// The pods, as a path with selectors.
    path: Path,
    /// Streams that this session may still open.
    streams: Arc<Semaphore>,
}

/// Opens a log session.
pub(super) async fn open(agent: &Arc<Agent>, by: By<'_>, request: LogsRequest) -> Result<Opened, Error> {
    request.check()?;
    let filter = Filter::new(&request)?;
    let api = &by.api;
    let pods = api.resolve(&KindRef::resource("pods")).await?;
    let selector = match &request.workload {
        Some(workload) => workload_selector(api, &request.namespace, &workload.kind, &workload.name).await?,
        None => request.selector.clone(),
    };
    let path = Path::objects(&pods, &request.namespace);
    let path = if request.pod.is_empty() {
        path.query("labelSelector", &selector)
    } else {
        path.query("fieldSelector", &format!("metadata.name={}", request.pod))
    };
    let first = list(api, &path).await?;
    check_first(&request, &first)?;
    let wish = Wish { id: &request.session, credit: request.credit_bytes, ttl_s: request.ttl_s };
    let (session, opened) = Session::open(agent, by, wish).await?;
    let streams = Arc::new(Semaphore::new(request.max_streams as usize));
    let reading = Arc::new(Reading { session: Arc::clone(&session), request, filter, pods, path, streams });
    let work = async move {
        let signs = signs_of_life(&reading.session);
        let read = async {
            if reading.request.follow { follow::run(Arc::clone(&reading)).await } else { once(&reading, first).await }
        };
        tokio::select! {
            outcome = read => outcome,
            () = signs => Ok(()),
        }
    };
    agent.tasks.spawn(session.run(work, |reason, error| Last::control(&LogFrame::End { reason, error })));
    Ok(opened)
}

/// The pods that exist now.
async fn list(api: &Api, path: &Path) -> Result<Vec<Pod>, Error> {
    #[derive(Deserialize)]
    struct List {
        #[serde(default)]
        items: Vec<Pod>,
    }
    let held = api.get(&path.clone().query("limit", &PODS_MAX.to_string()), Accept::Json).await?;
    let list: List = parse(&held.bytes)?;
    Ok(list.items)
}

/// Refuses at once what cannot become a session.
fn check_first(request: &LogsRequest, pods: &[Pod]) -> Result<(), Error> {
    if pods.is_empty() && !request.pod.is_empty() {
        return Err(Error::not_found(format!("pods \"{}\" not found", request.pod)));
    }
    if pods.is_empty() && !request.follow {
        return Err(Error::not_found(format!("no pods match in namespace {}", request.namespace)));
    }
    if let ([pod], false) = (pods, request.pod.is_empty()) {
        pod.wanted(request)?;
    }
    Ok(())
}

/// Reads each log to its end.
async fn once(reading: &Arc<Reading>, pods: Vec<Pod>) -> Result<(), Error> {
    for gap in follow::gone(&reading.request, &pods.iter().collect::<Vec<_>>()) {
        send_control(&reading.session, &gap).await;
    }
    let mut streams = JoinSet::new();
    let mut only = 0;
    for pod in pods {
        // In a set of pods each has its own containers.
        let Ok(containers) = pod.wanted(&reading.request) else { continue };
        for container in containers {
            only += 1;
            let log = Log::first(&pod.metadata.name, container, true, &reading.request);
            streams.spawn(one(Arc::clone(reading), log));
        }
    }
    let mut failure = None;
    while let Some(ended) = streams.join_next().await {
        let outcome = ended.map_err(|error| Error::internal(format!("a log stream failed: {error}")))?;
        failure = outcome.err().or(failure);
    }
    // Of one log the failure is the session's; of several it was told.
    match failure {
        Some(error) if only == 1 => Err(error),
        _ => Ok(()),
    }
}

/// Reads one log to its end, when its turn comes.
async fn one(reading: Arc<Reading>, log: Log) -> Result<(), Error> {
    let gone = |_| Error::new(Code::Cancelled, "the agent is stopping");
    let _own = reading.streams.acquire().await.map_err(gone)?;
    let _shared = reading.session.agent.log_streams.acquire().await.map_err(gone)?;
    send_control(&reading.session, &LogFrame::SourceAdded { src: log.src() }).await;
    let (_, outcome) = send(&reading.session, &reading.pods, &reading.request, &reading.filter, &log).await;
    let error = outcome.as_ref().err().cloned();
    send_control(&reading.session, &LogFrame::SourceEnded { src: log.src(), error }).await;
    outcome
}

/// Shows the client of a silent log that the agent is there.
async fn signs_of_life(session: &Session) {
    loop {
        tokio::time::sleep(session.idle()).await;
        send_control(session, &LogFrame::Bookmark).await;
    }
}

/// The labels by which a workload finds its pods.
async fn workload_selector(api: &Api, namespace: &str, kind: &str, name: &str) -> Result<String, Error> {
    let kind = api.resolve(&KindRef::resource(kind)).await?;
    let held = api.get(&Path::objects(&kind, namespace).segment(name), Accept::Json).await?;
    let object: Value = parse(&held.bytes)?;
    let selector = object.get("spec").and_then(|spec| spec.get("selector")).and_then(Value::as_object);
    selector
        .map(selector_text)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::invalid(format!("{} {name} does not select pods", kind.gvk.kind)))
}

/// A selector as text, `a=b,c in (d,e),!f`.
fn selector_text(selector: &Map<String, Value>) -> String {
    let pairs = |labels: &Map<String, Value>| {
        let text = |(name, value): (&String, &Value)| Some(format!("{name}={}", value.as_str()?));
        labels.iter().filter_map(text).collect::<Vec<_>>()
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    if labels.is_none() && expressions.is_none() {
        // The plain map of a Service or ReplicationController.
        return pairs(selector).join(",");
    }
    let mut parts = labels.map(pairs).unwrap_or_default();
    for expression in expressions.into_iter().flatten() {
        let word = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        let key = word("key");
        parts.push(match word("operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_become_text() {
        let text = |json: &str| selector_text(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap());
        assert_eq!(text(r#"{"app":"web"}"#), "app=web");
        assert_eq!(
            text(
                r#"{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"In","values":["d","e"]},
                   {"key":"f","operator":"DoesNotExist"},{"key":"g","operator":"Exists"}]}"#
            ),
            "a=b,c in (d,e),!f,g"
        );
        assert_eq!(text("{}"), "");
    }
}
