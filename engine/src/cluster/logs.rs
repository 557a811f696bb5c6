//! Reading the logs of a pod's containers, line by line.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::Cluster;
use crate::error::Result;

/// Longer lines are cut.
const MAX_LINE: usize = 64 << 10;

/// A pod, as far as its logs need it.
#[derive(Debug, Deserialize)]
pub(crate) struct LoggedPod {
    pub(crate) metadata: PodMeta,
    spec: PodSpec,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PodMeta {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    name: String,
}

#[derive(Deserialize)]
struct Pods {
    items: Vec<LoggedPod>,
}

impl LoggedPod {
    /// The containers' names.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &str> {
        self.spec.containers.iter().map(|c| c.name.as_str())
    }
}

impl Cluster {
    /// The pods of a namespace that a selector chooses.
    pub(crate) async fn pods(&self, namespace: &str, selector: &super::watch::Selector) -> Result<Vec<LoggedPod>> {
        let call = self.get_call(format!("/api/v1/namespaces/{namespace}/pods"));
        Ok(selector.add(call).send::<Pods>().await?.items)
    }

    /// Reads the log that a container has written so far.
    pub(crate) async fn log_lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        mut line: impl FnMut(String),
    ) -> Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log");
        let response = self.get_call(path).accept("*/*").query("container", container).send_stream().await?;
        let mut body = response.into_body();
        let mut buffer = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { break };
            let Ok(data) = frame.into_data() else { continue };
            buffer.extend_from_slice(&data);
            while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                line(String::from_utf8_lossy(&buffer.split_to(end)).into_owned());
                buffer.advance(1);
            }
            buffer.truncate(MAX_LINE);
        }
        if !buffer.is_empty() {
            line(String::from_utf8_lossy(&buffer).into_owned());
        }
        Ok(())
    }
}
