//! What connections like an agent's cost the NATS server that they come to, and
//! one that a gateway joins to it: many more than agents fit on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use testbed::{Binaries, NatsOptions, NatsServer, ports};

use super::super::Anything;
use super::process::Process;

/// The verbs of an agent: each a subject of its own with a queue group.
const VERBS: usize = 13;
/// How long the servers may take to tell each other, and to come to rest.
const REST: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) connections: usize,
    pub(super) subscriptions: usize,
    /// KiB a connection at its own server.
    pub(super) home: f64,
    /// KiB a connection at the other server.
    pub(super) away: f64,
}

/// Two servers, joined; so many connections to one of them, with so many
/// subscriptions each.
pub(super) fn measure(binaries: &Binaries, folder: &Path, connections: usize, subscriptions: usize) -> Anything<Crowd> {
    let [home, away] = ports::free()?;
    let servers = [("home", home, "away", away), ("away", away, "home", home)]
        .into_iter()
        .map(|(name, port, other, other_port)| server(binaries, folder, name, port, other, other_port))
        .collect::<Anything<Vec<_>>>()?;
    let processes = servers
        .iter()
        .map(|server| Process::child_of(server.pid().ok_or("no NATS server")?))
        .collect::<Anything<Vec<_>>>()?;
    let rest = || -> Anything<Vec<u64>> {
        std::thread::sleep(REST);
        processes.iter().map(|process| process.resident()).collect()
    };
    let before = rest()?;
    let held = (0..connections)
        .map(|number| connect(&servers[0].url(), number, subscriptions))
        .collect::<Anything<Vec<_>>>()?;
    let after = rest()?;
    drop(held);
    #[expect(clippy::cast_precision_loss, reason = "KiB, and a count")]
    let each = |at: usize| after[at].saturating_sub(before[at]) as f64 / connections as f64;
    Ok(Crowd { connections, subscriptions, home: each(0), away: each(1) })
}

fn server(
    binaries: &Binaries,
    folder: &Path,
    name: &str,
    port: u16,
    other: &str,
    other_port: u16,
) -> Anything<NatsServer> {
    let config = folder.join(format!("gateway-{name}.conf"));
    let text = format!(
        "server_name: {name}\ngateway {{ name: {name}, host: 127.0.0.1, port: {port}, gateways: [{{name: {other}, url: nats://127.0.0.1:{other_port}}}] }}\n"
    );
    std::fs::write(&config, text)?;
    Ok(NatsServer::start(binaries, NatsOptions { config: Some(config), ..NatsOptions::default() })?)
}

/// One connection with the subjects of one agent.
fn connect(url: &str, number: usize, subscriptions: usize) -> Anything<TcpStream> {
    let mut stream = TcpStream::connect(url.trim_start_matches("nats://"))?;
    stream.set_read_timeout(Some(REST))?;
    let mut text = format!("CONNECT {{\"verbose\":false,\"headers\":true,\"name\":\"crowd {number}\"}}\r\n");
    for at in 0..subscriptions {
        if at < VERBS {
            text.push_str(&format!("SUB ah.v1.cluster-{number}.req.verb-{at} q {at}\r\n"));
        } else {
            text.push_str(&format!("SUB ah.v1.cluster-{number}.other.subject-{at} {at}\r\n"));
        }
    }
    text.push_str("PING\r\n");
    stream.write_all(text.as_bytes())?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let until = Instant::now() + REST;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.starts_with("-ERR") || Instant::now() > until {
            return Err(format!("the NATS server refuses a connection: {line}").into());
        }
        if line.starts_with("PONG") {
            return Ok(stream);
        }
    }
}
