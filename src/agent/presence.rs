//! Signs of life: on the subject `hb` and in the presence bucket.
//!
//! Owns what a heartbeat says. The bucket forgets an agent that has been
//! silent for three heartbeats; without JetStream only the subject is there.

use std::sync::Arc;

use async_nats::jetstream::{self, kv};

use super::{Agent, ops, reply};
use crate::protocol::{Error, id::now_rfc3339, info::Heartbeat, subject::BUCKET_PRESENCE};

/// Missed heartbeats after which an agent counts as gone.
const MISSED: u32 = 3;

/// Pause before the next heartbeat while there is no presence bucket.
const EARLY: std::time::Duration = std::time::Duration::from_secs(3);

/// Tells that the agent is alive until it stops; then that it is gone.
pub(super) async fn run(agent: Arc<Agent>) {
    let mut bucket = None;
    let mut changes = agent.link.changes();
    let key = agent.subjects.presence_key(&agent.instance);
    loop {
        let body = serde_json::to_vec(&heartbeat(&agent)).unwrap_or_default();
        let subject = agent.subjects.heartbeat();
        if let Err(error) = agent.link.publish(subject, reply::headers(), body.clone().into()).await {
            tracing::debug!(%error, "a heartbeat could not be sent");
        }
        if agent.status.snapshot().commands {
            if bucket.is_none() {
                bucket = open(&agent).await.inspect_err(|error| tracing::debug!(%error, "no presence bucket")).ok();
            }
            if let Some(store) = &bucket
                && let Err(error) = store.put(&key, body.into()).await
            {
                tracing::debug!(%error, "the presence could not be written");
                bucket = None;
            }
        }
        // The first ones come early: JetStream may be a moment late.
        let early = bucket.is_none() && agent.started.elapsed() < 10 * EARLY;
        let pause = if early { agent.settings.heartbeat().min(EARLY) } else { agent.settings.heartbeat() };
        tokio::select! {
            () = agent.stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
            // Clients show it; the next heartbeat may be half a minute away.
            () = agent.status.other_version() => {}
            Ok(()) = changes.changed() => bucket = None,
        }
    }
    if let Some(store) = bucket {
        // Left behind it would be forgotten a little later.
        let _ = store.purge(&key).await;
    }
}

async fn open(agent: &Agent) -> Result<kv::Store, Error> {
    let config = kv::Config {
        bucket: BUCKET_PRESENCE.to_owned(),
        description: "Ankra agents that are alive".to_owned(),
        history: 1,
        max_age: agent.settings.heartbeat() * MISSED,
        ..kv::Config::default()
    };
    ops::ensure_bucket(&jetstream::new(agent.link.client()), config).await
}

fn heartbeat(agent: &Agent) -> Heartbeat {
    let status = agent.status.snapshot();
    Heartbeat {
        cluster_id: agent.subjects.cluster().to_string(),
        instance: agent.instance.clone(),
        version: agent.version().to_owned(),
        at: now_rfc3339(),
        uptime_s: agent.started.elapsed().as_secs(),
        connected_since: status.connected_since,
        k8s_version: status.k8s_version,
        api_server: status.api_server,
        sessions: agent.sessions.count(),
        ops_running: agent.ops.count(),
        interval_s: agent.settings.heartbeat_seconds,
    }
}
