//! Takes requests from NATS and hands them to workers.
//!
//! Owns the micro service with its endpoints, the number of workers, the queue
//! before them and the deadline of a request. A request that cannot be begun
//! is refused at once rather than kept.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_nats::service::{Request, Service, ServiceExt, endpoint::Endpoint};
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{Agent, logs, metrics::add, ops, reads, reply, session::By, watch};
use crate::protocol::{Code, Error, SERVICE_NAME, VERSION, user::User};

/// Longest request, in bytes.
const REQUEST_MAX: usize = 256 * 1024;
/// Longest time for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests that may wait, for each worker.
const QUEUE_PER_WORKER: usize = 8;

/// The verbs that are answered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Info,
    Kinds,
    List,
    Get,
    Events,
    Top,
    Reveal,
    Releases,
    History,
    Release,
    Values,
    Diff,
    WatchOpen,
    LogsOpen,
}

/// Each verb with its word in subjects and the name of its endpoint.
const VERBS: [(Verb, &str, &str); 14] = [
    (Verb::Info, "info", "info"),
    (Verb::Kinds, "kinds", "kinds"),
    (Verb::List, "list", "list"),
    (Verb::Get, "get", "get"),
    (Verb::Events, "events", "events"),
    (Verb::Top, "top", "top"),
    (Verb::Reveal, "reveal", "reveal"),
    (Verb::Releases, "helm.list", "helm-list"),
    (Verb::History, "helm.history", "helm-history"),
    (Verb::Release, "helm.get", "helm-get"),
    (Verb::Values, "helm.values", "helm-values"),
    (Verb::Diff, "helm.diff", "helm-diff"),
    (Verb::WatchOpen, "watch.open", "watch-open"),
    (Verb::LogsOpen, "logs.open", "logs-open"),
];

/// Pause before the service is started again.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest wait for the server to know the endpoints of a new connection.
const KNOWN_WAIT: Duration = Duration::from_secs(2);

/// Time after which the endpoints of an old connection are gone.
const LEAVE: Duration = Duration::from_secs(10);

/// Serves by the connection in use until the agent stops. When another one
/// takes over, its endpoints are there before the old ones go.
pub(super) async fn run(agent: Arc<Agent>) {
    let workers = Arc::new(Semaphore::new(agent.settings.nats_worker_max_workers));
    let queue = Arc::new(Semaphore::new(agent.settings.nats_worker_max_workers * QUEUE_PER_WORKER));
    let mut changes = agent.link.changes();
    let mut serving: Option<Service> = None;
    while !agent.stop.is_cancelled() {
        let generation = *changes.borrow_and_update();
        match start(&agent, generation, &workers, &queue).await {
            Ok(service) => {
                // While NATS is away there is nobody who could know.
                let _ = tokio::time::timeout(KNOWN_WAIT, agent.link.client().flush()).await;
                if let Some(old) = serving.replace(service) {
                    // Its connection takes leave in order; stopped now, it
                    // would lose what is on the way.
                    tokio::spawn(async move {
                        tokio::time::sleep(LEAVE).await;
                        drop(old);
                    });
                }
            }
            Err(error) => {
                tracing::error!(%error, "the NATS service did not start");
                tokio::select! {
                    () = agent.stop.cancelled() => break,
                    () = tokio::time::sleep(AGAIN) => continue,
                }
            }
        }
        tokio::select! {
            () = agent.stop.cancelled() => break,
            Ok(()) = changes.changed() => {}
        }
    }
    if let Some(service) = serving {
        halt(service).await;
    }
}

async fn halt(service: Service) {
    if let Err(error) = service.stop().await {
        tracing::warn!(%error, "the NATS service did not stop");
    }
}

/// Starts the service. It stops when the returned value is stopped.
async fn start(
    agent: &Arc<Agent>,
    generation: u64,
    workers: &Arc<Semaphore>,
    queue: &Arc<Semaphore>,
) -> Result<Service, Error> {
    let failed = |error: async_nats::Error| Error::new(Code::Upstream, format!("starting the NATS service: {error}"));
    let cluster = agent.subjects.cluster().to_string();
    let metadata = HashMap::from([
        ("cluster".to_owned(), cluster.clone()),
        ("instance".to_owned(), agent.instance.clone()),
        ("prefix".to_owned(), agent.subjects.prefix().to_owned()),
        ("protocol".to_owned(), VERSION.to_string()),
    ]);
    let service = agent
        .link
        .client()
        .service_builder()
        .description("Ankra agent: reads, watches, logs and releases of one cluster")
        .metadata(metadata)
        // All agents of one cluster share its requests.
        .queue_group(format!("ah-{cluster}"))
        .start(SERVICE_NAME, agent.version())
        .await
        .map_err(failed)?;
    for (verb, word, name) in VERBS {
        let endpoint = service.endpoint_builder().name(name).add(agent.subjects.request(word)).await.map_err(failed)?;
        let pool =
            || Pool { agent: Arc::clone(agent), generation, workers: Arc::clone(workers), queue: Arc::clone(queue) };
        agent.tasks.spawn(pool().run(verb, endpoint));
        if agent.settings.impersonation_enabled {
            let subject = agent.subjects.request_of_any(word);
            let endpoint = service.endpoint_builder().name(format!("as-{name}")).add(subject).await.map_err(failed)?;
            agent.tasks.spawn(pool().run(verb, endpoint));
        }
    }
    Ok(service)
}

/// Workers shared by all endpoints.
struct Pool {
    agent: Arc<Agent>,
    /// Number of the connection that requests come by.
    generation: u64,
    workers: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Pool {
    async fn run(self, verb: Verb, mut endpoint: Endpoint) {
        loop {
            tokio::select! {
                request = endpoint.next() => match request {
                    Some(request) => self.take(verb, request).await,
                    None => return,
                },
                () = self.agent.stop.cancelled() => break,
            }
        }
        // What has arrived before the end is still answered.
        while let Some(Some(request)) = endpoint.next().now_or_never() {
            self.take(verb, request).await;
        }
    }

    async fn take(&self, verb: Verb, request: Request) {
        let Ok(place) = Arc::clone(&self.queue).try_acquire_owned() else {
            add(&self.agent.metrics.requests_refused, 1);
            let busy = Error::new(Code::Busy, "all workers of the agent are in use");
            return reply::send(&self.agent, &request, self.generation, Err(busy)).await;
        };
        let (agent, workers, generation) = (Arc::clone(&self.agent), Arc::clone(&self.workers), self.generation);
        self.agent.tasks.spawn(async move {
            let outcome = work(&agent, &workers, verb, &request).await;
            reply::send(&agent, &request, generation, outcome).await;
            drop(place);
        });
    }
}

/// Waits for a worker and does the request within its deadline. A panic ends
/// this request only.
async fn work(agent: &Arc<Agent>, workers: &Semaphore, verb: Verb, request: &Request) -> Result<Vec<u8>, Error> {
    let payload = &request.message.payload;
    if payload.len() > REQUEST_MAX {
        return Err(Error::new(Code::TooLarge, format!("the request is over {REQUEST_MAX} bytes")));
    }
    let left = reply::time_left(request.message.headers.as_ref());
    let limit = left.map_or(REQUEST_TIMEOUT, |ms| Duration::from_millis(ms).min(REQUEST_TIMEOUT));
    let done = async {
        let _worker = workers.acquire().await.map_err(|_| Error::new(Code::Cancelled, "the agent is stopping"))?;
        // The subject is what NATS has let through, so it says who asks.
        let user = agent.subjects.user_of(&request.message.subject)?;
        answer(agent, user.as_ref(), verb, payload).await
    };
    match tokio::time::timeout(limit, AssertUnwindSafe(done).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::internal("the agent failed on this request")),
        Err(_) => Err(Error::new(Code::Timeout, "the deadline of the request passed")),
    }
}

async fn answer(agent: &Arc<Agent>, user: Option<&User>, verb: Verb, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let api = agent.acting(user)?;
    match verb {
        Verb::Info => json(&reads::info(agent).await?),
        Verb::Kinds => json(&reads::kinds(&api).await?),
        Verb::List => json(&reads::list(&api, reads::request(payload)?).await?),
        Verb::Get => json(&reads::get(&api, reads::request(payload)?).await?),
        Verb::Events => json(&reads::events(&api, reads::request(payload)?).await?),
        Verb::Top => json(&reads::top(&api, reads::request(payload)?).await?),
        Verb::Reveal => json(&reads::reveal(agent, &api, reads::request(payload)?).await?),
        Verb::Releases => json(&reads::releases::list(&api, reads::request(payload)?).await?),
        Verb::History => json(&reads::releases::history(&api, reads::request(payload)?).await?),
        Verb::Release => json(&reads::releases::get(&api, reads::request(payload)?).await?),
        Verb::Values => json(&reads::releases::values(&api, reads::request(payload)?).await?),
        Verb::Diff => json(&ops::diff(&api, reads::request(payload)?).await?),
        Verb::WatchOpen => json(&watch::open(agent, By { api, user }, reads::request(payload)?).await?),
        Verb::LogsOpen => json(&logs::open(agent, By { api, user }, reads::request(payload)?).await?),
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::internal(format!("writing the reply: {error}")))
}
