//! Waiting: for hooks, for pods, for definitions, and what becomes of it when
//! it fails or is interrupted.

use std::time::{Duration, Instant};

use testbed::suite::Outcome;

use crate::proxy::Proxy;
use crate::scene::{Cluster, Scene, json, testdata_chart};

pub(crate) fn for_hooks_and_pods(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("wait")?;
    let chart = testdata_chart("site");
    let _ = scene.ours.run(["install", "shop", &chart, "--wait", "--timeout=120s"])?.ok();
    let deployment = scene.get(&["deployment", "shop-site"])?;
    assert_eq!(deployment["status"]["availableReplicas"], 2);
    // Its hook ran, worked, and was deleted as its delete policy says.
    let status = json(&scene.ours.run(["status", "shop", "--output=json"])?.ok())?;
    let hooks = status["hooks"].as_array().ok_or("no hooks")?;
    let prepare = hooks.iter().find(|hook| hook["name"] == "shop-site-prepare").ok_or("no prepare hook")?;
    assert_eq!(prepare["last_run"]["phase"], "Succeeded");
    assert_eq!(scene.get(&["jobs"])?["items"], json("[]")?);
    Ok(())
}

/// Many objects of several kinds, one of which takes its time.
const MANY: &str = "{{- range until 10 }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: many-{{ . }}}
---
apiVersion: v1
kind: Service
metadata: {name: many-{{ . }}}
spec: {ports: [{port: 80}], selector: {app: many-{{ . }}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: many-{{ . }}}
spec:
  selector: {matchLabels: {app: many-{{ . }}}}
  template:
    metadata: {labels: {app: many-{{ . }}}}
    spec: {containers: [{name: web, image: \"none:{{ $.Values.tag }}\"}]}
{{- end }}
";

/// What the API server answers when an object is sent is not read again, and
/// nothing is asked for twice: the whole of an install with `--wait` in its
/// requests.
pub(crate) fn asks_for_no_more_than_it_needs(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("asks")?;
    let proxy = Proxy::start(&scene)?;
    let ours = scene.ours.clone().with_kubeconfig(&proxy.kubeconfig);
    let chart = scene.chart("many", &[("templates/many.yaml", MANY), ("values.yaml", "tag: one\n")])?;
    let wait = |verb: &str, tag: &str| [verb, "m", &chart, "--wait", tag].map(str::to_owned);
    for (args, changes) in [(wait("install", "--set=tag=one"), 30), (wait("upgrade", "--set=tag=two"), 10)] {
        proxy.pass();
        let _ = ours.run(&args)?.ok();
        let seen = proxy.seen();
        let sent = seen.iter().position(|s| s.method == "PATCH").ok_or("nothing was sent")?;
        let counted = |what: &dyn Fn(&&crate::proxy::Seen) -> bool| seen.iter().filter(what).count();
        assert_eq!(counted(&|s| s.path == "/version"), 1, "{seen:?}");
        assert_eq!(counted(&|s| s.path == "/api" || s.path == "/apis"), 2, "{seen:?}");
        // The history, and what is live of each kind.
        assert_eq!(counted(&|s| s.path.contains("limit=")), 4, "{seen:?}");
        assert_eq!(counted(&|s| s.method == "PATCH"), changes, "{seen:?}");
        let reads: Vec<_> = seen[sent..].iter().filter(|s| s.method == "GET" && !s.is_watch()).collect();
        let pods = |s: &&&crate::proxy::Seen| s.path.contains("/pods");
        // A slow machine may make Deployments wait for long enough to be asked
        // about.
        assert_eq!(reads.iter().filter(|s| !pods(s)).count(), 0, "{reads:?}");
        let watches: Vec<_> = seen.iter().filter(|s| s.is_watch()).collect();
        assert!(watches.iter().any(|s| s.path.contains("/deployments?")), "{watches:?}");
    }
    Ok(())
}

const NEVER_READY: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {testbed/never-ready: \"true\"}}
    spec: {containers: [{name: web, image: none}]}
";

/// A Deployment with a pod whose containers end again and again is not waited for until the
/// time is up.
pub(crate) fn failed_pods_are_seen(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("failed")?;
    cluster.plane.apply(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: lost, namespace: {}, labels: {{app: web}}, annotations: {{testbed/never-ready: \"true\"}}}}
spec:
  containers: [{{name: web, image: none}}]
",
        scene.namespace
    ))?;
    let limit = Instant::now() + Duration::from_secs(60);
    while scene.get(&["pod", "lost"])?["status"]["phase"] != "Running" {
        assert!(Instant::now() < limit, "the pod never ran");
        std::thread::sleep(Duration::from_millis(200));
    }
    let looping = r#"{"status":{"containerStatuses":[{"name":"web","image":"none","imageID":"","ready":false,
        "restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#;
    let _ = scene.kubectl(&["patch", "pod", "lost", "--subresource=status", "--type=merge", "--patch", looping])?.ok();
    let chart = scene.chart("web", &[("templates/web.yaml", NEVER_READY)])?;
    let start = Instant::now();
    let said = scene.ours.run(["install", "f", &chart, "--wait", "--timeout=120s"])?.fails(1);
    assert!(start.elapsed() < Duration::from_secs(60), "{said}");
    assert!(said.contains("Deployment/") && said.contains("status: Failed, message: 1 pods have failed"), "{said}");
    Ok(())
}

pub(crate) fn failing_hook_fails_the_release(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("hook")?;
    let chart = testdata_chart("site");
    let fail = r#"prepare.annotations={"testbed/exit-code":"3"}"#;
    let install = ["install", "shop", &chart, "--wait", "--timeout=60s"];
    let said = scene.ours.run([&install[..], &["--set-json", fail]].concat())?.fails(1);
    assert!(said.contains("shop-site-prepare"), "{said}");
    assert_eq!(status(&scene)?, "failed");
    // Nothing of the chart itself was made.
    assert_eq!(scene.get(&["deployments,services"])?["items"], json("[]")?);
    // Without new values an upgrade takes those of the release that failed.
    let upgrade = ["upgrade", "shop", &chart, "--reset-values", "--wait", "--timeout=120s"];
    let _ = scene.ours.run(upgrade)?.ok();
    assert_eq!(status(&scene)?, "deployed");
    Ok(())
}

/// Ctrl-C while it waits: the record says that it failed, and the next upgrade
/// works.
pub(crate) fn interrupted_install_can_be_upgraded(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("interrupt")?;
    let chart = testdata_chart("site");
    let never = r#"podAnnotations={"testbed/never-ready":"true"}"#;
    let install = ["install", "shop", &chart, "--wait", "--timeout=300s", "--set-json", never];
    let mut running = scene.ours.spawn(install)?;
    let limit = Instant::now() + Duration::from_secs(60);
    while scene.kubectl(&["get", "deployment", "shop-site"])?.code != 0 {
        assert!(Instant::now() < limit, "the deployment was never made");
        std::thread::sleep(Duration::from_millis(200));
    }
    testbed::program::interrupt(&running);
    let interrupted = Instant::now();
    let ended = running.wait()?;
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(interrupted.elapsed() < Duration::from_secs(30));
    assert_eq!(status(&scene)?, "failed");

    // Without new values an upgrade takes those of the release that failed.
    let upgrade = ["upgrade", "shop", &chart, "--reset-values", "--wait", "--timeout=120s"];
    let _ = scene.ours.run(upgrade)?.ok();
    assert_eq!(status(&scene)?, "deployed");
    Ok(())
}

pub(crate) fn custom_resources_after_their_definition(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("crd")?;
    let chart = testdata_chart("site");
    let _ = scene.ours.run(["install", "shop", &chart, "--set=page.enabled=true", "--set=replicas=0"])?.ok();
    assert_eq!(scene.get(&["page", "shop-site"])?["spec"]["title"], "Shop");
    let _ = scene.ours.run(["uninstall", "shop", "--wait"])?.ok();
    // The objects go with the release; the definition stays.
    assert_eq!(scene.get(&["pages"])?["items"], json("[]")?);
    Ok(())
}

fn status(scene: &Scene<'_>) -> Result<String, Box<dyn std::error::Error>> {
    let status = json(&scene.helm4.run(["status", "shop", "--output=json"])?.ok())?;
    Ok(status["info"]["status"].as_str().unwrap_or_default().to_owned())
}
