//! What a release is, as Helm records it. Owns the fields and their meaning;
//! not how they are encoded ([`codec`]) or where they are kept
//! ([`crate::storage`]).

mod chart;
pub mod codec;
mod go_order;
mod hook;
mod time;

pub use chart::ChartRecord;
pub use hook::{DeletePolicy, Hook, HookEvent, HookPhase, HookRun, OutputLogPolicy};
pub use time::Time;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use templates_compat::Map;

/// What state a revision is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Status {
    /// Not known (also: a word that this version does not know).
    #[default]
    Unknown,
    /// The revision that is in the cluster.
    Deployed,
    /// Taken away, with its history kept.
    Uninstalled,
    /// Replaced by a newer revision.
    Superseded,
    /// It did not get through.
    Failed,
    /// It is being taken away.
    Uninstalling,
    /// It is being installed.
    PendingInstall,
    /// It is being upgraded to.
    PendingUpgrade,
    /// It is being rolled back to.
    PendingRollback,
}

impl Status {
    /// Helm's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Deployed => "deployed",
            Status::Uninstalled => "uninstalled",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::Uninstalling => "uninstalling",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
        }
    }

    /// The status with this word.
    pub fn from_word(word: &str) -> Status {
        const ALL: [Status; 8] = [
            Status::Deployed,
            Status::Uninstalled,
            Status::Superseded,
            Status::Failed,
            Status::Uninstalling,
            Status::PendingInstall,
            Status::PendingUpgrade,
            Status::PendingRollback,
        ];
        ALL.into_iter().find(|s| s.as_str() == word).unwrap_or(Status::Unknown)
    }

    /// Whether an operation is (or was, when it died) under way.
    pub fn is_pending(self) -> bool {
        matches!(self, Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Status, D::Error> {
        Ok(Status::from_word(&Cow::<'de, str>::deserialize(d)?))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the objects of a release were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyMethod {
    /// Server-side apply.
    #[serde(rename = "ssa")]
    ServerSide,
    /// Client-side apply.
    #[serde(rename = "csa")]
    ClientSide,
}

impl ApplyMethod {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            ApplyMethod::ServerSide => "ssa",
            ApplyMethod::ClientSide => "csa",
        }
    }
}

/// A record's `info`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Info {
    /// When the first revision was deployed.
    #[serde(default, deserialize_with = "time::lenient", skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<Time>,
    /// When this revision was deployed.
    #[serde(default, deserialize_with = "time::lenient", skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<Time>,
    /// When it was taken away.
    #[serde(default, deserialize_with = "time::lenient", skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Time>,
    /// One sentence on what happened.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The state.
    #[serde(default)]
    pub status: Status,
    /// The revision that was rolled back to; 0 if this is no rollback.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rollback_revision: i64,
    /// The rendered `NOTES.txt`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// The live objects by `version/Kind`, only filled by `status`; each list
    /// holds the API's own JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<BTreeMap<String, Vec<serde_json::Value>>>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// One revision of a release.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Times, status, notes.
    pub info: Info,
    /// The chart, as far as records keep it (no subcharts).
    pub chart: Arc<ChartRecord>,
    /// The user-supplied values; `None` is Go's nil map.
    pub config: Option<Map>,
    /// The rendered objects, as one YAML stream.
    pub manifest: String,
    /// The rendered hooks, in the order in which the manifest had them.
    pub hooks: Vec<Hook>,
    /// The revision.
    pub version: i64,
    /// The namespace.
    pub namespace: String,
    /// How the objects were sent; `None` in records of older Helms, which
    /// means client-side.
    pub apply_method: Option<ApplyMethod>,
    /// Labels of the record: the user's own, and Helm's when it was listed.
    /// Not part of the encoded record.
    pub labels: BTreeMap<String, String>,
}

impl Release {
    /// Sets status and description together.
    pub fn set_status(&mut self, status: Status, description: impl Into<String>) {
        self.info.status = status;
        self.info.description = description.into();
    }

    /// Whether server-side apply was used.
    pub fn is_server_side(&self) -> bool {
        self.apply_method == Some(ApplyMethod::ServerSide)
    }
}
