//! Faults in the middle: connections that are cut, an API server that is
//! restarted, messages that are too long, sessions that are left.

use std::time::Duration;

use ankra_helm::client::{LogItem, Logs, Watch};
use ankra_helm::protocol::Code;
use ankra_helm::protocol::command::{Command, State};
use ankra_helm::protocol::logs::LogsRequest;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{ControlPlane, ControlPlaneOptions, NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::library::{Seen, block_on, client, client_at, config_maps, last, numbered, say};
use crate::scene::{Agent, Agents, Anything, SOON, http_status, metric, wait_until};
use crate::wire::Wire;

pub(crate) fn nats(agents: &Agents) -> testbed::Result<NatsServer> {
    NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })
}

/// The agent's connection, the client's, and both are cut while a list is
/// paged, a watch and a log go on and commands are given: each object once,
/// each line once, each command once.
pub(crate) fn cut_wire_loses_and_doubles_nothing(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let (near, far) = (Wire::to(&server.url())?, Wire::to(&server.url())?);
    let _agent = Agent::start_with(&agents.binaries, &agents.plane, &[("NATS_URL", &far.url)])?;
    let scene = agents.scene("cut")?;
    scene.pods(&["talker".to_owned()])?;
    let maps: Vec<_> = (0..40).map(|n| numbered(&scene.namespace, &format!("map-{n:02}"), 0)).collect();
    agents.plane.apply(&maps.join("---\n"))?;
    block_on(async {
        let client = client_at(&near.url).await?.with_timeout(Duration::from_secs(3));
        let request = LogsRequest {
            namespace: scene.namespace.clone(),
            pod: "talker".to_owned(),
            follow: true,
            ttl_s: 6,
            ..LogsRequest::default()
        };
        let mut logs = Logs::open(&client, request).await?;
        let mut watch = Watch::open(
            &client,
            ankra_helm::protocol::watch::WatchRequest { ttl_s: 6, ..config_maps(&scene.namespace) },
        )
        .await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        let (mut text, mark) = (String::new(), scene.namespace.clone());
        let sides: [&[&Wire]; 3] = [&[&far], &[&near], &[&near, &far]];
        for (round, side) in sides.into_iter().enumerate() {
            let cut = || side.iter().for_each(|wire| wire.cut());
            say(agents, &[format!("{mark} {round} before")])?;
            let spec = json!({"namespace": scene.namespace, "objects": {"resource": "cm", "names": ["map-00"],
                "patch": {"data": {format!("round-{round}"): "done"}}}});
            let command: Command =
                serde_json::from_value(json!({"op_id": format!("{mark}-{round}"), "verb": "res.patch", "spec": spec}))?;
            let mut following = client.command(&command).await?;
            cut();
            let names = paged(&client, &scene.namespace, cut).await?;
            assert_eq!(names.len(), 41, "{names:?}");
            agents.plane.apply(&numbered(&scene.namespace, "map-01", u32::try_from(round)? + 1))?;
            say(agents, &[format!("{mark} {round} after")])?;
            let ended = last(&mut following, Duration::from_secs(100)).await?;
            assert_eq!(ended.state, State::Succeeded, "{ended:?}");
            assert_eq!(client.operation(&command.op_id).await?.attempt, 1, "it was done twice");
            let is = |seen: &Seen| seen.objects.get("map-01").is_some_and(|n| *n == (round + 1).to_string());
            seen.until(&mut watch, "a change after the cut", is).await?;
            while !text.contains(&format!("{mark} {round} after\n")) {
                let item = timeout(SOON, logs.next()).await.map_err(|_| format!("lines did not come: {text}"))??;
                if let LogItem::Lines { bytes, .. } = item.ok_or("the log ended")? {
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        }
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(mark.as_str())).map(str::to_owned).collect();
        let expected: Vec<_> =
            (0..3).flat_map(|r| [format!("{mark} {r} before"), format!("{mark} {r} after")]).collect();
        assert_eq!(lines, expected);
        Ok(())
    })
}

/// The names of all config maps, page by page, with a fault after each page.
pub(crate) async fn paged(
    client: &ankra_helm::client::Client,
    namespace: &str,
    fault: impl Fn(),
) -> Anything<Vec<String>> {
    let mut request = json!({"resource": "configmaps", "namespaces": [namespace], "projection": "meta", "limit": 15});
    let mut names = Vec::new();
    let mut tries = 0;
    loop {
        let page: Value = match client.request("list", &request).await {
            Ok(page) => page,
            Err(error) if tries < 20 && (error.retryable || error.details.contains_key("reason")) => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(300)).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        names.extend(page["items"].as_array().into_iter().flatten().map(|item| item["metadata"]["name"].to_string()));
        fault();
        match page["page_token"].as_str() {
            Some(token) if !token.is_empty() => request["page_token"] = json!(token),
            _ => break,
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "a name came twice");
    Ok(names)
}

/// The API server is restarted under a watch and a command.
pub(crate) fn api_server_restarts(agents: &Agents) -> Outcome {
    let mut plane = ControlPlane::start(&agents.binaries, ControlPlaneOptions::default())?;
    let server = nats(agents)?;
    let agent = Agent::start(&agents.binaries, &plane, &server)?;
    let namespace = plane.namespace("restart")?;
    plane.apply(&numbered(&namespace, "a", 1))?;
    block_on(async {
        let client = client(&server).await?;
        let mut watch = Watch::open(&client, config_maps(&namespace)).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        plane.stop_apiserver();
        wait_until("/ready says that the API server is away", || Ok(http_status(agent.health, "/ready") == Some(503)))?;
        let refused = client.request::<Value>("list", &json!({"resource": "pods"})).await;
        assert!(refused.is_err_and(|error| error.code == Code::Upstream && error.retryable));
        plane.start_apiserver()?;
        wait_until("/ready says that it is back", || Ok(http_status(agent.health, "/ready") == Some(200)))?;
        plane.apply(&numbered(&namespace, "a", 2))?;
        let is = |seen: &Seen| seen.objects.get("a").is_some_and(|n| n == "2");
        seen.until(&mut watch, "a change after the restart", is).await?;
        Ok(())
    })
}

/// What is too long or too late is refused in words; `hostile` has what is
/// broken.
pub(crate) fn long_and_late_messages_are_refused(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let _agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    block_on(async {
        let client = client(&server).await?;
        let long = json!({"resource": "pods", "name_contains": "x".repeat(300 * 1024)});
        let refused = client.request::<Value>("list", &long).await;
        assert!(refused.is_err_and(|error| error.code == Code::TooLarge));
        let late =
            client.clone().with_timeout(Duration::ZERO).request::<Value>("list", &json!({"resource": "pods"})).await;
        assert!(late.is_err_and(|error| error.code == Code::Timeout));
        Ok(())
    })
}

/// A thousand sessions are opened and left: those over the limit are refused,
/// the others end by themselves, and memory stays.
pub(crate) fn thousand_sessions_are_left(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let memory = || metric(agent.health, "process_resident_memory_bytes").unwrap_or(f64::MAX);
    let before = memory();
    block_on(async {
        let client = client(&server).await?;
        let (mut opened, mut busy) = (0, 0);
        for number in 0..1000 {
            let request = json!({"session": format!("left{number}"), "resources": ["pods"], "ttl_s": 10});
            match client.request::<Value>("watch.open", &request).await {
                Ok(_) => opened += 1,
                Err(error) if error.code == Code::Busy => busy += 1,
                Err(error) => return Err(error.into()),
            }
        }
        assert!(opened >= 256 && busy > 0 && opened + busy == 1000, "{opened} opened, {busy} refused");
        Ok(())
    })?;
    wait_until("all sessions have ended", || Ok(metric(agent.health, "ankra_agent_sessions") == Some(0.0)))?;
    let grown = memory() - before;
    assert!(grown < 100.0 * 1024.0 * 1024.0, "{grown} bytes more");
    assert_eq!(http_status(agent.health, "/ready"), Some(200));
    Ok(())
}
