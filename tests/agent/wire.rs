//! A connection to NATS that can be cut, from either side.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::scene::Anything;

/// A wire that can be cut.
pub(crate) struct Wire {
    pub(crate) url: String,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    /// A wire to this NATS server.
    pub(crate) fn to(server: &str) -> Anything<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("nats://{}", listener.local_addr()?);
        let target = server.replace("nats://", "");
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = Arc::clone(&open);
        std::thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(&target) else { continue };
                for (from, to) in [(&here, &there), (&there, &here)] {
                    if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                        std::thread::spawn(move || copy(from, to));
                    }
                }
                if let Ok(mut open) = kept.lock() {
                    open.extend([here, there]);
                }
            }
        });
        Ok(Wire { url, open })
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

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
