//! More than one agent for a cluster, and agents that end in the middle.

use std::collections::BTreeMap;
use std::time::Duration;

use ankra_helm::client::{Client, Following};
use ankra_helm::protocol::command::{Command, OpEvent, State};
use ankra_helm::protocol::watch::WatchFrame;
use futures_util::StreamExt;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::library::{Seen, block_on, client, numbered};
use crate::scene::{Agent, Agents, Anything, CLUSTER, SOON, metric, wait_until};

/// Longest wait for an operation whose agent was killed: another one must have
/// seen that nobody renews it.
const TAKEN_OVER: Duration = Duration::from_secs(150);

fn nats(agents: &Agents) -> testbed::Result<NatsServer> {
    NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })
}

fn command(id: &str, verb: &str, spec: Value) -> Anything<Command> {
    Ok(serde_json::from_value(json!({"op_id": id, "verb": verb, "timeout_s": 120, "spec": spec}))?)
}

/// Publishes a command once JetStream is ready for it.
async fn publish(client: &Client, command: &Command) -> Anything<Following> {
    let end = tokio::time::Instant::now() + SOON;
    loop {
        match client.command(command).await {
            Ok(following) => return Ok(following),
            Err(error) if tokio::time::Instant::now() > end => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// The events up to the one that is wanted.
async fn until(
    following: &mut Following,
    limit: Duration,
    wanted: impl Fn(&OpEvent) -> bool,
) -> Anything<Vec<OpEvent>> {
    let mut events = Vec::new();
    loop {
        let event = timeout(limit, following.next()).await.map_err(|_| format!("not in time after {events:#?}"))??;
        let (found, over) = (wanted(&event), event.state.is_terminal());
        events.push(event);
        if found {
            return Ok(events);
        }
        if over {
            return Err(format!("it ended before: {events:#?}").into());
        }
    }
}

fn in_hook(event: &OpEvent) -> bool {
    event.step.as_ref().is_some_and(|step| step.id == "hook")
}

/// An agent that is killed in the middle of an install and of an upgrade: the
/// next one ends them, once.
pub(crate) fn killed_agent_is_taken_over(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let mut agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("killed")?;
    let (_shelf, chart) = scene.serve_chart()?;
    block_on(async {
        let client = client(&server).await?;
        for (number, verb) in ["helm.install", "helm.upgrade"].into_iter().enumerate() {
            let id = format!("{}-{number}", scene.namespace);
            let spec = json!({"namespace": scene.namespace, "release": "shop", "wait": true,
                "chart": {"name": chart}, "values": {"replicas": 1, "greeting": format!("number {number}")}});
            let mut following = publish(&client, &command(&id, verb, spec)?).await?;
            until(&mut following, SOON, in_hook).await?;
            agent.kill()?;
            agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
            let events = until(&mut following, TAKEN_OVER, |event| event.state.is_terminal()).await?;
            let last = events.last().ok_or("no event")?;
            assert_eq!(last.state, State::Succeeded, "{events:#?}");
            let revisions = scene.helm4.run(["history", "shop", "--output=json"])?.ok();
            let revisions: Vec<Value> = serde_json::from_str(&revisions)?;
            let deployed = revisions.iter().filter(|revision| revision["status"] == "deployed").count();
            assert_eq!(deployed, 1, "{revisions:#?}");
            assert!(!revisions.iter().any(|r| r["status"].as_str().is_some_and(|s| s.starts_with("pending"))));
            let values: Value = serde_json::from_str(&scene.helm4.run(["get", "values", "shop", "-o=json"])?.ok())?;
            assert_eq!(values["greeting"], format!("number {number}"));
        }
        let entries = client.operations().await?;
        assert!(entries.iter().all(|entry| entry.state == State::Succeeded && entry.attempt == 2), "{entries:#?}");
        Ok(())
    })
}

/// Two agents, with two names and with one, get five commands for one release:
/// each is done once, one after the other.
pub(crate) fn two_agents_do_one_thing_at_a_time(agents: &Agents) -> Outcome {
    for names in [["left", "right"], ["same", "same"]] {
        let server = nats(agents)?;
        let url = server.url();
        let start =
            |name: &str| Agent::start_with(&agents.binaries, &agents.plane, &[("NATS_URL", &url), ("POD_NAME", name)]);
        let _both = [start(names[0])?, start(names[1])?];
        let scene = agents.scene("line")?;
        let (_shelf, chart) = scene.serve_chart()?;
        block_on(async {
            let client = client(&server).await?;
            let mut followings = Vec::new();
            for number in 0..5 {
                let spec = json!({"namespace": scene.namespace, "release": "shop", "install": true,
                    "chart": {"name": chart}, "values": {"replicas": 0, "greeting": format!("{number}")}});
                let id = format!("{}-{number}", scene.namespace);
                followings.push(publish(&client, &command(&id, "helm.upgrade", spec)?).await?);
            }
            let (mut spans, mut queued) = (BTreeMap::new(), 0);
            for following in &mut followings {
                let events = until(following, SOON, |event| event.state.is_terminal()).await?;
                let last = events.last().ok_or("no event")?;
                assert_eq!(last.state, State::Succeeded, "{events:#?}");
                queued += usize::from(events.iter().any(|event| event.state == State::Queued));
                let begun = events.iter().find(|event| event.state == State::Running).ok_or("never running")?;
                let revision = last.result.as_ref().and_then(|result| result["revision"].as_i64()).unwrap_or(0);
                assert!(spans.insert(revision, (begun.at.clone(), last.at.clone())).is_none(), "{revision} twice");
            }
            assert_eq!(spans.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
            let spans: Vec<_> = spans.into_values().collect();
            for pair in spans.windows(2) {
                let time = |text: &str| text.parse::<jiff::Timestamp>();
                // The next one begins while the last event of the one before
                // is on its way.
                let apart = time(&pair[1].0)?.duration_since(time(&pair[0].1)?);
                assert!(apart > jiff::SignedDuration::from_millis(-500), "{spans:#?}");
            }
            assert!(queued >= 1, "nobody had to wait");
            Ok(())
        })?;
        let revisions: Value = serde_json::from_str(&scene.helm4.run(["history", "shop", "--output=json"])?.ok())?;
        assert_eq!(revisions.as_array().map(Vec::len), Some(5));
    }
    Ok(())
}

/// SIGTERM in the middle of an operation: it ends, then the agent does.
pub(crate) fn work_ends_before_the_agent(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let mut agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("drain")?;
    let (_shelf, chart) = scene.serve_chart()?;
    block_on(async {
        let client = client(&server).await?;
        let spec = json!({"namespace": scene.namespace, "release": "shop", "chart": {"name": chart},
            "values": {"replicas": 0}});
        let id = format!("{}-drain", scene.namespace);
        let mut following = publish(&client, &command(&id, "helm.install", spec)?).await?;
        until(&mut following, SOON, in_hook).await?;
        tokio::task::block_in_place(|| agent.server.stop());
        let events = until(&mut following, Duration::from_secs(10), |event| event.state.is_terminal()).await?;
        assert_eq!(events.last().map(|event| event.state), Some(State::Succeeded), "{events:#?}");
        Ok(())
    })
}

/// An operation that would wait for ever is cancelled, and the release can be
/// worked on again.
pub(crate) fn operation_is_cancelled(agents: &Agents) -> Outcome {
    let scene = agents.scene("cancel")?;
    let (_shelf, chart) = scene.serve_chart()?;
    block_on(async {
        let client = client(&agents.nats).await?;
        let spec = |kind: &str| {
            json!({"namespace": scene.namespace, "release": "shop", "wait": true, "install": true,
                "chart": {"name": chart},
                "values": {"replicas": 0, "prepare": {"enabled": false}, "service": {"type": kind}}})
        };
        // Nobody here gives an address to a load balancer.
        let id = format!("{}-stuck", scene.namespace);
        let mut following = publish(&client, &command(&id, "helm.upgrade", spec("LoadBalancer"))?).await?;
        let waiting = |event: &OpEvent| event.step.as_ref().is_some_and(|step| step.id == "wait");
        until(&mut following, SOON, waiting).await?;
        client.cancel(&id).await?;
        let events = until(&mut following, SOON, |event| event.state.is_terminal()).await?;
        assert_eq!(events.last().map(|event| event.state), Some(State::Cancelled), "{events:#?}");
        let id = format!("{}-again", scene.namespace);
        let mut following = publish(&client, &command(&id, "helm.upgrade", spec("ClusterIP"))?).await?;
        let events = until(&mut following, SOON, |event| event.state.is_terminal()).await?;
        assert_eq!(events.last().map(|event| event.state), Some(State::Succeeded), "{events:#?}");
        Ok(())
    })
}

/// One of two agents feeds the always-on stream; when it stops, the other one
/// does. Many changes of one object end in its last state, at the set rate.
pub(crate) fn stream_has_one_source(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let url = server.url();
    let scene = agents.scene("stream")?;
    let settings = [
        ("NATS_URL", url.as_str()),
        ("K8S_WATCH_ENABLED", "true"),
        ("K8S_WATCH_KINDS", "configmaps,deployments.apps"),
        ("K8S_WATCH_NAMESPACES", &scene.namespace),
        ("K8S_WATCH_MAX_EVENTS_PER_SEC", "20"),
        ("K8S_WATCH_BATCH_TIMEOUT_MS", "50"),
        ("POD_NAMESPACE", &scene.namespace),
    ];
    let start = || Agent::start_with(&agents.binaries, &agents.plane, &settings);
    let plane = &agents.plane;
    block_on(async {
        let client = client(&server).await?;
        let mut stream = client.nats().subscribe(format!("ah.v1.{CLUSTER}.evt.core.ConfigMap")).await?;
        client.nats().flush().await?;
        let mut both = vec![start()?, start()?];
        let leads = |agent: &Agent| metric(agent.health, "ankra_agent_stream_leader") == Some(1.0);
        wait_until("one of them feeds the stream", || Ok(both.iter().filter(|a| leads(a)).count() == 1))?;
        let mut seen = Seen::default();
        plane.apply(&numbered(&scene.namespace, "busy", 0))?;
        read(&mut stream, &mut seen, "busy", "0").await?;
        let before = seen.events;
        let changes: Vec<_> = (1..=200).map(|number| numbered(&scene.namespace, "busy", number)).collect();
        plane.apply(&changes.join("---\n"))?;
        read(&mut stream, &mut seen, "busy", "200").await?;
        assert!(seen.events - before <= 200, "{} events of 200 changes", seen.events - before);

        let leader = both.iter().position(leads).ok_or("nobody leads")?;
        let gone = both.remove(leader);
        tokio::task::block_in_place(|| drop(gone));
        wait_until("the other one feeds the stream", || Ok(both.iter().all(leads)))?;
        plane.apply(&numbered(&scene.namespace, "later", 7))?;
        read(&mut stream, &mut seen, "later", "7").await?;
        assert_eq!(seen.objects.get("busy").map(String::as_str), Some("200"), "the sync shows it again");
        Ok(())
    })
}

/// Reads the stream until an object has this number.
async fn read(stream: &mut async_nats::Subscriber, seen: &mut Seen, name: &str, number: &str) -> Anything<()> {
    while seen.objects.get(name).is_none_or(|have| have != number) {
        let message = timeout(SOON, stream.next()).await.map_err(|_| format!("{name} {number} did not come"))?;
        let frame: WatchFrame = serde_json::from_slice(&message.ok_or("the stream ended")?.payload)?;
        seen.apply(frame);
    }
    Ok(())
}
