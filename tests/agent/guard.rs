//! No way in, and nothing secret out.

use std::time::Duration;

use ankra_helm::client::{Access, Client, Watch, connect};
use ankra_helm::protocol::Code;
use ankra_helm::protocol::command::Command;
use futures_util::StreamExt;
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer, Workdir};
use tokio::time::timeout;

use crate::library::{block_on, config_maps};
use crate::scene::{Agent, Agents, Anything, CLUSTER, http, wait_until};

/// A server whose users may do what docs/protocol.md says of agent, reader and
/// operator; one more may do all.
const USERS: &str = r#"
accounts: { A: { jetstream: enabled, users: [
  { user: agent, password: agent-word-51, permissions: {
    publish: ["ah.v1.test.ses.*.d", "ah.v1.test.op.>", "ah.v1.test.evt.>", "ah.v1.test.hb", "$JS.API.>",
      "$JS.ACK.AH_CMD.>", "$KV.AH_OPS.test.>", "$KV.AH_PRESENCE.test.>", "_INBOX.>", "_R_.>"],
    subscribe: ["ah.v1.test.req.>", "ah.v1.test.ses.*.c", "ah.v1.test.op.*.cancel", "$SRV.>", "_INBOX.>"],
    allow_responses: true } },
  { user: reader, password: reader-word-52, permissions: {
    publish: ["ah.v1.test.req.list", "ah.v1.test.req.get", "ah.v1.test.req.info", "ah.v1.test.req.watch.open",
      "ah.v1.test.ses.*.c", "$SRV.PING.ah-agent"],
    subscribe: ["ah.v1.test.ses.*.d", "_INBOX.>"] } },
  { user: stranger, password: stranger-word-53, permissions: {
    publish: ["ah.v1.other.>"], subscribe: ["ah.v1.other.>", "_INBOX.>"] } },
  { user: all, password: all-word-54 }
] } }
"#;

fn server(agents: &Agents, work: &Workdir) -> Anything<NatsServer> {
    let config = work.path().join("nats.conf");
    std::fs::write(&config, USERS)?;
    let options = NatsOptions { jetstream: true, config: Some(config), ..NatsOptions::default() };
    Ok(NatsServer::start(&agents.binaries, options)?)
}

async fn user(server: &NatsServer, name: &str, password: &str) -> Anything<Client> {
    let access = Access {
        nats_url: server.url(),
        nats_user: name.to_owned(),
        nats_password: password.into(),
        ..Access::default()
    };
    let client = Client::new(connect(&access).await?, "ah.v1", Some(CLUSTER)).await?;
    Ok(client.with_timeout(Duration::from_secs(3)))
}

fn guarded(agents: &Agents, server: &NatsServer, more: &[(&str, &str)]) -> testbed::Result<Agent> {
    let url = server.url();
    let mut settings = vec![("NATS_URL", url.as_str()), ("NATS_USER", "agent"), ("NATS_PASSWORD", "agent-word-51")];
    settings.extend_from_slice(more);
    Agent::start_with(&agents.binaries, &agents.plane, &settings)
}

/// The agent works with no more rights than documented; a client gets what its
/// subjects allow, and from the rest not even an answer.
pub(crate) fn client_without_the_right_gets_nothing(agents: &Agents) -> Outcome {
    let work = Workdir::new("guard")?;
    let server = server(agents, &work)?;
    let _agent = guarded(agents, &server, &[])?;
    let scene = agents.scene("guard")?;
    // A controller puts it into each namespace, a moment after it was made.
    let there = ["wait", "--for=create", "configmap/kube-root-ca.crt", "--timeout=60s"];
    let _ = scene.kubectl(&there)?.ok();
    block_on(async {
        let reader = user(&server, "reader", "reader-word-52").await?;
        let list = json!({"resource": "configmaps", "namespaces": [scene.namespace]});
        let listed: Value = reader.request("list", &list).await?;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
        let mut watch = Watch::open(&reader, config_maps(&scene.namespace)).await?;
        assert!(watch.next().await?.is_some());
        watch.close().await;
        for (verb, body) in [
            ("reveal", json!({"namespace": scene.namespace, "name": "x"})),
            ("helm.get", json!({"namespace": scene.namespace, "release": "x"})),
            ("events", json!({})),
        ] {
            let refused = reader.request::<Value>(verb, &body).await;
            assert!(refused.is_err_and(|error| error.code == Code::Timeout), "{verb}");
        }
        let command: Command = serde_json::from_value(json!({"op_id": format!("{}-no", scene.namespace),
            "verb": "manifest.apply", "spec": {"namespace": scene.namespace, "objects": {"manifest":
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: planted}\n"}}}))?;
        let refused = timeout(Duration::from_secs(20), reader.command(&command)).await;
        assert!(refused.is_ok_and(|given| given.is_err()), "a reader gave a command");

        let stranger = user(&server, "stranger", "stranger-word-53").await?;
        let refused = stranger.request::<Value>("info", &json!({})).await;
        assert!(refused.is_err_and(|error| error.code == Code::Timeout));
        let mut heard = stranger.nats().subscribe("ah.v1.>").await?;
        assert!(timeout(Duration::from_secs(3), heard.next()).await.is_err(), "a stranger hears heartbeats");

        let all = user(&server, "all", "all-word-54").await?;
        let mut following = all.command(&command).await?;
        while !following.next().await?.state.is_terminal() {}
        Ok(())
    })?;
    assert!(scene.kubectl(&["get", "configmaps"])?.ok().contains("planted"));
    Ok(())
}

/// Secrets are planted in the settings, the cluster, a release's values and a
/// command that fails; everything that the agent says is searched for them.
pub(crate) fn nothing_secret_leaves(agents: &Agents) -> Outcome {
    let work = Workdir::new("planted")?;
    let server = server(agents, &work)?;
    let scene = agents.scene("planted")?;
    let more = [("K8S_WATCH_ENABLED", "true"), ("K8S_WATCH_NAMESPACES", scene.namespace.as_str())];
    let agent = guarded(agents, &server, &[&more[..], &[("TOKEN", "planted-token-61")]].concat())?;
    let create = ["create", "secret", "generic", "safe", "--from-literal=word=planted-value-62"];
    let _ = scene.kubectl(&create)?.ok();
    let (_shelf, chart) = scene.serve_chart()?;
    let chart_with_password = chart.replace("http://", "http://me:planted-chart-63@");
    let mut heard = String::new();
    block_on(async {
        let all = user(&server, "all", "all-word-54").await?;
        let mut everything = all.nats().subscribe("ah.v1.>").await?;
        let mut replies = all.nats().subscribe("_INBOX.>").await?;
        all.nats().flush().await?;
        let mut open = config_maps(&scene.namespace);
        open.resources = vec!["secrets".to_owned()];
        let mut watch = Watch::open(&all, open).await?;
        for verb in ["list", "get"] {
            let request = json!({"resource": "secrets", "namespaces": [scene.namespace], "namespace": scene.namespace,
                "names": ["safe"], "projection": "full"});
            let _: Value = all.request(verb, &request).await?;
        }
        let _ = all.request::<Value>("reveal", &json!({"namespace": scene.namespace, "name": "safe"})).await;
        let values = json!({"replicas": "planted-value-64", "password": "planted-value-64"});
        for (id, chart, values) in [
            ("good", &chart, json!({"replicas": 0, "prepare": {"enabled": false}, "password": "planted-value-64"})),
            ("schema", &chart, values),
            ("gone", &chart_with_password.replace("site-", "gone-"), json!({})),
        ] {
            let command = serde_json::from_value(json!({"op_id": format!("{}-{id}", scene.namespace),
                "verb": "helm.upgrade", "spec": {"namespace": scene.namespace, "release": "shop", "install": true,
                "chart": {"name": chart}, "values": values}}))?;
            let mut following = all.command(&command).await?;
            while !following.next().await?.state.is_terminal() {}
        }
        for _ in 0..3 {
            let _ = timeout(Duration::from_secs(1), watch.next()).await;
        }
        watch.close().await;
        // Our own commands are not what the agent says.
        for stream in [&mut everything, &mut replies] {
            while let Ok(Some(message)) = timeout(Duration::from_millis(500), stream.next()).await {
                if !message.subject.contains(".cmd.") {
                    heard.push_str(&format!("{} {:?} ", message.subject, message.headers));
                    heard.push_str(&String::from_utf8_lossy(&message.payload));
                    heard.push('\n');
                }
            }
        }
        for entry in all.operations().await? {
            heard.push_str(&serde_json::to_string(&entry)?);
        }
        Ok(())
    })?;
    for path in ["/metrics", "/ready", "/health"] {
        heard.push_str(&http(agent.health, path).unwrap_or_default());
    }
    let mut log = String::new();
    wait_until("the log tells of the operations", || {
        log = agent.log()?;
        Ok(log.contains("operation ended"))
    })?;
    heard.push_str(&log);
    assert!(heard.contains("sha256:") && heard.contains(".evt.core.Secret"), "the Secret was not seen at all");
    for planted in [
        "planted-token-61",
        "planted-value-62",
        "cGxhbnRlZC12YWx1ZS02M", // planted-value-6x in base 64
        "planted-chart-63",
        "planted-value-64",
        "agent-word-51",
    ] {
        let at = heard.find(planted);
        let around = at.map(|at| {
            heard[heard.floor_char_boundary(at.saturating_sub(300))
                ..heard.ceil_char_boundary((at + 50).min(heard.len()))]
                .to_owned()
        });
        assert!(at.is_none(), "{planted} was told: {around:?}");
    }
    Ok(())
}
