//! Straight to NATS in each way that it can be protected: who the agent is, and
//! how what they say is kept from others.

use ankra_helm::client::{Access, Client, Watch, connect};
use nkeys::KeyPair;
use testbed::ports;
use testbed::suite::Outcome;

use crate::library::{Seen, block_on, config_maps, numbered};
use crate::proxy::{certificates, server};
use crate::scene::{Agent, Agents, CLUSTER, http, wait_until};

/// One way to NATS.
struct Way {
    /// The lines of the server's configuration.
    config: String,
    /// Where it is, if not at the server's own port.
    url: Option<String>,
    /// What the agent and the client are told.
    settings: Vec<(&'static str, String)>,
    /// The same with something that does not fit.
    wrong: Vec<(&'static str, String)>,
}

/// An agent is ready, and a client of it reads and watches, by credentials of
/// each kind and by each kind of connection. With what does not fit it is told
/// why, and no secret stands in the log.
pub(crate) fn nats_is_reached_in_each_way(agents: &Agents) -> Outcome {
    let scene = agents.scene("ways")?;
    let [ca, cert, key] = certificates(&scene)?;
    let [web, secure_web] = ports::free()?;
    let (user, other) = (KeyPair::new_user(), KeyPair::new_user());
    let tls = format!("cert_file: \"{cert}\", key_file: \"{key}\"");
    let set = |pairs: &[(&'static str, &str)]| pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let trusting: Vec<(&'static str, String)> = set(&[("NATS_CA_FILE", &ca)]);
    let ways = [
        Way {
            config: format!("authorization {{ users: [ {{ nkey: {} }} ] }}\n", user.public_key()),
            url: None,
            settings: set(&[("NATS_NKEY_SEED", &user.seed()?)]),
            wrong: set(&[("NATS_NKEY_SEED", &other.seed()?)]),
        },
        Way {
            config: "authorization { token: \"token-word-61\" }\n".to_owned(),
            url: None,
            settings: set(&[("NATS_TOKEN", "token-word-61")]),
            wrong: set(&[("NATS_TOKEN", "token-word-62")]),
        },
        Way {
            config: "authorization { user: agent, password: \"pass-word-63\" }\n".to_owned(),
            url: None,
            settings: set(&[("NATS_USER", "agent"), ("NATS_PASSWORD", "pass-word-63")]),
            wrong: set(&[("NATS_USER", "agent"), ("NATS_PASSWORD", "pass-word-64")]),
        },
        Way { config: format!("tls {{ {tls} }}\n"), url: None, settings: trusting.clone(), wrong: Vec::new() },
        Way {
            config: format!("tls {{ {tls}, ca_file: \"{ca}\", verify: true }}\n"),
            url: None,
            settings: set(&[("NATS_CA_FILE", &ca), ("NATS_CERT_FILE", &cert), ("NATS_KEY_FILE", &key)]),
            wrong: trusting.clone(),
        },
        Way {
            config: format!("websocket {{ port: {web}, no_tls: true }}\n"),
            url: Some(format!("ws://127.0.0.1:{web}")),
            settings: Vec::new(),
            wrong: Vec::new(),
        },
        Way {
            config: format!("websocket {{ port: {secure_web}, tls {{ {tls} }} }}\n"),
            url: Some(format!("wss://127.0.0.1:{secure_web}")),
            settings: trusting,
            wrong: Vec::new(),
        },
    ];
    for (number, way) in ways.iter().enumerate() {
        let server = server(agents, &scene, &format!("way-{number}"), &way.config)?;
        let url = way.url.clone().unwrap_or_else(|| server.url());
        let named = |settings: &[(&'static str, String)]| {
            let settings = settings.iter().cloned();
            [("NATS_URL", url.clone())].into_iter().chain(settings).collect::<Vec<_>>()
        };
        let settings = named(&way.settings);
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)
            .map_err(|error| format!("{}: {error}", way.config))?;
        let client = settings.iter().fold(scene.ours.clone(), |client, (name, value)| client.with(name, value));
        let shown = client.run(["agent", "get", "namespaces"])?.ok();
        assert!(shown.contains("kube-system"), "{}: {shown}", way.config);
        watched(agents, &scene.namespace, access(&settings), u32::try_from(number)?)?;
        let mut log = agent.log()?;
        if !way.wrong.is_empty() || way.settings.iter().any(|(name, _)| *name == "NATS_CA_FILE") {
            let wrong = named(&way.wrong);
            let wrong: Vec<_> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let agent = Agent::launch(&agents.binaries, &agents.plane, &wrong)?;
            wait_until("/ready says why not", || {
                let answer = http(agent.health, "/ready").unwrap_or_default().to_lowercase();
                let said = ["authorization", "certificate", "tls"].iter().any(|word| answer.contains(word));
                Ok(answer.starts_with("http/1.1 503") && said)
            })
            .map_err(|error| format!("{}: {error}", way.config))?;
            log.push_str(&agent.log()?);
        }
        for secret in [user.seed()?, other.seed()?].iter().map(String::as_str).chain(["-word-6"]) {
            assert!(!log.contains(secret), "{}: the log holds a secret", way.config);
        }
    }
    Ok(())
}

/// The same settings for the library.
fn access(settings: &[(&str, &str)]) -> Access {
    let get = |wanted: &str| settings.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
    let text = |wanted: &str| get(wanted).unwrap_or_default();
    Access {
        nats_url: text("NATS_URL"),
        nats_nkey: text("NATS_NKEY_SEED").into(),
        nats_user: text("NATS_USER"),
        nats_password: text("NATS_PASSWORD").into(),
        nats_token: text("NATS_TOKEN").into(),
        nats_ca: get("NATS_CA_FILE").map(Into::into),
        nats_cert: get("NATS_CERT_FILE").map(Into::into),
        nats_key: get("NATS_KEY_FILE").map(Into::into),
        ..Access::default()
    }
}

/// A change comes by a watch of that connection.
fn watched(agents: &Agents, namespace: &str, access: Access, number: u32) -> Outcome {
    block_on(async {
        let client = Client::new(connect(&access).await?, "ah.v1", Some(CLUSTER)).await?;
        let mut watch = Watch::open(&client, config_maps(namespace)).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        agents.plane.apply(&numbered(namespace, "way", number))?;
        let is = |seen: &Seen| seen.objects.get("way").is_some_and(|n| *n == number.to_string());
        seen.until(&mut watch, "a change", is).await?;
        watch.close().await;
        Ok(())
    })
}
