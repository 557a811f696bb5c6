//! What the agent knows about itself: its connections and its cluster.
//!
//! Owns the state behind `/ready`, `info` and heartbeats. Others report to it;
//! it decides what "ready" and "healthy" mean.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::protocol::id::now_rfc3339;

/// Time without a connection after which the process counts as unhealthy, so
/// that the kubelet starts it anew.
const UNHEALTHY_AFTER: Duration = Duration::from_secs(600);

/// A view of the state at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Since when NATS is connected, RFC 3339.
    pub connected_since: Option<String>,
    /// Why NATS is not connected, when a reason is known.
    pub nats_error: Option<String>,
    /// Whether the API server answered the last time.
    pub api_server: bool,
    /// Why it did not.
    pub api_error: Option<String>,
    /// Its version.
    pub k8s_version: Option<String>,
    /// UID of the namespace `kube-system`.
    pub cluster_uid: Option<String>,
    /// Why the agent is not registered, when it registers.
    pub register_error: Option<String>,
    /// Whether commands can be taken (JetStream is there).
    pub commands: bool,
    /// Whether the agent is about to stop.
    pub draining: bool,
}

impl Snapshot {
    /// Whether requests can be served; otherwise why not.
    ///
    /// # Errors
    /// A sentence with the first thing that is missing.
    pub fn ready(&self) -> Result<(), String> {
        if self.draining {
            return Err("the agent is stopping".to_owned());
        }
        if self.connected_since.is_none() {
            if let Some(why) = &self.register_error {
                return Err(format!("not registered: {why}"));
            }
            let why = self.nats_error.as_deref().unwrap_or("no connection yet");
            return Err(format!("not connected to NATS: {why}"));
        }
        if !self.api_server {
            let why = self.api_error.as_deref().unwrap_or("no answer yet");
            return Err(format!("the API server cannot be reached: {why}"));
        }
        Ok(())
    }
}

/// The agent's state, shared by all its parts.
pub struct Status {
    /// The state, and when NATS was last known to answer.
    inner: Mutex<(Snapshot, Instant)>,
    /// The API server's version became known, or became another.
    version: Notify,
}

impl Default for Status {
    fn default() -> Self {
        Status { inner: Mutex::new((Snapshot::default(), Instant::now())), version: Notify::new() }
    }
}

impl Status {
    /// The state now.
    pub fn snapshot(&self) -> Snapshot {
        self.change(|snapshot| snapshot.clone())
    }

    /// NATS is connected.
    pub fn nats_up(&self) {
        let mut guard = self.lock();
        guard.0.connected_since = Some(now_rfc3339());
        guard.0.nats_error = None;
        guard.1 = Instant::now();
    }

    /// NATS answered.
    pub fn nats_answered(&self) {
        self.lock().1 = Instant::now();
    }

    /// The agent is registered, or not and why.
    pub fn registered(&self, outcome: Result<(), String>) {
        self.change(|snapshot| snapshot.register_error = outcome.err());
    }

    /// NATS is not connected; `why` when it is known.
    pub fn nats_down(&self, why: Option<String>) {
        let mut guard = self.lock();
        guard.0.connected_since = None;
        if why.is_some() {
            guard.0.nats_error = why;
        }
    }

    /// The API server answered with its version, or did not.
    pub fn api(&self, answer: Result<String, String>) {
        let told = self.change(|snapshot| match answer {
            Ok(version) => {
                snapshot.api_server = true;
                snapshot.api_error = None;
                let before = snapshot.k8s_version.replace(version);
                before != snapshot.k8s_version
            }
            Err(why) => {
                snapshot.api_server = false;
                snapshot.api_error = Some(why);
                false
            }
        });
        if told {
            self.version.notify_one();
        }
    }

    /// Waits until the API server's version is another than before; for one
    /// who waits.
    pub async fn other_version(&self) {
        self.version.notified().await;
    }

    /// The cluster's UID was read.
    pub fn cluster_uid(&self, uid: String) {
        self.change(|snapshot| snapshot.cluster_uid = Some(uid));
    }

    /// Commands can be taken, or not.
    pub fn commands(&self, on: bool) {
        self.change(|snapshot| snapshot.commands = on);
    }

    /// The agent begins to stop.
    pub fn draining(&self) {
        self.change(|snapshot| snapshot.draining = true);
    }

    /// Whether the process should be left alone; otherwise why not.
    ///
    /// # Errors
    /// When NATS was away or silent for too long. An agent whose registration
    /// is refused is left alone: a new start would only ask more often.
    pub fn healthy(&self) -> Result<(), String> {
        let guard = self.lock();
        if guard.0.register_error.is_none() && guard.1.elapsed() > UNHEALTHY_AFTER {
            return Err(format!("no answer of NATS for {} s", guard.1.elapsed().as_secs()));
        }
        Ok(())
    }

    fn change<T>(&self, with: impl FnOnce(&mut Snapshot) -> T) -> T {
        with(&mut self.lock().0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Snapshot, Instant)> {
        // A panic elsewhere leaves a state that is still true enough to show.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_names_what_is_missing() {
        let status = Status::default();
        assert!(status.snapshot().ready().unwrap_err().contains("NATS"));
        status.nats_up();
        assert!(status.snapshot().ready().unwrap_err().contains("API server"));
        status.api(Ok("v1.36.3".into()));
        assert_eq!(status.snapshot().ready(), Ok(()));
        status.nats_down(Some("authorization violation".into()));
        assert!(status.snapshot().ready().unwrap_err().contains("authorization violation"));
        status.registered(Err("the token is not accepted".into()));
        assert!(status.snapshot().ready().unwrap_err().contains("the token is not accepted"));
        status.nats_up();
        assert_eq!(status.snapshot().ready(), Ok(()), "a renewal may fail while the credentials live");
        status.draining();
        assert!(status.snapshot().ready().is_err());
        assert_eq!(status.healthy(), Ok(()));
    }
}
