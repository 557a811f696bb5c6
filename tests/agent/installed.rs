//! The agent as people install it: its static program in an image, its chart
//! in a cluster whose containers run, NATS beside it, and a client outside.

use std::path::Path;

use serde_json::Value;
use testbed::suite::Outcome;
use testbed::{Forward, Image, Node, NodeOptions, Program, Server, Workdir, node, static_build};

use crate::scene::{Agents, Anything, metric, wait_until};
use crate::sessions::Follower;

/// The cluster's name in subjects.
const CLUSTER: &str = "real";

/// The image that the chart names.
const IMAGE: &str = concat!("ghcr.io/ankra-helm/ankra-agent:", env!("CARGO_PKG_VERSION"));

const NATS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: nats, labels: {app: nats}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: nats, image: 'example.com/nats-server:1', volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: nats}
spec: {selector: {app: nats}, ports: [{port: 4222}]}
";

/// A container that says which of its runs this is, works a little, and fails.
const CRASHER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: crasher}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox:1
    volumeMounts: [{name: state, mountPath: /state}]
    command:
    - sh
    - -c
    - |
      printf x >> /state/runs
      run=$(cat /state/runs)
      echo \"run $run begins\"
      sleep 8
      echo \"run $run ends\"
      exit 3
  volumes: [{name: state, emptyDir: {}}]
";

/// How many lines the writer writes.
const WRITTEN: usize = 4200;

/// A container whose log is rotated several times while it is written: about
/// 600 KiB every two seconds, of which the node keeps 1 MiB in a file.
const WRITER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox:1
    command:
    - sh
    - -c
    - |
      n=0
      while [ $n -lt 4200 ]; do
        printf 'line %05d %01000d\\n' $n 0
        n=$((n + 1))
        [ $((n % 600)) -ne 0 ] || sleep 2
      done
      echo all written
      sleep 1000
";

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: {{ .Values.image | quote }}, command: [sleep, '1000']}]
";

/// Why it cannot be tested here, if it cannot.
pub(crate) fn missing() -> Option<String> {
    static_build::missing().or_else(node::missing)
}

/// A cluster with NATS and the agent in it, and a client outside.
struct Stage {
    /// Our program, which knows of NATS only.
    client: Program,
    /// Our program with the cluster's kubeconfig.
    direct: Program,
    /// The address of the chart, inside.
    chart: String,
    _forward: Forward,
    _charts: Server,
    node: Node,
    work: Workdir,
}

impl Stage {
    fn set(agents: &Agents) -> Anything<Self> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let plain = Path::new(env!("CARGO_BIN_EXE_ankra-agent"));
        let programs = static_build::build(project, plain, &["ankra-helm", "ankra-agent"])?;
        let agent = programs.last().ok_or("no program was built")?;

        let node = Node::start(&agents.binaries, NodeOptions::default())?;
        let image = Image::new(IMAGE).with_program("ankra-agent", agent);
        node.load(&image.running(&["/bin/ankra-agent"]))?;
        let image = Image::new("example.com/nats-server:1").with_program("nats-server", &agents.binaries.nats_server);
        node.load(&image.running(&["/bin/nats-server", "--jetstream", "--store_dir=/data"]))?;
        node.apply(NATS)?;
        let address = node.kubectl(["get", "service", "nats", "--output=jsonpath={.spec.clusterIP}"])?.ok();

        let work = Workdir::new("installed")?;
        let direct = Program::new(env!("CARGO_BIN_EXE_ankra-helm"), work.path().join("direct"))?;
        let direct = direct.with_kubeconfig(&node.kubeconfig());
        let chart = project.join("deploy/ankra-agent").display().to_string();
        let nats = format!("--set=nats.url=nats://{address}:4222");
        let cluster = format!("--set=cluster_id={CLUSTER}");
        let install = ["install", "ankra-agent", &chart, "--namespace=ankra", "--create-namespace", &nats, &cluster];
        let installed = direct.run([&install[..], &["--wait", "--timeout=2m"]].concat())?.ok();
        assert!(installed.contains("STATUS: deployed"), "{installed}");

        let forward = node.forward(&format!("{address}:4222"))?;
        let url = format!("nats://127.0.0.1:{}", forward.port());
        let client = Program::new(env!("CARGO_BIN_EXE_ankra-helm"), work.path().join("client"))?;
        let client = client.with("NATS_URL", url);
        let (charts, chart) = serve_chart(agents, &node, &direct, &work)?;
        Ok(Self { client, direct, chart, _forward: forward, _charts: charts, node, work })
    }

    /// Runs a command by the agent.
    fn agent(&self, args: &[&str]) -> testbed::Result<testbed::Finished> {
        self.client.run([&["agent"], args].concat())
    }

    fn value(&self, what: &[&str], path: &str) -> Anything<String> {
        let path = format!("--output=jsonpath={path}");
        Ok(self.node.kubectl([&["get"], what, &[&path]].concat())?.ok())
    }
}

/// Packs a small chart and serves it inside. Returns its server and address.
fn serve_chart(agents: &Agents, node: &Node, ours: &Program, work: &Workdir) -> Anything<(Server, String)> {
    let (chart, shelf) = (work.path().join("shop"), work.path().join("shelf"));
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::create_dir_all(&shelf)?;
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n")?;
    std::fs::write(chart.join("values.yaml"), "replicas: 1\nimage: busybox:1\n")?;
    std::fs::write(chart.join("templates/deployment.yaml"), DEPLOYMENT)?;
    let (chart, shelf) = (chart.display().to_string(), shelf.display().to_string());
    let _ = ours.run(["package", &chart, "--destination", &shelf])?.ok();
    let args = ["-listen", "0.0.0.0:8000", "-folder", &shelf];
    let server = node.start_inside("charts", &agents.binaries.fileserver, &args)?;
    Ok((server, format!("http://{}:8000/shop-1.0.0.tgz", node::ADDRESS)))
}

/// What a person does with it, from the installation to the end.
pub(crate) fn agent_works_in_a_real_cluster(agents: &Agents) -> Outcome {
    let stage = Stage::set(agents)?;
    let outcome = use_it(&stage);
    if outcome.is_err() {
        stage.node.keep_files();
        stage.work.keep();
    }
    outcome
}

fn use_it(stage: &Stage) -> Outcome {
    // It is told by signs of life, the first of which may come before the
    // agent has asked the API server.
    wait_until("the agent is listed with its cluster's version", || {
        let listed: Value = serde_json::from_str(&stage.agent(&["ls", "--output=json"])?.ok())?;
        Ok(listed[0]["cluster"] == CLUSTER && listed[0]["kubernetes"] == "v1.36.3")
    })?;
    let pods = stage.agent(&["get", "pods", "-A"])?.ok();
    assert!(pods.lines().any(|line| line.contains("ankra-agent-") && line.contains("1/1")), "{pods}");
    assert!(pods.lines().any(|line| line.contains("nats") && line.contains("Running")), "{pods}");

    let mut watch = Follower::start(&stage.client, &["agent", "watch", "pods", "--namespace=default"])?;
    watch.wait_for(&["nats"])?;
    stage.node.apply(CRASHER)?;
    watch.wait_for(&["crasher", "Running"])?;
    let mut logs = Follower::start(&stage.client, &["agent", "logs", "crasher", "--follow", "--namespace=default"])?;
    // The first restart comes at once, the second after a pause.
    logs.wait_for(&["run xx begins"])?;
    let previous = stage.agent(&["logs", "crasher", "--previous", "--namespace=default"])?.ok();
    assert_eq!(previous, "run x begins\nrun x ends\n");
    releases(stage)?;

    logs.wait_for(&["run xxx begins"])?;
    assert_eq!(logs.seen, ["run x begins", "run x ends", "run xx begins", "run xx ends", "run xxx begins"]);
    let events = stage.agent(&["events", "--namespace=default"])?.ok();
    assert!(events.contains("BackOff"), "{events}");
    rotation(stage)?;

    let address = stage.value(&["pod", "--namespace=ankra"], "{.items[0].status.podIP}")?;
    let health = stage.node.forward(&format!("{address}:8080"))?;
    assert_eq!(metric(health.port(), "ankra_agent_ready"), Some(1.0));
    let memory = metric(health.port(), "process_resident_memory_bytes").unwrap_or(f64::MAX);
    assert!(memory < 200.0 * 1024.0 * 1024.0, "{memory}");
    let restarts = "{.items[0].status.containerStatuses[0].restartCount}";
    assert_eq!(stage.value(&["pod", "--namespace=ankra"], restarts)?, "0");

    let _ = stage.direct.run(["uninstall", "ankra-agent", "--namespace=ankra", "--wait", "--timeout=1m"])?.ok();
    wait_until("its pod has gone", || {
        Ok(stage.value(&["pod", "--namespace=ankra"], "{.items[*].metadata.name}")?.is_empty())
    })
}

/// A log that is rotated under its reader comes whole and in order.
fn rotation(stage: &Stage) -> Outcome {
    stage.node.apply(WRITER)?;
    let mut logs = Follower::start(&stage.client, &["agent", "logs", "writer", "--follow", "--namespace=default"])?;
    logs.wait_for(&["all written"])?;
    let numbers: Vec<&str> = logs.seen.iter().filter_map(|line| line.strip_prefix("line ")?.get(..5)).collect();
    let wanted: Vec<String> = (0..WRITTEN).map(|n| format!("{n:05}")).collect();
    let first = numbers.iter().zip(&wanted).find(|(seen, wanted)| seen != wanted);
    assert!(numbers == wanted, "{} of {WRITTEN} lines, the first that is wrong: {first:?}", numbers.len());
    // The node has thrown the beginning away: it was rotated indeed.
    let kept = stage.node.kubectl(["logs", "writer", "--namespace=default"])?.ok();
    assert!(!kept.contains("line 00000"), "the log was not rotated: {} bytes", kept.len());
    let _ = stage.node.kubectl(["delete", "pod", "writer", "--namespace=default"])?.ok();
    Ok(())
}

/// A chart is installed and upgraded by commands, and a bad image is told of.
fn releases(stage: &Stage) -> Outcome {
    let run = |verb: &str, more: &[&str]| {
        stage.agent(&[&[verb, "shop", stage.chart.as_str(), "--namespace=default", "--wait"], more].concat())
    };
    assert!(run("install", &[])?.ok().contains("STATUS: deployed"));
    let ready = || stage.value(&["deployment", "shop"], "{.status.readyReplicas}");
    assert_eq!(ready()?, "1");
    let _ = run("upgrade", &["--set=replicas=2"])?.ok();
    assert_eq!(ready()?, "2");

    let bad = ["--set=replicas=1", "--set=image=nowhere.example/absent:1", "--timeout=15"];
    let failed = run("upgrade", &bad)?;
    assert!(failed.code != 0 && failed.stderr.contains("Deployment/default/shop not ready"), "{}", failed.stderr);
    let why = failed.stderr.lines().find(|line| line.contains("nowhere.example/absent:1")).unwrap_or_default();
    assert!(why.contains("ErrImagePull") || why.contains("ImagePullBackOff"), "{}", failed.stderr);
    let pods = stage.agent(&["get", "pods", "--namespace=default"])?.ok();
    assert!(pods.contains("ErrImagePull") || pods.contains("ImagePullBackOff"), "{pods}");
    let events = stage.agent(&["events", "--namespace=default"])?.ok();
    assert!(events.contains("nowhere.example/absent:1"), "{events}");

    let _ = stage.agent(&["rollback", "shop", "2", "--namespace=default", "--wait"])?.ok();
    assert_eq!(ready()?, "2");
    let history: Value =
        serde_json::from_str(&stage.direct.run(["history", "shop", "--namespace=default", "--output=json"])?.ok())?;
    let states: Vec<_> =
        history.as_array().into_iter().flatten().filter_map(|entry| entry["status"].as_str()).collect();
    assert_eq!(states, ["superseded", "superseded", "failed", "deployed"]);
    Ok(())
}
