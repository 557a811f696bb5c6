//! What an API server, what stands before it and what it calls can do to an
//! operation: each time there is a clear outcome, and a clean second try.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::suite::Outcome;
use testbed::{ControlPlane, ControlPlaneOptions, Program};

use crate::proxy::{Act, Proxy};
use crate::scene::{Cluster, GUEST, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

const MAPS: &str = "{{- range until (int .Values.count) }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: map-{{ . }}}
data: {word: {{ $.Values.word | quote }}}
{{- end }}
";

const NEVER_READY: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {testbed/never-ready: \"true\"}}
    spec: {containers: [{name: web, image: none}]}
";

fn maps(scene: &Scene<'_>) -> Anything<String> {
    Ok(scene.chart("maps", &[("templates/maps.yaml", MAPS), ("values.yaml", "count: 6\nword: one\n")])?)
}

fn through(scene: &Scene<'_>, proxy: &Proxy) -> Program {
    scene.ours.clone().with_kubeconfig(&proxy.kubeconfig)
}

fn statuses(scene: &Scene<'_>) -> Anything<Vec<String>> {
    let secrets = scene.get(&["secrets", "--selector=owner=helm", "--sort-by=.metadata.creationTimestamp"])?;
    let items = secrets["items"].as_array().ok_or("no list")?;
    let mut found: Vec<(i64, String)> = Vec::new();
    for item in items {
        let label = |key: &str| item["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
        found.push((label("version").parse()?, label("status")));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, status)| status).collect())
}

fn leases(scene: &Scene<'_>) -> Anything<usize> {
    Ok(scene.get(&["leases"])?["items"].as_array().ok_or("no list")?.len())
}

/// The server is stopped in the middle of an upgrade and comes back: the
/// upgrade goes on.
pub(crate) fn server_restarted(cluster: &Cluster) -> Outcome {
    let mut plane = ControlPlane::start(&cluster.binaries, ControlPlaneOptions::default())?;
    let namespace = plane.namespace("restart")?;
    let kubeconfig = plane.write_kubeconfig("admin", &namespace)?;
    let scene = cluster.scene("restart")?;
    let chart = scene.chart("web", &[("templates/web.yaml", NEVER_READY), ("values.yaml", "replicas: 0\n")])?;
    let ours = scene.ours.clone().with_kubeconfig(&kubeconfig);
    let _ = ours.run(["install", "m", &chart])?.ok();
    let mut running = ours.spawn(["upgrade", "m", &chart, "--set=replicas=1", "--wait", "--timeout=200s"])?;
    let limit = Instant::now() + Duration::from_secs(60);
    let wanted = ["get", "deployment", "web", "--output=jsonpath={.spec.replicas}", "-n", &namespace];
    while plane.kubectl(wanted)?.stdout != "1" {
        assert!(Instant::now() < limit, "it was never applied");
    }
    plane.stop_apiserver();
    std::thread::sleep(Duration::from_secs(2));
    assert!(running.try_wait()?.is_none(), "it ended without the server");
    plane.start_apiserver()?;
    // What it waits for can never be; taking that away ends the wait.
    let none = r#"{"spec":{"replicas":0}}"#;
    let patch = ["patch", "deployment", "web", "--patch", none, "-n", &namespace];
    let _ = plane.kubectl(patch)?.ok();
    let ended = running.wait_with_output()?;
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let _ = ours.run(["upgrade", "m", &chart, "--force-conflicts"])?.ok();
    let history = ours.run(["history", "m"])?.ok();
    assert_eq!(history.matches("superseded").count(), 2, "{history}");
    Ok(())
}

/// The server cannot be reached any more and does not come back in time: the
/// operation says so, and the next one goes on from there.
pub(crate) fn server_gone(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("gone")?;
    let (chart, proxy) = (maps(&scene)?, Proxy::start(&scene)?);
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    let mut away = false;
    proxy.rule(move |seen| {
        away |= seen.method == "PATCH" && seen.path.contains("/configmaps/map-1");
        if away { Act::Cut } else { Act::Pass }
    });
    let start = Instant::now();
    let said = through(&scene, &proxy).run(["upgrade", "m", &chart, "--set=word=two"])?.fails(1);
    assert!(said.contains("UPGRADE FAILED"), "{said}");
    assert!(start.elapsed() > Duration::from_secs(20), "a restart was not waited for");
    assert_eq!(statuses(&scene)?, ["deployed", "pending-upgrade"], "nothing could be recorded");
    // Real Helm cannot go on from there.
    assert!(scene.helm4.run(["upgrade", "m", &chart])?.fails(1).contains("another operation"));
    let _ = scene.ours.run(["upgrade", "m", &chart, "--set=word=two"])?.ok();
    assert_eq!(statuses(&scene)?, ["superseded", "failed", "deployed"]);
    assert_eq!(leases(&scene)?, 0);
    Ok(())
}

/// Connections are cut off once at every request, before or after the server
/// has seen it: the operation works.
pub(crate) fn connections_cut(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("cut")?;
    let (chart, proxy) = (maps(&scene)?, Proxy::start(&scene)?);
    for after in [false, true] {
        let mut met = std::collections::HashSet::new();
        proxy.rule(move |seen| {
            // The first request of all is how a server is found to be there.
            let spared = seen.path.starts_with("/version") || seen.is_watch();
            if spared || !met.insert((seen.method.clone(), seen.path.clone())) {
                return Act::Pass;
            }
            if after { Act::PassAndCut } else { Act::Cut }
        });
        let _ = through(&scene, &proxy).run(["install", "m", &chart])?.ok();
        proxy.pass();
        assert_eq!(statuses(&scene)?, ["deployed"]);
        assert_eq!(leases(&scene)?, 0);
        let _ = scene.ours.run(["uninstall", "m"])?.ok();
        assert_eq!(scene.left_behind()?, "");
    }
    Ok(())
}

/// The server has too much to do: what it refused is sent again when it says,
/// and fewer requests are under way at once.
pub(crate) fn too_many_requests(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("busy")?;
    let (chart, proxy) = (maps(&scene)?, Proxy::start(&scene)?);
    let refused = Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    proxy.rule(move |seen| {
        let is_object = seen.method == "PATCH" && seen.path.contains("/configmaps/");
        if is_object && count.fetch_add(1, Ordering::Relaxed) < 8 {
            return Act::Answer(429, &[("retry-after", "1")], status(429, "TooManyRequests", "slow down"));
        }
        Act::Pass
    });
    let start = Instant::now();
    let _ = through(&scene, &proxy).run(["install", "m", &chart])?.ok();
    assert!(start.elapsed() >= Duration::from_secs(1), "it did not wait as long as it was told to");
    assert_eq!(refused.load(Ordering::Relaxed), 6 + 8);
    assert_eq!(statuses(&scene)?, ["deployed"]);
    Ok(())
}

/// A server that fails: its own words, a record that says so, and the next
/// upgrade works.
pub(crate) fn server_errors(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("errors")?;
    let (chart, proxy) = (maps(&scene)?, Proxy::start(&scene)?);
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    proxy.rule(|seen| {
        if seen.method == "PATCH" && seen.path.contains("/configmaps/map-3") {
            return Act::Answer(500, &[], status(500, "InternalError", "Internal error occurred: the store is away"));
        }
        Act::Pass
    });
    let said = through(&scene, &proxy).run(["upgrade", "m", &chart, "--set=word=two"])?.fails(1);
    assert!(said.contains("Internal error occurred: the store is away") && said.contains("map-3"), "{said}");
    assert_eq!(statuses(&scene)?, ["deployed", "failed"]);
    // One that Helm, too, sends a request once more after.
    let mut once = true;
    proxy.rule(move |seen| {
        if seen.method == "PATCH" && std::mem::take(&mut once) {
            return Act::Answer(500, &[], status(500, "InternalError", "etcdserver: leader changed"));
        }
        Act::Pass
    });
    let _ = through(&scene, &proxy).run(["upgrade", "m", &chart, "--set=word=two"])?.ok();
    assert_eq!(statuses(&scene)?, ["superseded", "failed", "deployed"]);
    assert_eq!(leases(&scene)?, 0);
    Ok(())
}

fn status(code: u16, reason: &str, message: &str) -> String {
    serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
    .to_string()
}

/// A webhook that refuses: whose words these are is said.
pub(crate) fn webhook_refuses(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("webhook")?;
    let chart = maps(&scene)?;
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    let name = format!("refuses.{}.example.com", scene.namespace);
    let policy = format!(
        "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {name}}}
webhooks:
- name: {name}
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 1
  clientConfig: {{url: \"https://127.0.0.1:1/\"}}
  namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {}}}}}
  rules: [{{apiGroups: [\"\"], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}}]
",
        scene.namespace
    );
    cluster.plane.apply(&policy)?;
    // The server needs a moment to know of it.
    let limit = Instant::now() + Duration::from_secs(30);
    while scene.kubectl(&["create", "configmap", "probe", "--dry-run=server"])?.code == 0 {
        assert!(Instant::now() < limit, "the webhook is never called");
    }
    let said = scene.ours.run(["upgrade", "m", &chart, "--set=word=two"])?.fails(1);
    assert!(said.contains(&format!("failed calling webhook \"{name}\"")), "{said}");
    assert_eq!(statuses(&scene)?, ["deployed", "failed"]);
    let _ = scene.kubectl(&["delete", "validatingwebhookconfiguration", &name])?.ok();
    let limit = Instant::now() + Duration::from_secs(30);
    while scene.kubectl(&["create", "configmap", "probe", "--dry-run=server"])?.code != 0 {
        assert!(Instant::now() < limit, "the webhook is still called");
    }
    let _ = scene.ours.run(["upgrade", "m", &chart, "--set=word=two"])?.ok();
    assert_eq!(statuses(&scene)?, ["superseded", "failed", "deployed"]);
    assert_eq!(leases(&scene)?, 0);
    Ok(())
}

/// Gives the guest these rights on everything else than what is named.
fn allow(cluster: &Cluster, scene: &Scene<'_>, rules: &str) -> Anything<Program> {
    let namespace = &scene.namespace;
    cluster.plane.apply(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: guest, namespace: {namespace}}}
rules: {rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: guest, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: guest}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {GUEST}}}]
"
    ))?;
    let kubeconfig = cluster.plane.write_kubeconfig(GUEST, namespace)?;
    Ok(scene.ours.clone().with_kubeconfig(&kubeconfig))
}

/// One verb is not allowed: which one is said, and with it the upgrade works.
pub(crate) fn one_verb_is_forbidden(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("verb")?;
    let chart = maps(&scene)?;
    let secrets = r#"{apiGroups: [""], resources: [secrets], verbs: ["*"]}"#;
    let leases_too = r#"{apiGroups: [coordination.k8s.io], resources: [leases], verbs: ["*"]}"#;
    let maps = |verbs: &str| format!(r#"{{apiGroups: [""], resources: [configmaps], verbs: [{verbs}]}}"#);
    let ours = allow(cluster, &scene, &format!("[{secrets}, {leases_too}, {}]", maps("get, create, delete")))?;
    let said = ours.run(["install", "m", &chart])?.fails(1);
    assert!(said.contains("is forbidden: User \"guest\" cannot patch resource \"configmaps\""), "{said}");
    assert_eq!(statuses(&scene)?, ["failed"]);
    let ours = allow(cluster, &scene, &format!("[{secrets}, {leases_too}, {}]", maps("get, create, delete, patch")))?;
    let _ = ours.run(["upgrade", "m", &chart])?.ok();
    assert_eq!(statuses(&scene)?, ["superseded", "deployed"]);
    assert_eq!(leases(&scene)?, 0);
    Ok(())
}

/// Leases are not allowed: everything works, with a warning.
pub(crate) fn leases_are_forbidden(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("nolease")?;
    let chart = maps(&scene)?;
    let ours = allow(cluster, &scene, r#"[{apiGroups: [""], resources: [secrets, configmaps], verbs: ["*"]}]"#)?;
    for args in
        [["install", "m", chart.as_str()].as_slice(), &["upgrade", "m", &chart, "--set=word=two"], &["uninstall", "m"]]
    {
        let done = ours.run(args)?;
        let said = done.stderr.clone();
        let _ = done.ok();
        assert!(said.contains("no lease can be kept for release m"), "{said}");
        assert!(said.contains("leases.coordination.k8s.io is forbidden"), "{said}");
    }
    assert_eq!(scene.left_behind()?, "");
    Ok(())
}

/// A watch that the server ends because what it began from is too old is begun
/// again.
pub(crate) fn watch_expires(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("expired")?;
    let proxy = Proxy::start(&scene)?;
    let chart = scene.chart("web", &[("templates/web.yaml", NEVER_READY), ("values.yaml", "replicas: 1\n")])?;
    let expired = Arc::new(AtomicUsize::new(0));
    let count = expired.clone();
    proxy.rule(move |seen| {
        if seen.is_watch() && seen.path.contains("/deployments") {
            match count.fetch_add(1, Ordering::Relaxed) {
                // As an event, and as an answer.
                0 => {
                    let object = status(410, "Expired", "too old resource version");
                    return Act::Answer(200, &[], format!("{{\"type\":\"ERROR\",\"object\":{object}}}\n"));
                }
                1 => return Act::Answer(410, &[], status(410, "Expired", "too old resource version")),
                _ => {}
            }
        }
        Act::Pass
    });
    let mut running = through(&scene, &proxy).spawn(["install", "m", &chart, "--wait", "--timeout=120s"])?;
    let limit = Instant::now() + Duration::from_secs(60);
    while expired.load(Ordering::Relaxed) < 3 {
        assert!(running.try_wait()?.is_none() && Instant::now() < limit, "it did not watch again");
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = scene.kubectl(&["patch", "deployment", "web", "--patch", r#"{"spec":{"replicas":0}}"#])?.ok();
    let ended = running.wait_with_output()?;
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

/// A wait in which nothing happens costs its watches and the lease's signs of
/// life, and not one request more.
pub(crate) fn idle_wait_asks_nothing(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("idle")?;
    let proxy = Proxy::start(&scene)?;
    let chart = scene.chart("web", &[("templates/web.yaml", NEVER_READY), ("values.yaml", "replicas: 1\n")])?;
    let running = through(&scene, &proxy).spawn(["install", "m", &chart, "--wait", "--timeout=60s"])?;
    let limit = Instant::now() + Duration::from_secs(40);
    let settled = |scene: &Scene<'_>| -> Anything<bool> {
        let pods = scene.get(&["pods"])?;
        let pods = pods["items"].as_array().ok_or("no list")?;
        Ok(pods.iter().any(|pod| pod["status"]["phase"] == "Running"))
    };
    while !settled(&scene)? {
        assert!(Instant::now() < limit, "the pod never ran");
    }
    std::thread::sleep(Duration::from_secs(2));
    // Counted anew from here.
    proxy.pass();
    std::thread::sleep(Duration::from_secs(12));
    let seen = proxy.seen();
    let (beats, others): (Vec<_>, Vec<_>) = seen.iter().partition(|s| s.path.contains("/leases/"));
    assert!(others.is_empty(), "{others:?}");
    assert!((2..=3).contains(&beats.len()), "{beats:?}");
    testbed::program::interrupt(&running);
    assert_eq!(running.wait_with_output()?.status.code(), Some(1));
    Ok(())
}

/// The lease of a process on another machine: while it is renewed the
/// operation lives; when it no longer is, the next one goes on.
pub(crate) fn lease_of_another_machine(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("lease")?;
    let chart = maps(&scene)?;
    let proxy = Proxy::start(&scene)?;
    let (tell, told) = std::sync::mpsc::channel();
    proxy.rule(move |seen| {
        let last = seen.method == "PATCH" && seen.path.contains("/configmaps/map-5");
        if last { Act::Hold { after: false, tell: tell.clone() } } else { Act::Pass }
    });
    let mut running = through(&scene, &proxy).spawn(["install", "m", &chart])?;
    told.recv_timeout(Duration::from_secs(60))?;
    // Nothing here can tell who that is.
    let strange = r#"{"metadata":{"annotations":{"ankra-helm/process":"elsewhere/1/2/3/4"}}}"#;
    let _ = scene.kubectl(&["patch", "lease", "ankra-helm.m", "--type=merge", "--patch", strange])?.ok();
    let install = ["upgrade", "--install", "m", chart.as_str()];
    let said = scene.ours.run(install)?.fails(1);
    assert!(said.contains("another operation (install/upgrade/rollback) is in progress"), "{said}");
    running.kill()?;
    running.wait()?;
    let _ = scene.kubectl(&["patch", "lease", "ankra-helm.m", "--type=merge", "--patch", strange])?.ok();
    let start = Instant::now();
    let _ = scene.ours.run(install)?.ok();
    assert!(start.elapsed() > Duration::from_secs(10), "it was not given the time to show itself");
    assert_eq!(statuses(&scene)?, ["failed", "deployed"]);
    assert_eq!(leases(&scene)?, 0);
    Ok(())
}

/// A pending record of Helm has no lease: it is left alone while it is young,
/// and gone on from when nobody has touched it for an hour.
pub(crate) fn pending_record_of_helm(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("helms")?;
    let chart = scene.chart("web", &[("templates/web.yaml", NEVER_READY), ("values.yaml", "replicas: 1\n")])?;
    let mut running = scene.helm4.spawn(["install", "m", &chart, "--wait", "--timeout=300s"])?;
    let limit = Instant::now() + Duration::from_secs(60);
    while statuses(&scene)? != ["pending-install"] {
        assert!(Instant::now() < limit, "Helm never began");
    }
    running.kill()?;
    running.wait()?;
    let upgrade = ["upgrade", "m", chart.as_str(), "--set=replicas=0"];
    let said = scene.ours.run(upgrade)?.fails(1);
    assert!(said.contains("another operation (install/upgrade/rollback) is in progress"), "{said}");
    assert!(said.contains("has no lease, so Helm wrote it"), "{said}");
    let record = "secret/sh.helm.release.v1.m.v1";
    let stamp = scene.get(&[record])?["metadata"]["labels"]["createdAt"].clone();
    let stamp: i64 = Value::as_str(&stamp).unwrap_or_default().parse()?;
    let older = format!("createdAt={}", stamp - 3700);
    let _ = scene.kubectl(&["label", record, &older, "--overwrite"])?.ok();
    let _ = scene.ours.run(upgrade)?.ok();
    assert_eq!(statuses(&scene)?, ["failed", "deployed"]);
    Ok(())
}
