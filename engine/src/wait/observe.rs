//! Seeing every change of a set of objects: one watch per kind and namespace,
//! begun again when it ends. It goes on from what the API server answered when
//! the objects were sent, else from a list. Owns no judgement.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ready::{Readiness, State, int, pod, text};
use crate::cluster::watch::{Selector, WatchEvent};
use crate::cluster::{Answers, Cluster, Object, ObjectRef, version};
use crate::error::{Error, Result};

/// Changes that are seen but not yet judged.
const BACKLOG: usize = 64;

/// Between attempts after a failure, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Kinds of which nothing is waited for any more are watched only if the wait
/// goes on for longer: most waits are over before. No change is missed, as a
/// watch begins with what was answered.
const SETTLED_PAUSE: Duration = Duration::from_secs(2);

/// What an object is now; `None`: it is not there.
pub(super) struct Observation {
    pub(super) index: usize,
    pub(super) object: Option<Json>,
}

/// Watches until it is dropped.
pub(super) struct Observer {
    changes: mpsc::Receiver<Result<Observation>>,
    _tasks: JoinSet<()>,
}

/// Objects of one kind in one namespace, by name.
struct Group {
    path: String,
    api_version: String,
    kind: String,
    selector: Selector,
    indexes: HashMap<String, usize>,
}

/// What is known of a group's objects.
struct Start {
    objects: Vec<Json>,
    /// Up to which version that is so, by name: what came before is no news.
    versions: HashMap<String, u64>,
    /// The first of these, if all are known: where a watch begins.
    first: Option<u64>,
    /// Whether all are as they are wanted.
    settled: bool,
}

impl Observer {
    /// `is_done` says of an object whether nothing is waited for any more.
    pub(super) fn start(
        cluster: &Cluster,
        objects: &[Object],
        answers: &Answers,
        is_done: impl Fn(&Json) -> bool,
    ) -> Observer {
        let (sender, changes) = mpsc::channel(BACKLOG);
        let mut tasks = JoinSet::new();
        for group in groups(objects) {
            let (cluster, sender) = (cluster.clone(), sender.clone());
            let start = Start::of(&group, objects, answers, &is_done);
            tasks.spawn(async move { group.watch(&cluster, &sender, start).await });
        }
        Observer { changes, _tasks: tasks }
    }

    pub(super) async fn next(&mut self) -> Result<Observation> {
        match self.changes.recv().await {
            Some(observation) => observation,
            None => Err(Error::other(crate::Stage::Wait, "the watches ended")),
        }
    }
}

fn groups(objects: &[Object]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let path = object.resource.collection(&object.reference.namespace);
        let name = object.reference.name.clone();
        match groups.iter_mut().find(|g| g.path == path) {
            Some(group) => {
                group.indexes.insert(name, index);
            }
            None => groups.push(Group {
                path,
                api_version: object.resource.api_version.clone(),
                kind: object.reference.kind.clone(),
                selector: Selector::default(),
                indexes: HashMap::from([(name, index)]),
            }),
        }
    }
    for group in &mut groups {
        if let (1, Some(name)) = (group.indexes.len(), group.indexes.keys().next()) {
            group.selector.field = format!("metadata.name={name}");
        }
    }
    groups
}

#[derive(Deserialize)]
struct ListOf {
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default)]
    resource_version: String,
}

type Sender = mpsc::Sender<Result<Observation>>;

impl Start {
    /// `None` if nothing is known of one of them.
    fn of(group: &Group, objects: &[Object], answers: &Answers, is_done: impl Fn(&Json) -> bool) -> Option<Start> {
        let mut start = Start { objects: Vec::new(), versions: HashMap::new(), first: None, settled: true };
        for (name, index) in &group.indexes {
            let known = answers.get(&objects.get(*index)?.reference.key())?;
            start.versions.extend(known.version.map(|version| (name.clone(), version)));
            start.settled &= is_done(&known.object);
            start.objects.push(known.object.clone());
        }
        if start.versions.len() == start.objects.len() {
            start.first = start.versions.values().copied().min();
        }
        Some(start)
    }
}

impl Group {
    /// Watches, and begins again with a list, until nobody listens.
    async fn watch(&self, cluster: &Cluster, sender: &Sender, start: Option<Start>) {
        if let Some(start) = start {
            match self.go_on(cluster, sender, start).await {
                // Too long ago: a list tells what is now.
                Ok(()) => {}
                Err(e) if is_final(&e) => {
                    let _ = sender.send(Err(e)).await;
                    return;
                }
                Err(_) => {}
            }
        }
        let mut pause = FIRST_PAUSE;
        while !sender.is_closed() {
            match self.list_and_watch(cluster, sender, &mut pause).await {
                Ok(()) => {}
                Err(e) if is_final(&e) => {
                    // Nobody listening means that the wait is over.
                    let _ = sender.send(Err(e)).await;
                    return;
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    /// Goes on from what is known.
    async fn go_on(&self, cluster: &Cluster, sender: &Sender, start: Start) -> Result<()> {
        if start.first.is_none() && !start.settled {
            return Ok(());
        }
        for object in start.objects {
            self.send(sender, object).await;
        }
        if start.settled {
            tokio::select! {
                () = tokio::time::sleep(SETTLED_PAUSE) => {}
                () = sender.closed() => return Ok(()),
            }
        }
        let Some(first) = start.first else { return Ok(()) };
        let is_news = |object: &Json| {
            let sent = start.versions.get(text(object, "/metadata/name"));
            sent.is_none_or(|sent| version(object).is_none_or(|version| version > *sent))
        };
        self.follow(cluster, sender, first.to_string(), is_news, &mut FIRST_PAUSE.clone()).await
    }

    async fn list_and_watch(&self, cluster: &Cluster, sender: &Sender, pause: &mut Duration) -> Result<()> {
        let list: ListOf = self.selector.add(cluster.get_call(&self.path)).send().await?;
        let mut missing = self.indexes.clone();
        for object in list.items {
            missing.remove(text(&object, "/metadata/name"));
            self.send(sender, object).await;
        }
        for index in missing.into_values() {
            let _ = sender.send(Ok(Observation { index, object: None })).await;
        }
        self.follow(cluster, sender, list.metadata.resource_version, |_| true, pause).await
    }

    /// Watches from a version on, until it is too old or nobody listens.
    async fn follow(
        &self,
        cluster: &Cluster,
        sender: &Sender,
        mut version: String,
        is_news: impl Fn(&Json) -> bool,
        pause: &mut Duration,
    ) -> Result<()> {
        loop {
            let mut watch = cluster.watch(&self.path, &self.selector, &version).await?;
            loop {
                match watch.next().await? {
                    Some(WatchEvent::Changed(object)) if is_news(&object) => self.send(sender, object).await,
                    Some(WatchEvent::Deleted(object)) if is_news(&object) => {
                        if let Some(index) = self.indexes.get(text(&object, "/metadata/name")) {
                            let _ = sender.send(Ok(Observation { index: *index, object: None })).await;
                        }
                    }
                    Some(WatchEvent::Changed(_) | WatchEvent::Deleted(_) | WatchEvent::Bookmark) => {}
                    Some(WatchEvent::Expired) => return Ok(()),
                    None => break,
                }
                *pause = FIRST_PAUSE;
                if sender.is_closed() {
                    return Ok(());
                }
            }
            version = watch.version;
        }
    }

    async fn send(&self, sender: &Sender, mut object: Json) {
        let Some(index) = self.indexes.get(text(&object, "/metadata/name")).copied() else { return };
        // Items of a list do not say what they are.
        if let Some(map) = object.as_object_mut() {
            map.entry("kind").or_insert_with(|| self.kind.clone().into());
            map.entry("apiVersion").or_insert_with(|| self.api_version.clone().into());
        }
        let _ = sender.send(Ok(Observation { index, object: Some(object) })).await;
    }
}

/// Whether trying again is of no use.
fn is_final(error: &Error) -> bool {
    matches!(error.api_code(), Some(400..=409 | 411..=428))
}

/// A workload whose pods have failed for good will not become ready; `None`
/// if no pod says so (or they cannot be read).
pub(super) async fn failed_pods(cluster: &Cluster, workload: &Json) -> Option<Readiness> {
    if !matches!(text(workload, "/kind"), "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") {
        return None;
    }
    let pods = select(cluster, workload, "/api/v1", "pods").await?;
    let unschedulable = |pod: &Json| {
        let conditions = pod.pointer("/status/conditions").and_then(Json::as_array);
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|c| text(c, "/type") == "PodScheduled" && text(c, "/reason") == "Unschedulable")
    };
    // Autoscalers make room for pods without a node; pods that are being
    // deleted are part of every rolling update.
    let lasting = |p: &&Json| text(p, "/metadata/deletionTimestamp").is_empty() && !unschedulable(p);
    let count = pods.iter().filter(lasting).filter(|p| pod(p).state == State::Failed).count();
    (count > 0).then(|| Readiness::new(State::Failed, format!("{count} pods have failed")))
}

/// The pods that keep an object from being ready, and why.
pub(super) async fn causes(cluster: &Cluster, object: &Json) -> Vec<(ObjectRef, String)> {
    let pods = match text(object, "/kind") {
        "Pod" => vec![object.clone()],
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
            select(cluster, object, "/api/v1", "pods").await.unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let lasting = pods.iter().filter(|pod| text(pod, "/metadata/deletionTimestamp").is_empty());
    lasting.filter_map(|pod| Some((pod_ref(pod), trouble(pod)?))).collect()
}

fn pod_ref(pod: &Json) -> ObjectRef {
    let of = |path: &str| text(pod, path).to_owned();
    let (namespace, name) = (of("/metadata/namespace"), of("/metadata/name"));
    ObjectRef { api_version: "v1".to_owned(), kind: "Pod".to_owned(), namespace, name }
}

/// What is wrong with a pod: a container that waits for more than its turn, or
/// a scheduler that finds no place.
fn trouble(pod: &Json) -> Option<String> {
    let list = |path: &str| pod.pointer(path).and_then(Json::as_array).into_iter().flatten();
    let waits = |container: &Json| {
        let reason = text(container, "/state/waiting/reason");
        if matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let message = text(container, "/state/waiting/message");
        Some(format!("container {}: {}", text(container, "/name"), joined(reason, message)))
    };
    let mut containers = list("/status/initContainerStatuses").chain(list("/status/containerStatuses"));
    containers.find_map(waits).or_else(|| {
        let is_refused = |c: &&Json| text(c, "/type") == "PodScheduled" && text(c, "/status") == "False";
        list("/status/conditions").find(is_refused).map(|c| joined(text(c, "/reason"), text(c, "/message")))
    })
}

fn joined(reason: &str, message: &str) -> String {
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

/// The newest ReplicaSet of a Deployment: the one whose pod template is the
/// Deployment's.
pub(super) async fn new_replica_set(cluster: &Cluster, deployment: &Json) -> Option<Json> {
    if text(deployment, "/kind") != "Deployment" {
        return None;
    }
    let uid = text(deployment, "/metadata/uid");
    let revision = |set: &Json| -> Option<i64> {
        set.pointer("/metadata/annotations")?.get("deployment.kubernetes.io/revision")?.as_str()?.parse().ok()
    };
    let owned = |set: &Json| {
        let owners = set.pointer("/metadata/ownerReferences").and_then(Json::as_array);
        owners.into_iter().flatten().any(|o| text(o, "/uid") == uid)
    };
    let sets = select(cluster, deployment, "/apis/apps/v1", "replicasets").await?;
    let newest = sets.into_iter().filter(owned).max_by_key(|s| revision(s).unwrap_or_default())?;
    // Before the controller has seen a change, the newest set is an old one.
    let seen = int(deployment, "/status/observedGeneration", 0) == int(deployment, "/metadata/generation", 0);
    seen.then_some(newest)
}

/// The objects in a workload's namespace that its selector selects.
async fn select(cluster: &Cluster, workload: &Json, root: &str, plural: &str) -> Option<Vec<Json>> {
    let namespace = text(workload, "/metadata/namespace");
    let labels = workload.pointer("/spec/selector/matchLabels")?.as_object()?;
    let pairs: Vec<String> = labels.iter().filter_map(|(k, v)| Some(format!("{k}={}", v.as_str()?))).collect();
    let call = cluster.get_call(format!("{root}/namespaces/{namespace}/{plural}"));
    let list: ListOf = call.query("labelSelector", &pairs.join(",")).send().await.ok()?;
    Some(list.items)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::trouble;

    #[test]
    fn trouble_is_told_in_the_kubelets_words() {
        let pod =
            |state: serde_json::Value| json!({"status": {"containerStatuses": [{"name": "main", "state": state}]}});
        let bad = pod(json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"a:1\""}}));
        assert_eq!(trouble(&bad).unwrap(), "container main: ImagePullBackOff: Back-off pulling image \"a:1\"");
        let looping = pod(json!({"waiting": {"reason": "CrashLoopBackOff"}}));
        assert_eq!(trouble(&looping).unwrap(), "container main: CrashLoopBackOff");
        assert_eq!(trouble(&pod(json!({"waiting": {"reason": "ContainerCreating"}}))), None);
        assert_eq!(trouble(&pod(json!({"running": {}}))), None);
        let homeless = json!({"status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"}]}});
        assert_eq!(trouble(&homeless).unwrap(), "Unschedulable: 0/2 nodes are available");
    }
}
