//! Watch sessions: `req.watch.open` and the frames on `ses.<id>.d`.
//!
//! Owns the request, its checks, and the frames. For each source (a kind, in
//! one namespace or all) a client sees `sync_begin`, the objects that exist,
//! `sync_end`, then changes; after a `reset` the same again, and what was not
//! repeated by the `sync_end` is gone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::Error,
    read::{Column, Gvk, KindRef, Projection},
    session::{self, EndReason},
    sum::Sum,
    validate,
};

/// Most kinds of one session.
pub const KINDS_MAX: usize = 64;
/// Most sources (kinds times namespaces) of one session.
pub const SOURCES_MAX: usize = 256;
/// Most events of one batch.
pub const BATCH_MAX: u32 = 500;
/// Longest wait for a batch to fill, in milliseconds.
pub const BATCH_MS_MAX: u64 = 10_000;
/// Longest resume token that is accepted.
pub const RESUME_MAX: usize = 65_536;

/// Body of `req.watch.open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchRequest {
    /// Id of the session, chosen by a client that has subscribed already;
    /// empty lets the agent choose, which then waits for the first credit.
    pub session: String,
    /// The kinds, fully named.
    pub gvks: Vec<Gvk>,
    /// More kinds, by names as kubectl takes them.
    pub resources: Vec<String>,
    /// Namespaces; empty means all.
    pub namespaces: Vec<String>,
    /// Kubernetes label selector.
    pub label_selector: String,
    /// Kubernetes field selector.
    pub field_selector: String,
    /// How much of each object.
    pub projection: Projection,
    /// Whether to send the objects that exist before the changes.
    pub initial: bool,
    /// Token of an earlier session with the same filter, to go on from.
    pub resume: String,
    /// Events that may be sent before more credit.
    pub credit: u64,
    /// Most events of one batch.
    pub batch_max: u32,
    /// Longest wait for a batch to fill, in milliseconds.
    pub batch_ms: u64,
    /// Seconds after which the session ends without a control frame.
    pub ttl_s: u64,
}

impl Default for WatchRequest {
    fn default() -> Self {
        WatchRequest {
            session: String::new(),
            gvks: Vec::new(),
            resources: Vec::new(),
            namespaces: Vec::new(),
            label_selector: String::new(),
            field_selector: String::new(),
            projection: Projection::default(),
            initial: true,
            resume: String::new(),
            credit: 256,
            batch_max: 50,
            batch_ms: 200,
            ttl_s: 0,
        }
    }
}

impl WatchRequest {
    /// The kinds, however they were named.
    pub fn kinds(&self) -> Vec<KindRef> {
        let by_gvk = self.gvks.iter().map(|gvk| KindRef { gvk: Some(gvk.clone()), resource: String::new() });
        by_gvk.chain(self.resources.iter().map(KindRef::resource)).collect()
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        if !self.session.is_empty() {
            session::check_id(&self.session)?;
        }
        let kinds = self.kinds();
        if kinds.is_empty() || kinds.len() > KINDS_MAX {
            return Err(Error::invalid(format!("gvks and resources must name 1 to {KINDS_MAX} kinds")));
        }
        kinds.iter().try_for_each(KindRef::check)?;
        validate::namespaces(&self.namespaces)?;
        if kinds.len().saturating_mul(self.namespaces.len()) > SOURCES_MAX {
            return Err(Error::invalid(format!("kinds times namespaces is over {SOURCES_MAX}")));
        }
        validate::selector("label_selector", &self.label_selector)?;
        validate::selector("field_selector", &self.field_selector)?;
        if self.batch_max == 0 || self.batch_max > BATCH_MAX {
            return Err(Error::invalid(format!("batch_max must be 1 to {BATCH_MAX}")));
        }
        if self.batch_ms > BATCH_MS_MAX {
            return Err(Error::invalid(format!("batch_ms is over {BATCH_MS_MAX}")));
        }
        if self.resume.len() > RESUME_MAX {
            return Err(Error::invalid("resume is too long"));
        }
        session::check_ttl(self.ttl_s).map(|_| ())
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It exists now; also each object between `sync_begin` and `sync_end`.
    Add,
    /// It changed.
    Mod,
    /// It is gone.
    Del,
}

/// One change. `O` is the type of the object: raw JSON in the agent, a value
/// in the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchEvent<O = Value> {
    /// What happened.
    pub op: Op,
    /// The kind, `apps/v1/Deployment`.
    pub gvk: String,
    /// `namespace/name`, or `name` of cluster-scoped objects.
    pub key: String,
    /// UID, which two objects of one name do not share.
    pub uid: String,
    /// Resource version, opaque.
    pub rv: String,
    /// The object in the session's projection; for `del` its last state. One
    /// that does not fit into a message is `{"truncated": true, "metadata":…}`.
    pub obj: O,
}

/// Which source of a session a frame is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The kind, `apps/v1/Deployment`.
    pub gvk: String,
    /// The namespace; empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// A frame of a watch session. Each carries the header `Ah-Seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum WatchFrame<O = Value> {
    /// The columns of `scope`, once, before its first row.
    Columns {
        /// The source.
        scope: Scope,
        /// The columns.
        columns: Vec<Column>,
    },
    /// The objects that exist in `scope` follow.
    SyncBegin {
        /// The source.
        scope: Scope,
    },
    /// All objects that exist in `scope` were sent; changes follow.
    SyncEnd {
        /// The source.
        scope: Scope,
    },
    /// Changes, in order for each object. Costs one credit for each event.
    Batch {
        /// The changes.
        events: Vec<WatchEvent<O>>,
        /// Token to go on after this batch; absent while more is waiting.
        #[serde(default = "none", skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
    },
    /// The agent is alive, and this is where to go on.
    Bookmark {
        /// Token to go on from here; absent while more is waiting.
        #[serde(default = "none", skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
        /// Checksums over all objects that were sent so far.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        sums: Vec<Sum>,
    },
    /// What was sent of `scope` may be out of date; a new sync follows.
    Reset {
        /// The source.
        scope: Scope,
        /// Why, for a person.
        reason: String,
    },
    /// The session is over.
    End {
        /// Why.
        reason: EndReason,
        /// More, when the reason is `error`.
        #[serde(default = "none", skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
}

fn none<T>() -> Option<T> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_tagged_by_t() {
        let frame: WatchFrame = WatchFrame::End { reason: EndReason::Idle, error: None };
        assert_eq!(serde_json::to_string(&frame).unwrap(), r#"{"t":"end","reason":"idle"}"#);
        let batch: WatchFrame = serde_json::from_str(
            r#"{"t":"batch","events":[{"op":"mod","gvk":"v1/Pod","key":"a/b","uid":"u","rv":"7","obj":{"x":1}}]}"#,
        )
        .unwrap();
        let WatchFrame::Batch { events, resume: None } = batch else { panic!("{batch:?}") };
        assert_eq!(events[0].obj["x"], 1);
    }

    #[test]
    fn a_request_is_checked() {
        let parse = |text: &str| serde_json::from_str::<WatchRequest>(text).unwrap().check();
        assert!(parse(r#"{"resources":["pods"]}"#).is_ok());
        for bad in [
            r#"{}"#,
            r#"{"resources":["pods"],"batch_max":0}"#,
            r#"{"resources":["pods"],"session":"a.b"}"#,
            r#"{"resources":["pods"],"ttl_s":1}"#,
            r#"{"resources":["pods"],"namespaces":["*"]}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
