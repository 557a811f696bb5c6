//! Log sessions: `req.logs.open` and the frames on `ses.<id>.d`.
//!
//! Owns the request, its checks and the control frames. Lines travel as raw
//! bytes, whole lines to a message, with their origin in the headers; only
//! messages with the header `Ah-T: ctl` are JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    error::Error,
    session::{self, EndReason},
    validate,
};

/// Most bytes of lines in one message.
pub const CHUNK_MAX: usize = 64 * 1024;
/// Longest wait for a chunk to fill, in milliseconds.
pub const CHUNK_MS: u64 = 100;
/// Most log streams of one session.
pub const STREAMS_MAX: u32 = 100;
/// Log streams of one session, unless the request names a number.
pub const STREAMS_DEFAULT: u32 = 20;
/// Bytes of credit, unless the request names a number.
pub const CREDIT_DEFAULT: u64 = 1024 * 1024;
/// Most sources that `resume` may name.
pub const RESUME_MAX: usize = 1000;
/// Most lines that `tail_lines` may ask for.
pub const TAIL_MAX: i64 = 10_000_000;

/// A workload whose pods' logs are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `Job` or
    /// another kind with a selector, by any name kubectl takes.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// How far a log was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Timestamp of the last line, from `Ah-Last-Ts`.
    #[serde(rename = "ts")]
    pub stamp: String,
    /// How many lines with that timestamp were read, from `Ah-Last-N`.
    #[serde(rename = "n")]
    pub lines: u64,
    /// Whether the source had ended there: `source_ended` without an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

/// Body of `req.logs.open`. One of `pod`, `selector` and `workload` names the
/// pods.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LogsRequest {
    /// Id of the session, chosen by a client that has subscribed already;
    /// empty lets the agent choose, which then waits for the first credit.
    pub session: String,
    /// Namespace of the pods.
    pub namespace: String,
    /// One pod by name.
    pub pod: String,
    /// Pods by labels.
    pub selector: String,
    /// Pods of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Only these containers; empty means the default one, or all with
    /// `all_containers`.
    pub containers: Vec<String>,
    /// All containers of each pod.
    pub all_containers: bool,
    /// With `all_containers`, init containers too.
    pub init: bool,
    /// Goes on with new lines, and with pods that appear later.
    pub follow: bool,
    /// The lines of the container's previous run; never follows.
    pub previous: bool,
    /// Only so many of the last lines of each container; negative for all.
    pub tail_lines: i64,
    /// Only lines of the last so many seconds; 0 for all.
    pub since_seconds: i64,
    /// Only lines from this moment on, RFC 3339.
    pub since_time: String,
    /// Only lines that match this pattern (of Rust's regex crate).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub include: String,
    /// Only lines that do not match this one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// Puts the kubelet's timestamp before each line.
    pub timestamps: bool,
    /// Ends each container after so many bytes; 0 for no limit.
    pub limit_bytes: i64,
    /// Most log streams at one time.
    pub max_streams: u32,
    /// Bytes that may be sent before more credit.
    pub credit_bytes: u64,
    /// Goes on where an earlier session ended: how far each source,
    /// `<pod>/<container>`, was read. Other sources are read from their start.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resume: BTreeMap<String, Place>,
    /// Seconds after which the session ends without a control frame.
    pub ttl_s: u64,
}

impl Default for LogsRequest {
    fn default() -> Self {
        LogsRequest {
            session: String::new(),
            namespace: String::new(),
            pod: String::new(),
            selector: String::new(),
            workload: None,
            containers: Vec::new(),
            all_containers: false,
            init: true,
            follow: false,
            previous: false,
            tail_lines: -1,
            since_seconds: 0,
            since_time: String::new(),
            include: String::new(),
            exclude: String::new(),
            timestamps: false,
            limit_bytes: 0,
            max_streams: STREAMS_DEFAULT,
            credit_bytes: CREDIT_DEFAULT,
            resume: BTreeMap::new(),
            ttl_s: 0,
        }
    }
}

impl LogsRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        if !self.session.is_empty() {
            session::check_id(&self.session)?;
        }
        validate::namespace(&self.namespace)?;
        let named = [!self.pod.is_empty(), !self.selector.is_empty(), self.workload.is_some()];
        if named.iter().filter(|given| **given).count() != 1 {
            return Err(Error::invalid("give exactly one of pod, selector and workload"));
        }
        if !self.pod.is_empty() {
            validate::name(&self.pod)?;
        }
        validate::selector("selector", &self.selector)?;
        validate::selector("include", &self.include)?;
        validate::selector("exclude", &self.exclude)?;
        if let Some(workload) = &self.workload {
            validate::api_word("workload.kind", &workload.kind)?;
            validate::name(&workload.name)?;
        }
        if self.containers.len() > validate::NAMES_MAX {
            return Err(Error::invalid("too many containers are named"));
        }
        self.containers.iter().try_for_each(|name| validate::name(name))?;
        if self.follow && self.previous {
            return Err(Error::invalid("previous logs have an end: give follow or previous, not both"));
        }
        if self.tail_lines > TAIL_MAX || self.since_seconds < 0 || self.limit_bytes < 0 {
            return Err(Error::invalid("tail_lines, since_seconds or limit_bytes is out of range"));
        }
        if self.since_seconds > 0 && !self.since_time.is_empty() {
            return Err(Error::invalid("give since_seconds or since_time, not both"));
        }
        if !self.since_time.is_empty() && self.since_time.parse::<jiff::Timestamp>().is_err() {
            return Err(Error::invalid("since_time is not an RFC 3339 time"));
        }
        if self.max_streams == 0 || self.max_streams > STREAMS_MAX {
            return Err(Error::invalid(format!("max_streams must be 1 to {STREAMS_MAX}")));
        }
        if self.resume.len() > RESUME_MAX {
            return Err(Error::invalid(format!("resume names more than {RESUME_MAX} sources")));
        }
        if self.resume.values().any(|place| place.stamp.parse::<jiff::Timestamp>().is_err()) {
            return Err(Error::invalid("resume holds a ts that is not an RFC 3339 time"));
        }
        session::check_ttl(self.ttl_s).map(|_| ())
    }
}

/// Why lines of a log cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The line that the log was to go on behind is not there any more: the
    /// node has rotated the log, or the container runs anew.
    Rotated,
    /// The container started again before its log was read to the end.
    Restarted,
    /// The container is gone with its log.
    Gone,
}

impl GapReason {
    /// The reason for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            GapReason::Rotated => "the log no longer holds the line before",
            GapReason::Restarted => "the container started again before its log was read",
            GapReason::Gone => "the container is gone",
        }
    }
}

/// A control frame of a log session, marked by the header `Ah-T: ctl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum LogFrame {
    /// Lines of `src` may follow.
    SourceAdded {
        /// `<pod>/<container>`.
        src: String,
    },
    /// No more lines of `src` follow.
    SourceEnded {
        /// `<pod>/<container>`.
        src: String,
        /// Why, when it is not simply the end of the log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// Lines of `src` may be missing here; how many, nobody knows any more.
    Gap {
        /// `<pod>/<container>`.
        src: String,
        /// Why they cannot be had.
        reason: GapReason,
        /// The last line before them.
        after: Place,
    },
    /// Nothing happened: the agent is alive.
    Bookmark,
    /// The session is over.
    End {
        /// Why.
        reason: EndReason,
        /// More, when the reason is `error`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_way_names_the_pods() {
        let parse = |text: &str| serde_json::from_str::<LogsRequest>(text).unwrap().check();
        assert!(parse(r#"{"namespace":"a","pod":"p"}"#).is_ok());
        assert!(parse(r#"{"namespace":"a","workload":{"kind":"deploy","name":"web"},"follow":true}"#).is_ok());
        for bad in [
            r#"{"namespace":"a"}"#,
            r#"{"namespace":"a","pod":"p","selector":"x=y"}"#,
            r#"{"namespace":"","pod":"p"}"#,
            r#"{"namespace":"a","pod":"p","follow":true,"previous":true}"#,
            r#"{"namespace":"a","pod":"p","since_time":"yesterday"}"#,
            r#"{"namespace":"a","pod":"../../secrets"}"#,
            r#"{"namespace":"a","pod":"p","max_streams":0}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
