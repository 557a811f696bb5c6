//! The daemon: one cluster at the other end of NATS.
//!
//! Owns the wiring of its parts, their start and their orderly end. Requests
//! arrive in `serve`, live sessions in `session`, commands in `ops`; what
//! they read comes through [`api`], what they change through `engine`.

mod acting;
pub mod api;
mod cluster;
mod credentials;
mod health;
mod leader;
mod link;
pub mod logging;
mod logs;
pub mod metrics;
mod ops;
mod presence;
mod reads;
mod redact;
mod register;
mod reply;
mod serve;
mod session;
pub mod settings;
pub mod status;
pub mod watch;
mod watchdog;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    api::Api,
    credentials::Credentials,
    link::{Link, Way},
    metrics::Metrics,
    ops::Ops,
    register::{Grant, Registrar},
    session::Sessions,
    settings::Settings,
    status::Status,
};
use crate::client::proxy;
use crate::protocol::{ClusterId, Error, Subjects, id::ulid, subject};

/// Longest wait for the last messages to leave.
const GOODBYE: Duration = Duration::from_secs(3);
/// Longest wait for work that was cancelled.
const CANCELLED: Duration = Duration::from_secs(8);

/// What the parts of a running agent share.
pub struct Agent {
    /// What it was told at its start.
    pub settings: Settings,
    /// The subjects of its cluster.
    pub subjects: Subjects,
    /// This process among the agents of the cluster.
    pub instance: String,
    /// Changes whenever the process starts anew.
    pub epoch: String,
    /// The connection to NATS.
    link: Arc<Link>,
    /// The API server, for reads.
    pub api: Api,
    /// Its connections and cluster.
    pub status: Arc<Status>,
    /// Its counters.
    pub metrics: Arc<Metrics>,
    /// Its watch and log sessions.
    sessions: Sessions,
    /// The operations that it works on.
    ops: Ops,
    /// Log streams that may still be opened.
    log_streams: Arc<Semaphore>,
    /// Requests and sessions being served.
    pub tasks: TaskTracker,
    /// Operations being worked on: they must end before the process does.
    pub work: TaskTracker,
    /// Set when the agent stops.
    pub stop: CancellationToken,
    /// When it began.
    pub started: Instant,
}

impl Agent {
    /// The agent's version.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Longest body of one message.
    pub fn message_max(&self) -> usize {
        reply::message_max(self.link.client().max_payload())
    }
}

/// A running agent.
pub struct Running {
    /// Where health and metrics are served.
    pub health_addr: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Stops it: no new work, running work ends or is handed back.
    ///
    /// # Errors
    /// What ended it, when that was not this call.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.wait().await
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// What ended it.
    pub async fn wait(self) -> Result<(), Error> {
        self.task.await.map_err(|error| Error::internal(format!("the agent failed: {error}")))?
    }
}

/// Starts an agent. It ends when `stop` is cancelled.
///
/// # Errors
/// When a setting cannot be used. Servers that are away are no error.
pub async fn start(settings: Settings, stop: CancellationToken) -> Result<Running, Error> {
    settings.check()?;
    if settings.nats.nats_url.is_empty() {
        register::url(&settings)?;
    } else {
        for server in settings.nats.servers()? {
            proxy::before(&server, settings.nats.nats_proxy.reveal())?;
        }
        settings.nats.options().await?;
    }
    let status = Arc::new(Status::default());
    let metrics = Arc::new(Metrics::default());
    let api =
        Api::connect(settings.kubeconfig.as_deref(), settings.context.as_deref(), settings.read_worker_count).await?;
    let (health_addr, health) = health::serve(
        settings.health_addr,
        Arc::clone(&status),
        Arc::clone(&metrics),
        // Health is answered until the very end, also while draining.
        CancellationToken::new(),
    )
    .await?;
    tracing::info!(%health_addr, version = env!("CARGO_PKG_VERSION"), "the agent starts");
    let task = tokio::spawn(run(settings, api, status, metrics, stop.clone(), health));
    Ok(Running { health_addr, stop, task })
}

async fn run(
    settings: Settings,
    api: Api,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    health: tokio::task::JoinHandle<()>,
) -> Result<(), Error> {
    let outcome = connected(settings, api, status, metrics, stop).await;
    health.abort();
    outcome
}

async fn connected(
    settings: Settings,
    api: Api,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let instance = instance(&settings.pod_name);
    let Some(place) = Place::find(&settings, &api, &status, &metrics, &instance, &stop).await? else { return Ok(()) };
    let name = format!("ankra-agent {} {instance}", place.subjects.cluster());
    let link = Arc::new(Link::connect(&place.way, name, Arc::clone(&status), Arc::clone(&metrics)).await?);
    let subjects = place.subjects.clone();
    place.guard(&link, &status, &stop);
    let agent = Arc::new(Agent {
        sessions: Sessions::default(),
        ops: Ops::default(),
        log_streams: Arc::new(Semaphore::new(settings.log_streams_max)),
        settings,
        subjects,
        instance,
        epoch: ulid(),
        link,
        api,
        status,
        metrics,
        tasks: TaskTracker::new(),
        work: TaskTracker::new(),
        stop,
        started: Instant::now(),
    });
    tokio::spawn(cluster::probe(agent.api.clone(), Arc::clone(&agent.status), agent.stop.clone()));
    let serving = tokio::spawn(serve::run(Arc::clone(&agent)));
    if agent.settings.stream.k8s_watch_enabled {
        let lead = tokio::sync::watch::Sender::new(false);
        tokio::spawn(watch::always::run(Arc::clone(&agent), lead.subscribe()));
        agent.tasks.spawn(leader::run(Arc::clone(&agent), lead));
    }
    tokio::spawn(ops::run(Arc::clone(&agent)));
    tokio::spawn(ops::cancels(Arc::clone(&agent)));
    let presence = tokio::spawn(presence::run(Arc::clone(&agent)));
    tracing::info!(cluster = %agent.subjects.cluster(), instance = %agent.instance, "serving");
    agent.stop.cancelled().await;
    agent.status.draining();
    tracing::info!("stopping: no new work is taken");
    if let Err(error) = serving.await {
        tracing::warn!(%error, "the NATS service did not stop");
    }
    drain(&agent).await;
    // It has only a goodbye to say.
    let _ = tokio::time::timeout(GOODBYE, presence).await;
    if let Ok(Err(error)) = tokio::time::timeout(GOODBYE, agent.link.client().flush()).await {
        tracing::debug!(%error, "the last messages may not have been sent");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Where this agent is: the cluster's subjects and the way to NATS.
struct Place {
    subjects: Subjects,
    way: Way,
    registered: Option<(Registrar, Grant)>,
}

impl Place {
    /// By the settings, or by a registration; `None` when stopped.
    async fn find(
        settings: &Settings,
        api: &Api,
        status: &Arc<Status>,
        metrics: &Arc<Metrics>,
        instance: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, Error> {
        let by_token = settings.nats.nats_url.is_empty();
        let uid = if by_token || settings.cluster_id.is_empty() {
            let Some(uid) = cluster::wait_for_uid(api, status, stop).await else { return Ok(None) };
            uid
        } else {
            String::new()
        };
        if by_token {
            let (status, metrics) = (Arc::clone(status), Arc::clone(metrics));
            let registrar = Registrar::new(settings, uid, instance.to_owned(), status, metrics)?;
            let Some(grant) = registrar.granted(stop).await else { return Ok(None) };
            let prefix = grant.prefix.as_deref().unwrap_or(&settings.subject_prefix);
            let subjects = Subjects::new(prefix, grant.cluster.clone())?;
            return Ok(Some(Place { subjects, way: grant.way.clone(), registered: Some((registrar, grant)) }));
        }
        let cluster = if settings.cluster_id.is_empty() { uid } else { settings.cluster_id.clone() };
        let subjects = Subjects::new(&settings.subject_prefix, ClusterId::new(cluster)?)?;
        let credentials = match &settings.nats.nats_creds {
            Some(path) => {
                let credentials = Credentials::default();
                credentials.read(path).await?;
                Some(credentials)
            }
            None => None,
        };
        let way = Way { access: settings.nats.clone(), credentials };
        Ok(Some(Place { subjects, way, registered: None }))
    }

    /// Starts what keeps the connection alive and its credentials fresh.
    fn guard(self, link: &Arc<Link>, status: &Arc<Status>, stop: &CancellationToken) {
        tokio::spawn(watchdog::run(Arc::clone(link), Arc::clone(status), self.way.clone(), stop.clone()));
        if let Some((registrar, grant)) = self.registered {
            tokio::spawn(registrar.keep(grant, Arc::clone(link), stop.clone()));
        } else if let Some(credentials) = self.way.credentials.clone() {
            tokio::spawn(watchdog::follow_file(Arc::clone(link), self.way, credentials, stop.clone()));
        }
    }
}

/// Lets operations end, then what is left of requests and sessions. What is
/// not done in time is cancelled, which leaves its release in a state that a
/// later operation can start from.
async fn drain(agent: &Agent) {
    agent.work.close();
    agent.tasks.close();
    if tokio::time::timeout(agent.settings.drain(), agent.work.wait()).await.is_err() {
        tracing::warn!(operations = agent.ops.count(), "operations are cancelled at the end of the time to drain");
        agent.ops.cancel_all();
        if tokio::time::timeout(CANCELLED, agent.work.wait()).await.is_err() {
            tracing::warn!("an operation was still running at the end");
        }
    }
    // While NATS is away these cannot even say goodbye.
    if tokio::time::timeout(GOODBYE, agent.tasks.wait()).await.is_err() {
        tracing::warn!("requests or sessions were still open at the end");
    }
}

/// A name for this process: the pod's, as one token, or a random one.
fn instance(pod: &str) -> String {
    let name: String = pod.chars().map(|c| if c == '.' { '-' } else { c }).take(subject::TOKEN_MAX).collect();
    if subject::is_token(&name) { name } else { format!("agent-{}", ulid().to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_one_token() {
        assert_eq!(instance("ankra-agent-6f-x.y"), "ankra-agent-6f-x-y");
        for odd in ["", "é", "a b"] {
            assert!(subject::is_token(&instance(odd)) && instance(odd).starts_with("agent-"));
        }
    }
}
