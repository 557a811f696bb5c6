//! Pods by the ten thousand, straight through the API, and changes to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{Anything, say};
use super::http::Http;
use super::stage::{NODES, Stage};

/// Connections by which pods are made and changed.
const CONNECTIONS: usize = 16;
/// Namespaces, over which the pods are spread.
pub(super) const NAMESPACES: usize = 20;
/// How long pods may take to run, or a namespace to be there.
const READY: Duration = Duration::from_secs(1200);
const JSON: (&str, &str) = ("Content-Type", "application/json");
const MERGE: (&str, &str) = ("Content-Type", "application/merge-patch+json");
const SMALL: (&str, &str) = ("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

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
    let probe =
        |path: &str| json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": 10, "failureThreshold": 3});
    let env: Vec<_> =
        (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value {n} of {app}")})).collect();
    let container = |name: &str| {
        json!({"name": name, "image": format!("registry.example.org/team/{name}:1.27.{}", number % 9), "env": env,
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
            "annotations": {"checksum/config": format!("{:064x}", number), "prometheus.io/scrape": "true"}},
        "spec": {"nodeName": format!("node-{}", number % NODES as usize), "automountServiceAccountToken": false,
            "containers": [container("web"), container("proxy")],
            "volumes": [{"name": "config", "configMap": {"name": app}}, {"name": "tmp", "emptyDir": {}}]}})
    .to_string()
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

/// Makes the pods with these numbers and waits until the last ones run.
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
        }
    })?;
    let mut http = stage.http()?;
    let until = Instant::now() + READY;
    // kwok does not start them in order.
    loop {
        let path = "/api/v1/pods?limit=1&fieldSelector=status.phase%3DPending";
        let pending = http.json(path)?;
        if pending["items"].as_array().is_some_and(Vec::is_empty)
            && pending["metadata"]["continue"].as_str().unwrap_or_default().is_empty()
        {
            say(&format!("{to} pods run after {:.0} s", start.elapsed().as_secs_f64()));
            return Ok(());
        }
        if Instant::now() > until {
            return Err("the pods do not run".into());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn side_by_side(stage: &Stage, work: impl Fn(&mut Http) -> Anything<()> + Sync) -> Anything<()> {
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

/// One change, as the API server took it.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) rv: String,
    /// When it was sent and when it was answered.
    pub(super) sent: Instant,
    pub(super) answered: Instant,
}

/// Changes pods, so many a second, until told to stop. No pod is changed twice
/// before all others were.
pub(super) fn change(stage: &Stage, pods: usize, rate: usize, stop: &Arc<AtomicBool>) -> Anything<Vec<Change>> {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let all = std::sync::Mutex::new(Vec::new());
    side_by_side(stage, |http| {
        let mut mine = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "a count of changes")]
            let due = start + Duration::from_secs_f64(number as f64 / rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let pod = number % pods;
            let path = format!("/api/v1/namespaces/{}/pods/{}", namespace(pod), name(pod));
            let body = json!({"metadata": {"annotations": {"load/change": number.to_string()}}}).to_string();
            let sent = Instant::now();
            let answer = http.send("PATCH", &path, &[MERGE, SMALL], body.as_bytes())?.ok()?;
            let answered = Instant::now();
            let object: serde_json::Value = serde_json::from_slice(&answer)?;
            let rv = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
            mine.push(Change { rv, sent, answered });
        }
        all.lock().map_err(|_| "a thread failed")?.append(&mut mine);
        Ok(())
    })?;
    Ok(all.into_inner()?)
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
