//! Long absences: NATS away for a minute with everything in the middle, and a
//! state that the API server's store has forgotten.

use std::time::{Duration, Instant};

use ankra_helm::client::{Client, Following, Logs, Watch};
use ankra_helm::protocol::command::{Command, OpEvent, State};
use ankra_helm::protocol::logs::LogsRequest;
use ankra_helm::protocol::watch::WatchRequest;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{ControlPlane, ControlPlaneOptions};
use tokio::time::timeout;

use crate::faults::nats;
use crate::library::{Seen, block_on, client, config_maps, numbered, read_until, say};
use crate::scene::{Agent, Agents, Anything, SOON, wait_until};

/// How long NATS is away.
const AWAY: Duration = Duration::from_secs(60);

/// Longest wait for what comes after that: pauses have grown meanwhile.
const AFTER: Duration = Duration::from_secs(120);
/// Silence after which an operation has nothing more to tell.
const QUIET: Duration = Duration::from_secs(1);

/// The events of an operation up to its last one.
async fn to_the_end(following: &mut Following, events: &mut Vec<OpEvent>) -> Anything<()> {
    while events.last().is_none_or(|event| !event.state.is_terminal()) {
        let event = timeout(AFTER, following.next()).await;
        events.push(event.map_err(|_| format!("no end after {events:#?}"))??);
    }
    Ok(())
}

/// One page of the config maps' names.
async fn page(client: &Client, namespace: &str, token: &str) -> Anything<(Vec<String>, String)> {
    let request = json!({"resource": "configmaps", "namespaces": [namespace], "projection": "meta", "limit": 15,
        "page_token": token});
    let start = Instant::now();
    let page: Value = loop {
        match client.request("list", &request).await {
            Ok(page) => break page,
            Err(error) if error.retryable && start.elapsed() < AFTER => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let names = page["items"].as_array().into_iter().flatten().map(name).collect();
    Ok((names, page["page_token"].as_str().unwrap_or_default().to_owned()))
}

/// NATS is away for a minute in the middle of a list, a watch, a log and an
/// installation, and another command is given while it is away. Then all goes on:
/// nothing is lost and nothing comes twice.
pub(crate) fn nats_is_away_for_a_minute(agents: &Agents) -> Outcome {
    let mut server = nats(agents)?;
    let _agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("minute")?;
    let (namespace, mark) = (scene.namespace.as_str(), scene.namespace.clone());
    let (_shelf, chart) = scene.serve_chart()?;
    scene.pods(&["talker".to_owned()])?;
    let maps: Vec<_> = (0..40).map(|n| numbered(namespace, &format!("map-{n:02}"), 0)).collect();
    agents.plane.apply(&maps.join("---\n"))?;
    block_on(async {
        let client = client(&server).await?.with_timeout(Duration::from_secs(5));
        let request = WatchRequest { ttl_s: 10, ..config_maps(namespace) };
        let mut watch = Watch::open(&client, request).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        let request = LogsRequest {
            namespace: mark.clone(),
            pod: "talker".to_owned(),
            follow: true,
            ttl_s: 10,
            ..LogsRequest::default()
        };
        let mut logs = Logs::open(&client, request).await?;
        let mut text = String::new();
        say(agents, &[format!("{mark} before")])?;
        read_until(&mut logs, &mut text, &format!("{mark} before\n")).await?;
        let (mut names, token) = page(&client, namespace, "").await?;
        // It waits for an address that nobody gives yet.
        let spec = json!({"namespace": namespace, "release": "shop", "wait": true, "chart": {"name": chart},
            "values": {"replicas": 1, "service": {"type": "LoadBalancer"}}});
        let install: Command = serde_json::from_value(
            json!({"op_id": format!("{mark}-install"), "verb": "helm.install", "timeout_s": 300, "spec": spec}),
        )?;
        let mut following = client.command(&install).await?;
        let mut events = Vec::new();
        let waits = |event: &OpEvent| {
            let of_service = event.resource.as_ref().is_some_and(|of| of.kind == "Service");
            of_service && event.step.as_ref().is_some_and(|step| step.id == "wait")
        };
        while !events.last().is_some_and(waits) {
            events.push(timeout(SOON, following.next()).await.map_err(|_| format!("no wait after {events:#?}"))??);
        }
        // Progress that is on the way when a connection ends may be lost; here
        // nothing is when nothing more has to be told.
        while let Ok(event) = timeout(QUIET, following.next()).await {
            events.push(event?);
        }

        let stopped = Instant::now();
        tokio::task::block_in_place(|| server.stop());
        agents.plane.apply(&numbered(namespace, "map-01", 1))?;
        agents.plane.apply(&numbered(namespace, "new", 1))?;
        let _ = scene.kubectl(&["delete", "configmap", "map-39"])?.ok();
        say(agents, &[format!("{mark} meanwhile")])?;
        let spec = json!({"namespace": namespace, "objects": {"resource": "cm", "names": ["map-02"],
            "patch": {"data": {"number": "2"}}}});
        let patch: Command =
            serde_json::from_value(json!({"op_id": format!("{mark}-patch"), "verb": "res.patch", "spec": spec}))?;
        let refused = client.command(&patch).await;
        assert!(refused.is_err_and(|error| error.retryable), "nobody could take it");
        let address = r#"{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}"#;
        let _ = scene.kubectl(&["patch", "service", "shop-site", "--subresource=status", "--patch", address])?.ok();
        tokio::time::sleep(AWAY.saturating_sub(stopped.elapsed())).await;
        tokio::task::block_in_place(|| server.resume())?;

        let again = Instant::now();
        let mut patching = loop {
            match client.command(&patch).await {
                Ok(following) => break following,
                Err(error) if error.retryable && again.elapsed() < AFTER => {}
                Err(error) => return Err(error.into()),
            }
        };
        let mut patched = Vec::new();
        to_the_end(&mut patching, &mut patched).await?;
        to_the_end(&mut following, &mut events).await?;
        for (id, events) in [(&patch.op_id, &patched), (&install.op_id, &events)] {
            assert_eq!(events.last().map(|event| event.state), Some(State::Succeeded), "{events:#?}");
            assert!(events.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "{events:#?}");
            assert_eq!(events.first().map(|event| event.seq), Some(1), "{events:#?}");
            assert_eq!(client.operation(id).await?.attempt, 1);
        }
        let revisions: Value = serde_json::from_str(&scene.helm4.run(["history", "shop", "--output=json"])?.ok())?;
        assert_eq!(revisions.as_array().map(Vec::len), Some(1), "{revisions:#?}");
        assert_eq!(revisions[0]["status"], "deployed");

        let mut token = token;
        while !token.is_empty() {
            let (more, next) = page(&client, namespace, &token).await?;
            names.extend(more);
            token = next;
        }
        names.retain(|name| name.starts_with("map-"));
        let expected: Vec<_> = (0..names.len()).map(|n| format!("map-{n:02}")).collect();
        // Whether the one that was deleted is there depends on the state that
        // the list goes on in.
        assert!(names == expected && names.len() >= 39, "{names:?}");

        let now = |seen: &Seen| {
            let is = |name: &str, n: &str| seen.objects.get(name).is_some_and(|have| have == n);
            is("map-01", "1") && is("map-02", "2") && is("new", "1") && !seen.objects.contains_key("map-39")
        };
        seen.until(&mut watch, "what happened meanwhile", now).await?;
        say(agents, &[format!("{mark} after")])?;
        read_until(&mut logs, &mut text, &format!("{mark} after\n")).await?;
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(mark.as_str())).collect();
        assert_eq!(lines, ["before", "meanwhile", "after"].map(|word| format!("{mark} {word}")));
        Ok(())
    })
}

/// The API server's store forgets the state that a list began with: the list
/// goes on behind the last name, and what was there all the time comes once.
pub(crate) fn pages_go_on_after_compaction(agents: &Agents) -> Outcome {
    let apiserver_flags = vec!["--etcd-compaction-interval=2s".to_owned()];
    let options = ControlPlaneOptions { nodes: 1, apiserver_flags, ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(&agents.binaries, options)?;
    let server = nats(agents)?;
    let _agent = Agent::start(&agents.binaries, &plane, &server)?;
    let namespace = plane.namespace("pages")?;
    let maps: Vec<_> = (0..40).map(|n| numbered(&namespace, &format!("map-{n:02}"), 0)).collect();
    plane.apply(&maps.join("---\n"))?;
    block_on(async {
        let client = client(&server).await?;
        let (mut names, mut token) = page(&client, &namespace, "").await?;
        assert_eq!(names.len(), 15);
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?limit=5");
        let first: Value = serde_json::from_str(&plane.kubectl(["get", "--raw", &path])?.ok())?;
        let state = first["metadata"]["continue"].as_str().ok_or("there is one page only")?;
        let path = format!("{path}&continue={state}");
        let mut number = 0;
        wait_until("the API server has forgotten the state", || {
            // It is changes that make states old.
            number += 1;
            plane.apply(&numbered(&namespace, "map-20", number))?;
            Ok(plane.kubectl(["get", "--raw", &path])?.stderr.contains("The provided continue parameter is too old"))
        })?;
        plane.apply(&numbered(&namespace, "map-05a", 0))?;
        plane.apply(&numbered(&namespace, "map-25a", 0))?;
        let _ = plane.kubectl(["delete", "configmap", "map-30", "--namespace", &namespace])?.ok();
        while !token.is_empty() {
            let (more, next) = page(&client, &namespace, &token).await?;
            names.extend(more);
            token = next;
        }
        names.retain(|name| name.starts_with("map-"));
        // The new one behind the first page is there, the one before it is not.
        let mut expected: Vec<_> = (0..40).filter(|n| *n != 30).map(|n| format!("map-{n:02}")).collect();
        expected.insert(26, "map-25a".to_owned());
        assert_eq!(names, expected);
        Ok(())
    })
}
