//! More reads: `req.events`, `req.top` and `req.reveal`.
//!
//! Owns their requests, checks and replies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{error::Error, validate};

/// Most events of one reply.
pub const EVENTS_MAX: u32 = 1000;
/// Events of a reply when the request names no limit.
pub const EVENTS_DEFAULT: u32 = 200;

/// Body of `req.events`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsRequest {
    /// Namespaces; empty means all.
    pub namespaces: Vec<String>,
    /// Only events about objects of this kind (`Pod`).
    pub kind: String,
    /// Only events about objects of this name.
    pub name: String,
    /// Only this type: `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind_of_event: String,
    /// Most events, the newest ones; 0 means [`EVENTS_DEFAULT`].
    pub limit: u32,
}

impl EventsRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        validate::namespaces(&self.namespaces)?;
        validate::api_word("kind", &self.kind)?;
        validate::api_word("type", &self.kind_of_event)?;
        if !self.name.is_empty() {
            validate::name(&self.name)?;
            if self.name.contains([',', '=', '\\']) {
                return Err(Error::invalid("name holds a character of a selector"));
            }
        }
        if self.limit > EVENTS_MAX {
            return Err(Error::invalid(format!("limit {} is over {EVENTS_MAX}", self.limit)));
        }
        Ok(())
    }
}

/// One event of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventRow {
    /// Namespace of the event.
    pub namespace: String,
    /// When it was last seen, RFC 3339.
    pub last: String,
    /// When it was first seen, RFC 3339.
    pub first: String,
    /// How often.
    pub count: u64,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind_of_event: String,
    /// The reason, one word.
    pub reason: String,
    /// The object's kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// Who says so.
    pub source: String,
    /// What happened.
    pub message: String,
}

/// Reply to `req.events`, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Events {
    /// The events.
    pub events: Vec<EventRow>,
    /// Whether there were more, which are older.
    #[serde(default)]
    pub more: bool,
}

/// Of what `req.top` tells the use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopOf {
    /// Pods and their containers.
    #[default]
    Pods,
    /// Nodes.
    Nodes,
}

/// Body of `req.top`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TopRequest {
    /// Of what.
    pub of: TopOf,
    /// Namespaces of pods; empty means all.
    pub namespaces: Vec<String>,
    /// Kubernetes label selector.
    pub label_selector: String,
}

impl TopRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        validate::namespaces(&self.namespaces)?;
        validate::selector("label_selector", &self.label_selector)
    }
}

/// What something uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Namespace of a pod.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the pod, node or container.
    pub name: String,
    /// Thousandths of a processor.
    pub cpu_m: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// A pod's containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Usage>,
}

/// Reply to `req.top`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Top {
    /// The pods or nodes, by namespace and name.
    pub items: Vec<Usage>,
}

/// Body of `req.reveal`: the values of one Secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RevealRequest {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl RevealRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        validate::namespace(&self.namespace)?;
        validate::name(&self.name)
    }
}

/// Reply to `req.reveal`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Revealed {
    /// The values, as base 64.
    pub data: BTreeMap<String, String>,
}

/// The values are not shown.
impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revealed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_checked() {
        let events = |text: &str| serde_json::from_str::<EventsRequest>(text).unwrap().check();
        assert!(events(r#"{"namespaces":["a"],"kind":"Pod","name":"web-1","type":"Warning"}"#).is_ok());
        for bad in [r#"{"name":"a,b=c"}"#, r#"{"kind":"a=b"}"#, r#"{"limit":1001}"#, r#"{"namespaces":["*"]}"#] {
            assert!(events(bad).is_err(), "{bad}");
        }
        assert!(RevealRequest { namespace: "a".into(), name: "../b".into() }.check().is_err());
    }
}
