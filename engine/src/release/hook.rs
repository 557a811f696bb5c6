//! A hook as a record keeps it.

use serde::{Deserialize, Serialize};

use super::time::{self, Time};

/// A word of a fixed set that keeps words it does not know.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// Helm's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $word,)+
                    $name::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => $name::$variant,)+
                    _ => $name::Other(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.as_str().to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// When a hook runs.
    HookEvent {
        /// Before objects are created.
        PreInstall = "pre-install",
        /// After objects are created (and ready, with `--wait`).
        PostInstall = "post-install",
        /// Before objects are deleted.
        PreDelete = "pre-delete",
        /// After objects are deleted.
        PostDelete = "post-delete",
        /// Before objects are changed.
        PreUpgrade = "pre-upgrade",
        /// After objects are changed.
        PostUpgrade = "post-upgrade",
        /// Before a rollback.
        PreRollback = "pre-rollback",
        /// After a rollback.
        PostRollback = "post-rollback",
        /// When the release is tested.
        Test = "test",
    }
}

words! {
    /// When a hook's object is deleted.
    DeletePolicy {
        /// After success.
        Succeeded = "hook-succeeded",
        /// After failure.
        Failed = "hook-failed",
        /// Before it is created again (the default).
        BeforeCreation = "before-hook-creation",
    }
}

words! {
    /// When a hook's log is shown.
    OutputLogPolicy {
        /// After success.
        Succeeded = "hook-succeeded",
        /// After failure.
        Failed = "hook-failed",
    }
}

words! {
    /// How far a hook got.
    HookPhase {
        /// Not known.
        Unknown = "Unknown",
        /// It was created and is waited for.
        Running = "Running",
        /// It succeeded.
        Succeeded = "Succeeded",
        /// It failed.
        Failed = "Failed",
    }
}

/// When a hook last ran, and how that went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HookRun {
    /// When it was created.
    #[serde(default, deserialize_with = "time::lenient", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, deserialize_with = "time::lenient", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// How it went; empty if it never ran.
    #[serde(default = "never_run")]
    pub phase: HookPhase,
}

fn never_run() -> HookPhase {
    HookPhase::Other(String::new())
}

impl Default for HookRun {
    fn default() -> Self {
        HookRun { started_at: None, completed_at: None, phase: never_run() }
    }
}

/// A hook of a release.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Hook {
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The template it came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The document.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it runs.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HookEvent>,
    /// Its last run.
    #[serde(default)]
    pub last_run: HookRun,
    /// Hooks of one event run by ascending weight, then by name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When its object is deleted; empty means before it is created again.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<DeletePolicy>,
    /// When its log is shown.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub output_log_policies: Vec<OutputLogPolicy>,
}

impl From<charts::manifest::Hook> for Hook {
    fn from(hook: charts::manifest::Hook) -> Hook {
        Hook {
            name: hook.name,
            kind: hook.kind,
            path: hook.path,
            manifest: hook.manifest,
            events: hook.events.into_iter().map(|e| HookEvent::from(e.name().to_string())).collect(),
            last_run: HookRun::default(),
            weight: hook.weight,
            delete_policies: hook.delete_policies.into_iter().map(DeletePolicy::from).collect(),
            output_log_policies: hook.output_log_policies.into_iter().map(OutputLogPolicy::from).collect(),
        }
    }
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

fn null_as_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(d)?.unwrap_or_default())
}
