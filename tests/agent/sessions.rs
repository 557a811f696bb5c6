//! Streams: watching and following, with our program as the client.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Agents, Anything, SOON};

/// A command that runs on, with its lines as they come.
pub(crate) struct Follower {
    child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
}

impl Follower {
    pub(crate) fn start(program: &Program, args: &[&str]) -> Anything<Self> {
        let mut child = program.spawn(args)?;
        let out = child.stdout.take().ok_or("no pipe")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines, seen: Vec::new() })
    }

    /// Waits for a line that holds all these words.
    pub(crate) fn wait_for(&mut self, words: &[&str]) -> Anything<()> {
        let start = std::time::Instant::now();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    let found = words.iter().all(|word| line.contains(word));
                    self.seen.push(line);
                    if found {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() < SOON => {}
                Err(_) => return Err(format!("no line holds {words:?}: {:#?}", self.seen).into()),
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn watch_shows_what_happens(agents: &Agents) -> Outcome {
    let scene = agents.scene("watch")?;
    scene.pods(&["first".to_owned()])?;
    let namespace = scene.namespace.clone();
    let mut watch = Follower::start(&scene.ours, &["agent", "watch", "pods", "--namespace", &namespace])?;
    watch.wait_for(&["first"])?;
    scene.pods(&["second".to_owned()])?;
    watch.wait_for(&["second", "Running"])?;
    let _ = scene.kubectl(&["delete", "pod", "first"])?.ok();
    watch.wait_for(&["first"])?;
    Ok(())
}

/// Lines that a pattern leaves out do not come.
pub(crate) fn log_is_filtered(agents: &Agents) -> Outcome {
    let scene = agents.scene("filter")?;
    scene.pods(&["talker".to_owned()])?;
    let namespace = scene.namespace.clone();
    let args = ["agent", "logs", "talker", "--follow", "--namespace", &namespace];
    let include = format!("^{namespace} (keep|end)");
    let mut logs =
        Follower::start(&scene.ours, &[&args[..], &["--include", &include, "--exclude", "not this"]].concat())?;
    for text in ["keep one", "drop two", "keep not this", "keep three", "end"] {
        agents.plane.log([format!("{namespace} {text}").as_str()])?;
    }
    logs.wait_for(&[&namespace, "end"])?;
    let seen: Vec<_> = logs.seen.iter().map(|line| line.replace(&format!("{namespace} "), "")).collect();
    assert_eq!(seen, ["keep one", "keep three", "end"]);
    let wrong = scene.ours.run(["agent", "logs", "talker", "--namespace", &namespace, "--include", "("])?.fails(2);
    assert!(wrong.contains("include"), "{wrong}");
    Ok(())
}

pub(crate) fn log_is_followed(agents: &Agents) -> Outcome {
    let scene = agents.scene("log")?;
    scene.pods(&["talker".to_owned()])?;
    let namespace = scene.namespace.clone();
    let mut logs = Follower::start(&scene.ours, &["agent", "logs", "talker", "--follow", "--namespace", &namespace])?;
    logs.wait_for(&["listening"])?;
    for number in 0..5 {
        agents.plane.log([format!("line {number} of the test").as_str()])?;
        logs.wait_for(&[&format!("line {number} of the test")])?;
    }
    Ok(())
}
