//! The objects and the configuration that a new control plane is given.

use std::fmt::Write;
use std::path::Path;

/// How the nodes and their pods behave.
const STAGES: &str = include_str!("../kwok/stages.yaml");

/// kwok's configuration: the stages, and where the pods' logs are.
pub(crate) fn kwok_config(everyones_log: &Path) -> String {
    let log = everyones_log.display();
    format!(
        "{STAGES}---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata:
  name: everyone
spec:
  logs:
  - logsFile: {log}
    previousLogsFile: {log}
    follow: true
"
    )
}

/// The nodes, each with the room that tests need.
pub(crate) fn nodes(count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Node
metadata:
  name: node-{number}
  labels:
    kubernetes.io/arch: amd64
    kubernetes.io/hostname: node-{number}
    kubernetes.io/os: linux
status:
  allocatable: {{cpu: 1k, memory: 1Ti, pods: 100k, ephemeral-storage: 1Ti}}
  capacity: {{cpu: 1k, memory: 1Ti, pods: 100k, ephemeral-storage: 1Ti}}
"
        );
    }
    text
}

/// Lines as a container runtime writes them into a log file.
pub(crate) fn log_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (number, line) in lines.into_iter().enumerate() {
        let (minute, second) = (number / 60 % 60, number % 60);
        let _ = writeln!(text, "2026-01-01T00:{minute:02}:{second:02}.000000000Z stdout F {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_have_the_form_that_a_runtime_writes() {
        let text = log_lines(["hello", "wide world"]);
        assert_eq!(
            text,
            "2026-01-01T00:00:00.000000000Z stdout F hello\n2026-01-01T00:00:01.000000000Z stdout F wide world\n"
        );
    }
}
