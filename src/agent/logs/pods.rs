//! Pods as far as their logs are concerned.
//!
//! Owns which containers a request means and whether a container has a log to
//! read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::protocol::{Error, logs::LogsRequest};

/// Names the container that kubectl takes when none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A pod, as the API server sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub(super) metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Vec<Named>,
    init_containers: Vec<Named>,
    ephemeral_containers: Vec<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
    ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    restart_count: u64,
    #[serde(rename = "containerID")]
    container_id: String,
    state: ContainerState,
    last_state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Running {
    started_at: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    #[serde(rename = "containerID")]
    container_id: String,
    started_at: String,
}

/// One run of a container: a restart is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    restarts: u64,
    id: String,
    /// When it began, to the second.
    started: String,
    /// Whether it still runs.
    pub(super) running: bool,
}

impl Run {
    /// Whether both are the same run, ended or not.
    pub(super) fn same(&self, other: &Run) -> bool {
        if self.id.is_empty() || other.id.is_empty() { self.restarts == other.restarts } else { self.id == other.id }
    }

    /// Whether a line of this time may be one of this run's.
    pub(super) fn may_have(&self, stamp: &str) -> bool {
        match (stamp.parse::<Timestamp>(), self.started.parse::<Timestamp>()) {
            (Ok(stamp), Ok(started)) => stamp >= started,
            _ => false,
        }
    }

    /// Whether there were runs between `before` and this one, apart from `known`
    /// ones.
    pub(super) fn follows_after_others(&self, before: &Run, known: u64) -> bool {
        // While a container waits to be run again, the count is one ahead of
        // the run that can be read.
        self.running && before.running && self.restarts > before.restarts + 1 + known
    }
}

impl Pod {
    /// The containers that a request means, in the pod's order.
    ///
    /// # Errors
    /// When one is named that the pod does not have.
    pub(super) fn wanted(&self, request: &LogsRequest) -> Result<Vec<String>, Error> {
        let names = |list: &[Named]| list.iter().map(|container| container.name.clone()).collect::<Vec<_>>();
        let (init, main, ephemeral) =
            (names(&self.spec.init_containers), names(&self.spec.containers), names(&self.spec.ephemeral_containers));
        if !request.containers.is_empty() {
            let have = |name: &String| init.contains(name) || main.contains(name) || ephemeral.contains(name);
            if let Some(missing) = request.containers.iter().find(|name| !have(name)) {
                let pod = &self.metadata.name;
                return Err(Error::not_found(format!("container {missing} is not valid for pod {pod}")));
            }
            return Ok(request.containers.clone());
        }
        if request.all_containers {
            let init = if request.init { init } else { Vec::new() };
            return Ok([init, main, ephemeral].concat());
        }
        let default = self.metadata.annotations.get(DEFAULT_CONTAINER).filter(|name| main.contains(name));
        Ok(default.or(main.first()).into_iter().cloned().collect())
    }

    /// The newest run of a container that has a log; `None` while it has not
    /// begun.
    pub(super) fn run(&self, container: &str) -> Option<Run> {
        let all = [
            &self.status.container_statuses,
            &self.status.init_container_statuses,
            &self.status.ephemeral_container_statuses,
        ];
        let status = all.into_iter().flatten().find(|status| status.name == container)?;
        let run = |id: &str, started: &str, running| {
            Some(Run { restarts: status.restart_count, id: id.to_owned(), started: started.to_owned(), running })
        };
        let ended = status.state.terminated.as_ref().or(status.last_state.terminated.as_ref());
        match (&status.state.running, ended) {
            (Some(running), _) => run(&status.container_id, &running.started_at, true),
            // Between two runs the log of the last one can still be read.
            (None, Some(ended)) => run(&ended.container_id, &ended.started_at, false),
            (None, None) => None,
        }
    }

    /// Whether no container of it will run again.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Pod {
        serde_json::from_str(
            r#"{"metadata":{"name":"p","annotations":{"kubectl.kubernetes.io/default-container":"b"}},
              "spec":{"containers":[{"name":"a"},{"name":"b"}],"initContainers":[{"name":"i"}]},
              "status":{"phase":"Running","containerStatuses":[
                {"name":"a","restartCount":2,"containerID":"x","state":{"running":{"startedAt":"t"}}},
                {"name":"b","restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}],
               "initContainerStatuses":[{"name":"i","containerID":"y","state":{"terminated":{"exitCode":0}}}]}}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_request_chooses_containers() {
        let wanted = |text: &str| pod().wanted(&serde_json::from_str::<LogsRequest>(text).unwrap());
        assert_eq!(wanted("{}").unwrap(), ["b"]);
        assert_eq!(wanted(r#"{"all_containers":true}"#).unwrap(), ["i", "a", "b"]);
        assert_eq!(wanted(r#"{"all_containers":true,"init":false}"#).unwrap(), ["a", "b"]);
        assert_eq!(wanted(r#"{"containers":["i"]}"#).unwrap(), ["i"]);
        assert!(wanted(r#"{"containers":["z"]}"#).is_err());
    }

    #[test]
    fn a_run_is_there_once_it_began() {
        assert!(pod().run("a").unwrap().running);
        assert_eq!(pod().run("b"), None);
        assert!(!pod().run("i").unwrap().running);
        assert_eq!(pod().run("z"), None);
        assert!(!pod().is_over());
    }

    #[test]
    fn a_crash_is_seen_between_two_runs() {
        let status = |text: &str| {
            let text = format!(r#"{{"status":{{"containerStatuses":[{{"name":"a",{text}}}]}}}}"#);
            serde_json::from_str::<Pod>(&text).unwrap().run("a").unwrap()
        };
        let running = status(r#""restartCount":1,"containerID":"x","state":{"running":{}}"#);
        let waiting = status(
            r#""restartCount":1,"containerID":"x","state":{"waiting":{}},"lastState":{"terminated":{"containerID":"x"}}"#,
        );
        let next = status(
            r#""restartCount":2,"containerID":"y","state":{"running":{}},"lastState":{"terminated":{"containerID":"x"}}"#,
        );
        assert!(running.same(&waiting) && !waiting.running);
        assert!(!running.same(&next) && next.running);
        let begun = status(r#""containerID":"y","state":{"running":{"startedAt":"2026-11-23T09:00:05Z"}}"#);
        assert!(begun.may_have("2026-11-23T09:00:05.120000000Z") && begun.may_have("2026-11-23T10:00:05.12+01:00"));
        assert!(!begun.may_have("2026-11-23T09:00:04.999999999Z") && !begun.may_have("") && !next.may_have("2026"));
    }
}
