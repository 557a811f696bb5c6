//! Watch sessions: the objects that exist, then every change.
//!
//! Owns opening, the sources of a session and the sending of what waits. The
//! agent keeps no object longer than it takes to send it.

pub mod always;
mod pump;
mod queue;
mod resume;
mod source;

use std::sync::Arc;

use self::{
    queue::Queue,
    source::{Pace, Source},
};
use super::{
    Agent,
    api::Api,
    session::{By, Last, Session, Wish},
};
use crate::protocol::{
    Error,
    session::Opened,
    watch::{SOURCES_MAX, WatchFrame, WatchRequest},
};

/// Bytes that may wait in one session before its sources stop reading.
const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Opens a watch session.
pub(super) async fn open(agent: &Arc<Agent>, by: By<'_>, request: WatchRequest) -> Result<Opened, Error> {
    request.check()?;
    let sources = sources(&by.api, &request).await?;
    let places = resume::places(&request, sources.len())?;
    let wish = Wish { id: &request.session, credit: request.credit, ttl_s: request.ttl_s };
    let (session, opened) = Session::open(agent, by, wish).await?;
    let queue = Arc::new(Queue::new(places.clone(), QUEUE_BYTES_MAX));
    let work = work(Arc::clone(&session), request, sources, places, queue);
    agent.tasks.spawn(session.run(work, |reason, error| Last::json(&WatchFrame::<()>::End { reason, error })));
    Ok(opened)
}

/// Each kind in each namespace; kinds without namespaces once.
async fn sources(api: &Api, request: &WatchRequest) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for kind in request.kinds() {
        let kind = Arc::new(api.resolve(&kind).await?);
        if !kind.can("list") || !kind.can("watch") {
            return Err(Error::invalid(format!("{} cannot be watched", kind.gvk)));
        }
        let namespaces: &[String] = if kind.namespaced { &request.namespaces } else { &[] };
        if namespaces.is_empty() {
            sources.push(Source { kind: Arc::clone(&kind), namespace: String::new() });
        }
        sources.extend(
            namespaces.iter().map(|namespace| Source { kind: Arc::clone(&kind), namespace: namespace.clone() }),
        );
    }
    if sources.len() > SOURCES_MAX {
        return Err(Error::invalid(format!("kinds times namespaces is over {SOURCES_MAX}")));
    }
    Ok(sources)
}

/// Feeds the queue from all sources and the client from the queue; the first
/// failure ends it.
async fn work(
    session: Arc<Session>,
    request: WatchRequest,
    sources: Vec<Source>,
    places: queue::Places,
    queue: Arc<Queue>,
) -> Result<(), Error> {
    let scopes: Vec<_> = sources.iter().map(Source::scope).collect();
    let mut feeds = tokio::task::JoinSet::new();
    let request = Arc::new(request);
    for (at, (source, place)) in sources.into_iter().zip(places).enumerate() {
        let api = session.api.clone();
        feeds.spawn(source.run(at, api, Arc::clone(&request), place, Arc::clone(&queue), Pace::default()));
    }
    tokio::select! {
        () = pump::run(&session, &request, &queue, &scopes) => Ok(()),
        Some(ended) = feeds.join_next() => {
            ended.map_err(|error| Error::internal(format!("a watch failed: {error}")))?
        }
    }
}
