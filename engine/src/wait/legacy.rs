//! When an object is ready by Helm 3's rules (`--wait=legacy`). Pure, but for
//! the rules that ask for a Deployment's newest ReplicaSet.

use serde_json::Value as Json;

use super::ready::{Readiness, State, int, text};

fn progress(message: impl Into<String>) -> Readiness {
    Readiness::new(State::InProgress, message)
}

fn ready() -> Readiness {
    Readiness::new(State::Current, "ready")
}

/// The readiness of an object. `jobs`: whether Jobs shall have completed.
/// `new_replica_set` is the Deployment's newest one, if it is one.
pub(crate) fn compute(object: &Json, jobs: bool, new_replica_set: Option<&Json>) -> Readiness {
    let group = text(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text(object, "/kind")) {
        ("", "Pod") => condition(object, "Ready", "Pod is not ready"),
        ("batch", "Job") if jobs => job(object),
        ("apps", "Deployment") => deployment(object, new_replica_set),
        ("", "PersistentVolumeClaim") if text(object, "/status/phase") != "Bound" => {
            progress("PersistentVolumeClaim is not bound")
        }
        ("", "Service") => service(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("", "ReplicationController") | ("apps", "ReplicaSet") => replicas(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => ready(),
    }
}

fn has_condition(object: &Json, kind: &str, status: &str) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
    conditions.into_iter().flatten().any(|c| text(c, "/type") == kind && text(c, "/status") == status)
}

fn condition(object: &Json, kind: &str, otherwise: &str) -> Readiness {
    if has_condition(object, kind, "True") { ready() } else { progress(otherwise) }
}

/// Whether the controller has seen the newest specification.
fn is_observed(object: &Json) -> bool {
    int(object, "/status/observedGeneration", 0) == int(object, "/metadata/generation", 0)
}

const NOT_OBSERVED: &str = "observedGeneration does not match spec generation";

fn job(o: &Json) -> Readiness {
    if int(o, "/status/failed", 0) > int(o, "/spec/backoffLimit", 6) {
        let (namespace, name) = (text(o, "/metadata/namespace"), text(o, "/metadata/name"));
        return Readiness::new(State::Failed, format!("job is failed: {namespace}/{name}"));
    }
    let wanted = int(o, "/spec/completions", 0);
    let done = int(o, "/status/succeeded", 0);
    if done < wanted { progress(format!("Job is not completed: {done}/{wanted}")) } else { ready() }
}

/// A count, or a share of `total` rounded down or up.
fn scaled(value: Option<&Json>, total: i64, up: bool, default: i64) -> i64 {
    match value {
        Some(Json::Number(n)) => n.as_i64().unwrap_or(default),
        Some(Json::String(s)) => match s.strip_suffix('%').and_then(|p| p.parse::<i64>().ok()) {
            Some(percent) => {
                let product = percent.saturating_mul(total);
                if up { product.saturating_add(99) / 100 } else { product / 100 }
            }
            None => default,
        },
        _ => default,
    }
}

fn deployment(o: &Json, new_replica_set: Option<&Json>) -> Readiness {
    if o.pointer("/spec/paused").and_then(Json::as_bool) == Some(true) {
        return ready();
    }
    let Some(set) = new_replica_set else { return progress("the new ReplicaSet is not there yet") };
    if !is_observed(set) {
        return progress(format!("ReplicaSet is not ready, {NOT_OBSERVED}"));
    }
    if !is_observed(o) {
        return progress(format!("Deployment is not ready, {NOT_OBSERVED}"));
    }
    let wanted = int(o, "/spec/replicas", 1);
    let surge = scaled(o.pointer("/spec/strategy/rollingUpdate/maxSurge"), wanted, true, 0);
    let rolling = text(o, "/spec/strategy/type") == "RollingUpdate" && wanted > 0;
    let unavailable = if rolling {
        let unavailable = scaled(o.pointer("/spec/strategy/rollingUpdate/maxUnavailable"), wanted, false, 0);
        // Both zero would never move; the controller takes one away then.
        if unavailable == 0 && surge == 0 { 1 } else { unavailable.min(wanted) }
    } else {
        0
    };
    let done = int(set, "/status/readyReplicas", 0);
    let expected = wanted.saturating_sub(unavailable);
    if done < expected { progress(format!("pods ready: {done}/{expected}")) } else { ready() }
}

fn service(o: &Json) -> Readiness {
    if text(o, "/spec/type") == "ExternalName" {
        return ready();
    }
    if text(o, "/spec/clusterIP").is_empty() {
        return progress("Service does not have cluster IP address");
    }
    let external = o.pointer("/spec/externalIPs").and_then(Json::as_array).is_some_and(|ips| !ips.is_empty());
    let balanced = o.pointer("/status/loadBalancer/ingress").is_some();
    if text(o, "/spec/type") == "LoadBalancer" && !external && !balanced {
        return progress("Service does not have load balancer ingress IP address");
    }
    ready()
}

fn daemon_set(o: &Json) -> Readiness {
    if !is_observed(o) {
        return progress(format!("DaemonSet is not ready, {NOT_OBSERVED}"));
    }
    if text(o, "/spec/updateStrategy/type") != "RollingUpdate" {
        return ready();
    }
    let wanted = int(o, "/status/desiredNumberScheduled", 0);
    let updated = int(o, "/status/updatedNumberScheduled", 0);
    if updated != wanted {
        return progress(format!("pods scheduled: {updated}/{wanted}"));
    }
    let unavailable = scaled(o.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable"), wanted, true, wanted);
    let (done, expected) = (int(o, "/status/numberReady", 0), wanted.saturating_sub(unavailable));
    if done < expected { progress(format!("pods ready: {done}/{expected}")) } else { ready() }
}

fn stateful_set(o: &Json) -> Readiness {
    if !is_observed(o) {
        return progress(format!("StatefulSet is not ready, {NOT_OBSERVED}"));
    }
    if text(o, "/spec/updateStrategy/type") != "RollingUpdate" {
        return ready();
    }
    let partition = int(o, "/spec/updateStrategy/rollingUpdate/partition", 0);
    let wanted = int(o, "/spec/replicas", 1);
    let (updated, expected) = (int(o, "/status/updatedReplicas", 0), wanted.saturating_sub(partition));
    if updated < expected {
        return progress(format!("pods scheduled: {updated}/{expected}"));
    }
    let done = int(o, "/status/readyReplicas", 0);
    if done != wanted {
        return progress(format!("pods ready: {done}/{wanted}"));
    }
    if partition == 0 && text(o, "/status/currentRevision") != text(o, "/status/updateRevision") {
        return progress("currentRevision does not match updateRevision");
    }
    ready()
}

/// Helm asks for every pod of the set; its own count says the same.
fn replicas(o: &Json) -> Readiness {
    if !is_observed(o) {
        return progress(format!("{} is not ready, {NOT_OBSERVED}", text(o, "/kind")));
    }
    let (done, all) = (int(o, "/status/readyReplicas", 0), int(o, "/status/replicas", 0));
    if done < all { progress(format!("pods ready: {done}/{all}")) } else { ready() }
}

fn definition(o: &Json) -> Readiness {
    // A conflict of names is not for this rule to report.
    if has_condition(o, "Established", "True") || has_condition(o, "NamesAccepted", "False") {
        return ready();
    }
    progress("the definition is not established")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(object: &Json) -> State {
        compute(object, true, None).state
    }

    #[test]
    fn services_need_an_address() {
        let with =
            |spec: Json, status: Json| json!({ "apiVersion": "v1", "kind": "Service", "spec": spec, "status": status });
        assert_eq!(state(&with(json!({}), json!({}))), State::InProgress);
        assert_eq!(state(&with(json!({ "type": "ExternalName" }), json!({}))), State::Current);
        let balanced = json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.1" });
        assert_eq!(state(&with(balanced.clone(), json!({ "loadBalancer": {} }))), State::InProgress);
        assert_eq!(state(&with(balanced, json!({ "loadBalancer": { "ingress": [] } }))), State::Current);
    }

    #[test]
    fn a_deployment_allows_what_its_strategy_allows() {
        let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "replicas": 4, "strategy":
            { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } } } });
        let set = |ready: i64| json!({ "status": { "readyReplicas": ready } });
        assert_eq!(compute(&object, false, Some(&set(2))).state, State::InProgress);
        assert_eq!(compute(&object, false, Some(&set(3))).state, State::Current);
        assert_eq!(compute(&object, false, None).state, State::InProgress);
    }

    #[test]
    fn jobs_count_only_when_asked_for() {
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": { "completions": 1, "backoffLimit": 0 },
            "status": { "failed": 1 } });
        assert_eq!(state(&job), State::Failed);
        assert_eq!(compute(&job, false, None).state, State::Current);
    }
}
