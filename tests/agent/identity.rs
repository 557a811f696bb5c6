//! Who the agent is: registration, renewal, refusal, revocation.

use std::time::{Duration, Instant};

use ankra_helm::client::Watch;
use ankra_helm::protocol::info::Info;
use serde_json::json;
use testbed::suite::Outcome;

use crate::library::{Seen, block_on, config_maps, numbered};
use crate::platform::{Operator, Platform, TOKEN, client};
use crate::scene::{Agent, Agents, CLUSTER, http, http_status, metric, wait_until};

fn registered(agents: &Agents, platform: &Platform) -> testbed::Result<Agent> {
    Agent::start_with(&agents.binaries, &agents.plane, &[("ANKRA_URL", &platform.url), ("TOKEN", TOKEN)])
}

/// Over several lives of its credentials every request is answered, and a
/// watch goes on in one session.
pub(crate) fn registers_and_renews_without_a_gap(agents: &Agents) -> Outcome {
    let operator = Operator::start(&agents.binaries)?;
    let platform = Platform::start(&operator, Duration::from_secs(20))?;
    let agent = registered(agents, &platform)?;
    let told = platform.with(|seen| seen.last.clone());
    let uid = agents.plane.kubectl(["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"])?.ok();
    assert_eq!(told["cluster_uid"], uid.as_str());
    assert_eq!(told["protocol"], json!([1]));
    let creds = operator.client("client.creds")?;
    let scene = agents.scene("renew")?;
    let plane = &agents.plane;
    block_on(async {
        let client = client(&operator.server, &creds).await?.with_timeout(Duration::from_secs(5));
        let mut watch = Watch::open(&client, config_maps(&scene.namespace)).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        let (begun, mut asked, mut number) = (Instant::now(), 0, 0);
        while begun.elapsed() < Duration::from_secs(40) {
            for _ in 0..50 {
                let info: Info = client.request("info", &json!({})).await?;
                assert_eq!(info.cluster_id, CLUSTER);
                asked += 1;
            }
            number += 1;
            plane.apply(&numbered(&scene.namespace, "steady", number))?;
            let is = |seen: &Seen| seen.objects.get("steady").is_some_and(|n| *n == number.to_string());
            seen.until(&mut watch, "each change", is).await?;
        }
        let renewals = platform.with(|seen| seen.users.len());
        assert!(renewals >= 3, "{renewals} registrations in two lives");
        assert!(asked > 500, "only {asked} requests were made");
        assert_eq!(watch.interruptions(), 0, "over {renewals} registrations");
        // Beside it there is only what Kubernetes puts into each namespace.
        let others = seen.objects.len() - 1;
        assert_eq!(seen.events, number as usize + others, "each change once");
        watch.close().await;
        Ok(())
    })?;
    assert_eq!(metric(agent.health, "ankra_agent_ready"), Some(1.0));
    assert_eq!(metric(agent.health, "ankra_agent_nats_refusals_total"), Some(0.0));
    let log = agent.log()?;
    platform.with(|seen| {
        for secret in seen.secrets.iter().map(String::as_str).chain([TOKEN]) {
            assert!(!log.contains(secret), "the log holds a secret");
        }
    });
    Ok(())
}

/// A platform that refuses is not asked in a hot loop, and `/ready` says why.
pub(crate) fn refusal_is_told_and_asked_again_slowly(agents: &Agents) -> Outcome {
    let operator = Operator::start(&agents.binaries)?;
    let platform = Platform::start(&operator, Duration::from_secs(3600))?;
    let settings = [("ANKRA_URL", platform.url.as_str()), ("TOKEN", "another")];
    let wrong = Agent::launch(&agents.binaries, &agents.plane, &settings)?;
    let says = |agent: &Agent, what: &str| {
        let answer = http(agent.health, "/ready").unwrap_or_default();
        answer.starts_with("HTTP/1.1 503") && answer.contains(what)
    };
    wait_until("/ready names the refusal", || Ok(says(&wrong, "the token is not accepted")))?;
    std::thread::sleep(Duration::from_secs(5));
    let asked = platform.with(|seen| seen.requests);
    assert!((1..=4).contains(&asked), "asked {asked} times");
    assert_eq!(http_status(wrong.health, "/health"), Some(200));
    drop(wrong);

    platform.with(|seen| seen.refuse = Some(503));
    let settings = [("ANKRA_URL", platform.url.as_str()), ("TOKEN", TOKEN)];
    let agent = Agent::launch(&agents.binaries, &agents.plane, &settings)?;
    wait_until("/ready names the absence", || Ok(says(&agent, "HTTP 503")))?;
    platform.with(|seen| seen.refuse = None);
    wait_until("it registers at last", || Ok(http_status(agent.health, "/ready") == Some(200)))?;
    Ok(())
}

/// Credentials that are revoked are replaced by a new registration.
pub(crate) fn revoked_credentials_are_replaced(agents: &Agents) -> Outcome {
    let mut operator = Operator::start(&agents.binaries)?;
    let platform = Platform::start(&operator, Duration::from_secs(3600))?;
    let agent = registered(agents, &platform)?;
    platform.with(|seen| seen.refuse = Some(403));
    let user = platform.with(|seen| seen.users[0].clone());
    operator.revoke(&user)?;
    wait_until("/ready names the refusal", || {
        Ok(http(agent.health, "/ready").is_some_and(|answer| answer.contains("may not register")))
    })?;
    assert!(metric(agent.health, "ankra_agent_nats_refusals_total") >= Some(1.0));
    platform.with(|seen| seen.refuse = None);
    wait_until("it is back with new credentials", || Ok(http_status(agent.health, "/ready") == Some(200)))?;
    assert_eq!(platform.with(|seen| seen.users.len()), 2);
    let creds = operator.client("client.creds")?;
    block_on(async {
        let info: Info = client(&operator.server, &creds).await?.request("info", &json!({})).await?;
        assert_eq!(info.cluster_id, CLUSTER);
        Ok(())
    })
}

/// A Secret with credentials that is changed in place is read again.
pub(crate) fn credentials_file_may_change(agents: &Agents) -> Outcome {
    let operator = Operator::start(&agents.binaries)?;
    let creds = operator.client("agent.creds")?;
    let file = creds.display().to_string();
    let settings = [("NATS_URL", operator.server.url()), ("NATS_CREDS_FILE", file)];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    let before = metric(agent.health, "ankra_agent_nats_connects_total");
    std::fs::write(&creds, "half of a fi")?;
    let _ = operator.client("agent.creds")?;
    wait_until(
        "another connection is in use",
        || Ok(metric(agent.health, "ankra_agent_nats_connects_total") > before),
    )?;
    assert_eq!(http_status(agent.health, "/ready"), Some(200));
    Ok(())
}
