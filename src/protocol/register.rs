//! The registration: how an agent gets its identity and its NATS credentials
//! from `config.ankra_url`.
//!
//! Owns the two bodies of `POST /agent/v1/register` and the check of the
//! reply. It is the only exchange of the protocol that goes over HTTP.

use serde::{Deserialize, Serialize};

use super::{
    error::Error,
    subject::{ClusterId, check_prefix},
};

/// Path below `config.ankra_url`.
pub const REGISTER_PATH: &str = "/agent/v1/register";
/// Longest body of a reply, in bytes.
pub const REPLY_MAX: usize = 256 * 1024;
/// Most NATS servers that a reply may name.
pub const SERVERS_MAX: usize = 64;

/// What the agent tells. Its token is in the header `Authorization: Bearer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// UID of the namespace `kube-system`: the same after a new installation.
    pub cluster_uid: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Version of the API server, when it is known already.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub k8s_version: String,
    /// This process among the agents of the cluster.
    pub instance: String,
    /// Versions of the protocol that it speaks.
    pub protocol: Vec<u32>,
}

/// What it is given.
#[derive(Clone, Serialize, Deserialize)]
pub struct RegisterReply {
    /// The cluster's name in subjects. It must not change while an agent runs.
    pub cluster_id: String,
    /// NATS servers.
    pub nats_urls: Vec<String>,
    /// NATS credentials: a user's JWT and its seed, as in a `.creds` file.
    pub creds: String,
    /// Prefix of all subjects; empty for the agent's own setting.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject_prefix: String,
    /// Prefix of the inboxes that the credentials allow; empty for `_INBOX`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inbox_prefix: String,
    /// When the credentials end, RFC 3339. They are renewed at 80 % of the time
    /// until then; empty means that they do not end.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expires_at: String,
}

impl RegisterReply {
    /// Checks every field but the credentials.
    ///
    /// # Errors
    /// A sentence that names the field, and no value of it.
    pub fn check(&self) -> Result<ClusterId, Error> {
        if self.nats_urls.is_empty() || self.nats_urls.len() > SERVERS_MAX {
            return Err(Error::invalid(format!("nats_urls must hold 1 to {SERVERS_MAX} servers")));
        }
        if self.nats_urls.iter().any(|url| url.contains(',')) {
            return Err(Error::invalid("a server of nats_urls holds a comma"));
        }
        for prefix in [&self.subject_prefix, &self.inbox_prefix] {
            if !prefix.is_empty() {
                check_prefix(prefix)?;
            }
        }
        if !self.expires_at.is_empty() && self.expires_at.parse::<jiff::Timestamp>().is_err() {
            return Err(Error::invalid("expires_at is not an RFC 3339 time"));
        }
        ClusterId::new(self.cluster_id.clone())
    }
}

/// The credentials are not shown.
impl std::fmt::Debug for RegisterReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterReply")
            .field("cluster_id", &self.cluster_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_checked_and_not_shown() {
        let parse = |text: &str| serde_json::from_str::<RegisterReply>(text).unwrap();
        let good = parse(r#"{"cluster_id":"c1","nats_urls":["nats://a:4222"],"creds":"hunter2"}"#);
        assert_eq!(good.check().unwrap().as_str(), "c1");
        assert!(!format!("{good:?}").contains("hunter2"));
        for bad in [
            r#"{"cluster_id":"c.1","nats_urls":["nats://a"],"creds":""}"#,
            r#"{"cluster_id":"c1","nats_urls":[],"creds":""}"#,
            r#"{"cluster_id":"c1","nats_urls":["nats://a"],"creds":"","expires_at":"soon"}"#,
            r#"{"cluster_id":"c1","nats_urls":["nats://a"],"creds":"","subject_prefix":">"}"#,
        ] {
            assert!(parse(bad).check().is_err(), "{bad}");
        }
    }
}
