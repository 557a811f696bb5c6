//! `kill -9` at every request that changes something, once before the server
//! sees it and once after it has answered; then the same command again. Each
//! time the release ends deployed (or gone), nothing is left that does not
//! belong to it, and real Helm goes on with it.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::suite::Outcome;

use crate::proxy::{Act, Proxy};
use crate::scene::{Cluster, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// Hooks of every event, and objects of several kinds; one has another name in
/// each render, so that nothing is found again by its name.
const CHART: &str = r#"
{{- define "map" }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
data: {word: {{ .word | quote }}, {{ .key }}: "1"}
{{- end }}
{{- range list "pre-install" "post-install" "pre-upgrade" "post-upgrade" "pre-rollback" "post-rollback" "pre-delete" "post-delete" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: hook-{{ . }}-{{ randAlphaNum 6 | lower }}
  annotations: {helm.sh/hook: {{ . }}, helm.sh/hook-delete-policy: "hook-succeeded,hook-failed"}
{{- end }}
---
{{ include "map" (dict "name" "settings" "word" .Values.word "key" .Values.word) }}
---
{{ include "map" (dict "name" (printf "random-%s" (randAlphaNum 6 | lower)) "word" .Values.word "key" "a") }}
---
{{ include "map" (dict "name" (printf "of-%s" .Values.word) "word" .Values.word "key" "a") }}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: account}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports: [{port: {{ .Values.port }}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "none:{{ .Values.word }}"}]}
"#;

/// What is killed, and what must be there before and after.
struct Story {
    /// Commands that lead up to it.
    before: &'static [&'static [&'static str]],
    killed: &'static [&'static str],
    /// Whether the release is gone afterwards.
    gone: bool,
    /// The word that the objects then hold.
    word: &'static str,
    /// At how many points it must at least have been killed.
    points: usize,
}

const INSTALL: &[&str] = &["install", "web", "./chart", "--set=word=one"];
const UPGRADE: &[&str] = &["upgrade", "web", "./chart", "--set=word=two,port=81", "--wait"];

/// A change of `UPGRADE` that comes after its ConfigMaps are made, and before
/// old ones are deleted.
const MADE: usize = 10;

pub(crate) fn install(cluster: &Cluster) -> Outcome {
    tell(cluster, &Story { before: &[], killed: INSTALL, gone: false, word: "one", points: 28 })
}

pub(crate) fn upgrade(cluster: &Cluster) -> Outcome {
    tell(cluster, &Story { before: &[INSTALL], killed: UPGRADE, gone: false, word: "two", points: 28 })
}

pub(crate) fn rollback(cluster: &Cluster) -> Outcome {
    let killed: &[&str] = &["rollback", "web"];
    tell(cluster, &Story { before: &[INSTALL, UPGRADE], killed, gone: false, word: "one", points: 28 })
}

pub(crate) fn uninstall(cluster: &Cluster) -> Outcome {
    let killed: &[&str] = &["uninstall", "web", "--wait"];
    tell(cluster, &Story { before: &[INSTALL, UPGRADE], killed, gone: true, word: "", points: 24 })
}

/// Killed, and killed again while it goes on.
pub(crate) fn twice(cluster: &Cluster) -> Outcome {
    let scene = stage(cluster, "twice")?;
    let proxy = Proxy::start(&scene)?;
    for (first, second) in [(3, 4), (8, 3), (9, 9), (12, 6)] {
        run(&scene, INSTALL)?;
        for number in [first, second] {
            assert!(kill(&scene, &proxy, UPGRADE, number, true)?, "change {number} was not reached");
        }
        run(&scene, UPGRADE)?;
        check(&scene, &format!("killed at {first} and {second}"), "two")?;
        clean(&scene, first)?;
    }
    Ok(())
}

/// Killed, and then an upgrade that fails: what only the killed one had goes.
pub(crate) fn then_fails(cluster: &Cluster) -> Outcome {
    let scene = stage(cluster, "then-fails")?;
    let proxy = Proxy::start(&scene)?;
    for back in [false, true] {
        run(&scene, INSTALL)?;
        assert!(kill(&scene, &proxy, UPGRADE, MADE, true)?, "change {MADE} was not reached");
        let names = || Ok::<_, Box<dyn std::error::Error>>(scene.kubectl(&["get", "configmaps", "-o=name"])?.ok());
        let made = names()?;
        assert!(made.contains("configmap/of-one") && made.contains("configmap/of-two"), "{made}");
        let mut fails = vec!["upgrade", "web", "./chart", "--set=word=three,port=99999"];
        if back {
            fails.push("--rollback-on-failure");
        }
        let _ = scene.ours.run(fails)?.fails(1);
        let there = names()?;
        assert!(there.contains("configmap/of-one") && !there.contains("configmap/of-two"), "{there}");
        if back {
            check(&scene, "killed, failed, and rolled back", "one")?;
        }
        let _ = scene.helm4.run(["uninstall", "web"])?.ok();
        // What a failed upgrade of Helm makes stays there.
        let _ = scene.kubectl(&["delete", "configmaps", "--all"])?.ok();
    }
    Ok(())
}

fn stage<'a>(cluster: &'a Cluster, name: &str) -> Anything<Scene<'a>> {
    let mut scene = cluster.scene(name)?;
    let values = "word: none\nport: 80\n";
    let _ = scene.chart("chart", &[("templates/all.yaml", CHART), ("values.yaml", values)])?;
    let folder = scene.work.path().to_owned();
    scene.ours = scene.ours.in_folder(&folder);
    scene.helm3 = scene.helm3.in_folder(&folder);
    scene.helm4 = scene.helm4.in_folder(&folder);
    Ok(scene)
}

fn run(scene: &Scene<'_>, args: &[&str]) -> Anything<()> {
    let _ = scene.ours.run(args)?.ok();
    Ok(())
}

fn tell(cluster: &Cluster, story: &Story) -> Outcome {
    let scene = stage(cluster, story.killed[0])?;
    let proxy = Proxy::start(&scene)?;
    let mut points = 0;
    for number in 1.. {
        let mut reached = false;
        for after in [false, true] {
            for args in story.before {
                run(&scene, args)?;
            }
            let was_killed = kill(&scene, &proxy, story.killed, number, after)?;
            reached |= was_killed;
            points += usize::from(was_killed);
            let when = if after { "after" } else { "before" };
            let point = format!("`{}` killed {when} change {number}", story.killed.join(" "));
            again(&scene, story, &point, was_killed)?;
            if !story.gone {
                check(&scene, &point, story.word)?;
                clean(&scene, number)?;
            }
            assert_eq!(left_behind(&scene)?, "", "{point}");
        }
        if !reached {
            break;
        }
    }
    assert!(points >= story.points, "only {points} points");
    Ok(())
}

/// Runs a command and kills it at a change; `false` if it had fewer.
fn kill(scene: &Scene<'_>, proxy: &Proxy, args: &[&str], number: usize, after: bool) -> Anything<bool> {
    let (tell, told) = channel();
    proxy.rule(move |seen| if seen.change == number { Act::Hold { after, tell: tell.clone() } } else { Act::Pass });
    let mut child = scene.ours.clone().with_kubeconfig(&proxy.kubeconfig).spawn(args)?;
    let limit = Instant::now() + Duration::from_secs(120);
    loop {
        if told.recv_timeout(Duration::from_millis(20)).is_ok() {
            child.kill()?;
            child.wait()?;
            proxy.pass();
            return Ok(true);
        }
        if let Some(ended) = child.try_wait()? {
            proxy.pass();
            assert!(ended.success(), "{args:?} failed: {ended}");
            return Ok(false);
        }
        assert!(Instant::now() < limit, "{args:?} hangs");
    }
}

/// The same command again.
fn again(scene: &Scene<'_>, story: &Story, point: &str, was_killed: bool) -> Anything<()> {
    // With the lease everything was done; to roll back again would be to go on.
    if story.killed[0] == "rollback" && scene.kubectl(&["get", "leases", "--output=name"])?.ok().is_empty() {
        let last = scene.ours.run(["status", "web"])?.ok();
        if last.contains("STATUS: deployed") && last.contains("REVISION: 3") {
            return Ok(());
        }
    }
    let said = scene.ours.run(story.killed)?;
    let done = match story.killed[0] {
        // It was over, and only its end was not seen.
        "install" => said.stderr.contains("cannot reuse a name that is still in use"),
        "uninstall" if !was_killed => said.stderr.contains("release: not found"),
        // Its last record was gone, and so was its lease.
        "uninstall" => said.stderr.contains("release: not found"),
        _ => false,
    };
    assert!(said.code == 0 || done, "{point}, then: {} {}", said.stdout, said.stderr);
    Ok(())
}

const KINDS: &str = "configmaps,services,serviceaccounts,deployments,secrets,leases";

/// The cluster holds exactly what the deployed revision says.
fn check(scene: &Scene<'_>, point: &str, word: &str) -> Anything<()> {
    let all = scene.get(&[KINDS])?;
    let items = all["items"].as_array().ok_or("no list")?;
    let text = |object: &Value, path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut there, mut records) = (BTreeSet::new(), Vec::new());
    for object in items {
        let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
        match kind.as_str() {
            "Secret" => {
                let labels = &object["metadata"]["labels"];
                let version: i64 = text(labels, "/version").parse()?;
                records.push((version, text(labels, "/status")));
            }
            _ if matches!(name.as_str(), "kube-root-ca.crt" | "default") => {}
            _ => {
                there.insert(format!("{kind}/{name}"));
            }
        }
        if name == "settings" {
            let data = object["data"].as_object().ok_or("no data")?;
            let keys: Vec<&str> = data.keys().map(String::as_str).collect();
            let mut expected = vec!["word", word];
            expected.sort_unstable();
            assert_eq!(keys, expected, "{point}: a field of another revision stayed");
        }
    }
    records.sort();
    let deployed = records.iter().filter(|(_, status)| status == "deployed").count();
    assert_eq!(deployed, 1, "{point}: {records:?}");
    assert_eq!(records.last().map(|(_, status)| status.as_str()), Some("deployed"), "{point}: {records:?}");
    assert!(!records.iter().any(|(_, status)| status.starts_with("pending")), "{point}: {records:?}");
    let manifest = scene.ours.run(["get", "manifest", "web"])?.ok();
    assert_eq!(there, objects_of(&manifest), "{point}");
    Ok(())
}

/// `Kind/name` of every document.
fn objects_of(manifest: &str) -> BTreeSet<String> {
    let mut objects = BTreeSet::new();
    for document in manifest.split("\n---") {
        let line = |key: &str| document.lines().find_map(|l| l.trim().strip_prefix(key)).map(str::trim);
        let name = line("name:").or_else(|| line("metadata: {name:")).map(|n| n.trim_end_matches('}'));
        if let (Some(kind), Some(name)) = (line("kind:"), name) {
            objects.insert(format!("{kind}/{name}"));
        }
    }
    objects
}

/// Real Helm goes on with what is there, and takes it away.
fn clean(scene: &Scene<'_>, number: usize) -> Anything<()> {
    let helm = if number.is_multiple_of(2) { &scene.helm3 } else { &scene.helm4 };
    if number.is_multiple_of(3) {
        let _ = helm.run(["upgrade", "web", "./chart", "--set=word=three"])?.ok();
    }
    let _ = helm.run(["uninstall", "web"])?.ok();
    Ok(())
}

/// Everything that is left in the namespace.
fn left_behind(scene: &Scene<'_>) -> Anything<String> {
    let names = scene.kubectl(&["get", KINDS, "--output=name"])?.ok();
    let own = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
    Ok(names.lines().filter(|name| !own.contains(name)).collect::<Vec<_>>().join(" "))
}
