//! The cluster, the NATS server and the agents that are measured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::server::Tie;
use testbed::{Binaries, ControlPlane, ControlPlaneOptions, NatsOptions, NatsServer, Program, Server};

use super::super::Anything;
use super::http::{Http, Secure};
use super::nats::Nats;
use super::process::Process;

/// How long a server or an agent may take to be there.
const READY: Duration = Duration::from_secs(600);
/// Nodes, over which the pods are spread.
pub(super) const NODES: u32 = 20;

/// The controllers of the cluster: what makes a namespace fit for pods.
const CONTROLLERS: &str = "namespace-controller,serviceaccount-controller";
/// The annotation of pods whose status the benchmark writes, key and value:
/// kwok runs each of its stages' expressions over each change of a pod, which
/// costs it more than the change costs the API server. It serves their logs all
/// the same.
pub(super) const OURS: &str = "bench/status=written";

/// Everything that is measured acts here.
pub(super) struct Stage {
    // Stopped in this order.
    pub(super) nats: NatsServer,
    pub(super) plane: ControlPlane,
    pub(super) binaries: Binaries,
    /// How this program reaches the API server.
    secure: Secure,
    pub(super) agent: PathBuf,
    pub(super) client: PathBuf,
}

/// A running agent. Dropping it stops it.
pub(super) struct Agent {
    pub(super) cluster: String,
    pub(super) process: Process,
    _server: Server,
}

impl Agent {
    /// The subject of a request.
    pub(super) fn request(&self, verb: &str) -> String {
        format!("ah.v1.{}.req.{verb}", self.cluster)
    }

    /// A subject of a session.
    pub(super) fn session(&self, id: &str, end: &str) -> String {
        format!("ah.v1.{}.ses.{id}.{end}", self.cluster)
    }
}

impl Stage {
    pub(super) fn new(binaries: &Binaries, agent: &Path, client: &Path) -> Anything<Self> {
        let plane = ControlPlane::start(
            binaries,
            ControlPlaneOptions {
                nodes: NODES,
                // What a cluster of this size is given.
                apiserver_flags: vec![
                    "--max-requests-inflight=1600".to_owned(),
                    "--max-mutating-requests-inflight=800".to_owned(),
                    "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
                ],
                // Room for garbage: they collect it a quarter as often.
                environment: vec![("GOGC".into(), "400".into()), ("GOMEMLIMIT".into(), "8GiB".into())],
                // No others are needed, and each that watches pods is told of
                // every change too.
                controllers_flags: vec![format!("--controllers={CONTROLLERS}")],
                scheduler: false,
                kwok_flags: vec![format!("--disregard-status-with-annotation-selector={OURS}")],
                ..ControlPlaneOptions::default()
            },
        )?;
        let nats = NatsServer::start(binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
        let secure = Secure::new(&plane.authority(), &ControlPlane::token("admin"))?;
        let (agent, client) = (agent.to_owned(), client.to_owned());
        Ok(Self { nats, plane, binaries: binaries.clone(), secure, agent, client })
    }

    /// A connection to the API server.
    pub(super) fn http(&self) -> Anything<Http> {
        Http::connect_secure(&self.plane.url(), &self.secure)
    }

    /// kubectl, with files of its own.
    pub(super) fn kubectl(&self, home: &str) -> Anything<Program> {
        kubectl(&self.binaries, &self.plane, home)
    }

    /// Starts an agent for this cluster under a name, and does not wait.
    pub(super) fn start_agent(&self, cluster: &str) -> Anything<Agent> {
        let program = Program::new(&self.agent, self.plane.folder().join(cluster))?
            .with("NATS_URL", self.nats.url())
            .with("CLUSTER_ID", cluster)
            .with("HEALTH_ADDR", "127.0.0.1:0")
            .with("LOG_LEVEL", "WARNING");
        let kubeconfig = self.plane.kubeconfig();
        let args = ["--kubeconfig", kubeconfig.to_str().unwrap_or_default()];
        let server = Server::start_program(&self.binaries, "ankra-agent", &program, &args, Tie::Leashed)?;
        let process = Process::child_of(server.pid())?;
        Ok(Agent { cluster: cluster.to_owned(), process, _server: server })
    }

    /// Starts an agent and waits until it answers.
    pub(super) fn agent(&self, cluster: &str, nats: &Nats) -> Anything<Agent> {
        let agent = self.start_agent(cluster)?;
        answers(&agent, nats)?;
        Ok(agent)
    }
}

/// Waits until an agent answers.
pub(super) fn answers(agent: &Agent, nats: &Nats) -> Anything<()> {
    let until = Instant::now() + READY;
    while let Err(error) = nats.request(&agent.request("info"), &json!({})) {
        if Instant::now() > until {
            return Err(format!("the agent does not answer: {error}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn kubectl(binaries: &Binaries, plane: &ControlPlane, home: &str) -> Anything<Program> {
    Ok(Program::new(&binaries.kube, plane.folder().join(home))?.with_kubeconfig(&plane.kubeconfig()))
}
