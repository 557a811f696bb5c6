//! Commands that change the cluster, and the events of their operations.
//!
//! Owns the verbs, their specifications and checks, the states of an operation
//! and its entry in the ledger. A command is published to `cmd.<verb>` with
//! the operation's id as `Nats-Msg-Id`; its events appear on `op.<id>`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{error::Error, objects::ObjectsSpec, subject, user::User, validate};

/// Longest command, in bytes.
pub const COMMAND_MAX: usize = 512 * 1024;
/// Longest time that a command may ask to run, in seconds.
pub const TIMEOUT_MAX_S: u64 = 24 * 3600;
/// Time that a command may run, unless it names one, in seconds.
pub const TIMEOUT_DEFAULT_S: u64 = 300;
/// Most releases kept in the history, as a command may ask.
pub const HISTORY_MAX: u32 = 1000;
/// Longest reference to a chart, repository or version.
pub const REFERENCE_MAX: usize = 2048;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verb {
    /// Installs a chart as a new release.
    #[serde(rename = "helm.install")]
    Install,
    /// Upgrades a release; installs it with `install: true`.
    #[serde(rename = "helm.upgrade")]
    Upgrade,
    /// Goes back to an earlier revision.
    #[serde(rename = "helm.rollback")]
    Rollback,
    /// Uninstalls a release.
    #[serde(rename = "helm.uninstall")]
    Uninstall,
    /// Runs the tests of a release.
    #[serde(rename = "helm.test")]
    Test,
    /// Applies the objects of a manifest, server-side.
    #[serde(rename = "manifest.apply")]
    ManifestApply,
    /// Deletes the objects of a manifest.
    #[serde(rename = "manifest.delete")]
    ManifestDelete,
    /// Deletes named objects.
    #[serde(rename = "res.delete")]
    ResDelete,
    /// Sets how many pods workloads have.
    #[serde(rename = "res.scale")]
    ResScale,
    /// Restarts the pods of workloads.
    #[serde(rename = "res.restart")]
    ResRestart,
    /// Patches named objects.
    #[serde(rename = "res.patch")]
    ResPatch,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 11] = [
        Verb::Install,
        Verb::Upgrade,
        Verb::Rollback,
        Verb::Uninstall,
        Verb::Test,
        Verb::ManifestApply,
        Verb::ManifestDelete,
        Verb::ResDelete,
        Verb::ResScale,
        Verb::ResRestart,
        Verb::ResPatch,
    ];

    /// Whether it is about objects, and not about a release.
    pub const fn is_of_objects(self) -> bool {
        !matches!(self, Verb::Install | Verb::Upgrade | Verb::Rollback | Verb::Uninstall | Verb::Test)
    }

    /// The verb as it stands in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Install => "helm.install",
            Verb::Upgrade => "helm.upgrade",
            Verb::Rollback => "helm.rollback",
            Verb::Uninstall => "helm.uninstall",
            Verb::Test => "helm.test",
            Verb::ManifestApply => "manifest.apply",
            Verb::ManifestDelete => "manifest.delete",
            Verb::ResDelete => "res.delete",
            Verb::ResScale => "res.scale",
            Verb::ResRestart => "res.restart",
            Verb::ResPatch => "res.patch",
        }
    }
}

/// A command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// Id of the operation, a ULID of the client; also its `Nats-Msg-Id`.
    pub op_id: String,
    /// What to do.
    pub verb: Verb,
    /// Who asked, for people to read; it gives no rights.
    #[serde(default)]
    pub actor: String,
    /// When it was asked, RFC 3339.
    #[serde(default)]
    pub created_at: String,
    /// Not to be begun after this moment, RFC 3339; empty for never.
    #[serde(default)]
    pub expires_at: String,
    /// Seconds that it may run; 0 means [`TIMEOUT_DEFAULT_S`].
    #[serde(default)]
    pub timeout_s: u64,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// What must be true when it begins.
    #[serde(default)]
    pub precondition: Precondition,
    /// The release.
    pub spec: ReleaseSpec,
    /// In whose name it is done: by its subject, never by its text.
    #[serde(skip)]
    pub user: Option<User>,
}

/// What must be true when a command begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// The release's newest revision; `None` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_revision: Option<u32>,
}

/// The release that a command is about, and how to treat it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseSpec {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// The objects, for `manifest.*` and `res.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsSpec>,
    /// The chart, for install and upgrade. The agent pulls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSpec>,
    /// User-supplied values.
    pub values: Map<String, Value>,
    /// Upgrade: start from the last release's values.
    pub reuse_values: bool,
    /// Upgrade: start from the chart's values, even when none are given.
    pub reset_values: bool,
    /// Upgrade: the chart's values, then the last release's, then these.
    pub reset_then_reuse_values: bool,
    /// Upgrade: install when there is no release of that name.
    pub install: bool,
    /// Creates the namespace when it does not exist.
    pub create_namespace: bool,
    /// Waits until all objects are ready.
    pub wait: bool,
    /// Waits for jobs, too.
    pub wait_for_jobs: bool,
    /// On failure goes back, or uninstalls what was installed.
    pub atomic: bool,
    /// Takes over objects that belong to no release or another one.
    pub take_ownership: bool,
    /// Does not run hooks.
    pub no_hooks: bool,
    /// Most revisions kept; 0 means Helm's default of 10.
    pub history_max: u32,
    /// Rollback: the revision; 0 means the one before.
    pub revision: u32,
    /// Uninstall: keeps the release's history.
    pub keep_history: bool,
    /// Uninstall: an absent release is no error.
    pub ignore_not_found: bool,
    /// Text for the revision's description.
    pub description: String,
    /// Installs no CRDs.
    pub skip_crds: bool,
    /// Renders the notes of subcharts, too.
    pub render_subchart_notes: bool,
    /// Does not check values against schemas.
    pub skip_schema_validation: bool,
    /// Does not check objects against the API server's schema.
    pub disable_openapi_validation: bool,
    /// Lets templates look names up.
    pub enable_dns: bool,
    /// Replaces objects instead of changing them.
    pub force_replace: bool,
    /// Takes fields that others own.
    pub force_conflicts: bool,
    /// Upgrade and rollback: a failure deletes what was new.
    pub cleanup_on_fail: bool,
    /// Install: takes the name of a release that was uninstalled.
    pub replace: bool,
    /// Dry run: hides Secrets.
    pub hide_secret: bool,
    /// Labels of the record.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `auto`, `true` or `false`; empty means `auto`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_side: String,
    /// Uninstall: `background`, `foreground` or `orphan`; empty means the first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cascade: String,
    /// `watcher`, `hookOnly` or `legacy`; empty goes by `wait`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wait_strategy: String,
    /// Test: only these tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
    /// Test: all but these tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_tests: Vec<String>,
}

/// Where a chart is pulled from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartSpec {
    /// `oci://…`, an `https://…/x.tgz`, or a chart's name within `repo`.
    pub name: String,
    /// URL of a chart repository.
    pub repo: String,
    /// Version or version range; empty means the newest.
    pub version: String,
    /// `sha256:…` that the pulled archive must have.
    pub digest: String,
    /// Speaks HTTP to an OCI registry.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain_http: bool,
}

impl Command {
    /// Key under which commands are done one at a time.
    pub fn serial_key(&self) -> String {
        if self.verb.is_of_objects() {
            // The API server puts changes of one object in order.
            return format!("objects/{}", self.op_id);
        }
        format!("helm/{}/{}", self.spec.namespace, self.spec.release)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        if !subject::is_token(&self.op_id) {
            return Err(Error::invalid("op_id must be 1 to 64 letters, digits, hyphens or underscores"));
        }
        if self.timeout_s > TIMEOUT_MAX_S {
            return Err(Error::invalid(format!("timeout_s is over {TIMEOUT_MAX_S}")));
        }
        if !self.expires_at.is_empty() && self.expires_at.parse::<jiff::Timestamp>().is_err() {
            return Err(Error::invalid("expires_at is not an RFC 3339 time"));
        }
        validate::namespace(&self.spec.namespace)?;
        if self.verb.is_of_objects() {
            return self.check_objects();
        }
        validate::release(&self.spec.release)?;
        if self.spec.history_max > HISTORY_MAX {
            return Err(Error::invalid(format!("spec.history_max is over {HISTORY_MAX}")));
        }
        validate::selector("spec.description", &self.spec.description)?;
        let one_of = |name: &str, word: &str, words: &[&str]| {
            if word.is_empty() || words.contains(&word) {
                return Ok(());
            }
            Err(Error::invalid(format!("spec.{name} must be one of {}", words.join(", "))))
        };
        one_of("server_side", &self.spec.server_side, &["auto", "true", "false"])?;
        one_of("cascade", &self.spec.cascade, &["background", "foreground", "orphan"])?;
        one_of("wait_strategy", &self.spec.wait_strategy, &["watcher", "hookOnly", "legacy"])?;
        match (self.verb, &self.spec.chart) {
            (Verb::Install | Verb::Upgrade, Some(chart)) => chart.check(),
            (Verb::Install | Verb::Upgrade, None) => Err(Error::invalid("spec.chart is missing")),
            _ => Ok(()),
        }
    }

    fn check_objects(&self) -> Result<(), Error> {
        let objects = self.spec.objects.as_ref().ok_or_else(|| Error::invalid("spec.objects is missing"))?;
        match self.verb {
            Verb::ManifestApply | Verb::ManifestDelete => objects.check_manifest(),
            Verb::ResScale => objects.check_named().and_then(|()| objects.check_replicas()),
            Verb::ResPatch => objects.check_named().and_then(|()| objects.check_patch()),
            _ => objects.check_named(),
        }
    }
}

impl ChartSpec {
    /// Checks that the agent would have to fetch the chart: a path of the
    /// agent's own file system is refused.
    fn check(&self) -> Result<(), Error> {
        for (what, text) in [("name", &self.name), ("repo", &self.repo), ("version", &self.version)] {
            if text.len() > REFERENCE_MAX || text.chars().any(char::is_control) {
                return Err(Error::invalid(format!("spec.chart.{what} is too long or holds control characters")));
            }
        }
        let remote = |url: &str| ["oci://", "https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if self.repo.is_empty() {
            if !remote(&self.name) {
                return Err(Error::invalid("spec.chart.name must be an oci:// or http(s):// URL when repo is empty"));
            }
        } else {
            if !self.repo.starts_with("https://") && !self.repo.starts_with("http://") {
                return Err(Error::invalid("spec.chart.repo must be an http(s):// URL"));
            }
            if self.name.is_empty() || self.name.contains("..") || self.name.starts_with('/') {
                return Err(Error::invalid("spec.chart.name is not the name of a chart"));
            }
        }
        let hex = self.digest.strip_prefix("sha256:").unwrap_or_default();
        if !self.digest.is_empty() && (hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(Error::invalid("spec.chart.digest is not sha256: and 64 hexadecimal digits"));
        }
        Ok(())
    }
}

/// State of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The agent has the command.
    Accepted,
    /// It waits for another operation on the same release.
    Queued,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It failed; the last event holds the error.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It was not begun: expired, or not allowed now.
    Skipped,
    /// The agent ended while it ran; what was done is not known.
    Unknown,
}

impl State {
    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        matches!(self, State::Succeeded | State::Failed | State::Cancelled | State::Skipped | State::Unknown)
    }
}

/// One step of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which: `pull`, `render`, `apply`, `wait`, `hook`, `record`, …
    pub id: String,
    /// What happens, for a person.
    #[serde(default)]
    pub msg: String,
    /// How many of the step's objects are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Out of how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
}

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The kind.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ns: String,
    /// Name.
    pub name: String,
}

/// An event of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpEvent {
    /// The operation.
    pub op_id: String,
    /// Rises by one with each event of the operation.
    pub seq: u64,
    /// State of the operation.
    pub state: State,
    /// What the agent does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ObjectRef>,
    /// A line of a hook's log, or a warning of the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Outcome, on the last event of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong, on the last event otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// The agent process that does it.
    #[serde(default)]
    pub instance: String,
    /// When, RFC 3339.
    pub at: String,
}

/// An operation's entry in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The operation.
    pub op_id: String,
    /// What it does.
    pub verb: Verb,
    /// State.
    pub state: State,
    /// Who asked.
    #[serde(default)]
    pub actor: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// The agent process that does it, or did.
    pub instance: String,
    /// Start of that process, which tells it from an earlier one of the name.
    #[serde(default)]
    pub epoch: String,
    /// How many times it was begun.
    pub attempt: u32,
    /// Newest revision of the release when it was begun, 0 for none; `None`
    /// while it has not been begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_revision: Option<i64>,
    /// Number of its last event.
    pub seq: u64,
    /// When it was begun, RFC 3339.
    pub started_at: String,
    /// When this entry was written, RFC 3339.
    pub updated_at: String,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// Reply to a request to cancel an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelReply {
    /// Whether the operation was running here and was asked to stop.
    pub cancelling: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(spec: &str) -> Result<(), Error> {
        let text = format!(r#"{{"op_id":"01J","verb":"helm.install","spec":{spec}}}"#);
        serde_json::from_str::<Command>(&text).unwrap().check()
    }

    #[test]
    fn verbs_are_written_as_they_serialize() {
        for verb in Verb::ALL {
            assert_eq!(serde_json::to_string(&verb).unwrap(), format!("\"{}\"", verb.as_str()));
        }
    }

    #[test]
    fn commands_on_objects_are_checked() {
        let check = |verb: &str, objects: &str| {
            let text = format!(r#"{{"op_id":"01J","verb":"{verb}","spec":{{"namespace":"n","objects":{objects}}}}}"#);
            serde_json::from_str::<Command>(&text).unwrap().check()
        };
        assert!(check("manifest.apply", r#"{"manifest":"kind: Pod"}"#).is_ok());
        assert!(check("res.scale", r#"{"resource":"deploy","names":["a"],"replicas":3}"#).is_ok());
        assert!(check("res.patch", r#"{"resource":"deploy","names":["a"],"patch":{"a":1}}"#).is_ok());
        for (verb, bad) in [
            ("manifest.apply", r#"{"manifest":" "}"#),
            ("res.scale", r#"{"resource":"deploy","names":["a"]}"#),
            ("res.delete", r#"{"resource":"deploy","names":[]}"#),
            ("res.delete", r#"{"resource":"deploy","names":["a/b"]}"#),
            ("res.delete", r#"{"names":["a"]}"#),
            ("res.patch", r#"{"resource":"deploy","names":["a"],"patch":[]}"#),
        ] {
            assert!(check(verb, bad).is_err(), "{verb} {bad}");
        }
    }

    #[test]
    fn a_chart_must_come_from_outside() {
        assert!(command(r#"{"namespace":"n","release":"r","chart":{"name":"oci://host/x","version":"1"}}"#).is_ok());
        assert!(command(r#"{"namespace":"n","release":"r","chart":{"name":"x","repo":"https://h/c"}}"#).is_ok());
        for bad in [
            r#"{"namespace":"n","release":"r"}"#,
            r#"{"namespace":"n","release":"R","chart":{"name":"oci://host/x"}}"#,
            r#"{"namespace":"","release":"r","chart":{"name":"oci://host/x"}}"#,
            r#"{"namespace":"n","release":"r","chart":{"name":"./local"}}"#,
            r#"{"namespace":"n","release":"r","chart":{"name":"/etc"}}"#,
            r#"{"namespace":"n","release":"r","chart":{"name":"file:///etc"}}"#,
            r#"{"namespace":"n","release":"r","chart":{"name":"../x","repo":"https://h/c"}}"#,
            r#"{"namespace":"n","release":"r","chart":{"name":"oci://host/x","digest":"sha256:12"}}"#,
        ] {
            assert!(command(bad).is_err(), "{bad}");
        }
    }
}
