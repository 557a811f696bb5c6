//! Commands that change the cluster, and the events that tell of them.

use serde_json::{Value, json};
use testbed::suite::Outcome;

use crate::scene::{Agents, Anything, CLUSTER, Scene, wait_until};

/// Publishes a command and returns the events of its operation, the last one
/// being the end.
fn command(scene: &Scene<'_>, id: &str, verb: &str, spec: Value) -> Anything<Vec<Value>> {
    let body = json!({"op_id": id, "verb": verb, "timeout_s": 120, "spec": spec}).to_string();
    let subject = format!("ah.v1.{CLUSTER}.cmd.{verb}");
    let header = format!("Nats-Msg-Id:{id}");
    let _ = scene.nats.run(&["publish", "--header", &header, &subject, &body])?.ok();
    let mut events = Vec::new();
    wait_until(&format!("{id} ends"), || {
        events = events_of(scene, id)?;
        Ok(events.last().is_some_and(is_end))
    })?;
    Ok(events)
}

fn is_end(event: &Value) -> bool {
    let ends = ["succeeded", "failed", "cancelled", "skipped", "unknown"];
    event["state"].as_str().is_some_and(|state| ends.contains(&state))
}

/// What the stream of events holds about one operation.
fn events_of(scene: &Scene<'_>, id: &str) -> Anything<Vec<Value>> {
    let subject = format!("ah.v1.{CLUSTER}.op.{id}");
    let heard = scene.nats.run(&["subscribe", "--raw", "--stream=AH_OP", "--all", "--wait=1s", &subject])?;
    let events = heard.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok(events)
}

fn state(events: &[Value]) -> &str {
    events.last().and_then(|event| event["state"].as_str()).unwrap_or_default()
}

/// Installed, upgraded and uninstalled by commands, and read in between by
/// Helm 4 and Helm 3.
pub(crate) fn release_of_the_agent_is_a_helm_release(agents: &Agents) -> Outcome {
    let scene = agents.scene("command")?;
    let (_shelf, chart) = scene.serve_chart()?;
    let spec = |replicas: u32| {
        json!({"namespace": scene.namespace, "release": "shop", "wait": true,
            "chart": {"name": chart}, "values": {"replicas": replicas}})
    };
    let events = command(&scene, "op-install", "helm.install", spec(1))?;
    assert_eq!(state(&events), "succeeded", "{events:?}");
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");

    for helm in [&scene.helm4, &scene.helm3] {
        let listed: Value = serde_json::from_str(&helm.run(["list", "--output=json"])?.ok())?;
        assert_eq!(listed[0]["name"], "shop");
        assert_eq!(listed[0]["status"], "deployed");
        assert!(helm.run(["get", "manifest", "shop"])?.ok().contains("kind: Deployment"));
    }
    let events = command(&scene, "op-upgrade", "helm.upgrade", spec(2))?;
    assert_eq!(state(&events), "succeeded", "{events:?}");
    let _ = scene.helm4.run(["rollback", "shop", "1", "--wait"])?.ok();
    let history: Value = serde_json::from_str(&scene.helm3.run(["history", "shop", "--output=json"])?.ok())?;
    assert_eq!(history.as_array().map(Vec::len), Some(3));
    let uninstall = json!({"namespace": scene.namespace, "release": "shop", "wait": true});
    let events = command(&scene, "op-uninstall", "helm.uninstall", uninstall)?;
    assert_eq!(state(&events), "succeeded", "{events:?}");
    assert_eq!(scene.helm4.run(["list", "--short"])?.ok(), "");
    Ok(())
}

/// A client that is not sure whether its command arrived sends it again.
pub(crate) fn same_command_twice_is_done_once(agents: &Agents) -> Outcome {
    let scene = agents.scene("twice")?;
    let (_shelf, chart) = scene.serve_chart()?;
    let spec = json!({"namespace": scene.namespace, "release": "shop", "install": true,
        "chart": {"name": chart}, "values": {"replicas": 0, "prepare": {"enabled": false}}});
    let first = command(&scene, "op-twice", "helm.upgrade", spec.clone())?;
    assert_eq!(state(&first), "succeeded", "{first:?}");
    let again = command(&scene, "op-twice", "helm.upgrade", spec)?;
    assert_eq!(first, again);
    let history: Value = serde_json::from_str(&scene.helm4.run(["history", "shop", "--output=json"])?.ok())?;
    assert_eq!(history.as_array().map(Vec::len), Some(1));
    Ok(())
}

pub(crate) fn failure_is_told(agents: &Agents) -> Outcome {
    let scene = agents.scene("failure")?;
    let (_shelf, chart) = scene.serve_chart()?;
    let spec = |chart: &str, values: Value| json!({"namespace": scene.namespace, "release": "shop", "chart": {"name": chart}, "values": values});
    let events = command(&scene, "op-schema", "helm.install", spec(&chart, json!({"replicas": "many"})))?;
    assert_eq!(state(&events), "failed", "{events:?}");
    let error = events.last().ok_or("no event")?["error"].to_string();
    assert!(error.contains("replicas"), "{error}");
    let gone = chart.replace("site-0.3.1", "gone-1.0.0");
    let events = command(&scene, "op-gone", "helm.install", spec(&gone, json!({})))?;
    assert_eq!(state(&events), "failed", "{events:?}");
    let error = events.last().ok_or("no event")?["error"].to_string();
    assert!(error.contains("gone-1.0.0"), "{error}");
    assert_eq!(scene.helm4.run(["list", "--short"])?.ok(), "");
    Ok(())
}
