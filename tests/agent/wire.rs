//! A connection to NATS that can be cut, from either side, or made silent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scene::Anything;

/// A wire that can be cut.
pub(crate) struct Wire {
    pub(crate) url: String,
    open: Arc<Mutex<Vec<TcpStream>>>,
    broken: Arc<AtomicBool>,
    /// How often it was made silent; connections of before stay so.
    silences: Arc<AtomicUsize>,
}

/// The message after which a wire breaks, once: it arrives, and its answer
/// does not.
#[derive(Clone)]
struct Last {
    /// Bytes of the messages that are counted.
    word: String,
    /// How many of them are yet to come.
    left: Arc<Mutex<usize>>,
    broken: Arc<AtomicBool>,
}

/// How long a message that was sent may take to arrive.
const ARRIVAL: Duration = Duration::from_millis(300);

impl Wire {
    /// A wire to this NATS server.
    pub(crate) fn to(server: &str) -> Anything<Self> {
        Self::new(server, None)
    }

    /// One that breaks when the `nth` message with these bytes has gone to the
    /// server, before anything comes back. New connections can be made then.
    pub(crate) fn breaking(server: &str, word: &str, nth: usize) -> Anything<Self> {
        Self::new(server, Some((word, nth)))
    }

    /// Whether it broke.
    pub(crate) fn broke(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn new(server: &str, last: Option<(&str, usize)>) -> Anything<Self> {
        let broken = Arc::new(AtomicBool::new(false));
        let last = last.map(|(word, nth)| Last {
            word: word.to_owned(),
            left: Arc::new(Mutex::new(nth)),
            broken: Arc::clone(&broken),
        });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("nats://{}", listener.local_addr()?);
        let target = server.replace("nats://", "");
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = Arc::clone(&open);
        let silences: Arc<AtomicUsize> = Arc::default();
        let heard = Arc::clone(&silences);
        std::thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(&target) else { continue };
                let deaf = Arc::new(AtomicBool::new(false));
                let born = heard.load(Ordering::Acquire);
                for (from, to, last) in [(&here, &there, last.clone()), (&there, &here, None)] {
                    if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                        let (deaf, heard) = (Arc::clone(&deaf), Arc::clone(&heard));
                        let silent = move || heard.load(Ordering::Acquire) != born;
                        std::thread::spawn(move || copy(from, to, last, &deaf, silent));
                    }
                }
                if let Ok(mut open) = kept.lock() {
                    open.extend([here, there]);
                }
            }
        });
        Ok(Wire { url, open, broken, silences })
    }

    /// Nothing comes through the connections of now any more, and they stay
    /// open; new ones can be made.
    pub(crate) fn silence(&self) {
        self.silences.fetch_add(1, Ordering::AcqRel);
    }

    /// Cuts all connections; new ones can be made.
    pub(crate) fn cut(&self) {
        if let Ok(mut open) = self.open.lock() {
            for stream in open.drain(..) {
                // One that is gone already is as good as cut.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, last: Option<Last>, deaf: &AtomicBool, silent: impl Fn() -> bool) {
    let back = last.is_none();
    let (mut buffer, mut seen) = ([0; 16 * 1024], Vec::new());
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 || (back && deaf.load(Ordering::Acquire)) {
            break;
        }
        if silent() {
            continue;
        }
        let breaks = last.as_ref().is_some_and(|last| last.is_in(&mut seen, &buffer[..n]));
        if breaks {
            deaf.store(true, Ordering::Release);
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
        if breaks {
            // The rest of it may still be on the way.
            if from.set_read_timeout(Some(ARRIVAL)).is_ok() {
                let _ = std::io::copy(&mut from, &mut to);
            }
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

impl Last {
    /// Whether the last message is among these bytes, which come after `seen`.
    fn is_in(&self, seen: &mut Vec<u8>, bytes: &[u8]) -> bool {
        let Ok(mut left) = self.left.lock() else { return false };
        let word = self.word.as_bytes();
        seen.extend_from_slice(bytes);
        let found = seen.windows(word.len()).filter(|part| *part == word).count();
        // A word that lies across two reads is found at the second.
        let keep = seen.len().min(word.len() - 1);
        seen.drain(..seen.len() - keep);
        let breaks = *left > 0 && found >= *left;
        *left = left.saturating_sub(found);
        if breaks {
            self.broken.store(true, Ordering::Release);
        }
        breaks
    }
}
