//! What an agent says about itself: `req.info`, `req.kinds` and heartbeats.
//!
//! Owns the bodies only.

use serde::{Deserialize, Serialize};

/// Reply to `req.info`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Info {
    /// Version of the agent.
    pub agent_version: String,
    /// Versions of this protocol that the agent speaks.
    pub protocol: Vec<u32>,
    /// The cluster's id, as it appears in subjects.
    pub cluster_id: String,
    /// UID of the namespace `kube-system`: the same after a new installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_uid: Option<String>,
    /// Version of the API server, `v1.36.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k8s_version: Option<String>,
    /// This process among the agents of the cluster.
    pub instance: String,
    /// What the agent can do here: `list`, `get`, `watch`, `logs`, `helm`.
    pub capabilities: Vec<String>,
    /// Limits that a client should keep to.
    pub limits: Limits,
    /// Seconds since the process started.
    pub uptime_s: u64,
}

/// Limits of one agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Largest message of the NATS server, in bytes.
    pub max_payload: usize,
    /// Largest body that is not sent in parts, in bytes.
    pub message_max: usize,
    /// Open watch and log sessions.
    pub sessions_max: usize,
    /// Open log streams over all sessions.
    pub log_streams_max: usize,
    /// Requests worked on at one time.
    pub workers: usize,
    /// Commands worked on at one time.
    pub write_workers: usize,
}

/// One kind of the cluster, in the reply to `req.kinds`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindInfo {
    /// API group, empty for the core group.
    pub group: String,
    /// The group's preferred version of it.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// Plural name in URLs.
    pub resource: String,
    /// Singular name.
    #[serde(default)]
    pub singular: String,
    /// Short names, as kubectl takes them.
    #[serde(default)]
    pub short_names: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What the API server offers for it.
    pub verbs: Vec<String>,
}

/// Reply to `req.kinds`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kinds {
    /// All kinds, by group, then name.
    pub kinds: Vec<KindInfo>,
    /// Groups that could not be read, usually because the server behind an
    /// aggregated API is away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_groups: Vec<String>,
}

/// A sign of life, on the subject `hb` and in the presence bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The cluster's id.
    pub cluster_id: String,
    /// This process among the agents of the cluster.
    pub instance: String,
    /// Version of the agent.
    pub version: String,
    /// When this was written, RFC 3339.
    pub at: String,
    /// Seconds since the process started.
    pub uptime_s: u64,
    /// When the present connection to NATS was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_since: Option<String>,
    /// Version of the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k8s_version: Option<String>,
    /// Whether the API server answers.
    pub api_server: bool,
    /// Open sessions.
    pub sessions: usize,
    /// Commands being worked on.
    pub ops_running: usize,
    /// Seconds between two of these.
    pub interval_s: u64,
}
