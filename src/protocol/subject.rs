//! The names of NATS subjects, streams and buckets.
//!
//! Owns the layout `<prefix>.<cluster>.<…>`. Names of Kubernetes objects never
//! become part of a subject: they may hold dots, and subjects are permissions.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{error::Error, user::User};

/// Longest cluster id, session id or operation id.
pub const TOKEN_MAX: usize = 64;
/// Longest subject prefix.
pub const PREFIX_MAX: usize = 64;

/// The JetStream stream that holds commands until an agent takes them.
pub const STREAM_COMMANDS: &str = "AH_CMD";
/// The JetStream stream that keeps the events of operations.
pub const STREAM_OPERATIONS: &str = "AH_OP";
/// The key-value bucket with one entry for each operation.
pub const BUCKET_OPERATIONS: &str = "AH_OPS";
/// The key-value bucket with one entry for each agent that is alive.
pub const BUCKET_PRESENCE: &str = "AH_PRESENCE";

/// Whether `text` may be one token of a subject in this protocol.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TOKEN_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The name of a cluster: 1 to 64 of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(String);

impl ClusterId {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it is empty, too long or holds another character.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        if is_token(&text) {
            Ok(ClusterId(text))
        } else {
            Err(Error::invalid(format!(
                "cluster id {text:?} must be 1 to {TOKEN_MAX} letters, digits, hyphens or underscores"
            )))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClusterId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        ClusterId::new(text)
    }
}

impl From<ClusterId> for String {
    fn from(id: ClusterId) -> String {
        id.0
    }
}

/// All subjects of one cluster.
#[derive(Clone, Debug)]
pub struct Subjects {
    prefix: String,
    /// `<prefix>.<cluster>`.
    root: String,
    /// The same, and in whose name requests are made.
    base: String,
    cluster: ClusterId,
}

impl Subjects {
    /// Subjects below `prefix` for `cluster`.
    ///
    /// # Errors
    /// When the prefix is not made of dot-separated tokens.
    pub fn new(prefix: &str, cluster: ClusterId) -> Result<Self, Error> {
        check_prefix(prefix)?;
        let root = format!("{prefix}.{cluster}");
        Ok(Subjects { prefix: prefix.to_owned(), base: root.clone(), root, cluster })
    }

    /// The same, for requests, sessions and commands in the name of `user`.
    #[must_use]
    pub fn acting_as(&self, user: &User) -> Self {
        Subjects { base: format!("{}.as.{}", self.root, user.token()), ..self.clone() }
    }

    /// Where a read is requested in the name of any user.
    pub fn request_of_any(&self, verb: &str) -> String {
        format!("{}.as.*.req.{verb}", self.root)
    }

    /// All commands in the name of any user.
    pub fn commands_of_any(&self) -> String {
        format!("{}.as.*.cmd.>", self.root)
    }

    /// In whose name a message on this subject is; `None` for the agent's own.
    ///
    /// # Errors
    /// When it is in the name of nobody who could be.
    pub fn user_of(&self, subject: &str) -> Result<Option<User>, Error> {
        let below = subject.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix(".as."));
        below.map(|rest| User::from_token(rest.split('.').next().unwrap_or_default())).transpose()
    }

    /// The cluster that these subjects belong to.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The prefix shared by all clusters.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where a read is requested.
    pub fn request(&self, verb: &str) -> String {
        format!("{}.req.{verb}", self.base)
    }

    /// Where the agent sends the data of a session.
    pub fn session_data(&self, session: &str) -> String {
        format!("{}.ses.{session}.d", self.base)
    }

    /// Where the client sends credit, `keep` and `cancel` of a session.
    pub fn session_control(&self, session: &str) -> String {
        format!("{}.ses.{session}.c", self.base)
    }

    /// Where a command is published.
    pub fn command(&self, verb: &str) -> String {
        format!("{}.cmd.{verb}", self.base)
    }

    /// All commands of this cluster.
    pub fn commands(&self) -> String {
        format!("{}.cmd.>", self.base)
    }

    /// Where the events of an operation appear.
    pub fn operation(&self, op: &str) -> String {
        format!("{}.op.{op}", self.root)
    }

    /// The events of all operations of this cluster.
    pub fn operations(&self) -> String {
        format!("{}.op.*", self.root)
    }

    /// Where an operation is asked to stop.
    pub fn cancel(&self, op: &str) -> String {
        format!("{}.op.{op}.cancel", self.root)
    }

    /// Requests to stop any operation of this cluster.
    pub fn cancels(&self) -> String {
        format!("{}.op.*.cancel", self.root)
    }

    /// Where changes of a kind (`v1/Pod`, `apps/v1/Deployment`) are published
    /// by the always-on stream. The dots of a group become hyphens.
    pub fn event(&self, gvk: &str) -> String {
        let mut words = gvk.rsplit('/');
        let kind = words.next().unwrap_or_default();
        let group = words.nth(1).unwrap_or("core");
        format!("{}.evt.{}.{kind}", self.root, group.replace('.', "-"))
    }

    /// Where agents of this cluster announce that they are alive.
    pub fn heartbeat(&self) -> String {
        format!("{}.hb", self.root)
    }

    /// Name of the durable consumer of this cluster's commands.
    pub fn consumer(&self) -> String {
        format!("ah-{}", self.cluster)
    }

    /// Key of an operation in [`BUCKET_OPERATIONS`].
    pub fn operation_key(&self, op: &str) -> String {
        format!("{}.{op}", self.cluster)
    }

    /// Key of an agent in [`BUCKET_PRESENCE`].
    pub fn presence_key(&self, instance: &str) -> String {
        format!("{}.{instance}", self.cluster)
    }
}

/// Subjects of the commands of all clusters, for the stream.
pub fn all_commands(prefix: &str) -> String {
    format!("{prefix}.*.cmd.>")
}

/// Subjects of the events of all operations of all clusters, for the stream.
pub fn all_operations(prefix: &str) -> String {
    format!("{prefix}.*.op.*")
}

/// Checks a subject prefix: tokens separated by dots.
///
/// # Errors
/// When it is empty, too long or holds a wildcard or a space.
pub fn check_prefix(prefix: &str) -> Result<(), Error> {
    if prefix.len() <= PREFIX_MAX && prefix.split('.').all(is_token) {
        return Ok(());
    }
    Err(Error::invalid(format!("subject prefix {prefix:?} must be letters, digits, - and _, separated by dots")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_widen_a_subject_is_refused() {
        for bad in ["", "a.b", "*", ">", "a b", "é", &"x".repeat(65)] {
            assert!(ClusterId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a..b", "ah.*", ".", "a."] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn users_stand_in_subjects_of_their_own() {
        let subjects = Subjects::new("ah.v1", ClusterId::new("dev").unwrap()).unwrap();
        let anna = User::new("anna").unwrap();
        let hers = subjects.acting_as(&anna);
        assert_eq!(hers.request("list"), "ah.v1.dev.as.YW5uYQ.req.list");
        assert_eq!(hers.session_data("s"), "ah.v1.dev.as.YW5uYQ.ses.s.d");
        assert_eq!(hers.command("res.scale"), "ah.v1.dev.as.YW5uYQ.cmd.res.scale");
        assert_eq!(hers.operation("o"), subjects.operation("o"));
        assert_eq!(subjects.user_of(&hers.command("res.scale")).unwrap(), Some(anna));
        assert_eq!(subjects.user_of(&subjects.request("list")).unwrap(), None);
        assert_eq!(subjects.user_of("ah.v1.dev.req.as.YW5uYQ").unwrap(), None);
        for wrong in ["ah.v1.dev.as..req.list", "ah.v1.dev.as.*.req.list", "ah.v1.dev.as.c3lzdGVtOmFkbWlu.req.list"] {
            assert!(subjects.user_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cancel_is_not_an_operation_event() {
        let subjects = Subjects::new("ah.v1", ClusterId::new("dev").unwrap()).unwrap();
        assert_eq!(subjects.request("list"), "ah.v1.dev.req.list");
        assert_eq!(subjects.event("v1/Pod"), "ah.v1.dev.evt.core.Pod");
        assert_eq!(subjects.event("networking.k8s.io/v1/Ingress"), "ah.v1.dev.evt.networking-k8s-io.Ingress");
        let depth = |s: &str| s.split('.').count();
        assert_eq!(depth(&subjects.operation("x")), depth(&all_operations("ah.v1")));
        assert_eq!(depth(&subjects.cancel("x")), depth(&all_operations("ah.v1")) + 1);
    }
}
