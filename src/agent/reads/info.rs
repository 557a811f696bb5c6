//! `req.info` and `req.kinds`.

use crate::{
    agent::{Agent, api::Api},
    protocol::{
        Error, VERSION,
        info::{Info, Kinds, Limits},
    },
};

/// What this agent is and can do.
pub(in crate::agent) async fn info(agent: &Agent) -> Result<Info, Error> {
    let status = agent.status.snapshot();
    let mut capabilities: Vec<String> =
        ["info", "kinds", "list", "get", "events", "top", "watch", "logs"].into_iter().map(str::to_owned).collect();
    if status.commands {
        capabilities.extend(["helm", "manifest", "res"].map(str::to_owned));
    }
    if agent.settings.impersonation_enabled {
        capabilities.push("impersonation".to_owned());
    }
    if agent.settings.secrets_reveal {
        capabilities.push("reveal".to_owned());
    }
    if agent.settings.stream.k8s_watch_enabled {
        capabilities.push("stream".to_owned());
    }
    Ok(Info {
        agent_version: agent.version().to_owned(),
        protocol: vec![VERSION],
        cluster_id: agent.subjects.cluster().to_string(),
        cluster_uid: status.cluster_uid,
        k8s_version: status.k8s_version,
        instance: agent.instance.clone(),
        capabilities,
        limits: Limits {
            max_payload: agent.link.client().max_payload(),
            message_max: agent.message_max(),
            sessions_max: agent.settings.sessions_max,
            log_streams_max: agent.settings.log_streams_max,
            workers: agent.settings.nats_worker_max_workers,
            write_workers: agent.settings.write_worker_count,
        },
        uptime_s: agent.started.elapsed().as_secs(),
    })
}

/// What kinds the cluster has.
pub(in crate::agent) async fn kinds(api: &Api) -> Result<Kinds, Error> {
    api.discovery().kinds(api).await
}
