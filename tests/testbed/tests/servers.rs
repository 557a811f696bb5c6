//! The servers themselves: that they start, keep to themselves, and end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use testbed::server::{Tie, stop_detached};
use testbed::suite::{self, Bed, Outcome};
use testbed::{
    Binaries, ControlPlane, ControlPlaneOptions, FileServer, HelmVersion, NatsOptions, NatsServer, Node, NodeOptions,
    Program, Registry, RegistryOptions, User, Workdir, cases, node, ports,
};

/// One control plane for all; tests that stop something start their own.
struct Servers {
    binaries: Binaries,
    plane: ControlPlane,
}

impl Bed for Servers {
    fn start(binaries: &Binaries) -> testbed::Result<Self> {
        let users = vec![User { name: "guest".to_owned(), groups: vec!["visitors".to_owned()] }];
        let options = ControlPlaneOptions { users, ..ControlPlaneOptions::default() };
        Ok(Self { binaries: binaries.clone(), plane: ControlPlane::start(binaries, options)? })
    }

    fn keep_logs(&self) -> String {
        self.plane.keep_files();
        self.plane.folder().display().to_string()
    }
}

/// Set for the process that [`parent`] is.
const PARENT: &str = "TESTBED_PARENT";

fn main() -> ExitCode {
    if std::env::var_os(PARENT).is_some() {
        return parent().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    suite::run::<Servers>(cases![
        deployments_become_available,
        pods_that_end_end,
        logs_are_followed,
        guests_are_refused,
        helm_of_both_lines_installs,
        nats_comes_back_on_its_port,
        registry_asks_who_is_there,
        fileserver_asks_who_is_there,
        servers_end_with_their_parent,
        detached_servers_stay_until_they_are_stopped,
        two_control_planes_side_by_side,
        containers_run_and_reach_each_other if node::missing,
    ])
}

fn apply(servers: &Servers, namespace: &str, manifest: &str) -> Outcome {
    Ok(servers.plane.apply(&manifest.replace("NAMESPACE", namespace))?)
}

fn deployments_become_available(servers: &Servers) -> Outcome {
    let namespace = servers.plane.namespace("deployment")?;
    apply(
        servers,
        &namespace,
        "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NAMESPACE}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
",
    )?;
    let wait = ["wait", "--for=condition=Available", "deployment/web", "--timeout=60s", "--namespace", &namespace];
    let _ = servers.plane.kubectl(wait)?.ok();
    Ok(())
}

fn pods_that_end_end(servers: &Servers) -> Outcome {
    let namespace = servers.plane.namespace("ends")?;
    let pod = |name: &str, code: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: NAMESPACE, annotations: {{testbed/exit-code: \"{code}\"}}}}
spec: {{restartPolicy: Never, containers: [{{name: main, image: main}}]}}
"
        )
    };
    let job = "---
apiVersion: batch/v1
kind: Job
metadata: {name: job, namespace: NAMESPACE}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: main}]}}
";
    apply(servers, &namespace, &(pod("good", "0") + &pod("bad", "3") + job))?;
    let wait = |what: &str, condition: &str| {
        let condition = format!("--for={condition}");
        servers.plane.kubectl(["wait", &condition, what, "--timeout=60s", "--namespace", &namespace])
    };
    let _ = wait("pod/good", "jsonpath={.status.phase}=Succeeded")?.ok();
    let _ = wait("pod/bad", "jsonpath={.status.phase}=Failed")?.ok();
    let _ = wait("job/job", "condition=Complete")?.ok();
    Ok(())
}

fn logs_are_followed(servers: &Servers) -> Outcome {
    let namespace = servers.plane.namespace("logs")?;
    apply(
        servers,
        &namespace,
        "
apiVersion: v1
kind: Pod
metadata: {name: talker, namespace: NAMESPACE}
spec: {containers: [{name: main, image: main}]}
",
    )?;
    let namespace_flag = format!("--namespace={namespace}");
    let wait = ["wait", "--for=condition=Ready", "pod/talker", "--timeout=60s", &namespace_flag];
    let _ = servers.plane.kubectl(wait)?.ok();
    let before = servers.plane.kubectl(["logs", "talker", &namespace_flag])?.ok();
    assert!(before.contains("listening\n"), "{before:?}");

    let kubectl = Program::new(&servers.binaries.kube, servers.plane.folder().join("follower"))?
        .with_kubeconfig(&servers.plane.kubeconfig());
    let mut follower = kubectl.spawn(["kubectl", "logs", "--follow", "talker", &namespace_flag])?;
    let mut output = follower.stdout.take().ok_or("no pipe")?;
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains("a new line\n") {
            match output.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(n) => seen.extend(&piece[..n]),
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    });
    std::thread::sleep(Duration::from_secs(1));
    servers.plane.log(["a new line"])?;
    let limit = Instant::now() + Duration::from_secs(30);
    while !reader.is_finished() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    follower.kill()?;
    follower.wait()?;
    let seen = reader.join().map_err(|_| "the reader panicked")?;
    assert!(seen.contains("a new line\n"), "{seen:?}");
    Ok(())
}

fn guests_are_refused(servers: &Servers) -> Outcome {
    let kubeconfig = servers.plane.write_kubeconfig("guest", "default")?;
    let kubectl = Program::new(&servers.binaries.kube, servers.plane.folder().join("guest"))?;
    let said = kubectl.with_kubeconfig(&kubeconfig).run(["kubectl", "get", "secrets"])?.fails(1);
    assert!(said.contains("\"guest\" cannot list resource \"secrets\""), "{said}");
    Ok(())
}

fn helm_of_both_lines_installs(servers: &Servers) -> Outcome {
    for helm in HelmVersion::BOTH {
        let namespace = servers.plane.namespace("helm")?;
        let work = Workdir::new("helm")?;
        let kubeconfig = servers.plane.write_kubeconfig("admin", &namespace)?;
        let program = helm.program(&servers.binaries, work.path())?.with_kubeconfig(&kubeconfig);
        let version = program.run(["version", "--template={{.Version}}"])?.ok();
        assert_eq!(version, helm.version());
        let _ = program.run(["create", "web"])?.ok();
        let said = program.run(["install", "site", "web", "--wait", "--timeout=120s"])?.ok();
        assert!(said.contains("STATUS: deployed"), "{said}");
        let _ = program.run(["test", "site"])?.ok();
        let _ = program.run(["uninstall", "site", "--wait"])?.ok();
    }
    Ok(())
}

fn nats_comes_back_on_its_port(servers: &Servers) -> Outcome {
    let options = NatsOptions { jetstream: true, ..NatsOptions::default() };
    let mut server = NatsServer::start(&servers.binaries, options)?;
    let url = server.url();
    let nats = Program::new(&servers.binaries.nats, server.folder().join("client"))?;
    let nats = |args: &[&str]| nats.run([["--server", &url].as_slice(), args].concat());
    let _ = nats(&["kv", "add", "box"])?.ok();
    let _ = nats(&["kv", "put", "box", "key", "kept"])?.ok();
    server.stop();
    assert_ne!(nats(&["kv", "get", "box", "key", "--raw"])?.code, 0);
    server.resume()?;
    assert_eq!(nats(&["kv", "get", "box", "key", "--raw"])?.ok().trim(), "kept");
    Ok(())
}

fn registry_asks_who_is_there(servers: &Servers) -> Outcome {
    let open = Registry::start(&servers.binaries, RegistryOptions::default())?;
    let closed = Registry::start(&servers.binaries, RegistryOptions { authenticated: true, ..Default::default() })?;
    let work = Workdir::new("pusher")?;
    let helm = HelmVersion::V4.program(&servers.binaries, work.path())?;
    let _ = helm.run(["create", "web"])?.ok();
    let _ = helm.run(["package", "web"])?.ok();
    let push = |host: &str| helm.run(["push", "web-0.1.0.tgz", &format!("oci://{host}/charts"), "--plain-http"]);
    let _ = push(&open.host())?.ok();
    let _ = push(&closed.host())?.fails(1);
    let (user, password) = testbed::registry::LOGIN;
    let host = closed.host();
    let login = ["registry", "login", &host, "--plain-http", "--username", user, "--password", password];
    let _ = helm.run(login)?.ok();
    let _ = push(&host)?.ok();
    Ok(())
}

fn fileserver_asks_who_is_there(servers: &Servers) -> Outcome {
    let work = Workdir::new("repository")?;
    let helm = HelmVersion::V4.program(&servers.binaries, work.path())?;
    let _ = helm.run(["create", "web"])?.ok();
    let _ = helm.run(["package", "web", "--destination", "shelf"])?.ok();
    let _ = helm.run(["repo", "index", "shelf"])?.ok();
    let shelf = FileServer::start(&servers.binaries, &helm.home().join("shelf"), Some(("reader", "s3cret")))?;
    let url = shelf.url();
    let show = ["show", "chart", "web", "--repo", &url];
    let _ = helm.run(show)?.fails(1);
    let shown = helm.run([&show[..], &["--username=reader", "--password=s3cret", "--pass-credentials"]].concat())?.ok();
    assert!(shown.contains("name: web"), "{shown}");
    assert!(shelf.requests().contains("GET /index.yaml"));
    Ok(())
}

/// A parent that is killed, and so cannot clean up, takes its server with it.
fn servers_end_with_their_parent(_: &Servers) -> Outcome {
    let mut parent = Command::new(std::env::current_exe()?)
        .env(PARENT, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(parent.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    let (port, folder) = line.trim().split_once(' ').ok_or("the parent said something else")?;
    let port: u16 = port.parse()?;
    assert!(ports::is_open(port));
    parent.kill()?;
    parent.wait()?;
    wait_for(|| !ports::is_open(port))?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// What this program does when it is that parent: it starts a server and waits
/// to be killed.
#[expect(clippy::print_stdout, reason = "its parent reads it")]
fn parent() -> Outcome {
    let nats = NatsServer::start(&testbed::build(|_| ())?, NatsOptions::default())?;
    println!("{} {}", port(&nats)?, nats.folder().display());
    std::thread::sleep(Duration::from_secs(600));
    Err("nobody killed it".into())
}

fn port(nats: &NatsServer) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(nats.url().rsplit(':').next().unwrap_or_default().parse()?)
}

fn detached_servers_stay_until_they_are_stopped(servers: &Servers) -> Outcome {
    let work = Workdir::new("detached")?;
    let folder = Some(work.path().to_owned());
    let options = NatsOptions { tie: Tie::Detached, folder, ..NatsOptions::default() };
    let nats = NatsServer::start(&servers.binaries, options)?;
    let port = port(&nats)?;
    drop(nats);
    assert!(ports::is_open(port));
    assert_eq!(stop_detached(work.path())?, ["nats-server"]);
    assert!(!ports::is_open(port));
    assert!(stop_detached(work.path())?.is_empty());
    Ok(())
}

fn two_control_planes_side_by_side(servers: &Servers) -> Outcome {
    let mut other =
        ControlPlane::start(&servers.binaries, ControlPlaneOptions { nodes: 1, ..ControlPlaneOptions::default() })?;
    let nodes = other.kubectl(["get", "nodes", "--output=name"])?.ok();
    assert_eq!(nodes, "node/node-0\n");
    other.stop_apiserver();
    assert_ne!(other.kubectl(["get", "nodes"])?.code, 0);
    assert_eq!(servers.plane.kubectl(["get", "nodes", "--output=name"])?.ok(), "node/node-0\nnode/node-1\n");
    other.start_apiserver()?;
    assert_eq!(other.kubectl(["get", "nodes", "--output=name"])?.ok(), nodes);
    Ok(())
}

/// Two containers on a real node: one asks the other by its service, and
/// nobody else can be asked. What is outside reaches what it is led to. After
/// the node nothing of it is left.
fn containers_run_and_reach_each_other(servers: &Servers) -> Outcome {
    let node = Node::start(&servers.binaries, NodeOptions::default())?;
    let (server, client) = (
        "while :; do echo hello | nc -l -p 8080; done",
        "until nc \"$WEB_SERVICE_HOST\" 80; do sleep 1; done; nc -w 9 192.0.2.1 80 || echo alone; exit 3",
    );
    let pod = |name: &str, words: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec: {{restartPolicy: Never, containers: [{{name: main, image: 'busybox:1', command: [sh, -c, '{words}']}}]}}
"
        )
    };
    let service = "---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";
    node.apply(&(service.to_owned() + &pod("web", server)))?;
    let _ = node.kubectl(["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"])?.ok();
    let address = node.kubectl(["get", "pod", "web", "--output=jsonpath={.status.podIP}"])?.ok();
    let forward = node.forward(&format!("{address}:8080"))?;
    node.apply(&pod("client", client))?;
    let _ = node.kubectl(["wait", "--for=jsonpath={.status.phase}=Failed", "pod/client", "--timeout=60s"])?.ok();
    let said = node.kubectl(["logs", "client"])?.ok();
    // A line on standard error may come before or after one on standard output.
    let says = |words: &str| said.lines().any(|line| line.ends_with(words));
    assert!(says("hello") && says("Network is unreachable") && says("alone"), "{said}");
    let code = "--output=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    assert_eq!(node.kubectl(["get", "pod", "client", code])?.ok(), "3");
    wait_for(|| {
        let mut said = String::new();
        let stream = std::net::TcpStream::connect(("127.0.0.1", forward.port()));
        stream.is_ok_and(|mut stream| stream.read_to_string(&mut said).is_ok()) && said == "hello\n"
    })?;
    let folder = node.folder().to_owned();
    drop((forward, node));
    assert!(!folder.exists());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    assert!(!mounts.contains(&folder.display().to_string()));
    let mine = format!("ankra-node-{}-", std::process::id());
    for group in std::fs::read_dir("/sys/fs/cgroup/memory").or_else(|_| std::fs::read_dir("/sys/fs/cgroup"))?.flatten()
    {
        assert!(!group.file_name().to_string_lossy().starts_with(&mine), "{group:?} is left");
    }
    Ok(())
}

fn wait_for(mut condition: impl FnMut() -> bool) -> Outcome {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        if Instant::now() > limit {
            return Err("it did not happen within 30 s".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
