//! The little of NATS that the agent's protocol needs, as docs/protocol.md and
//! NATS' own protocol describe it: nothing here is shared with the agent.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::Anything;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message, and when it was here.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) at: Instant,
    headers: String,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).is_some();
        self.headers.lines().find(|line| of(line)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    /// What NATS itself says: `503` when nobody listens.
    fn status(&self) -> Option<&str> {
        self.headers.lines().next()?.strip_prefix("NATS/1.0 ").map(|text| text.split(' ').next().unwrap_or_default())
    }
}

/// One connection. What it subscribes to is read by a thread of its own.
#[derive(Clone)]
pub(super) struct Nats {
    shared: Arc<Shared>,
}

struct Shared {
    stream: Mutex<TcpStream>,
    listeners: Mutex<HashMap<u64, Sender<Message>>>,
    next: AtomicU64,
    inbox: String,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Nats {
    /// Connects to a `nats://` URL.
    pub(super) fn connect(url: &str) -> Anything<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let stream = TcpStream::connect(url.trim_start_matches("nats://"))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(256 * 1024, stream.try_clone()?);
        let mut info = String::new();
        reader.read_line(&mut info)?;
        let mut stream = stream;
        stream.write_all(
            b"CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true,\"name\":\"bench\"}\r\nPING\r\n",
        )?;
        let inbox = format!("_INBOX.bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared {
            stream: Mutex::new(stream),
            listeners: Mutex::default(),
            next: AtomicU64::new(1),
            inbox,
        });
        let reading = Arc::clone(&shared);
        // It ends with the connection, which ends with the server.
        std::thread::spawn(move || reading.read(reader));
        Ok(Self { shared })
    }

    /// Listens to a subject until the receiver's number is given to
    /// [`Self::leave`].
    pub(super) fn subscribe(&self, subject: &str) -> Anything<(u64, Receiver<Message>)> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = channel();
        lock(&self.shared.listeners).insert(id, sender);
        self.shared.write(format!("SUB {subject} {id}\r\n").as_bytes())?;
        Ok((id, receiver))
    }

    /// Listens no more.
    pub(super) fn leave(&self, id: u64) {
        lock(&self.shared.listeners).remove(&id);
        // A connection that is gone listens to nothing.
        let _ = self.shared.write(format!("UNSUB {id}\r\n").as_bytes());
    }

    pub(super) fn publish(&self, subject: &str, reply: &str, body: &[u8]) -> Anything<()> {
        let mut message = format!("PUB {subject} {reply} {}\r\n", body.len()).into_bytes();
        message.extend_from_slice(body);
        message.extend_from_slice(b"\r\n");
        self.shared.write(&message)
    }

    /// Asks, and gives the body of the answer, its parts put together, and how
    /// long it took.
    pub(super) fn request(&self, subject: &str, body: &Value) -> Anything<(Value, Duration)> {
        let reply = format!("{}.{}", self.shared.inbox, self.shared.next.fetch_add(1, Ordering::Relaxed));
        let (id, answers) = self.subscribe(&reply)?;
        let start = Instant::now();
        self.publish(subject, &reply, body.to_string().as_bytes())?;
        let outcome = whole(&answers, subject);
        self.leave(id);
        let (body, end) = outcome?;
        Ok((serde_json::from_slice(&body)?, end.duration_since(start)))
    }
}

/// An answer with all its parts, and when the last one was here.
fn whole(answers: &Receiver<Message>, subject: &str) -> Anything<(Vec<u8>, Instant)> {
    let mut all = Vec::new();
    loop {
        let message = answers.recv_timeout(PATIENCE).map_err(|_| format!("{subject} was not answered"))?;
        if let Some(status) = message.status().filter(|status| !status.is_empty()) {
            return Err(format!("{subject}: NATS answers {status}").into());
        }
        if message.header("Nats-Service-Error-Code").is_some() {
            return Err(format!("{subject}: {}", String::from_utf8_lossy(&message.body)).into());
        }
        let parts = message.header("Ah-Chunk").is_some();
        let last = !parts || message.body.is_empty();
        all.extend_from_slice(&message.body);
        if last {
            return Ok((all, message.at));
        }
    }
}

impl Shared {
    fn write(&self, bytes: &[u8]) -> Anything<()> {
        Ok(lock(&self.stream).write_all(bytes)?)
    }

    fn read(&self, mut reader: BufReader<TcpStream>) {
        while let Ok(Some(())) = self.read_one(&mut reader) {}
        // Whoever still waits shall not wait for ever.
        lock(&self.listeners).clear();
    }

    fn read_one(&self, reader: &mut BufReader<TcpStream>) -> Anything<Option<()>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        // MSG subject sid [reply] total, HMSG subject sid [reply] headers total
        let (head, total) = match words.as_slice() {
            ["MSG", _, _, .., total] => (0, total.parse::<usize>()?),
            ["HMSG", _, _, .., head, total] => (head.parse::<usize>()?, total.parse::<usize>()?),
            ["PING"] => {
                self.write(b"PONG\r\n")?;
                return Ok(Some(()));
            }
            ["-ERR", ..] => return Err(line.into()),
            _ => return Ok(Some(())),
        };
        let id: u64 = words[2].parse()?;
        let mut headers = vec![0; head];
        reader.read_exact(&mut headers)?;
        let mut body = vec![0; total.saturating_sub(head)];
        reader.read_exact(&mut body)?;
        reader.read_exact(&mut [0; 2])?;
        let message = Message { at: Instant::now(), headers: String::from_utf8_lossy(&headers).into_owned(), body };
        if let Some(listener) = lock(&self.listeners).get(&id) {
            // Who has left a moment ago does not want it.
            let _ = listener.send(message);
        }
        Ok(Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_states_are_read() {
        let message = |text: &str| Message { at: Instant::now(), headers: text.into(), body: Vec::new() };
        let chunk = message("NATS/1.0\r\nAh-V: 1\r\nAh-Chunk: 1/3\r\n\r\n");
        assert_eq!((chunk.header("ah-chunk"), chunk.header("Ah-Seq"), chunk.status()), (Some("1/3"), None, None));
        assert_eq!(message("NATS/1.0 503\r\n\r\n").status(), Some("503"));
    }

    #[test]
    fn an_answer_in_parts_is_put_together() {
        let (sender, answers) = channel();
        let part =
            |headers: &str, body: &str| Message { at: Instant::now(), headers: headers.into(), body: body.into() };
        for message in [part("NATS/1.0\r\nAh-Chunk: 1/2\r\n", "[1"), part("NATS/1.0\r\nAh-Chunk: 2/2\r\n", "]")] {
            sender.send(message).unwrap();
        }
        sender.send(part("NATS/1.0\r\nAh-Chunk: 2/2\r\n", "")).unwrap();
        assert_eq!(whole(&answers, "x").unwrap().0, b"[1]");
        sender.send(part("NATS/1.0\r\nNats-Service-Error-Code: 404\r\n", "gone")).unwrap();
        assert_eq!(whole(&answers, "x").unwrap_err().to_string(), "x: gone");
    }
}
