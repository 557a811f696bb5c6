//! The chart in deploy/ankra-agent: rendered and installed by real Helm and by
//! us alike.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use templates_compat::{Compat, json, yaml};
use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Agents, Anything, Scene};

fn chart() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ankra-agent").display().to_string()
}

fn ours(scene: &Scene<'_>) -> Anything<Program> {
    let kubeconfig = scene.agents.plane.write_kubeconfig("admin", &scene.namespace)?;
    Ok(Program::new(env!("CARGO_BIN_EXE_ankra-helm"), scene.work.path().join("installer"))?
        .with_kubeconfig(&kubeconfig))
}

/// Values that switch every part of the chart on.
const VALUES: [(&str, &str); 10] = [
    ("token", "config: {token: abc}"),
    ("secret", "config: {existing_secret_name: s, secret_key: k}"),
    ("creds", "nats: {url: 'tls://n:4222', existing_secret_name: s, creds_key: c, ca_secret_name: ca}"),
    (
        "user",
        "nats: {url: 'nats://n:4222', proxy: 'http://p:3128', existing_secret_name: s, user_key: u, password_key: p}",
    ),
    ("view", "nats: {url: 'nats://n'}\nrbac: {mode: view, namespaces: [a, b]}\ncluster_id: c1"),
    ("edit", "nats: {url: 'nats://n'}\nrbac: {mode: edit}"),
    ("names", "nats: {url: 'nats://n'}\nrbac: {mode: view}\nimpersonation: {enabled: true, users: [anna, 'oidc:b@c']}"),
    ("custom", "nats: {url: 'nats://n'}\nrbac: {mode: custom, custom_cluster_role: mine}"),
    (
        "all",
        "nats: {url: 'nats://n'}\nreplica_count: 2\nlog_level: DEBUG\nextra_env: [{name: HTTPS_PROXY, value: 'http://p'}]\n\
         k8s_watch: {enabled: true, kinds: [pods, deployments.apps], dynamic_discovery: true}\nsecrets: {reveal: true}\n\
         metrics: {service_monitor: {enabled: true, labels: {a: b}}}\nnetwork_policy: {enabled: true}\n\
         pod_disruption_budget: {enabled: true}\npod_annotations: {a: b}\npod_labels: {c: d}\nnode_selector: {e: f}\n\
         priority_class_name: high\nimage: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}\n\
         image_pull_secrets: [{name: s}]\naffinity: {nodeAffinity: {}}",
    ),
    ("wrong", "config: {token: abc}\nlog_level: LOUD"),
];

/// Real Helm 4, real Helm 3 and we render the same, and refuse the same.
pub(crate) fn all_helms_render_it_alike(agents: &Agents) -> Outcome {
    let scene = agents.scene("chart")?;
    let ours = ours(&scene)?;
    for (name, values) in VALUES {
        let file = scene.work.path().join(format!("{name}.yaml"));
        std::fs::write(&file, values)?;
        let file = file.display().to_string();
        let args = ["template", "agent", &chart(), "--namespace=ankra", "--values", &file];
        let args = args.map(str::to_owned);
        let (four, mine) = (scene.helm4.run(args.clone())?, ours.run(args.clone())?);
        assert_eq!(mine.stdout, four.stdout, "{name}");
        assert_eq!((mine.code == 0, name != "wrong"), (four.code == 0, mine.code == 0), "{name}: {}", mine.stderr);
        let (three, mine) =
            (scene.helm3.run(args.clone())?, ours.run([&args[..], &["--compat=helm3".to_owned()]].concat())?);
        assert_eq!(mine.stdout, three.stdout, "{name} with Helm 3");
        if name == "all" {
            for part in [
                "HTTPS_PROXY",
                "kind: ServiceMonitor",
                "kind: NetworkPolicy",
                "kind: PodDisruptionBudget",
                "runAsNonRoot: true",
                "readOnlyRootFilesystem: true",
                "K8S_WATCH_ENABLED",
                "terminationGracePeriodSeconds: 600",
                "memory: 200Mi",
                "memory: 100Mi",
                "name: cluster-admin",
            ] {
                assert!(mine.stdout.contains(part), "{part} is not rendered");
            }
        }
    }
    for (values, says) in [
        ("{}", "config.token"),
        ("config: {existing_secret_name: s}", "secret_key"),
        ("config: {token: a}\nrbac: {namespaces: [a]}", "rbac.namespaces"),
        ("config: {token: a}\nrbac: {mode: custom}", "custom_cluster_role"),
        ("config: {token: a}\nreplicas: 3", "replicas"),
    ] {
        let file = scene.work.path().join("refused.yaml");
        std::fs::write(&file, values)?;
        let refused = ours.run(["template", "agent", &chart(), "--values", &file.display().to_string()])?;
        assert!(refused.code != 0 && refused.stderr.contains(says), "{values}: {}", refused.stderr);
    }
    Ok(())
}

/// Installed by one, upgraded by the other, both ways.
pub(crate) fn it_is_installed_by_either(agents: &Agents) -> Outcome {
    let scene = agents.scene("installed")?;
    let ours = ours(&scene)?;
    let set = ["--set=nats.url=nats://n:4222", "--set=cluster_id=c1", "--wait"];
    for (first, second) in [(&scene.helm4, &ours), (&ours, &scene.helm3)] {
        let _ = first.run([&["install", "ankra-agent", &chart()][..], &set].concat())?.ok();
        let path = ["get", "deployment", "ankra-agent", "--output=json"];
        let deployment: Value = serde_json::from_str(&scene.kubectl(&path)?.ok())?;
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["terminationGracePeriodSeconds"], 600);
        assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "200Mi");
        let binding = format!("clusterrolebinding/ankra-agent-{}", scene.namespace);
        let role = agents.plane.kubectl(["get", &binding, "--output=jsonpath={.roleRef.name}"])?.ok();
        assert_eq!(role, "cluster-admin");
        let upgrade = ["upgrade", "ankra-agent", &chart(), "--reuse-values", "--set=log_level=DEBUG", "--wait"];
        let _ = second.run(upgrade)?.ok();
        let _ = second.run(["uninstall", "ankra-agent", "--wait"])?.ok();
    }
    Ok(())
}

/// docs/agent.md names each value and its default, and no other; its commands
/// install.
pub(crate) fn its_document_is_true(agents: &Agents) -> Outcome {
    let scene = agents.scene("document")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/agent.md"))?;
    let values = std::fs::read(root.join("deploy/ankra-agent/values.yaml"))?;
    let values = json::write(&yaml::read(&values, Compat::Helm4)?, &json::Options::default(), Compat::Helm4)?;
    let mut leaves = BTreeMap::new();
    flatten("", &serde_json::from_slice(&values)?, &mut leaves);

    let table = document.split_once("| Value | Default | |").ok_or("no table of values")?.1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut named = Vec::new();
    for row in rows {
        let mut cells = row.split(" | ");
        let (names, defaults) =
            (in_marks(cells.next().unwrap_or_default()), in_marks(cells.next().unwrap_or_default()));
        for (at, name) in names.iter().enumerate() {
            let known = leaves.keys().any(|leaf| leaf == name || leaf.starts_with(&below(name)));
            assert!(known, "{name} is no value of the chart");
            // One default for all, or one for each.
            let default = defaults.get(at).or_else(|| defaults.first().filter(|_| defaults.len() == 1));
            if let (Some(default), Some(value)) = (default, leaves.get(name)) {
                assert_eq!(default, value, "the default of {name}");
            }
        }
        named.extend(names);
    }
    let told = |leaf: &str| named.iter().any(|name| *name == leaf || leaf.starts_with(&below(name)));
    let untold: Vec<_> = leaves.keys().filter(|leaf| !told(leaf)).collect();
    assert!(untold.is_empty(), "docs/agent.md does not name {untold:?}");

    let commands = document.replace("\\\n", " ");
    let commands: Vec<_> = commands.lines().filter(|line| line.starts_with("ankra-helm install ankra-agent")).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    let ours = ours(&scene)?;
    for command in commands {
        let command = command.replace("deploy/ankra-agent", &chart());
        let words = command.split_whitespace().skip(2);
        let args: Vec<_> = ["template"].into_iter().chain(words).collect();
        let (mine, helms) = (ours.run(args.clone())?, scene.helm4.run(args)?);
        assert_eq!((mine.code, &mine.stdout), (0, &helms.stdout), "{command}: {}", mine.stderr);
    }
    Ok(())
}

/// What a name of the document begins with, that stands for several values.
fn below(name: &str) -> String {
    format!("{}.", name.trim_end_matches(".*"))
}

/// What stands between backticks; a quoted nothing is nothing.
fn in_marks(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|word| word.replace("\"\"", "")).collect()
}

/// Every value that is no map, or an empty one, by its path.
fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, leaves);
            }
        }
        Value::String(text) => {
            leaves.insert(path.to_owned(), text.clone());
        }
        other => {
            leaves.insert(path.to_owned(), other.to_string());
        }
    }
}
