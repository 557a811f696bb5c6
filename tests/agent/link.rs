//! The agent and its connection: health, discovery, loss and return, end.

use serde_json::json;
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer, Workdir};

use crate::scene::{Agent, Agents, CLUSTER, Nats, http_status, wait_until};

pub(crate) fn answers_health_and_readiness(agents: &Agents) -> Outcome {
    for path in ["/health", "/ready", "/livez", "/readyz", "/metrics"] {
        assert_eq!(http_status(agents.agent.health, path), Some(200), "{path}");
    }
    assert_eq!(http_status(agents.agent.health, "/other"), Some(404));
    Ok(())
}

/// `nats micro` finds it without knowing anything of it.
pub(crate) fn is_found_as_a_service(agents: &Agents) -> Outcome {
    let work = Workdir::new("nats")?;
    let nats = Nats::new(&agents.binaries, &agents.nats, &work)?;
    let listed = nats.run(&["micro", "list"])?.ok();
    assert!(listed.contains("ah-agent"), "{listed}");
    let heard = nats.run(&["subscribe", "--raw", "--count=1", "--wait=20s", &format!("ah.v1.{CLUSTER}.hb")])?.ok();
    assert!(heard.contains("\"instance\""), "{heard}");
    Ok(())
}

/// It says so while NATS is away, and works again when NATS is back.
pub(crate) fn comes_back_when_nats_does(agents: &Agents) -> Outcome {
    let mut server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let work = Workdir::new("nats")?;
    let nats = Nats::new(&agents.binaries, &server, &work)?;
    assert_eq!(nats.ask("info", &json!({}))?["cluster_id"], CLUSTER);
    server.stop();
    wait_until("/ready says that NATS is away", || Ok(http_status(agent.health, "/ready") == Some(503)))?;
    assert_eq!(http_status(agent.health, "/health"), Some(200));
    server.resume()?;
    wait_until("/ready says that NATS is back", || Ok(http_status(agent.health, "/ready") == Some(200)))?;
    assert_eq!(nats.ask("info", &json!({}))?["cluster_id"], CLUSTER);
    Ok(())
}

pub(crate) fn stops_when_asked(agents: &Agents) -> Outcome {
    let server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let mut agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let start = std::time::Instant::now();
    agent.server.stop();
    assert!(start.elapsed() < std::time::Duration::from_secs(8), "it had to be killed");
    assert_eq!(http_status(agent.health, "/health"), None);
    Ok(())
}
