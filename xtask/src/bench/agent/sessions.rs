//! Watch and log sessions whose messages are counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::Anything;
use super::nats::{Message, Nats};
use super::stage::Agent;

/// Events of a watch that may be on their way.
const EVENTS: u64 = 2048;
/// Bytes of a log that may be on their way.
const BYTES: u64 = 1024 * 1024;
/// How often a session is told that somebody is there.
const KEEP: Duration = Duration::from_secs(15);

/// What a session has brought so far, for others to look at.
#[derive(Default)]
pub(super) struct Progress {
    synced: AtomicBool,
    /// Objects of the first list, or lines of a log.
    pub(super) count: AtomicU64,
    /// Changes after the first list.
    pub(super) changes: AtomicU64,
    stop: AtomicBool,
}

/// What a session brought in all.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// When each state of an object was here.
    pub(super) arrivals: HashMap<String, Instant>,
    /// How long the objects that existed took.
    pub(super) synced: Duration,
}

/// An open session, read by a thread of its own.
pub(super) struct Session {
    pub(super) progress: Arc<Progress>,
    thread: JoinHandle<Result<Seen, String>>,
}

/// The client's end of a session.
struct End {
    nats: Nats,
    control: String,
    messages: Receiver<Message>,
    listener: u64,
    /// Units that the agent may send.
    credit: u64,
    taken: u64,
    seq: u64,
    kept: Instant,
}

impl End {
    fn open(nats: &Nats, agent: &Agent, verb: &str, id: &str, credit: u64, mut request: Value) -> Anything<Self> {
        let (listener, messages) = nats.subscribe(&agent.session(id, "d"))?;
        request["session"] = id.into();
        nats.request(&agent.request(verb), &request)?;
        let control = agent.session(id, "c");
        let nats = nats.clone();
        Ok(Self { nats, control, messages, listener, credit, taken: 0, seq: 0, kept: Instant::now() })
    }

    /// The next message; `None` after a while without one.
    fn next(&mut self) -> Anything<Option<Message>> {
        if self.kept.elapsed() > KEEP {
            self.kept = Instant::now();
            self.nats.publish(&self.control, "", br#"{"t":"keep"}"#)?;
        }
        let message = match self.messages.recv_timeout(Duration::from_millis(200)) {
            Ok(message) => message,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return Ok(None),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Err("the connection to NATS ended".into()),
        };
        self.seq += 1;
        let seq = message.header("Ah-Seq").unwrap_or_default();
        if seq != self.seq.to_string() {
            return Err(format!("message {} of a session was lost, {seq} came", self.seq).into());
        }
        Ok(Some(message))
    }

    fn take(&mut self, units: u64) -> Anything<()> {
        self.taken += units;
        if self.taken * 2 > self.credit {
            self.nats.publish(&self.control, "", json!({"t": "credit", "n": self.taken}).to_string().as_bytes())?;
            self.taken = 0;
        }
        Ok(())
    }

    fn close(self) -> Anything<()> {
        self.nats.publish(&self.control, "", br#"{"t":"cancel"}"#)?;
        self.nats.leave(self.listener);
        Ok(())
    }
}

impl Session {
    /// Watches all pods in a projection.
    pub(super) fn watch(nats: &Nats, agent: &Agent, projection: &'static str) -> Anything<Self> {
        let request = json!({"resources": ["pods"], "projection": projection, "credit": EVENTS});
        let end = End::open(nats, agent, "watch.open", &format!("w-{projection}"), EVENTS, request)?;
        Ok(Self::spawn(move |progress| watch(end, progress)))
    }

    /// Follows the log of a pod.
    pub(super) fn log(nats: &Nats, agent: &Agent, namespace: &str, pod: &str) -> Anything<Self> {
        let request =
            json!({"namespace": namespace, "pod": pod, "follow": true, "tail_lines": -1, "credit_bytes": BYTES});
        let end = End::open(nats, agent, "logs.open", &format!("l-{namespace}"), BYTES, request)?;
        Ok(Self::spawn(move |progress| log(end, progress)))
    }

    fn spawn(work: impl FnOnce(&Progress) -> Anything<Seen> + Send + 'static) -> Self {
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        Self { progress, thread: std::thread::spawn(move || work(&shared).map_err(|e| e.to_string())) }
    }

    /// Whether all that existed is here.
    pub(super) fn is_synced(&self) -> bool {
        self.progress.synced.load(Ordering::Relaxed)
    }

    /// Whether it can bring nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it.
    pub(super) fn stop(self) -> Anything<Seen> {
        self.progress.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "a session's thread failed")??)
    }
}

fn watch(mut end: End, progress: &Progress) -> Anything<Seen> {
    let (mut seen, start) = (Seen::default(), Instant::now());
    while !progress.stop.load(Ordering::Relaxed) {
        let Some(message) = end.next()? else { continue };
        let frame: Value = serde_json::from_slice(&message.body)?;
        match frame["t"].as_str().unwrap_or_default() {
            "batch" => {
                let events = frame["events"].as_array().map(Vec::as_slice).unwrap_or_default();
                for event in events {
                    if event["op"] == "add" {
                        progress.count.fetch_add(1, Ordering::Relaxed);
                    } else if let Some(rv) = event["rv"].as_str() {
                        progress.changes.fetch_add(1, Ordering::Relaxed);
                        seen.arrivals.insert(rv.to_owned(), message.at);
                    }
                }
                end.take(events.len() as u64)?;
            }
            "sync_end" => {
                seen.synced = start.elapsed();
                progress.synced.store(true, Ordering::Relaxed);
            }
            "end" | "reset" => return Err(format!("a watch ended: {frame}").into()),
            _ => {}
        }
    }
    end.close()?;
    Ok(seen)
}

fn log(mut end: End, progress: &Progress) -> Anything<Seen> {
    while !progress.stop.load(Ordering::Relaxed) {
        let Some(message) = end.next()? else { continue };
        if message.header("Ah-T") == Some("ctl") {
            let frame: Value = serde_json::from_slice(&message.body)?;
            if frame["t"] == "end" || frame["t"] == "source_ended" {
                return Err(format!("a log ended: {frame}").into());
            }
            continue;
        }
        let lines = message.body.iter().filter(|byte| **byte == b'\n').count() as u64;
        progress.count.fetch_add(lines, Ordering::Relaxed);
        end.take(message.body.len() as u64)?;
    }
    end.close()?;
    Ok(Seen::default())
}
