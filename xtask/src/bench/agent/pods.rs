//! Pods by the ten thousand, straight through the API.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{Anything, say};
use super::http::Http;
use super::stage::{NODES, OURS, Stage};

/// Connections by which pods are made and changed.
const CONNECTIONS: usize = 16;
/// Namespaces, over which the pods are spread.
pub(super) const NAMESPACES: usize = 20;
/// How long a namespace may take to be there.
const READY: Duration = Duration::from_secs(1200);
const JSON: (&str, &str) = ("Content-Type", "application/json");
pub(super) const PATCH: (&str, &str) = ("Content-Type", "application/strategic-merge-patch+json");
pub(super) const SMALL: (&str, &str) = ("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// The annotation that a change sets.
pub(super) const CHANGED: &str = "load/change";

/// Its value: always of one length, so that a pod does not grow.
pub(super) fn mark(number: usize) -> String {
    format!("{number:08}")
}

/// The namespace of a pod.
fn namespace(number: usize) -> String {
    format!("load-{}", number % NAMESPACES)
}

fn name(number: usize) -> String {
    format!("web-{}-{number}", number / 100)
}

/// Namespace and name of a pod.
pub(super) fn place(number: usize) -> (String, String) {
    (namespace(number), name(number))
}

/// A pod as a Deployment of a common chart makes it: about 3 kB.
fn pod(number: usize) -> String {
    let app = format!("web-{}", number / 100);
    let (key, value) = OURS.split_once('=').unwrap_or_default();
    let probe =
        |path: &str| json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": 10, "failureThreshold": 3});
    let env: Vec<_> =
        (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value {n} of {app}")})).collect();
    let container = |name: &str| {
        json!({"name": name, "image": image(name, number), "env": env,
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
            "readinessProbe": probe("/ready"), "livenessProbe": probe("/live"),
            "securityContext": {"runAsNonRoot": true, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}, {"name": "tmp", "mountPath": "/tmp"}]})
    };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name(number), "labels": {
            "app.kubernetes.io/name": app, "app.kubernetes.io/instance": "load", "app.kubernetes.io/version": "1.27",
            "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": format!("{app}-1.2.3"), "pod-template-hash": format!("{number:x}")},
            "annotations": {CHANGED: mark(0), "checksum/config": format!("{:064x}", number), "prometheus.io/scrape": "true", key: value}},
        "spec": {"nodeName": format!("node-{}", number % NODES as usize), "automountServiceAccountToken": false,
            "containers": [container("web"), container("proxy")],
            "volumes": [{"name": "config", "configMap": {"name": app}}, {"name": "tmp", "emptyDir": {}}]}})
    .to_string()
}

/// That the pod runs, as a kubelet says it.
fn running(number: usize) -> String {
    let now = "2026-01-01T00:00:00Z";
    let conditions = ["PodScheduled", "Initialized", "Ready", "ContainersReady"]
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": now}));
    let container = |name: &str| {
        json!({"name": name, "image": image(name, number), "imageID": "", "ready": true, "started": true,
            "restartCount": 0, "state": {"running": {"startedAt": now}}})
    };
    let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
    json!({"status": {"phase": "Running", "startTime": now,
        "conditions": conditions,
        "containerStatuses": [container("web"), container("proxy")],
        "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}], "podIP": address, "podIPs": [{"ip": address}]}})
    .to_string()
}

fn image(container: &str, number: usize) -> String {
    format!("registry.example.org/team/{container}:1.27.{}", number % 9)
}

/// Makes the namespaces and waits for their service accounts.
pub(super) fn namespaces(stage: &Stage) -> Anything<()> {
    let mut http = stage.http()?;
    for number in 0..NAMESPACES {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(number)}});
        http.send("POST", "/api/v1/namespaces", &[JSON], body.to_string().as_bytes())?.ok()?;
    }
    let until = Instant::now() + READY;
    for number in 0..NAMESPACES {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/default", namespace(number));
        while http.send("GET", &path, &[], b"")?.status != 200 {
            if Instant::now() > until {
                return Err("the namespaces have no service accounts".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// Makes the pods with these numbers, and says of each that it runs.
pub(super) fn make(stage: &Stage, from: usize, to: usize) -> Anything<()> {
    let (next, start) = (AtomicUsize::new(from), Instant::now());
    side_by_side(stage, |http| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                return Ok(());
            }
            if number % 5000 == 0 && number > from {
                say(&format!("{number} pods after {:.0} s", start.elapsed().as_secs_f64()));
            }
            let path = format!("/api/v1/namespaces/{}/pods", namespace(number));
            http.send("POST", &path, &[JSON, SMALL], pod(number).as_bytes())?.ok()?;
            let status = format!("{path}/{}/status", name(number));
            http.send("PATCH", &status, &[PATCH, SMALL], running(number).as_bytes())?.ok()?;
        }
    })?;
    say(&format!("{to} pods run after {:.0} s", start.elapsed().as_secs_f64()));
    Ok(())
}

/// The same work by each of several connections to the API server.
pub(super) fn side_by_side(stage: &Stage, work: impl Fn(&mut Http) -> Anything<()> + Sync) -> Anything<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            // An error of another thread has no type that may cross.
            .map(|_| scope.spawn(|| stage.http().and_then(|mut http| work(&mut http)).map_err(|e| e.to_string())))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread failed")??;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_as_large_as_common_ones() {
        let length = pod(49_999).len();
        assert!((2500..4000).contains(&length), "{length}");
    }
}
