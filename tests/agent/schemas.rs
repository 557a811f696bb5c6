//! docs/schemas/ah-1.json against real messages: each one that goes over NATS
//! here must fit its definition, and have no field that is not described.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::Message;
use charts::schema::{LocalResolver, validate_single};
use futures_util::StreamExt;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::library::{block_on, client};
use crate::scene::{Agent, Agents, Anything};

/// The definitions, none of which allows fields that it does not name.
pub(crate) fn definitions() -> Anything<Value> {
    let text = include_str!("../../docs/schemas/ah-1.json");
    let mut all: Value = serde_json::from_str(text)?;
    close(&mut all);
    Ok(all["$defs"].take())
}

fn close(schema: &mut Value) {
    if let Value::Object(map) = schema {
        if map.contains_key("properties") && map.get("type").is_some_and(|kind| kind == "object") {
            map.insert("additionalProperties".to_owned(), Value::from(false));
        }
        map.values_mut().for_each(close);
    } else if let Value::Array(list) = schema {
        list.iter_mut().for_each(close);
    }
}

/// What a message's schema says against it.
pub(crate) fn complaint(definitions: &Value, name: &str, message: &Value) -> Option<String> {
    if definitions.get(name).is_none() {
        return Some(format!("there is no definition {name}"));
    }
    // The root is an object, whatever the message is.
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": {"m": {"$ref": format!("#/$defs/{name}")}}, "$defs": definitions});
    let text = json!({"m": message}).to_string();
    let map = charts::values::load_values(text.as_bytes(), charts::Compat::Helm4).ok()?;
    let checked = validate_single(&map, schema.to_string().as_bytes(), charts::Compat::Helm4, &LocalResolver);
    checked.err().map(|error| format!("{name}: {error}\n{message:#}"))
}

/// The definition of a message by the end of its subject.
fn name_of(message: &Message) -> Option<String> {
    let words: Vec<_> = message.subject.split('.').collect();
    let control = message.headers.as_ref().and_then(|headers| headers.get("Ah-T")).is_some();
    match words.get(3..)? {
        ["req", verb @ ..] => Some(format!("req.{}", verb.join("."))),
        ["ses", _, "c"] => Some("ses.control".to_owned()),
        ["ses", session, "d"] if session.starts_with("log") => control.then(|| "ses.logs".to_owned()),
        ["ses", _, "d"] | ["evt", ..] => Some("ses.watch".to_owned()),
        ["cmd", ..] => Some("cmd".to_owned()),
        ["op", _] => Some("op".to_owned()),
        ["hb"] => Some("hb".to_owned()),
        _ => None,
    }
}

pub(crate) fn messages_fit_their_schemas(agents: &Agents) -> Outcome {
    let server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let scene = agents.scene("schemas")?;
    let url = server.url();
    let settings = [
        ("NATS_URL", url.as_str()),
        ("SECRETS_REVEAL", "true"),
        ("K8S_WATCH_ENABLED", "true"),
        ("K8S_WATCH_NAMESPACES", scene.namespace.as_str()),
    ];
    let _agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    scene.pods(&["talker".to_owned()])?;
    let _ = scene.kubectl(&["create", "secret", "generic", "safe", "--from-literal=a=b"])?.ok();
    let (_shelf, chart) = scene.serve_chart()?;
    let definitions = definitions()?;
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    let mut look = |name: &str, message: &Value| {
        seen.insert(name.to_owned());
        wrong.extend(complaint(&definitions, name, message));
    };
    block_on(async {
        let client = client(&server).await?;
        let mut everything = client.nats().subscribe("ah.v1.>").await?;
        let n = scene.namespace.as_str();
        for (id, verb, spec) in [
            ("one", "helm.install", json!({"release": "shop", "chart": {"name": chart}, "values": {"replicas": 0}})),
            ("two", "helm.upgrade", json!({"release": "shop", "chart": {"name": "https://127.0.0.1:1/x.tgz"}})),
            (
                "three",
                "manifest.apply",
                json!({"objects": {"manifest":
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {n}}}\n")}}),
            ),
        ] {
            let mut command = json!({"op_id": format!("{n}-{id}"), "verb": verb, "spec": spec});
            command["spec"]["namespace"] = json!(n);
            let mut following = client.command(&serde_json::from_value(command)?).await?;
            while !following.next().await?.state.is_terminal() {}
        }
        for (verb, body) in [
            ("info", json!({})),
            ("kinds", json!({})),
            ("list", json!({"resource": "pods", "namespaces": [n]})),
            ("list", json!({"gvk": {"kind": "Pod", "version": "v1"}, "projection": "full", "limit": 1})),
            ("get", json!({"resource": "pods", "namespace": n, "names": ["talker", "absent"]})),
            ("events", json!({"namespaces": [n], "kind": "Pod", "limit": 5})),
            ("top", json!({"of": "nodes"})),
            ("reveal", json!({"namespace": n, "name": "safe"})),
            ("helm.list", json!({"namespace": n, "statuses": ["deployed"]})),
            ("helm.history", json!({"namespace": n, "release": "shop", "max": 3})),
            ("helm.get", json!({"namespace": n, "release": "shop", "live": true})),
            ("helm.values", json!({"namespace": n, "release": "shop", "all": true})),
            (
                "helm.diff",
                json!({"verb": "helm.upgrade", "against": "manifest",
                "spec": {"namespace": n, "release": "shop", "chart": {"name": chart}, "values": {"replicas": 3}}}),
            ),
            ("helm.diff", json!({"verb": "helm.rollback", "spec": {"namespace": n, "release": "shop", "revision": 1}})),
            ("helm.get", json!({"namespace": n, "release": "absent"})),
            ("watch.open", json!({"session": "watch1", "resources": ["pods"], "namespaces": [n], "ttl_s": 2})),
            ("list", json!({"resource": "pods", "namespaces": [n], "sort": ["-created", ".spec.nodeName"]})),
            (
                "logs.open",
                json!({"session": "log1", "namespace": n, "pod": "talker", "ttl_s": 2,
                "resume": {"departed/main": {"ts": "2026-01-01T00:00:00Z", "n": 1}}}),
            ),
        ] {
            match client.request::<Value>(verb, &body).await {
                Ok(reply) => look(&format!("req.{verb}.reply"), &reply),
                Err(error) => look("error", &json!({"error": error})),
            }
        }
        for frame in [json!({"t": "credit", "n": 5}), json!({"t": "keep"})] {
            client.nats().publish("ah.v1.test.ses.watch1.c", frame.to_string().into()).await?;
        }
        for entry in client.operations().await? {
            look("ledger", &serde_json::to_value(entry)?);
        }
        // Long enough for the sessions to end by themselves.
        while let Ok(Some(message)) = timeout(Duration::from_secs(4), everything.next()).await {
            let ends = message.subject.ends_with(".hb") && seen_all(&message);
            if let Some(name) = name_of(&message) {
                look(&name, &serde_json::from_slice(&message.payload).unwrap_or(json!({})));
            }
            if ends {
                break;
            }
        }
        Ok(())
    })?;
    assert!(wrong.is_empty(), "{} messages do not fit:\n{}", wrong.len(), wrong.join("\n"));
    for name in [
        "cmd",
        "op",
        "hb",
        "ledger",
        "error",
        "ses.watch",
        "ses.logs",
        "ses.control",
        "req.list",
        "req.list.reply",
        "req.get.reply",
        "req.kinds.reply",
        "req.info.reply",
        "req.events.reply",
        "req.reveal.reply",
        "req.helm.list.reply",
        "req.helm.get.reply",
        "req.helm.history.reply",
        "req.helm.values.reply",
        "req.helm.diff.reply",
        "req.watch.open",
        "req.watch.open.reply",
        "req.logs.open.reply",
    ] {
        assert!(seen.contains(name), "no {name} went over NATS: {seen:?}");
    }
    Ok(())
}

/// Heartbeats go on for ever: one that comes this late is the last.
fn seen_all(heartbeat: &Message) -> bool {
    let beat: Value = serde_json::from_slice(&heartbeat.payload).unwrap_or_default();
    beat["sessions"] == json!(0) && beat["uptime_s"].as_u64().is_some_and(|s| s > 8)
}

/// Checking the checker: a field too many and a word that is none are found.
pub(crate) fn schemas_find_what_is_wrong(_agents: &Agents) -> Outcome {
    let definitions = definitions()?;
    let good = json!({"t": "credit", "n": 5});
    assert_eq!(complaint(&definitions, "ses.control", &good), None);
    for (name, bad) in [
        ("ses.control", json!({"t": "credit"})),
        ("ses.control", json!({"t": "credit", "n": 5, "more": 1})),
        ("cmd", json!({"op_id": "a.b", "verb": "helm.install", "spec": {"namespace": "n"}})),
        ("req.list", json!({"projection": "half"})),
    ] {
        assert!(complaint(&definitions, name, &bad).is_some(), "{name} {bad}");
    }
    Ok(())
}
