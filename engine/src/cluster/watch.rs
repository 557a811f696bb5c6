//! A watch: one long answer, an event per line. Owns splitting and the
//! meaning of event types; not what is done when it ends.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Cluster;
use super::request::api_error;
use crate::error::Result;

/// No object is longer; a line that is ends the watch.
const MAX_LINE: usize = 32 << 20;

/// How long the server keeps a watch open before it is begun again, seconds.
/// The connection must not look dead to what stands in between.
const SERVER_TIMEOUT: &str = "290";

/// What a watch says.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// An object is there, or changed.
    Changed(Json),
    /// An object is gone.
    Deleted(Json),
    /// Nothing happened up to a version.
    Bookmark,
    /// The version is too old: list again.
    Expired,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    object: Json,
}

/// An open watch.
pub(crate) struct Watch {
    body: Body,
    buffer: BytesMut,
    /// The version of the last event: where the next watch begins.
    pub(crate) version: String,
}

impl Cluster {
    /// Watches a collection from a version on. `selector` is a query
    /// parameter: `fieldSelector` or `labelSelector` and its value.
    pub(crate) async fn watch(&self, path: &str, selector: &Selector, version: &str) -> Result<Watch> {
        let call = self
            .get_call(path)
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", SERVER_TIMEOUT)
            .query("resourceVersion", version);
        let response = selector.add(call).send_stream().await?;
        Ok(Watch { body: response.into_body(), buffer: BytesMut::new(), version: version.to_string() })
    }
}

/// Which objects of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// `metadata.name=…`
    pub(crate) field: String,
    /// `key=value,…`
    pub(crate) label: String,
}

impl Selector {
    pub(crate) fn add<'a>(&self, mut call: super::request::Call<'a>) -> super::request::Call<'a> {
        if !self.field.is_empty() {
            call = call.query("fieldSelector", &self.field);
        }
        if !self.label.is_empty() {
            call = call.query("labelSelector", &self.label);
        }
        call
    }
}

impl Watch {
    /// The next event; `None` when the server ended the watch.
    pub(crate) async fn next(&mut self) -> Result<Option<WatchEvent>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                if line.is_empty() {
                    continue;
                }
                return self.event(&line).map(Some);
            }
            if self.buffer.len() > MAX_LINE {
                return Err(api_error("a watch event is too long".into(), 0, ""));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(e)) => return Err(api_error(format!("the watch broke off: {e}"), 0, "")),
            }
        }
    }

    fn event(&mut self, line: &[u8]) -> Result<WatchEvent> {
        let line: Line =
            serde_json::from_slice(line).map_err(|e| api_error(format!("a watch event cannot be read: {e}"), 0, ""))?;
        if line.r#type == "ERROR" {
            let code = line.object.get("code").and_then(Json::as_u64).unwrap_or_default();
            if code == 410 {
                return Ok(WatchEvent::Expired);
            }
            let text = line.object.get("message").and_then(Json::as_str).unwrap_or("the watch failed").to_string();
            return Err(api_error(text, u16::try_from(code).unwrap_or_default(), ""));
        }
        if let Some(version) = line.object.pointer("/metadata/resourceVersion").and_then(Json::as_str) {
            version.clone_into(&mut self.version);
        }
        Ok(match line.r#type.as_str() {
            "DELETED" => WatchEvent::Deleted(line.object),
            "BOOKMARK" => WatchEvent::Bookmark,
            _ => WatchEvent::Changed(line.object),
        })
    }
}
