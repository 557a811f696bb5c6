//! Rules, by the smallest object that shows each.

use serde_json::json;

use super::*;

fn shown(object: &Json) -> String {
    let readiness = compute(object);
    format!("{}: {}", readiness.state.as_str(), readiness.message)
}

#[test]
fn a_deployment_says_what_it_waits_for() {
    let with = |status: Json| {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "replicas": 2,
        "progressDeadlineSeconds": 600 }, "status": status })
    };
    assert_eq!(shown(&with(json!({}))), "InProgress: Replicas: 0/2");
    assert_eq!(shown(&with(json!({ "replicas": 2, "updatedReplicas": 1 }))), "InProgress: Updated: 1/2");
    assert_eq!(shown(&with(json!({ "replicas": 3, "updatedReplicas": 2 }))), "InProgress: Pending termination: 1");
    assert_eq!(
        shown(&with(json!({ "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1 }))),
        "InProgress: Available: 1/2"
    );
    let full = json!({ "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2, "conditions": [
        { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
        { "type": "Available", "status": "True" },
    ] });
    assert_eq!(shown(&with(full)), "Current: Deployment is available. Replicas: 2");
    let late = json!({ "conditions": [{ "type": "Progressing", "reason": "ProgressDeadlineExceeded" }] });
    assert_eq!(shown(&with(late)), "Failed: Progress deadline exceeded");
}

#[test]
fn an_old_generation_is_not_ready() {
    let object = json!({ "apiVersion": "x/v1", "kind": "Thing", "metadata": { "generation": 2 },
        "status": { "observedGeneration": 1 } });
    assert_eq!(shown(&object), "InProgress: Thing generation is 2, but latest observed generation is 1");
}

#[test]
fn custom_resources_are_judged_by_their_conditions() {
    let with = |kind: &str, status: &str| {
        json!({ "apiVersion": "x/v1", "kind": "Thing", "status": { "conditions":
        [{ "type": kind, "status": status, "message": "because" }] } })
    };
    assert_eq!(shown(&with("Ready", "True")), "Current: Resource is Ready");
    assert_eq!(shown(&with("Ready", "False")), "InProgress: because");
    assert_eq!(shown(&with("Stalled", "True")), "Failed: because");
    assert_eq!(shown(&with("Reconciling", "True")), "InProgress: because");
    assert_eq!(shown(&json!({ "apiVersion": "x/v1", "kind": "Thing" })), "Current: Resource is current");
}

#[test]
fn jobs_differ_for_hooks_and_objects() {
    let started = json!({ "apiVersion": "batch/v1", "kind": "Job", "status": { "startTime": "2026-01-01T00:00:00Z" } });
    assert_eq!(compute(&started).state, State::Current);
    assert_eq!(compute_hook(&started).state, State::InProgress);
    let failed = json!({ "apiVersion": "batch/v1", "kind": "Job", "status": { "failed": 1,
        "conditions": [{ "type": "Failed", "status": "True" }] } });
    assert_eq!(compute_hook(&failed), Readiness::new(State::Failed, "Job Failed. failed: 1/1"));
}

#[test]
fn a_pod_that_crashes_names_the_container() {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "status": { "phase": "Running", "containerStatuses":
        [{ "name": "c", "state": { "waiting": { "reason": "CrashLoopBackOff" } } }] } });
    assert_eq!(shown(&pod), "Failed: Containers in CrashLoop state: c");
}

#[test]
fn kinds_without_a_rule_are_ready_at_once() {
    for (version, kind) in [("v1", "ConfigMap"), ("rbac.authorization.k8s.io/v1", "Role"), ("batch/v1", "CronJob")] {
        assert_eq!(compute(&json!({ "apiVersion": version, "kind": kind })).state, State::Current);
    }
}

#[test]
fn a_stateful_set_with_a_partition_counts_only_its_share() {
    let object = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet",
        "spec": { "replicas": 3, "updateStrategy": { "rollingUpdate": { "partition": 2 } } },
        "status": { "replicas": 3, "readyReplicas": 3, "updatedReplicas": 1 } });
    assert_eq!(shown(&object), "Current: Partition rollout complete. updated: 1");
}
