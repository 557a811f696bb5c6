//! Requests and commands in the names of users: with their rights, for those
//! whom NATS lets through, and only where it is switched on.

use std::time::Duration;

use ankra_helm::client::{Access, Client, Watch, connect};
use ankra_helm::protocol::{Code, user::User};
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::library::{block_on, config_maps, last};
use crate::scene::{Agent, Agents, Anything, CLUSTER, SOON};

/// `YW5uYQ` is anna; her client may publish in her name only.
const USERS: &str = r#"
accounts: { A: { jetstream: enabled, users: [
  { user: agent, password: a, permissions: {
    publish: ["ah.v1.test.ses.*.d", "ah.v1.test.as.*.ses.*.d", "ah.v1.test.op.>", "ah.v1.test.evt.>", "ah.v1.test.hb",
      "$JS.API.>", "$JS.ACK.AH_CMD.>", "$KV.AH_OPS.test.>", "$KV.AH_PRESENCE.test.>", "_INBOX.>", "_R_.>"],
    subscribe: ["ah.v1.test.req.>", "ah.v1.test.ses.*.c", "ah.v1.test.as.*.req.>", "ah.v1.test.as.*.ses.*.c",
      "ah.v1.test.op.*.cancel", "$SRV.>", "_INBOX.>"],
    allow_responses: true } },
  { user: anna, password: b, permissions: {
    publish: ["ah.v1.test.as.YW5uYQ.>", "$JS.API.>"],
    subscribe: ["ah.v1.test.as.YW5uYQ.ses.*.d", "_INBOX.>"] } },
  { user: all, password: c }
] } }
"#;

async fn client(server: &NatsServer, user: &str, password: &str) -> Anything<Client> {
    let (nats_user, nats_password) = (user.to_owned(), password.into());
    let access = Access { nats_url: server.url(), nats_user, nats_password, ..Access::default() };
    let client = Client::new(connect(&access).await?, "ah.v1", Some(CLUSTER)).await?;
    Ok(client.with_timeout(Duration::from_secs(5)))
}

async fn code_of(client: &Client, verb: &str, body: Value) -> Option<Code> {
    client.request::<Value>(verb, &body).await.err().map(|error| error.code)
}

/// How a command ends.
async fn outcome(client: &Client, command: Value) -> Anything<Value> {
    let mut following = client.command(&serde_json::from_value(command)?).await?;
    Ok(serde_json::to_value(last(&mut following, SOON).await?)?)
}

pub(crate) fn users_have_their_own_rights(agents: &Agents) -> Outcome {
    let scene = agents.scene("acting")?;
    let n = scene.namespace.as_str();
    let file = scene.work.path().join("nats.conf");
    std::fs::write(&file, USERS)?;
    let options = NatsOptions { jetstream: true, config: Some(file), ..NatsOptions::default() };
    let server = NatsServer::start(&agents.binaries, options)?;
    let url = server.url();
    let settings = [
        ("NATS_URL", url.as_str()),
        ("NATS_USER", "agent"),
        ("NATS_PASSWORD", "a"),
        ("IMPERSONATION_ENABLED", "true"),
        ("IMPERSONATION_USERS", "anna,bob"),
    ];
    let _agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    let verbs = "--verb=get,list,watch,create,patch";
    let _ = scene.kubectl(&["create", "role", "maps", verbs, "--resource=configmaps"])?.ok();
    let _ = scene.kubectl(&["create", "rolebinding", "maps", "--role=maps", "--user=anna"])?.ok();
    let _ = scene.kubectl(&["create", "secret", "generic", "safe", "--from-literal=a=b"])?.ok();
    let list = |resource: &str, namespace: &str| json!({"resource": resource, "namespaces": [namespace]});
    block_on(async {
        let plain = client(&server, "anna", "b").await?;
        let anna = plain.clone().acting_as(&User::new("anna")?);
        // What she may, and no more.
        let _: Value = anna.request("list", &list("configmaps", n)).await?;
        for (verb, body) in [
            ("list", list("secrets", n)),
            ("list", list("configmaps", "kube-system")),
            ("get", json!({"resource": "secrets", "namespace": n, "names": ["safe"]})),
            ("events", json!({"namespaces": [n]})),
            ("helm.list", json!({"namespace": n})),
            ("logs.open", json!({"namespace": n, "selector": "app=test", "follow": true})),
            ("helm.diff", json!({"verb": "helm.rollback", "spec": {"namespace": n, "release": "x"}})),
        ] {
            assert_eq!(code_of(&anna, verb, body).await, Some(Code::Forbidden), "{verb}");
        }
        let error = anna.request::<Value>("list", &list("secrets", n)).await.err().ok_or("no error")?;
        assert!(error.message.contains("\"anna\""), "{error}");
        let mut watch = Watch::open(&anna, config_maps(n)).await?;
        assert!(timeout(SOON, watch.next()).await??.is_some());
        watch.close().await;
        // In her own name only: NATS lets nothing else through.
        let bob = User::new("bob")?;
        let list = list("configmaps", n);
        for other in [&plain, &plain.clone().acting_as(&bob)] {
            assert_eq!(code_of(other, "list", list.clone()).await, Some(Code::Timeout));
        }
        // Who may publish for others still gets no more than they have, and the
        // agent's own list and the cluster's own users stand above it.
        let all = client(&server, "all", "c").await?;
        let _: Value = all.request("list", &list).await?;
        for user in ["bob", "carol"] {
            let code = code_of(&all.clone().acting_as(&User::new(user)?), "list", list.clone()).await;
            assert_eq!(code, Some(Code::Forbidden), "{user}");
        }
        for token in ["c3lzdGVtOmFkbWlu", "c3lzdGVtOm1hc3RlcnM", "YW5uYQ.as.YW5uYQ", "x"] {
            let subject = format!("ah.v1.{CLUSTER}.as.{token}.req.list");
            assert!(all.request_bytes(subject, &list).await.is_err(), "{token}");
        }
        // Commands go by the same rights, and the ledger names her.
        let manifest = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: hers, namespace: {n}}}\n");
        let apply = |id: &str, kind: &str| {
            json!({"op_id": format!("{n}-{id}"), "verb": "manifest.apply", "actor": "somebody else",
                "spec": {"namespace": n, "objects": {"manifest": manifest(kind)}}})
        };
        let done = outcome(&anna, apply("map", "ConfigMap")).await?;
        assert_eq!(done["state"], "succeeded", "{done}");
        let done = outcome(&anna, apply("secret", "Secret")).await?;
        assert_eq!((&done["state"], &done["error"]["code"]), (&json!("failed"), &json!("forbidden")), "{done}");
        let uninstall =
            json!({"op_id": format!("{n}-un"), "verb": "helm.uninstall", "spec": {"namespace": n, "release": "x"}});
        let done = outcome(&anna, uninstall).await?;
        assert_eq!((&done["state"], &done["error"]["code"]), (&json!("failed"), &json!("forbidden")), "{done}");
        let actors: Vec<_> = all.operations().await?.into_iter().map(|entry| entry.actor).collect();
        assert!(actors.len() == 3 && actors.iter().all(|actor| actor == "anna"), "{actors:?}");
        Ok(())
    })?;
    let ours = scene.ours.clone().with("NATS_URL", &url).with("NATS_USER", "anna").with("NATS_PASSWORD", "b");
    let get = |kind| ["agent", "get", kind, "--namespace", n, "--cluster", CLUSTER, "--kube-as-user", "anna"];
    assert!(ours.run(get("configmaps"))?.ok().contains("hers"));
    let error = ours.run(get("secrets"))?.fails(7);
    assert!(error.contains("anna"), "{error}");
    let error = ours.run([&get("configmaps")[..], &["--kube-as-group", "system:masters"]].concat())?.fails(1);
    assert!(error.contains("--kube-as-group"), "{error}");
    let error = ours.run(["list", "--agent", CLUSTER, "--namespace", n, "--kube-as-user", "anna"])?.fails(1);
    assert!(error.contains("\"anna\""), "{error}");
    Ok(())
}

/// An agent that is not told to act for users does not.
pub(crate) fn nobody_is_acted_for_unless_switched_on(agents: &Agents) -> Outcome {
    let scene = agents.scene("noact")?;
    let n = scene.namespace.as_str();
    block_on(async {
        let anna = crate::library::client(&agents.nats).await?.acting_as(&User::new("anna")?);
        let body = json!({"resource": "configmaps", "namespaces": [n]});
        let error = anna.request::<Value>("list", &body).await.err().ok_or("it was answered")?;
        assert_eq!(error.details["reason"], "cluster_offline", "{error}");
        let command = json!({"op_id": format!("{n}-off"), "verb": "helm.uninstall",
            "spec": {"namespace": n, "release": "x", "ignore_not_found": true}});
        assert!(anna.command(&serde_json::from_value(command)?).await.is_err());
        Ok(())
    })
}
