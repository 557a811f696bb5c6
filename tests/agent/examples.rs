//! The examples of docs/protocol.md, run with the plain `nats` command: what
//! the document shows, works.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer};

use crate::scene::{Agent, Agents, Anything, SOON};

/// The commands of each code block: lines behind `$ `, and those that go on.
fn blocks(document: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    for block in document.split("```").skip(1).step_by(2) {
        let (mut commands, mut open) = (Vec::<String>::new(), false);
        for line in block.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push(command.to_owned()),
                (None, Some(last)) if open => last.push_str(&format!("\n{line}")),
                _ => {}
            }
            open = commands.last().is_some_and(|last| last.ends_with('\\') || last.matches('\'').count() % 2 == 1);
        }
        if !commands.is_empty() {
            blocks.push(commands);
        }
    }
    blocks
}

/// What runs the commands: a shell with the program and the server.
struct Shell {
    path: String,
    url: String,
    home: String,
    /// Where the charts of the examples are.
    chart: String,
}

impl Shell {
    fn start(&self, command: &str) -> Anything<Child> {
        let mut text = command.trim_end_matches('&').trim().to_owned();
        // Each name of a chart stands for the one that there is.
        while let Some(at) = text.find("https://…/") {
            let end = text[at..].find(".tgz").ok_or("a URL that is no chart")? + at + 4;
            text.replace_range(at..end, &self.chart);
        }
        // One message is enough to know that it listens to the right ones.
        let text = if text.starts_with("nats sub") { format!("{text} --count=1") } else { text };
        let shell = Command::new("/bin/sh")
            .args(["-c", &format!("exec {text}")])
            .env_clear()
            .envs([("PATH", &self.path), ("NATS_URL", &self.url), ("HOME", &self.home)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(shell)
    }
}

/// The output of a command that must end well, and soon.
fn finish(command: &str, mut child: Child) -> Anything<String> {
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > SOON {
            child.kill()?;
            let output = child.wait_with_output()?;
            return Err(format!("{command} has no end: {output:?}").into());
        }
        sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() || text.contains("Nats-Service-Error") || text.contains("no responders") {
        return Err(format!("{command} failed: {text}").into());
    }
    Ok(text)
}

pub(crate) fn examples_of_the_protocol_work(agents: &Agents) -> Outcome {
    let scene = agents.scene("examples")?;
    let server = NatsServer::start(&agents.binaries, NatsOptions { jetstream: true, ..NatsOptions::default() })?;
    let url = server.url();
    // The names that stand in the document.
    for namespace in ["a", "n"] {
        let _ = agents.plane.kubectl(["create", "namespace", namespace])?.ok();
    }
    let in_a = |args: &[&str]| agents.plane.kubectl([args, &["--namespace", "a"]].concat());
    let _ = in_a(&["create", "role", "pods", "--verb=get,list", "--resource=pods"])?.ok();
    let _ = in_a(&["create", "rolebinding", "anna", "--role=pods", "--user=anna"])?.ok();
    let _ = in_a(&["create", "deployment", "web", "--image=web"])?.ok();
    let (_shelf, chart) = scene.serve_chart()?;
    let install =
        ["install", "shop", &chart, "--namespace", "a", "--set", "replicas=0", "--set", "prepare.enabled=false"];
    let _ = scene.helm4.run(install)?.ok();
    let settings = [
        ("NATS_URL", url.as_str()),
        ("CLUSTER_ID", "dev"),
        ("K8S_WATCH_ENABLED", "true"),
        ("IMPERSONATION_ENABLED", "true"),
    ];
    let _agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
    let folder = agents.binaries.nats.parent().ok_or("no folder")?.display().to_string();
    let home = scene.work.path().display().to_string();
    let shell = Shell { path: format!("{folder}:/usr/bin:/bin"), url, home, chart };
    let mut ran = 0;
    for commands in blocks(include_str!("../../docs/protocol.md")) {
        let mut listening = Vec::new();
        for command in &commands {
            let child = shell.start(command)?;
            ran += 1;
            if command.starts_with("nats sub") {
                listening.push((command, child));
                sleep(Duration::from_secs(2));
            } else {
                let _ = finish(command, child)?;
            }
        }
        if !listening.is_empty() {
            // Something for the always-on stream to tell.
            let _ = in_a(&["annotate", "deployment", "web", "--overwrite", &format!("at=n{ran}")])?.ok();
        }
        for (command, child) in listening {
            assert!(finish(command, child)?.contains("\"t\":") || command.contains("AH_OP"), "{command} heard nothing");
        }
    }
    assert!(ran >= 12, "only {ran} examples were found");
    Ok(())
}
