//! What the tests here share, and what they speak to the agent with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::server::Tie;
use testbed::suite::Bed;
use testbed::{
    Binaries, ControlPlane, ControlPlaneOptions, FileServer, HelmVersion, NatsOptions, NatsServer, Program, Server,
    Workdir, ports,
};

/// The cluster's name in subjects.
pub(crate) const CLUSTER: &str = "test";

/// How long something may take that should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// What the tests of this binary share.
pub(crate) struct Agents {
    pub(crate) binaries: Binaries,
    pub(crate) plane: ControlPlane,
    pub(crate) nats: NatsServer,
    pub(crate) agent: Agent,
}

/// A running agent.
pub(crate) struct Agent {
    pub(crate) server: Server,
    pub(crate) health: u16,
    work: Workdir,
}

impl Bed for Agents {
    // Most of their time they wait for what takes its time.
    const THREADS: Option<usize> = Some(6);

    fn start(binaries: &Binaries) -> testbed::Result<Self> {
        let plane = ControlPlane::start(binaries, ControlPlaneOptions::default())?;
        let nats = NatsServer::start(binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
        let agent = Agent::start(binaries, &plane, &nats)?;
        Ok(Self { binaries: binaries.clone(), plane, nats, agent })
    }

    fn keep_logs(&self) -> String {
        self.plane.keep_files();
        self.nats.keep_files();
        self.agent.work.keep();
        let folders = [self.plane.folder(), self.nats.folder(), self.agent.work.path()];
        folders.map(|folder| folder.display().to_string()).join(", ")
    }
}

impl Agent {
    /// Starts an agent and waits until it says that it is ready.
    pub(crate) fn start(binaries: &Binaries, plane: &ControlPlane, nats: &NatsServer) -> testbed::Result<Self> {
        Self::start_with(binaries, plane, &[("NATS_URL", &nats.url())])
    }

    /// The same with these settings.
    pub(crate) fn start_with(
        binaries: &Binaries,
        plane: &ControlPlane,
        settings: &[(&str, &str)],
    ) -> testbed::Result<Self> {
        let mut agent = Self::launch(binaries, plane, settings)?;
        let health = agent.health;
        if let Err(e) = agent.server.wait_until(SOON, || http_status(health, "/ready") == Some(200)) {
            agent.work.keep();
            return Err(e);
        }
        Ok(agent)
    }

    /// Starts an agent that need not become ready.
    pub(crate) fn launch(
        binaries: &Binaries,
        plane: &ControlPlane,
        settings: &[(&str, &str)],
    ) -> testbed::Result<Self> {
        let work = Workdir::new("agent")?;
        let [health] = ports::free()?;
        let mut program = Program::new(env!("CARGO_BIN_EXE_ankra-agent"), work.path())?
            .with_kubeconfig(&plane.kubeconfig())
            .with("CLUSTER_ID", CLUSTER)
            .with("LOG_LEVEL", "DEBUG")
            .with("HEARTBEAT_SECONDS", "1")
            .with("HEALTH_ADDR", format!("127.0.0.1:{health}"));
        for (name, value) in settings {
            program = program.with(name, value);
        }
        let server = Server::start_program(binaries, "ankra-agent", &program, &[], Tie::Leashed)?;
        Ok(Self { server, health, work })
    }

    /// Kills the process itself with SIGKILL, as a machine that fails does.
    pub(crate) fn kill(&self) -> Anything<()> {
        let leash = self.server.pid();
        let children = std::fs::read_to_string(format!("/proc/{leash}/task/{leash}/children"))?;
        for pid in children.split_whitespace() {
            if !std::process::Command::new("kill").args(["-9", pid]).status()?.success() {
                return Err(format!("process {pid} was not there to be killed").into());
            }
        }
        Ok(())
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> Anything<String> {
        Ok(std::fs::read_to_string(self.server.log())?)
    }
}

/// One test's namespace, and the programs that act in it.
pub(crate) struct Scene<'a> {
    pub(crate) agents: &'a Agents,
    pub(crate) namespace: String,
    pub(crate) nats: Nats,
    /// Our program, as the client of the agent.
    pub(crate) ours: Program,
    /// Real Helm 4.
    pub(crate) helm4: Program,
    /// Real Helm 3.
    pub(crate) helm3: Program,
    pub(crate) work: Workdir,
}

impl Agents {
    pub(crate) fn scene(&self, name: &str) -> testbed::Result<Scene<'_>> {
        let namespace = self.plane.namespace(name)?;
        let kubeconfig = self.plane.write_kubeconfig("admin", &namespace)?;
        let work = Workdir::new("scene")?;
        let nats = Nats::new(&self.binaries, &self.nats, &work)?;
        // It has no kubeconfig: all that it knows comes over NATS.
        let ours = Program::new(env!("CARGO_BIN_EXE_ankra-helm"), work.path().join("ours"))?
            .with("NATS_URL", self.nats.url())
            .with("ANKRA_CLUSTER", CLUSTER);
        let helm = |version: HelmVersion| version.program(&self.binaries, work.path());
        let (helm4, helm3) = (helm(HelmVersion::V4)?, helm(HelmVersion::V3)?);
        let (helm4, helm3) = (helm4.with_kubeconfig(&kubeconfig), helm3.with_kubeconfig(&kubeconfig));
        Ok(Scene { agents: self, namespace, nats, ours, helm4, helm3, work })
    }
}

impl Scene<'_> {
    /// Runs kubectl in this namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> testbed::Result<testbed::Finished> {
        self.agents.plane.kubectl([args, &["--namespace", &self.namespace]].concat())
    }

    /// Makes pods and waits until they run.
    pub(crate) fn pods(&self, names: &[String]) -> Anything<()> {
        let mut manifest = String::new();
        for name in names {
            manifest.push_str(&format!(
                "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {}, labels: {{app: test}}}}
spec: {{automountServiceAccountToken: false, containers: [{{name: main, image: main}}]}}
",
                self.namespace
            ));
        }
        self.agents.plane.apply(&manifest)?;
        let wait = ["wait", "--for=condition=Ready", "pod", "--selector=app=test", "--timeout=60s"];
        let _ = self.kubectl(&wait)?.ok();
        Ok(())
    }

    /// Packs a chart of `testdata/charts` and serves it over HTTP. Returns the
    /// server and the chart's address.
    pub(crate) fn serve_chart(&self) -> Anything<(FileServer, String)> {
        let shelf = self.work.path().join("shelf");
        let chart = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/charts/site").display().to_string();
        let folder = shelf.display().to_string();
        let _ = self.helm4.run(["package", &chart, "--destination", &folder])?.ok();
        let server = FileServer::start(&self.agents.binaries, &shelf, None)?;
        let url = format!("{}/site-0.3.1.tgz", server.url());
        Ok((server, url))
    }
}

/// NATS's own client.
pub(crate) struct Nats {
    program: Program,
    url: String,
}

impl Nats {
    pub(crate) fn new(binaries: &Binaries, server: &NatsServer, work: &Workdir) -> testbed::Result<Self> {
        Ok(Self { program: Program::new(&binaries.nats, work.path().join("nats"))?, url: server.url() })
    }

    /// Runs a command of it and returns what it printed.
    pub(crate) fn run(&self, args: &[&str]) -> testbed::Result<testbed::Finished> {
        self.program.run([&["--server", &self.url], args].concat())
    }

    /// Asks the agent and returns the body of its answer.
    pub(crate) fn ask(&self, verb: &str, body: &Value) -> Anything<Value> {
        let (subject, body) = (format!("ah.v1.{CLUSTER}.req.{verb}"), body.to_string());
        let answer = self.run(&["request", "--raw", "--timeout=20s", &subject, &body])?;
        let text = answer.ok();
        serde_json::from_str(&text).map_err(|e| format!("{verb}: {e}: {text}").into())
    }
}

/// Asks over HTTP and returns the status, or nothing when nobody answers.
pub(crate) fn http_status(port: u16, path: &str) -> Option<u16> {
    http(port, path)?.split(' ').nth(1)?.parse().ok()
}

/// The value of a metric.
pub(crate) fn metric(port: u16, name: &str) -> Option<f64> {
    let answer = http(port, "/metrics")?;
    let line = answer.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

/// The whole answer over HTTP.
pub(crate) fn http(port: u16, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> Anything<bool>) -> Anything<()> {
    let start = Instant::now();
    while !condition()? {
        if start.elapsed() > SOON {
            return Err(format!("not within {SOON:?}: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
