//! Objects without releases: events, use, Secrets, manifests, doctor.

use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer, Workdir};

use crate::scene::{Agent, Agents, Nats, wait_until};

const MANIFEST: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {word: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {automountServiceAccountToken: false, containers: [{name: main, image: main}]}
";

/// Applied, applied again, scaled, restarted, patched, deleted: what kubectl
/// sees is what was asked for.
pub(crate) fn manifests_are_applied_and_changed(agents: &Agents) -> Outcome {
    let scene = agents.scene("objects")?;
    let namespace = scene.namespace.as_str();
    let run = |args: &[&str]| scene.ours.run([&["agent", "--namespace", namespace], args].concat());
    let get = |what: &str, path: &str| -> testbed::Result<String> {
        Ok(scene.kubectl(&["get", what, &format!("--output=jsonpath={path}")])?.ok())
    };
    let file = scene.work.path().join("objects.yaml");
    std::fs::write(&file, MANIFEST)?;
    let file = file.display().to_string();
    assert_eq!(
        run(&["apply", "-f", &file, "--dry-run"])?.ok(),
        "configmap/words created (dry run)\ndeployment/web created (dry run)\n"
    );
    assert_eq!(get("configmaps", "{.items[*].metadata.name}")?, "kube-root-ca.crt");
    assert_eq!(run(&["apply", "-f", &file])?.ok(), "configmap/words created\ndeployment/web created\n");
    assert_eq!(run(&["apply", "-f", &file])?.ok(), "configmap/words configured\ndeployment/web configured\n");
    assert_eq!(run(&["scale", "deploy/web", "--replicas=3"])?.ok(), "deployment/web scaled\n");
    assert_eq!(get("deployment/web", "{.spec.replicas}")?, "3");
    assert_eq!(run(&["restart", "deployments", "web"])?.ok(), "deployment/web restarted\n");
    assert!(!get("deployment/web", "{.spec.template.metadata.annotations}")?.is_empty());
    assert_eq!(run(&["patch", "cm/words", "-p", "data: {word: two}"])?.ok(), "configmap/words patched\n");
    let json = r#"[{"op":"replace","path":"/data/word","value":"three"}]"#;
    assert_eq!(run(&["patch", "cm/words", "--type=json", "-p", json])?.ok(), "configmap/words patched\n");
    assert_eq!(get("configmap/words", "{.data.word}")?, "three");
    assert_eq!(run(&["delete", "cm/words"])?.ok(), "configmap/words deleted\n");
    let _ = run(&["delete", "cm/words"])?.fails(3);
    assert_eq!(run(&["delete", "cm/words", "--ignore-not-found"])?.ok(), "configmap/words absent\n");
    let told = run(&["delete", "-f", &file, "--ignore-not-found"])?.ok();
    assert_eq!(told, "deployment/web deleted\nconfigmap/words absent\n");

    let error = run(&["scale", "deploy/absent", "--replicas=1"])?.fails(3);
    assert!(error.contains("absent"), "{error}");
    let broken = scene.work.path().join("broken.yaml");
    std::fs::write(&broken, "kind: ConfigMap\n")?;
    let _ = run(&["apply", "-f", &broken.display().to_string()])?.fails(2);
    let operations = run(&["ops", "ls"])?.ok();
    assert!(operations.contains("manifest.apply") && operations.contains("res.scale"), "{operations}");
    Ok(())
}

pub(crate) fn events_and_use_are_shown(agents: &Agents) -> Outcome {
    let scene = agents.scene("events")?;
    scene.pods(&["told".to_owned()])?;
    let namespace = scene.namespace.as_str();
    let run = |args: &[&str]| scene.ours.run([&["agent", "--namespace", namespace], args].concat());
    wait_until("the scheduler's event is shown", || {
        let events = run(&["events", "pod/told"])?.ok();
        Ok(events.contains("Scheduled") && events.contains("pod/told"))
    })?;
    assert!(!run(&["events", "pod/other"])?.ok().contains("told"));
    let answer = scene.nats.ask("events", &json!({"namespaces": [namespace], "limit": 1}))?;
    assert_eq!(answer["events"].as_array().map(Vec::len), Some(1));

    let error = run(&["top", "pods"])?.fails(1);
    assert!(error.contains("metrics.k8s.io"), "{error}");
    // The metrics API as objects of the API server itself.
    agents.plane.apply(METRICS)?;
    let wait = ["wait", "--for=condition=Established", "crd/pods.metrics.k8s.io", "--timeout=60s"];
    let _ = scene.kubectl(&wait)?.ok();
    agents.plane.apply(&format!(
        "apiVersion: metrics.k8s.io/v1beta1\nkind: PodMetrics\nmetadata: {{name: told, namespace: {namespace}}}\n\
         containers: [{{name: main, usage: {{cpu: 12345678n, memory: 64Mi}}}}, {{name: side, usage: {{cpu: 1m, memory: 1Mi}}}}]\n"
    ))?;
    wait_until("top shows the pod", || {
        let top = run(&["top", "pods"])?;
        Ok(top.stdout.contains("told") && top.stdout.contains("14m") && top.stdout.contains("65Mi"))
    })?;
    let containers = run(&["top", "pods", "--containers"])?.ok();
    assert!(containers.contains("side") && containers.contains("13m"), "{containers}");
    let _ = agents.plane.kubectl(["delete", "crd", "pods.metrics.k8s.io"])?.ok();
    Ok(())
}

const METRICS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: pods.metrics.k8s.io
  annotations: {api-approved.kubernetes.io: 'unapproved, for a test'}
spec:
  group: metrics.k8s.io
  scope: Namespaced
  names: {plural: pods, singular: pod, kind: PodMetrics, listKind: PodMetricsList}
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Values of Secrets are shown where the agent was told so, and only there.
pub(crate) fn secrets_are_revealed_by_a_right_of_its_own(agents: &Agents) -> Outcome {
    let scene = agents.scene("reveal")?;
    let create = ["create", "secret", "generic", "safe", "--from-literal=word=swordfish"];
    let _ = scene.kubectl(&create)?.ok();
    let request = json!({"namespace": scene.namespace, "name": "safe"});
    assert_eq!(scene.nats.ask("reveal", &request)?["error"]["code"], "forbidden");
    let server = NatsServer::start(&agents.binaries, NatsOptions::default())?;
    let settings = [("NATS_URL", server.url()), ("SECRETS_REVEAL", "true".to_owned())];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    let work = Workdir::new("nats")?;
    let nats = Nats::new(&agents.binaries, &server, &work)?;
    assert_eq!(nats.ask("reveal", &request)?["data"]["word"], "c3dvcmRmaXNo");
    assert_eq!(nats.ask("reveal", &json!({"namespace": "a", "name": "../b"}))?["error"]["code"], "invalid");
    assert!(!agent.log()?.contains("c3dvcmRmaXNo"));
    Ok(())
}

pub(crate) fn doctor_finds_what_is_wrong(agents: &Agents) -> Outcome {
    let scene = agents.scene("doctor")?;
    let told: Value = serde_json::from_str(&scene.ours.run(["agent", "doctor", "--output=json"])?.ok())?;
    let checks: Vec<_> = told.as_array().into_iter().flatten().map(|check| check["check"].as_str()).collect();
    assert_eq!(checks, ["nats", "payload", "agents", "cluster", "api server", "jetstream"].map(Some), "{told}");
    let away = scene.ours.run(["agent", "doctor", "--nats-url=nats://127.0.0.1:1"])?;
    assert!(away.stdout.contains("FAILED") && away.stdout.contains("port"), "{}", away.stdout);
    let _ = away.fails(1);
    let alone = NatsServer::start(&agents.binaries, NatsOptions::default())?;
    let nobody = scene.ours.run(["agent", "doctor", &format!("--nats-url={}", alone.url())])?;
    assert!(nobody.stdout.contains("no agent answers"), "{}", nobody.stdout);
    Ok(())
}
