//! What the daemon is told at its start, by flags or the environment.
//!
//! Owns names, defaults and checks. The names of the environment are those
//! that the chart in `deploy/ankra-agent` sets. Nothing else in the agent
//! reads the environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;

use super::watch::always::Stream;
use crate::{
    client::{Access, Secret},
    protocol::{DEFAULT_PREFIX, Error, subject, user::User},
};

/// Most requests that may be worked on at one time.
pub const WORKERS_MAX: usize = 1024;

/// Lets a platform or a person operate this cluster over NATS.
#[derive(Clone, Debug, Parser)]
#[command(name = "ankra-agent", version, about, long_about = None)]
pub struct Settings {
    /// Where the agent registers when no NATS URL is given
    #[arg(long, env = "ANKRA_URL", default_value = "https://platform.ankra.app", hide_env_values = true)]
    pub ankra_url: String,
    /// The cluster's token for the registration
    #[arg(long, env = "TOKEN", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub token: Secret,
    /// How to reach NATS without a registration
    #[command(flatten)]
    pub nats: Access,
    /// Name of this cluster in subjects; empty for the UID of the namespace
    /// kube-system
    #[arg(long, env = "CLUSTER_ID", default_value = "")]
    pub cluster_id: String,
    /// Prefix of all subjects
    #[arg(long, env = "SUBJECT_PREFIX", default_value = DEFAULT_PREFIX)]
    pub subject_prefix: String,
    /// Kubeconfig to use outside of a cluster; else KUBECONFIG, else the pod's
    /// service account
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long)]
    pub context: Option<String>,
    /// DEBUG, INFO, WARNING or ERROR
    #[arg(long, env = "LOG_LEVEL", default_value = "INFO")]
    pub log_level: String,
    /// Address of /health, /ready, /livez, /readyz and /metrics
    #[arg(long, env = "HEALTH_ADDR", default_value = "0.0.0.0:8080")]
    pub health_addr: SocketAddr,
    /// Requests worked on at one time
    #[arg(long, env = "NATS_WORKER_MAX_WORKERS", default_value_t = 15)]
    pub nats_worker_max_workers: usize,
    /// Lists read from the API server at one time
    #[arg(long, env = "READ_WORKER_COUNT", default_value_t = 5)]
    pub read_worker_count: usize,
    /// Commands worked on at one time
    #[arg(long, env = "WRITE_WORKER_COUNT", default_value_t = 5)]
    pub write_worker_count: usize,
    /// Watch and log sessions open at one time
    #[arg(long, env = "SESSIONS_MAX", default_value_t = 256)]
    pub sessions_max: usize,
    /// Log streams open at one time
    #[arg(long, env = "LOG_STREAMS_MAX", default_value_t = 128)]
    pub log_streams_max: usize,
    /// The always-on stream
    #[command(flatten)]
    pub stream: Stream,
    /// Let clients that may use req.reveal see the values of Secrets
    #[arg(long, env = "SECRETS_REVEAL", default_value_t = false, action = clap::ArgAction::Set)]
    pub secrets_reveal: bool,
    /// Take requests and commands in the names of users, from the subjects
    /// as.USER.>
    #[arg(long, env = "IMPERSONATION_ENABLED", default_value_t = false, action = clap::ArgAction::Set)]
    pub impersonation_enabled: bool,
    /// Only in the names of these users; without it of all but system:…
    #[arg(long, env = "IMPERSONATION_USERS", value_delimiter = ',')]
    pub impersonation_users: Vec<String>,
    /// Seconds between two signs of life
    #[arg(long, env = "HEARTBEAT_SECONDS", default_value_t = 15)]
    pub heartbeat_seconds: u64,
    /// Seconds that running work may take to end when the agent stops
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 590)]
    pub drain_seconds: u64,
    /// Name of the pod that the agent runs in
    #[arg(long, env = "POD_NAME", default_value = "")]
    pub pod_name: String,
    /// Namespace of the pod that the agent runs in
    #[arg(long, env = "POD_NAMESPACE", default_value = "")]
    pub pod_namespace: String,
}

impl Settings {
    /// Checks what the parser could not.
    ///
    /// # Errors
    /// With a sentence that names the setting.
    pub fn check(&self) -> Result<(), Error> {
        let counts = [
            ("nats_worker_max_workers", self.nats_worker_max_workers),
            ("read_worker_count", self.read_worker_count),
            ("write_worker_count", self.write_worker_count),
            ("sessions_max", self.sessions_max),
            ("log_streams_max", self.log_streams_max),
        ];
        for (name, count) in counts {
            if count == 0 || count > WORKERS_MAX {
                return Err(Error::invalid(format!("{name} is {count}, it must be 1 to {WORKERS_MAX}")));
            }
        }
        if self.heartbeat_seconds == 0 || self.heartbeat_seconds > 3600 {
            return Err(Error::invalid("heartbeat_seconds must be 1 to 3600"));
        }
        self.stream.check()?;
        for user in &self.impersonation_users {
            User::new(user.as_str())?;
        }
        if !self.cluster_id.is_empty() {
            subject::ClusterId::new(self.cluster_id.clone())?;
        }
        subject::check_prefix(&self.subject_prefix)
    }

    /// Time between two signs of life.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }

    /// Time that running work may take to end when the agent stops.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Settings {
        Settings::try_parse_from([&["ankra-agent"], args].concat()).unwrap()
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let settings = parse(&[]);
        assert_eq!(settings.ankra_url, "https://platform.ankra.app");
        assert_eq!(settings.nats_worker_max_workers, 15);
        assert_eq!((settings.read_worker_count, settings.write_worker_count), (5, 5));
        assert_eq!(settings.health_addr.port(), 8080);
        assert_eq!(settings.subject_prefix, "ah.v1");
        assert!(settings.check().is_ok());
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let settings = parse(&["--token", "hunter2", "--nats-password", "hunter3"]);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(parse(&["--nats-worker-max-workers", "0"]).check().unwrap_err().message.contains("max_workers"));
        assert!(parse(&["--cluster-id", "a.b"]).check().is_err());
        assert!(parse(&["--subject-prefix", "ah.>"]).check().is_err());
    }
}
