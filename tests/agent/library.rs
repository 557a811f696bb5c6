//! The client library against the agent: slow readers, lost connections,
//! replies in parts.

use std::collections::BTreeMap;
use std::time::Duration;

use ankra_helm::client::{Access, Client, Following, LogItem, Logs, Watch, connect};
use ankra_helm::protocol::command::OpEvent;
use ankra_helm::protocol::logs::{LogsRequest, Place};
use ankra_helm::protocol::read::{GetReply, GetRequest, KindRef, Projection};
use ankra_helm::protocol::watch::{Op, WatchFrame, WatchRequest};
use serde_json::{Value, json};
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::scene::{Agent, Agents, Anything, CLUSTER, SOON};

/// Runs an async test.
pub(crate) fn block_on(test: impl Future<Output = Anything<()>>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(test)
}

pub(crate) async fn client(server: &NatsServer) -> Anything<Client> {
    client_at(&server.url()).await
}

/// A client that knows NATS by this address.
pub(crate) async fn client_at(url: &str) -> Anything<Client> {
    let access = Access { nats_url: url.to_owned(), ..Access::default() };
    Ok(Client::new(connect(&access).await?, "ah.v1", Some(CLUSTER)).await?)
}

/// The last event of an operation: how it ended.
pub(crate) async fn last(following: &mut Following, limit: Duration) -> Anything<OpEvent> {
    loop {
        let event = timeout(limit, following.next()).await.map_err(|_| "the operation has no end")??;
        if event.state.is_terminal() {
            return Ok(event);
        }
    }
}

pub(crate) fn config_maps(namespace: &str) -> WatchRequest {
    WatchRequest {
        resources: vec!["configmaps".to_owned()],
        namespaces: vec![namespace.to_owned()],
        projection: Projection::Full,
        ..WatchRequest::default()
    }
}

/// A config map with a number in it.
pub(crate) fn numbered(namespace: &str, name: &str, number: u32) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{number: '{number}'}}\n"
    )
}

/// The objects that a watch has shown, as a client keeps them.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) objects: BTreeMap<String, String>,
    /// What a sync has not repeated yet.
    stale: Vec<String>,
    pub(crate) events: usize,
    pub(crate) synced: bool,
}

impl Seen {
    pub(crate) fn apply(&mut self, frame: WatchFrame) {
        match frame {
            WatchFrame::SyncBegin { .. } => self.stale = self.objects.keys().cloned().collect(),
            WatchFrame::SyncEnd { .. } => {
                for name in std::mem::take(&mut self.stale) {
                    self.objects.remove(&name);
                }
                self.synced = true;
            }
            WatchFrame::Batch { events, .. } => {
                for event in events {
                    self.events += 1;
                    let name = event.key.rsplit('/').next().unwrap_or_default().to_owned();
                    self.stale.retain(|stale| *stale != name);
                    if event.op == Op::Del {
                        self.objects.remove(&name);
                    } else {
                        let n = event.obj["data"]["number"].as_str().unwrap_or_default();
                        self.objects.insert(name, n.to_owned());
                    }
                }
            }
            _ => {}
        }
    }

    /// Reads frames until the objects are as they should be.
    pub(crate) async fn until(&mut self, watch: &mut Watch, what: &str, done: impl Fn(&Seen) -> bool) -> Anything<()> {
        while !done(self) {
            let frame = timeout(SOON, watch.next()).await.map_err(|_| format!("not in time: {what}"))??;
            self.apply(frame.ok_or("the watch ended")?);
        }
        Ok(())
    }
}

/// A client that takes nothing while an object changes a hundred times gets
/// its last state, not a hundred, and the deletion of another.
pub(crate) fn slow_reader_gets_the_last_state(agents: &Agents) -> Outcome {
    let scene = agents.scene("slow")?;
    let plane = &agents.plane;
    plane.apply(&numbered(&scene.namespace, "busy", 0))?;
    plane.apply(&numbered(&scene.namespace, "gone", 0))?;
    block_on(async {
        let client = client(&agents.nats).await?;
        let request = WatchRequest { credit: 4, batch_ms: 10, ..config_maps(&scene.namespace) };
        let mut watch = Watch::open(&client, request).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        // From here on nothing is read, so no more credit is given.
        let changes: Vec<_> = (1..=100).map(|number| numbered(&scene.namespace, "busy", number)).collect();
        plane.apply(&changes.join("---\n"))?;
        let _ = scene.kubectl(&["delete", "configmap", "gone"])?.ok();
        let before = seen.events;
        let last =
            |seen: &Seen| seen.objects.get("busy").is_some_and(|n| n == "100") && !seen.objects.contains_key("gone");
        seen.until(&mut watch, "the last state", last).await?;
        let events = seen.events - before;
        assert!(events < 30, "{events} events of 101 changes were sent to a client that did not read");
        watch.close().await;
        Ok(())
    })
}

/// A watch goes on over a restart of NATS and misses nothing.
pub(crate) fn watch_survives_the_loss_of_nats(agents: &Agents) -> Outcome {
    let mut server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let _agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("survive")?;
    let plane = &agents.plane;
    plane.apply(&numbered(&scene.namespace, "a", 1))?;
    plane.apply(&numbered(&scene.namespace, "b", 1))?;
    block_on(async {
        let client = client(&server).await?;
        let request = WatchRequest { ttl_s: 6, ..config_maps(&scene.namespace) };
        let mut watch = Watch::open(&client, request).await?;
        let mut seen = Seen::default();
        seen.until(&mut watch, "the first sync", |seen| seen.synced).await?;
        server.stop();
        plane.apply(&numbered(&scene.namespace, "a", 2))?;
        plane.apply(&numbered(&scene.namespace, "c", 1))?;
        let _ = scene.kubectl(&["delete", "configmap", "b"])?.ok();
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.resume()?;
        let now = |seen: &Seen| {
            let is = |name: &str, n: &str| seen.objects.get(name).is_some_and(|have| have == n);
            is("a", "2") && is("c", "1") && !seen.objects.contains_key("b")
        };
        seen.until(&mut watch, "what happened meanwhile", now).await?;
        plane.apply(&numbered(&scene.namespace, "a", 3))?;
        seen.until(&mut watch, "what happens now", |seen| seen.objects.get("a").is_some_and(|n| n == "3")).await?;
        watch.close().await;
        Ok(())
    })
}

/// Lines of a log go on over a restart of NATS: each once.
pub(crate) fn log_survives_the_loss_of_nats(agents: &Agents) -> Outcome {
    let mut server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let _agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    let scene = agents.scene("lines")?;
    scene.pods(&["talker".to_owned()])?;
    block_on(async {
        let client = client(&server).await?;
        let request = LogsRequest {
            namespace: scene.namespace.clone(),
            pod: "talker".to_owned(),
            follow: true,
            ttl_s: 6,
            ..LogsRequest::default()
        };
        let mut logs = Logs::open(&client, request).await?;
        let mark = &scene.namespace;
        let mut text = String::new();
        say(agents, &[format!("{mark} one"), format!("{mark} two")])?;
        read_until(&mut logs, &mut text, &format!("{mark} two\n")).await?;
        server.stop();
        say(agents, &[format!("{mark} three")])?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.resume()?;
        say(agents, &[format!("{mark} four")])?;
        read_until(&mut logs, &mut text, &format!("{mark} four\n")).await?;
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(mark.as_str())).collect();
        let expected: Vec<_> = ["one", "two", "three", "four"].iter().map(|word| format!("{mark} {word}")).collect();
        assert_eq!(lines, expected);
        logs.close().await;
        Ok(())
    })
}

/// Adds lines to the pods' log with the time of now, as a container runtime
/// does: going on after a loss goes by the time of each line.
pub(crate) fn say(agents: &Agents, lines: &[String]) -> Anything<()> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().append(true).open(agents.plane.pod_log())?;
    for line in lines {
        writeln!(file, "{:.9} stdout F {line}", jiff::Timestamp::now())?;
    }
    Ok(())
}

/// A log that no longer holds the line to go on behind has a gap there; one
/// that does, has none.
pub(crate) fn gaps_in_logs_are_told(agents: &Agents) -> Outcome {
    use std::io::Write;
    let scene = agents.scene("gaps")?;
    scene.pods(&["talker".to_owned()])?;
    let mark = &scene.namespace;
    // Not a round number: those are written shorter.
    let first = jiff::Timestamp::from_nanosecond(jiff::Timestamp::now().as_nanosecond() / 100 * 100 + 11)?;
    let after = |ns: i128| -> Anything<String> {
        let at = jiff::Timestamp::from_nanosecond(first.as_nanosecond() + ns)?;
        Ok(format!("{at:.9}"))
    };
    let mut file = std::fs::OpenOptions::new().append(true).open(agents.plane.pod_log())?;
    write!(file, "{} stdout F {mark} one\n{} stdout F {mark} two\n", after(0)?, after(4)?)?;
    block_on(async {
        let client = client(&agents.nats).await?;
        for (source, stamp, lines, follow, expected) in [
            ("talker/main", after(0)?, 1, false, &["two"][..]),
            ("talker/main", after(0)?, 1, true, &["two"]),
            ("talker/main", after(1)?, 1, false, &["Rotated", "two"]),
            ("talker/main", after(1)?, 1, true, &["Rotated", "two"]),
            ("talker/main", after(0)?, 2, false, &["Rotated", "two"]),
            ("departed/main", after(0)?, 1, false, &["Gone", "one", "two"]),
            ("departed/main", after(0)?, 1, true, &["Gone", "one", "two"]),
        ] {
            let resume = [(source.to_owned(), Place { stamp: stamp.clone(), lines, done: false })].into();
            let (namespace, selector) = (mark.clone(), "app=test".to_owned());
            let request = LogsRequest { namespace, selector, follow, resume, ..LogsRequest::default() };
            let mut logs = Logs::open(&client, request).await?;
            let mut seen = Vec::new();
            while seen.last().is_none_or(|last| last != "two") {
                let item = timeout(SOON, logs.next()).await.map_err(|_| format!("{source}: {seen:?}"))??;
                match item.ok_or_else(|| format!("{source} {stamp}: {seen:?}"))? {
                    LogItem::Lines { bytes, .. } => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let mine = text.lines().filter_map(|line| line.strip_prefix(&format!("{mark} ")));
                        seen.extend(mine.map(str::to_owned));
                    }
                    LogItem::Gap(src, reason) if src == source => seen.push(format!("{reason:?}")),
                    _ => {}
                }
            }
            assert_eq!(seen, expected, "{source} {stamp} {lines} {follow}");
            logs.close().await;
        }
        Ok(())
    })
}

pub(crate) async fn read_until(logs: &mut Logs, text: &mut String, end: &str) -> Anything<()> {
    while !text.contains(end) {
        let item = timeout(SOON, logs.next()).await.map_err(|_| format!("{end:?} did not come: {text}"))??;
        if let LogItem::Lines { bytes, .. } = item.ok_or("the log ended")? {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(())
}

/// An object that is larger than a message comes whole.
pub(crate) fn large_object_comes_in_parts(agents: &Agents) -> Outcome {
    let scene = agents.scene("large")?;
    let file = scene.work.path().join("large.txt");
    std::fs::write(&file, "0123456789abcdef".repeat(60_000))?;
    let from = format!("--from-file={}", file.display());
    let _ = scene.kubectl(&["create", "configmap", "large", &from])?.ok();
    block_on(async {
        let client = client(&agents.nats).await?;
        let request = GetRequest {
            kind: KindRef::resource("cm"),
            namespace: scene.namespace.clone(),
            names: vec!["large".to_owned(), "absent".to_owned()],
            projection: Projection::Full,
        };
        let reply: GetReply = client.request("get", &request).await?;
        assert_eq!(reply.missing, ["absent"]);
        let object: Value = serde_json::from_str(reply.items[0].get())?;
        let text = object["data"]["large.txt"].as_str().unwrap_or_default();
        assert_eq!(text.len(), 16 * 60_000);
        assert!(text.ends_with("abcdef"));
        Ok(())
    })
}

/// Too old, at another revision, unreadable: each is refused in its own way,
/// and the next command is done.
pub(crate) fn commands_that_must_not_be_done(agents: &Agents) -> Outcome {
    let scene = agents.scene("refused")?;
    block_on(async {
        let client = client(&agents.nats).await?;
        let command = |id: &str, more: Value| {
            let mut command = json!({"op_id": format!("{}-{id}", scene.namespace), "verb": "helm.uninstall",
                "spec": {"namespace": scene.namespace, "release": "shop", "ignore_not_found": true}});
            for (name, value) in more.as_object().into_iter().flatten() {
                command[name] = value.clone();
            }
            serde_json::from_value(command)
        };
        // It is no command, and must not stand in the way of the others.
        let subject = client.subjects().command("helm.uninstall");
        client.nats().publish(subject, "{".into()).await?;
        for (id, more, state) in [
            ("old", json!({"expires_at": "2020-01-01T00:00:00Z"}), "skipped"),
            ("revision", json!({"precondition": {"release_revision": 7}}), "failed"),
            ("good", json!({}), "succeeded"),
        ] {
            let mut following = client.command(&command(id, more)?).await?;
            let ended = last(&mut following, SOON).await?;
            assert_eq!(serde_json::to_value(ended.state)?, state, "{id}: {ended:?}");
        }
        let states: BTreeMap<_, _> = client.operations().await?.into_iter().map(|e| (e.op_id, e.state)).collect();
        assert_eq!(serde_json::to_value(states[&format!("{}-old", scene.namespace)])?, "skipped");
        Ok(())
    })
}

/// Sessions whose clients are gone are closed and give their place back.
pub(crate) fn abandoned_sessions_end(agents: &Agents) -> Outcome {
    let server = NatsServer::start(&agents.binaries, NatsOptions::default())?;
    let agent = Agent::start(&agents.binaries, &agents.plane, &server)?;
    block_on(async {
        let client = client(&server).await?;
        for number in 0..100 {
            let request = json!({"session": format!("s{number}"), "resources": ["pods"], "ttl_s": 15});
            let _: Value = client.request("watch.open", &request).await?;
        }
        let open = || crate::scene::metric(agent.health, "ankra_agent_sessions");
        assert_eq!(open(), Some(100.0));
        let end = tokio::time::Instant::now() + SOON;
        while open() != Some(0.0) {
            assert!(tokio::time::Instant::now() < end, "{:?} sessions are still open", open());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    })
}
