//! What is broken, or made to break something, on every subject that the agent
//! listens to: requests, commands, the control of a session, the end of an
//! operation. Each message is refused in words or left alone, and the agent
//! goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use ankra_helm::client::{Client, Watch};
use ankra_helm::protocol::Code;
use ankra_helm::protocol::command::{Command, OpEvent, State, Verb};
use ankra_helm::protocol::user::User;
use futures_util::StreamExt;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use tokio::time::timeout;

use crate::faults::nats;
use crate::library::{Seen, block_on, client, config_maps, last, numbered};
use crate::scene::{Agent, Agents, Anything, SOON, http_status, metric};

/// Deeper than anything that is meant.
const DEPTH: usize = 10_000;
/// Most that memory may grow by, in bytes.
const GROWTH: f64 = 48.0 * 1024.0 * 1024.0;

/// Bodies that nobody can take.
fn broken() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| [open.repeat(DEPTH), close.repeat(DEPTH)].concat().into_bytes();
    vec![
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"3".to_vec(),
        b"{\"resource\": 3, \"of\": 3, \"namespace\": 3, \"namespaces\": 3, \"t\": 3, \"op_id\": 3}".to_vec(),
        b"{\"resource\": \"\xff\", \"of\": \"\xff\", \"namespace\": \"\xff\", \"namespaces\": [\"\xff\"]}".to_vec(),
        b"\0\x01".to_vec(),
        b"{} {}".to_vec(),
        deep("[", "]"),
        deep("{\"spec\":", "}"),
    ]
}

/// Names that would lead to another path, or another question, of the API
/// server.
const ESCAPES: [&str; 9] =
    ["..", "../secrets", "a/b", "a?watch=1", "a#b", "a%2fb", "a\nb", "default&limit=1", "\u{202e}txt"];

/// The subjects of requests, as the agent itself names them to NATS.
async fn subjects(client: &Client) -> Anything<Vec<String>> {
    let answer = client.nats().request("$SRV.INFO", "".into()).await?;
    let info: Value = serde_json::from_slice(&answer.payload)?;
    let endpoints = info["endpoints"].as_array().cloned().unwrap_or_default();
    Ok(endpoints.iter().filter_map(|endpoint| Some(endpoint["subject"].as_str()?.to_owned())).collect())
}

async fn ask(client: &Client, subject: &str, body: Vec<u8>) -> Anything<Value> {
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
    let answer = timeout(SOON, client.nats().request(subject.to_owned(), body.into())).await;
    let answer = answer.map_err(|_| format!("{subject} does not answer to {shown:?}"))??;
    Ok(serde_json::from_slice(&answer.payload)?)
}

pub(crate) fn every_verb_refuses_what_is_broken(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let memory = || metric(agent.health, "process_resident_memory_bytes").unwrap_or(f64::MAX);
    block_on(async {
        let client = client(&server).await?;
        let subjects = subjects(&client).await?;
        assert_eq!(subjects.len(), 14, "{subjects:?}");
        let _: Value = client.request("list", &json!({"resource": "pods"})).await?;
        let before = memory();
        broken_is_refused(&client, &subjects).await?;
        escapes(&client).await?;
        let grown = memory() - before;
        assert!(grown < GROWTH, "{grown} bytes more");
        assert_eq!(http_status(agent.health, "/ready"), Some(200));
        let _: Value = client.request("list", &json!({"resource": "pods"})).await?;
        Ok(())
    })
}

async fn broken_is_refused(client: &Client, subjects: &[String]) -> Outcome {
    for subject in subjects {
        // No body asks for nothing in particular.
        let _ = ask(client, subject, Vec::new()).await?;
        for body in broken() {
            // Who wants no answer cannot be told.
            client.nats().publish(subject.clone(), body.clone().into()).await?;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let answer = ask(client, subject, body).await?;
            // Nothing is asked of these two: what stands there is not read.
            let unread = [".info", ".kinds"].iter().any(|verb| subject.ends_with(verb));
            let wanted = if unread { Value::Null } else { "invalid".into() };
            assert_eq!(answer["error"]["code"], wanted, "{subject} to {shown:?}: {answer}");
        }
    }
    Ok(())
}

/// The same on the subjects of users, where requests in their names are taken.
pub(crate) fn users_are_refused_what_is_broken(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let url = server.url();
    let settings = [("NATS_URL", url.as_str()), ("IMPERSONATION_ENABLED", "true")];
    let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    // With every right, so that nothing is refused for the lack of one.
    let scene = agents.scene("hostile-user")?;
    let binding = ["create", "clusterrolebinding", "mallory", "--clusterrole=cluster-admin", "--user=mallory"];
    let _ = scene.kubectl(&binding)?.ok();
    block_on(async {
        let plain = client(&server).await?;
        let user = plain.clone().acting_as(&User::new("mallory")?);
        let verbs = subjects(&plain).await?;
        let mine = |subject: &String| Some(user.subjects().request(subject.split_once(".req.")?.1));
        let subjects: Vec<String> = verbs.iter().filter(|verb| !verb.contains(".as.")).filter_map(mine).collect();
        assert!(subjects.len() == 14 && subjects.iter().all(|subject| subject.contains(".as.")), "{subjects:?}");
        broken_is_refused(&user, &subjects).await?;
        escapes(&user).await?;
        assert_eq!(http_status(agent.health, "/ready"), Some(200));
        let _: Value = plain.request("list", &json!({"resource": "pods"})).await?;
        Ok(())
    })
}

/// Nothing that is named leads out of its place in a path.
async fn escapes(client: &Client) -> Outcome {
    for name in ESCAPES {
        let of = |verb: &str, body: Value| (client.subjects().request(verb), body);
        let asked = [
            of("list", json!({"resource": "configmaps", "namespaces": [name]})),
            of("list", json!({"resource": name})),
            of("get", json!({"resource": "configmaps", "namespace": name, "names": ["a"]})),
            of("get", json!({"resource": "configmaps", "namespace": "default", "names": [name]})),
            of("reveal", json!({"namespace": "default", "name": name})),
            of("reveal", json!({"namespace": name, "name": "a"})),
            of("events", json!({"namespaces": [name]})),
            of("top", json!({"resource": "pods", "namespaces": [name]})),
            of("helm.list", json!({"namespace": name})),
            of("helm.get", json!({"namespace": "default", "release": name})),
            of("helm.get", json!({"namespace": name, "release": "a"})),
            of("helm.history", json!({"namespace": name, "release": "a"})),
            of("helm.values", json!({"namespace": "default", "release": name})),
            of("helm.diff", json!({"verb": "helm.rollback", "spec": {"namespace": name, "release": "a"}})),
            of("watch.open", json!({"session": "hostile", "resources": ["pods"], "namespaces": [name]})),
            of("logs.open", json!({"session": "hostile", "namespace": name, "pod": "a"})),
            of("logs.open", json!({"session": "hostile", "namespace": "default", "pod": name})),
        ];
        for (subject, body) in asked {
            let answer = ask(client, &subject, body.to_string().into_bytes()).await?;
            let fits = match answer["error"]["code"].as_str().unwrap_or_default() {
                "invalid" => true,
                // The whole name was looked for, and nothing else.
                "not_found" => says(&answer["error"]["message"], name),
                // Where nothing is revealed, nothing is looked at.
                "forbidden" => subject.ends_with(".reveal"),
                _ => false,
            };
            assert!(fits, "{subject} to {body}: {answer}");
        }
    }
    Ok(())
}

/// Whether a message has this name in it, as it is, or as Rust or Go quotes it.
fn says(message: &Value, name: &str) -> bool {
    let rust = format!("{name:?}");
    let go = rust.replace(['{', '}'], "");
    let forms = [name, rust.trim_matches('"'), go.trim_matches('"')];
    message.as_str().is_some_and(|text| forms.iter().any(|form| text.contains(form)))
}

/// Commands that are broken are taken off the stream, those with an id with a
/// result: none stands in the way of what follows.
pub(crate) fn every_command_refuses_what_is_broken(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    block_on(async {
        let client = client(&server).await?;
        let mut told = client.nats().subscribe(client.subjects().operations()).await?;
        client.nats().flush().await?;
        for verb in Verb::ALL {
            let word = serde_json::to_value(verb)?;
            let word = word.as_str().unwrap_or_default();
            for body in broken() {
                client.nats().publish(client.subjects().command(word), body.into()).await?;
            }
            for (number, name) in ESCAPES.into_iter().enumerate() {
                let objects = json!({"resource": name, "names": [name], "patch": {}, "replicas": 1});
                let spec = json!({"namespace": name, "release": name, "chart": {"name": name}, "objects": objects});
                let id = format!("{}-{number}", word.replace('.', "-"));
                let body = json!({"op_id": id, "verb": word, "spec": spec});
                client.nats().publish(client.subjects().command(word), body.to_string().into()).await?;
            }
        }
        client.nats().flush().await?;
        let mut ended = BTreeSet::new();
        while ended.len() < Verb::ALL.len() * ESCAPES.len() {
            let message = timeout(SOON, told.next()).await.map_err(|_| format!("only these have ended: {ended:?}"))?;
            let event: OpEvent = serde_json::from_slice(&message.ok_or("nothing more is told")?.payload)?;
            if event.state.is_terminal() {
                let code = event.error.as_ref().map(|error| error.code);
                assert_eq!((event.state, code), (State::Failed, Some(Code::Invalid)), "{event:?}");
                ended.insert(event.op_id);
            }
        }
        let spec = json!({"namespace": "default", "release": "absent", "ignore_not_found": true});
        let good: Command =
            serde_json::from_value(json!({"op_id": "after-all", "verb": "helm.uninstall", "spec": spec}))?;
        let mut following = client.command(&good).await?;
        let ended = last(&mut following, Duration::from_secs(60)).await?;
        assert_eq!(ended.state, State::Succeeded, "{ended:?}");
        assert_eq!(http_status(agent.health, "/ready"), Some(200));
        Ok(())
    })
}

/// What is broken on the way to a session or an operation neither ends nor
/// starves it.
pub(crate) fn sessions_and_operations_go_on(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let _agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("hostile")?;
    let namespace = &scene.namespace;
    block_on(async {
        let client = client(&server).await?;
        let subjects = client.subjects();
        let mut heard = client.nats().subscribe(subjects.session_data("*")).await?;
        let mut watch = Watch::open(&client, config_maps(namespace)).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        let data = heard.next().await.ok_or("nothing is heard")?.subject;
        let session = data.split('.').nth_back(1).ok_or("no session")?;
        let (control, cancel) = (subjects.session_control(session), subjects.cancel("nothing"));
        let frames = [
            json!({"t": "credit", "n": -1}),
            json!({"t": "credit", "n": u64::MAX}),
            json!({"t": "credit", "n": "many"}),
            json!({"t": "credit"}),
            json!({"t": "Cancel"}),
            json!({"n": 1}),
        ];
        let frames = frames.iter().map(|frame| frame.to_string().into_bytes());
        for body in broken().into_iter().chain(frames) {
            client.nats().publish(control.clone(), body.clone().into()).await?;
            client.nats().publish(cancel.clone(), body.into()).await?;
        }
        client.nats().flush().await?;
        for number in 1..=3u32 {
            agents.plane.apply(&numbered(namespace, "a", number))?;
            let wanted = number.to_string();
            let is = |seen: &Seen| seen.objects.get("a").is_some_and(|n| *n == wanted);
            seen.until(&mut watch, "a change after what is broken", is).await?;
        }
        let spec = json!({"namespace": namespace, "release": "absent", "ignore_not_found": true});
        let good = json!({"op_id": format!("{namespace}-good"), "verb": "helm.uninstall", "spec": spec});
        let mut following = client.command(&serde_json::from_value(good)?).await?;
        let ended = last(&mut following, SOON).await?;
        assert_eq!(ended.state, State::Succeeded, "{ended:?}");
        watch.close().await;
        Ok(())
    })
}
