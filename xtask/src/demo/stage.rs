//! The cluster, the NATS server and the programs that the demo plays with.

use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::server::{Tie, stop_detached};
use testbed::{
    Binaries, ControlPlane, ControlPlaneOptions, FileServer, Finished, NatsOptions, NatsServer, Program, Server,
    Workdir,
};

use super::{Options, say};
use crate::{Outcome, repository};

/// The namespace of the demo, which it makes and removes.
const NAMESPACE: &str = "ankra-demo";
/// The cluster's name on NATS.
const CLUSTER_ID: &str = "demo";

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// Where the show takes place.
pub(super) struct Stage {
    pub(super) ours: Program,
    pub(super) nats: NatsServer,
    pub(super) work: Workdir,
    /// A cluster of our own; none when it is the person's.
    pub(super) plane: Option<ControlPlane>,
    binaries: Binaries,
    agent: PathBuf,
    kubeconfig: PathBuf,
    tie: Tie,
}

impl Stage {
    /// Builds and starts what the show needs.
    pub(super) fn set(options: Options) -> Anything<Self> {
        say("First the servers that the demo needs. They are built once and kept.");
        let binaries = crate::testbed::build_cluster()?;
        say("Then ankra-helm and ankra-agent.");
        let programs = build_programs()?;

        let (tie, work) = if options.keep {
            (Tie::Detached, Workdir::at(repository::root().join("target").join("demo"))?)
        } else {
            (Tie::Leashed, Workdir::new("demo")?)
        };
        // Only what an earlier `--keep` has left can be running there.
        stop_detached(work.path())?;
        let folder = Some(work.path().join("cluster"));
        for old in ["agent", "cluster", "nats", "home"] {
            stop_and_remove(&work.path().join(old))?;
        }
        let (plane, kubeconfig) = match &options.context {
            Some(context) => (None, own_kubeconfig(&binaries, context, work.path())?),
            None => {
                say("Start a Kubernetes control plane with two nodes that play their pods.");
                let plane = ControlPlaneOptions { tie, folder, ..ControlPlaneOptions::default() };
                let plane = ControlPlane::start(&binaries, plane)?;
                let kubeconfig = plane.kubeconfig();
                (Some(plane), kubeconfig)
            }
        };
        say("Start a NATS server.");
        let nats = NatsOptions { jetstream: true, tie, folder: Some(work.path().join("nats")), ..Default::default() };
        let nats = NatsServer::start(&binaries, nats)?;
        let mut ours = Program::new(programs.join("ankra-helm"), work.path().join("home"))?
            .in_folder(repository::root())
            .with_kubeconfig(&kubeconfig)
            .with("HELM_NAMESPACE", NAMESPACE)
            .with("NATS_URL", nats.url())
            .with("ANKRA_CLUSTER", CLUSTER_ID);
        if let (Some(_), Some(home)) = (&options.context, std::env::var_os("HOME")) {
            // Programs that log in to the person's cluster look there.
            ours = ours.with("HOME", home);
        }
        let agent = programs.join("ankra-agent");
        let stage = Self { ours, nats, work, plane, binaries, agent, kubeconfig, tie };
        stage.kubectl(&["create", "namespace", NAMESPACE])?;
        Ok(stage)
    }

    /// Shows a command of ankra-helm and what it prints.
    pub(super) fn helm(&self, args: &[&str]) -> Outcome {
        println!("\n$ ankra-helm {}", args.join(" "));
        if self.ours.show(args)? {
            return Ok(());
        }
        Err(format!("`ankra-helm {}` failed", args.join(" ")).into())
    }

    /// Starts the agent.
    pub(super) fn start_agent(&self) -> Anything<Server> {
        let [port] = testbed::ports::free()?;
        let program = Program::new(&self.agent, self.work.path().join("agent"))?
            .with_kubeconfig(&self.kubeconfig)
            .with("NATS_URL", self.nats.url())
            .with("CLUSTER_ID", CLUSTER_ID)
            .with("HEALTH_ADDR", format!("127.0.0.1:{port}"));
        let mut agent = Server::start_program(&self.binaries, "ankra-agent", &program, &[], self.tie)?;
        let info = ["agent", "info"];
        let answers = || self.ours.run(info).is_ok_and(|answer| answer.code == 0);
        agent.wait_until(std::time::Duration::from_secs(60), answers)?;
        Ok(agent)
    }

    /// Serves a folder over HTTP.
    pub(super) fn serve(&self, folder: &Path) -> testbed::Result<FileServer> {
        FileServer::start(&self.binaries, folder, None)
    }

    /// Runs kubectl against the demo's cluster, for what is not ours to do.
    pub(super) fn kubectl(&self, args: &[&str]) -> Anything<Finished> {
        let kubectl = Program::new(&self.binaries.kube, self.work.path().join("kubectl"))?;
        let answer = kubectl.with_kubeconfig(&self.kubeconfig).run([&["kubectl"], args].concat())?;
        if answer.code == 0 {
            return Ok(answer);
        }
        Err(format!("{}: {}", answer.command, answer.stderr).into())
    }

    /// Takes everything down.
    pub(super) fn strike(self) {
        // A cluster of our own goes as a whole.
        if self.plane.is_none()
            && let Err(e) = self.kubectl(&["delete", "namespace", NAMESPACE])
        {
            say(&format!("the namespace {NAMESPACE} could not be removed: {e}"));
        }
    }

    /// Leaves the logs for whoever looks for what went wrong.
    pub(super) fn keep_logs(&self) {
        self.work.keep();
        eprintln!("the logs are kept in {}", self.work.path().display());
    }

    /// Says how to use what is left running.
    pub(super) fn explain_how_to_go_on(&self) {
        let [folder, kubeconfig] = [self.work.path(), &self.kubeconfig].map(Path::display);
        say("Everything is still running. To go on by hand:");
        println!("export KUBECONFIG={kubeconfig}");
        println!("export NATS_URL={}", self.nats.url());
        println!("export ANKRA_CLUSTER={CLUSTER_ID}");
        println!("export HELM_NAMESPACE={NAMESPACE}");
        println!("To stop it: cargo xtask demo --stop");
        println!("Files and logs: {folder}");
    }
}

/// Stops what an earlier `--keep` has left running.
pub(super) fn stop() -> Outcome {
    let folder = repository::root().join("target").join("demo");
    let mut stopped = Vec::new();
    for part in ["agent", "nats", "cluster"] {
        if folder.join(part).is_dir() {
            stopped.extend(stop_detached(&folder.join(part))?);
        }
    }
    println!(
        "{}",
        if stopped.is_empty() { "nothing is running".to_owned() } else { "stopped ".to_owned() + &stopped.join(", ") }
    );
    Ok(())
}

fn stop_and_remove(folder: &Path) -> Outcome {
    if folder.is_dir() {
        stop_detached(folder)?;
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Builds our two programs and says where they are.
fn build_programs() -> Anything<PathBuf> {
    let arguments = ["build", "--package", "ankra-helm", "--bins"];
    if !repository::cargo().args(arguments).status()?.success() {
        return Err("the programs could not be built".into());
    }
    Ok(repository::target()?.join("debug"))
}

/// A kubeconfig with nothing but that context of the person's own. Says which
/// cluster that is before anything touches it.
fn own_kubeconfig(binaries: &Binaries, context: &str, folder: &Path) -> Anything<PathBuf> {
    let view = ["kubectl", "config", "view", "--minify", "--flatten", "--context", context];
    let kubectl = |more: &[&str]| Command::new(&binaries.kube).args(view).args(more).output();
    let answer = kubectl(&[])?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into_owned().into());
    }
    let server = kubectl(&["--output=jsonpath={.clusters[0].cluster.server}"])?;
    let server = String::from_utf8_lossy(&server.stdout).into_owned();
    say(&format!("This uses YOUR cluster {context:?} at {server}, in a new namespace {NAMESPACE:?}."));
    let file = folder.join("kubeconfig");
    testbed::kubeconfig::write_private(&file, &String::from_utf8_lossy(&answer.stdout))?;
    Ok(file)
}
