//! When an object is ready, and if not, why: the rules of Helm 4's watcher
//! (kstatus). Pure. Helm 3's rules are in [`super::legacy`].

use serde_json::Value as Json;

/// What an object's own fields say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// On its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is as it should be.
    Current,
    /// It is being deleted.
    Terminating,
    /// It is not there.
    NotFound,
    /// Nothing was heard of it.
    Unknown,
}

impl State {
    /// kstatus' word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::InProgress => "InProgress",
            State::Failed => "Failed",
            State::Current => "Current",
            State::Terminating => "Terminating",
            State::NotFound => "NotFound",
            State::Unknown => "Unknown",
        }
    }
}

/// A state and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) state: State,
    pub(crate) message: String,
}

impl Readiness {
    pub(crate) fn new(state: State, message: impl Into<String>) -> Readiness {
        Readiness { state, message: message.into() }
    }
}

fn progress(message: impl Into<String>) -> Readiness {
    Readiness::new(State::InProgress, message)
}

fn failed(message: impl Into<String>) -> Readiness {
    Readiness::new(State::Failed, message)
}

fn current(message: impl Into<String>) -> Readiness {
    Readiness::new(State::Current, message)
}

pub(crate) fn int(object: &Json, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Json::as_i64).unwrap_or(default)
}

pub(crate) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// A condition's type, status, reason and message.
struct Condition<'a>(&'a Json);

impl<'a> Condition<'a> {
    fn get(&self, key: &str) -> &'a str {
        self.0.get(key).and_then(Json::as_str).unwrap_or_default()
    }

    fn is(&self, kind: &str, status: &str) -> bool {
        self.get("type") == kind && self.get("status") == status
    }
}

fn conditions(object: &Json) -> impl Iterator<Item = Condition<'_>> {
    object.pointer("/status/conditions").and_then(Json::as_array).into_iter().flatten().map(Condition)
}

/// The readiness of an object of a chart.
pub(crate) fn compute(object: &Json) -> Readiness {
    if let Some(decided) = generic(object) {
        return decided;
    }
    let group = text(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text(object, "/kind")) {
        ("", "Service") => service(object),
        ("", "Pod") => pod(object),
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => current("Resource is always ready"),
        ("", "PersistentVolumeClaim") => claim(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps" | "extensions", "ReplicaSet") => replica_set(object),
        ("policy", "PodDisruptionBudget") => current("AllowedDisruptions has been computed."),
        ("batch", "Job") => job_started(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => by_ready_condition(object),
    }
}

/// The readiness of a hook's object: only Jobs and Pods are waited for.
pub(crate) fn compute_hook(object: &Json) -> Readiness {
    match (text(object, "/apiVersion"), text(object, "/kind")) {
        (version, "Job") if version.starts_with("batch/") => job_completed(object),
        ("v1", "Pod") => {
            let name = text(object, "/metadata/name");
            match text(object, "/status/phase") {
                "Succeeded" => current(format!("pod {name} succeeded")),
                "Failed" => failed(format!("pod {name} failed")),
                _ => progress("Pod in progress"),
            }
        }
        _ => current("Resource is current"),
    }
}

/// A Job that shall have completed (`--wait-for-jobs`, hooks).
pub(crate) fn job_completed(object: &Json) -> Readiness {
    let completions = int(object, "/spec/completions", int(object, "/spec/parallelism", 1));
    for condition in conditions(object) {
        if condition.is("Complete", "True") {
            let succeeded = int(object, "/status/succeeded", 0);
            return current(format!("Job Completed. succeeded: {succeeded}/{completions}"));
        }
        if condition.is("Failed", "True") {
            let count = int(object, "/status/failed", 0);
            return failed(format!("Job Failed. failed: {count}/{completions}"));
        }
    }
    progress("Job in progress")
}

/// What holds for every kind: deletion, generation, standard conditions.
fn generic(object: &Json) -> Option<Readiness> {
    if !text(object, "/metadata/deletionTimestamp").is_empty() {
        return Some(Readiness::new(State::Terminating, "Resource scheduled for deletion"));
    }
    let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
    let observed = object.pointer("/status/observedGeneration").and_then(Json::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        let kind = text(object, "/kind");
        return Some(progress(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        )));
    }
    for condition in conditions(object) {
        if condition.is("Reconciling", "True") {
            return Some(progress(condition.get("message")));
        }
        if condition.is("Stalled", "True") {
            return Some(failed(condition.get("message")));
        }
    }
    None
}

fn by_ready_condition(object: &Json) -> Readiness {
    for condition in conditions(object).filter(|c| c.get("type") == "Ready") {
        match condition.get("status") {
            "True" => return current("Resource is Ready"),
            "False" | "Unknown" => return progress(condition.get("message")),
            _ => {}
        }
    }
    current("Resource is current")
}

fn stateful_set(o: &Json) -> Readiness {
    if text(o, "/spec/updateStrategy/type") == "OnDelete" {
        return current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = int(o, "/spec/replicas", 1);
    let ready = int(o, "/status/readyReplicas", 0);
    let running = int(o, "/status/currentReplicas", 0);
    let updated = int(o, "/status/updatedReplicas", 0);
    let replicas = int(o, "/status/replicas", 0);
    let partition = int(o, "/spec/updateStrategy/rollingUpdate/partition", -1);
    if wanted > replicas {
        return progress(format!("Replicas: {replicas}/{wanted}"));
    }
    if wanted > ready {
        return progress(format!("Ready: {ready}/{wanted}"));
    }
    if replicas > wanted {
        return progress(format!("Pending termination: {}", replicas - wanted));
    }
    if partition != -1 {
        let share = wanted.saturating_sub(partition);
        if updated < share {
            return progress(format!("updated: {updated}/{share}"));
        }
        return current(format!("Partition rollout complete. updated: {updated}"));
    }
    if wanted > running {
        return progress(format!("current: {running}/{wanted}"));
    }
    if text(o, "/status/currentRevision") != text(o, "/status/updateRevision") {
        return progress("Waiting for updated revision to match current");
    }
    current(format!("All replicas scheduled as expected. Replicas: {replicas}"))
}

fn deployment(o: &Json) -> Readiness {
    /// Without a deadline the controller reports no progress.
    const NO_DEADLINE: i64 = i32::MAX as i64;
    let mut progressing = int(o, "/spec/progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE;
    let mut available = false;
    for condition in conditions(o) {
        match condition.get("type") {
            "Progressing" if condition.get("reason") == "ProgressDeadlineExceeded" => {
                return failed("Progress deadline exceeded");
            }
            "Progressing" if condition.get("reason") == "NewReplicaSetAvailable" => {
                progressing |= condition.get("status") == "True";
            }
            "Available" => available |= condition.get("status") == "True",
            _ => {}
        }
    }
    let wanted = int(o, "/spec/replicas", 1);
    let replicas = int(o, "/status/replicas", 0);
    let updated = int(o, "/status/updatedReplicas", 0);
    let ready = int(o, "/status/readyReplicas", 0);
    let serving = int(o, "/status/availableReplicas", 0);
    if wanted > replicas {
        return progress(format!("Replicas: {replicas}/{wanted}"));
    }
    if wanted > updated {
        return progress(format!("Updated: {updated}/{wanted}"));
    }
    if replicas > wanted {
        return progress(format!("Pending termination: {}", replicas - wanted));
    }
    if updated > serving {
        return progress(format!("Available: {serving}/{updated}"));
    }
    if wanted > ready {
        return progress(format!("Ready: {ready}/{wanted}"));
    }
    if !progressing {
        return progress("ReplicaSet not Available");
    }
    if !available {
        return progress("Deployment not Available");
    }
    current(format!("Deployment is available. Replicas: {replicas}"))
}

fn replica_set(o: &Json) -> Readiness {
    if conditions(o).any(|c| c.is("ReplicaFailure", "True")) {
        return progress("Replica Failure condition. Check Pods");
    }
    let wanted = int(o, "/spec/replicas", 1);
    let replicas = int(o, "/status/replicas", 0);
    let checks = [
        ("Labelled", int(o, "/status/fullyLabeledReplicas", 0)),
        ("Available", int(o, "/status/availableReplicas", 0)),
        ("Ready", int(o, "/status/readyReplicas", 0)),
    ];
    if let Some((what, count)) = checks.into_iter().find(|(_, count)| wanted > *count) {
        return progress(format!("{what}: {count}/{wanted}"));
    }
    if replicas > wanted {
        return progress(format!("Pending termination: {}", replicas - wanted));
    }
    current(format!("ReplicaSet is available. Replicas: {replicas}"))
}

fn daemon_set(o: &Json) -> Readiness {
    for (pointer, name) in
        [("/metadata/generation", "metadata.generation"), ("/status/observedGeneration", "status.observedGeneration")]
    {
        if o.pointer(pointer).and_then(Json::as_i64).is_none() {
            return progress(format!("{} {name} not found", text(o, "/kind")));
        }
    }
    let wanted = int(o, "/status/desiredNumberScheduled", -1);
    if wanted == -1 {
        return progress("Missing .status.desiredNumberScheduled");
    }
    let checks = [
        ("Current", int(o, "/status/currentNumberScheduled", 0)),
        ("Updated", int(o, "/status/updatedNumberScheduled", 0)),
        ("Available", int(o, "/status/numberAvailable", 0)),
        ("Ready", int(o, "/status/numberReady", 0)),
    ];
    if let Some((what, count)) = checks.into_iter().find(|(_, count)| wanted > *count) {
        return progress(format!("{what}: {count}/{wanted}"));
    }
    current(format!("All replicas scheduled as expected. Replicas: {wanted}"))
}

fn claim(o: &Json) -> Readiness {
    match text(o, "/status/phase") {
        "Bound" => current("PVC is Bound"),
        "" => progress("PVC is not Bound. phase: unknown"),
        phase => progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

/// How long a pod may be without a node before that counts as a failure.
const SCHEDULE_WINDOW_SECONDS: i64 = 15;

pub(crate) fn pod(o: &Json) -> Readiness {
    match text(o, "/status/phase") {
        "Succeeded" => current("Pod has completed successfully"),
        "Failed" => current("Pod has completed, but not successfully"),
        "Running" => {
            if conditions(o).any(|c| c.is("Ready", "True")) {
                return current("Pod is Ready");
            }
            let looping = crash_looping(o);
            if looping.is_empty() {
                return progress("Pod is running but is not Ready");
            }
            failed(format!("Containers in CrashLoop state: {}", looping.join(",")))
        }
        "Pending" => {
            let unschedulable = |c: Condition<'_>| c.is("PodScheduled", "False") && c.get("reason") == "Unschedulable";
            if !conditions(o).any(unschedulable) {
                return progress("Pod is in the Pending phase");
            }
            let created: Option<jiff::Timestamp> = text(o, "/metadata/creationTimestamp").parse().ok();
            let age = created.map_or(0, |c| jiff::Timestamp::now().as_second().saturating_sub(c.as_second()));
            if age < SCHEDULE_WINDOW_SECONDS {
                return progress("Pod has not been scheduled");
            }
            failed("Pod could not be scheduled")
        }
        "" => progress("Pod phase not available"),
        phase => Readiness::new(State::Unknown, format!("unknown phase {phase}")),
    }
}

fn crash_looping(o: &Json) -> Vec<String> {
    let statuses = o.pointer("/status/containerStatuses").and_then(Json::as_array).into_iter().flatten();
    statuses
        .filter(|s| text(s, "/state/waiting/reason") == "CrashLoopBackOff")
        .map(|s| text(s, "/name").to_string())
        .collect()
}

/// Helm without `--wait-for-jobs`: a Job that has begun is ready.
fn job_started(o: &Json) -> Readiness {
    let ended = job_completed(o);
    if ended.state != State::InProgress {
        return ended;
    }
    if text(o, "/status/startTime").is_empty() {
        return progress("Job not started");
    }
    let count = |name: &str| int(o, &format!("/status/{name}"), 0);
    let (succeeded, active, failures) = (count("succeeded"), count("active"), count("failed"));
    current(format!("Job in progress. success:{succeeded}, active: {active}, failed: {failures}"))
}

fn service(o: &Json) -> Readiness {
    if text(o, "/spec/type") == "LoadBalancer" && text(o, "/spec/clusterIP").is_empty() {
        return progress("ClusterIP not set. Service type: LoadBalancer");
    }
    current("Service is ready")
}

fn definition(o: &Json) -> Readiness {
    for condition in conditions(o) {
        if condition.is("NamesAccepted", "False") {
            return failed(condition.get("message"));
        }
        if condition.is("Established", "False") && condition.get("reason") != "Installing" {
            return failed(condition.get("message"));
        }
        if condition.is("Established", "True") {
            return current("CRD is established");
        }
    }
    progress("Install in progress")
}

#[cfg(test)]
mod tests;
