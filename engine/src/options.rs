//! Choices that several actions share, under Helm's words.

use std::time::Duration;

use serde::Serialize;

/// Helm's default for `--timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Helm's default for `--history-max`.
pub const DEFAULT_HISTORY_MAX: usize = 10;

/// `--dry-run`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DryRun {
    /// Everything is done.
    #[default]
    None,
    /// No contact with the cluster.
    Client,
    /// The cluster is read (`lookup`, capabilities, ownership, the plan) but
    /// nothing is changed.
    Server,
}

impl DryRun {
    /// Whether nothing may be changed.
    pub fn is_dry(self) -> bool {
        self != DryRun::None
    }

    /// Whether the cluster may be asked.
    pub fn asks_cluster(self) -> bool {
        self != DryRun::Client
    }
}

/// `--wait`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WaitStrategy {
    /// Only hooks are waited for (Helm 4's default).
    #[default]
    HookOnly,
    /// Every object, custom resources included, until its status says ready.
    Watcher,
    /// The kinds and rules of Helm 3 (by watches here, where Helm polls).
    Legacy,
}

/// `--server-side` of upgrade and rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerSide {
    /// As the last revision was applied.
    #[default]
    Auto,
    /// Server-side apply.
    True,
    /// Client-side apply.
    False,
}

/// `--cascade`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cascade {
    /// Dependents go after their owner.
    #[default]
    Background,
    /// The owner goes after its dependents.
    Foreground,
    /// Dependents stay.
    Orphan,
}

impl Cascade {
    /// The API's name for it.
    pub fn propagation_policy(self) -> &'static str {
        match self {
            Cascade::Background => "Background",
            Cascade::Foreground => "Foreground",
            Cascade::Orphan => "Orphan",
        }
    }
}
