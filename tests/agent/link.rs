//! The agent and its connection: health, discovery, loss and return, end.

use std::time::{Duration, Instant};

use ankra_helm::client::Watch;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer, Workdir};

use crate::faults::nats;
use crate::library::{Seen, block_on, client, config_maps, numbered};
use crate::scene::{Agent, Agents, CLUSTER, Nats, http_status, wait_until};
use crate::wire::Wire;

/// Longest time for a silent connection to be replaced: two signs of life that
/// do not come, at 20 s each, and some more.
const REPLACED: Duration = Duration::from_secs(100);

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

/// A connection on which nothing comes any more is replaced, though nobody has
/// ended it, and a watch goes on.
pub(crate) fn silent_connection_is_replaced(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let wire = Wire::to(&server.url())?;
    let agent = Agent::start_with(&agents.binaries, &agents.plane, &[("NATS_URL", &wire.url)])?;
    let scene = agents.scene("silent")?;
    block_on(async {
        let client = client(&server).await?.with_timeout(Duration::from_secs(2));
        let mut watch = Watch::open(&client, config_maps(&scene.namespace)).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        wire.silence();
        assert!(client.request::<Value>("info", &json!({})).await.is_err(), "it is not silent");
        agents.plane.apply(&numbered(&scene.namespace, "late", 1))?;
        let begun = Instant::now();
        while client.request::<Value>("info", &json!({})).await.is_err() {
            assert!(begun.elapsed() < REPLACED, "the agent stays away");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let is = |seen: &Seen| seen.objects.contains_key("late");
        seen.until(&mut watch, "what changed meanwhile", is).await?;
        watch.close().await;
        Ok(())
    })?;
    wait_until("/ready says that NATS is there", || Ok(http_status(agent.health, "/ready") == Some(200)))
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
