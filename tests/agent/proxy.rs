//! NATS behind an HTTP proxy: plain, by TLS and by WebSocket, with names that
//! only the proxy can resolve.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use testbed::suite::Outcome;
use testbed::{NatsOptions, NatsServer, ports};

use crate::scene::{Agent, Agents, Anything, Scene, http, wait_until};

/// A name that nobody resolves; the certificates below are for it.
const NAME: &str = "nats.example.org";
const USER: &str = "Basic bWU6c2VjcmV0";

/// An HTTP proxy that knows CONNECT only, and one user. Whatever is asked for
/// is the NATS server's port.
struct Proxy {
    port: u16,
    /// The requests that it got.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(target: u16) -> Anything<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let list = Arc::clone(&list);
                thread::spawn(move || serve(client, target, &list));
            }
        });
        Ok(Self { port, seen })
    }

    fn url(&self) -> String {
        format!("http://me:secret@127.0.0.1:{}", self.port)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().map(|seen| seen.clone()).unwrap_or_default()
    }
}

fn serve(mut client: TcpStream, target: u16, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let allowed = head.contains(&format!("Proxy-Authorization: {USER}\r\n"));
    if let Ok(mut seen) = seen.lock() {
        seen.push(head.lines().next().unwrap_or_default().to_owned());
    }
    if !allowed || !head.starts_with("CONNECT ") {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(("127.0.0.1", target))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut client, &mut &server);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    Ok(())
}

/// A CA's certificate, and a certificate of [`NAME`] and this machine with its
/// key, as files.
pub(crate) fn certificates(scene: &Scene<'_>) -> Anything<[String; 3]> {
    let chart = scene.work.path().join("certificates");
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: certificates\nversion: 1.0.0\n")?;
    let template = format!(
        "{{{{ $ca := genCA \"test\" 1 }}}}{{{{ $c := genSignedCert \"{NAME}\" (list \"127.0.0.1\") (list \"{NAME}\") 1 $ca }}}}\n\
         {{{{ dict \"ca\" $ca.Cert \"cert\" $c.Cert \"key\" $c.Key | toJson }}}}\n"
    );
    std::fs::write(chart.join("templates/all.yaml"), template)?;
    let text = scene.ours.run(["template", "x", &chart.display().to_string()])?.ok();
    let line = text.lines().find(|line| line.starts_with('{')).ok_or("no certificates")?;
    let made: Value = serde_json::from_str(line)?;
    let mut files = ["ca", "cert", "key"].map(|name| (name, String::new()));
    for (name, path) in &mut files {
        let file = scene.work.path().join(format!("{name}.pem"));
        std::fs::write(&file, made[*name].as_str().ok_or("no certificate")?)?;
        *path = file.display().to_string();
    }
    Ok(files.map(|(_, path)| path))
}

/// A server with these lines of configuration.
pub(crate) fn server(agents: &Agents, scene: &Scene<'_>, name: &str, config: &str) -> Anything<NatsServer> {
    let file = scene.work.path().join(format!("{name}.conf"));
    std::fs::write(&file, config)?;
    let options = NatsOptions { jetstream: true, config: Some(file), ..NatsOptions::default() };
    Ok(NatsServer::start(&agents.binaries, options)?)
}

fn port_of(server: &NatsServer) -> Anything<u16> {
    Ok(server.url().rsplit(':').next().ok_or("no port")?.parse()?)
}

/// Each way to NATS works through the proxy, for the agent and the client.
pub(crate) fn nats_is_reached_by_a_proxy(agents: &Agents) -> Outcome {
    let scene = agents.scene("proxy")?;
    let [ca, cert, key] = certificates(&scene)?;
    let [web, secure_web] = ports::free()?;
    let tls = format!("tls {{ cert_file: \"{cert}\", key_file: \"{key}\" }}\n");
    let plain = server(agents, &scene, "plain", &format!("websocket {{ port: {web}, no_tls: true }}\n"))?;
    let secure = format!("{tls}websocket {{ port: {secure_web}, {} }}\n", tls.trim());
    let secure = server(agents, &scene, "secure", &secure)?;
    let mutual = format!("tls {{ cert_file: \"{cert}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}\n");
    let mutual = server(agents, &scene, "mutual", &mutual)?;
    let own = [("NATS_CA_FILE", ca.as_str()), ("NATS_CERT_FILE", &cert), ("NATS_KEY_FILE", &key)];
    for (url, target) in [
        (format!("nats://{NAME}:4222"), port_of(&plain)?),
        (format!("tls://{NAME}:4222"), port_of(&secure)?),
        // It asks for a certificate of the client.
        (format!("tls://{NAME}:4333"), port_of(&mutual)?),
        // The server says that it wants TLS.
        (format!("nats://{NAME}"), port_of(&secure)?),
        (format!("ws://{NAME}:8080"), web),
        (format!("wss://{NAME}"), secure_web),
    ] {
        let proxy = Proxy::start(target)?;
        let proxy_url = proxy.url();
        let settings = [&[("NATS_URL", url.as_str()), ("NATS_PROXY", &proxy_url)][..], &own].concat();
        let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
        // The client goes by the variables.
        let variable = if url.starts_with("ws:") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
        let client = scene.ours.clone().with("NATS_URL", &url).with(variable, &proxy_url);
        let client = own.iter().fold(client, |client, (name, value)| client.with(name, value));
        let shown = client.run(["agent", "get", "namespaces"])?.ok();
        assert!(shown.contains("kube-system"), "{url}: {shown}");
        let seen = proxy.seen();
        let port = url.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let port = port.unwrap_or(if url.starts_with("wss") { 443 } else { 4222 });
        assert!(seen.len() >= 2, "{url}: {seen:?}");
        assert!(seen.iter().all(|line| *line == format!("CONNECT {NAME}:{port} HTTP/1.1")), "{url}: {seen:?}");
        let log = agent.log()?;
        assert!(!log.contains("secret") && !log.contains("bWU6c2VjcmV0"), "{log}");
    }
    Ok(())
}

/// What keeps NATS away is said, and the rules of the variables hold.
pub(crate) fn proxy_that_refuses_is_named(agents: &Agents) -> Outcome {
    let scene = agents.scene("refusing")?;
    let [ca, cert, key] = certificates(&scene)?;
    let tls = format!("tls {{ cert_file: \"{cert}\", key_file: \"{key}\" }}\n");
    let secure = server(agents, &scene, "secure", &tls)?;
    let proxy = Proxy::start(port_of(&secure)?)?;
    let stranger = format!("http://127.0.0.1:{}", proxy.port);
    for (url, proxy, words) in [
        (format!("tls://{NAME}:4222"), stranger.clone(), "407"),
        // The certificate is for another name.
        ("tls://other.example.org:4222".to_owned(), proxy.url(), "other.example.org"),
    ] {
        let settings = [("NATS_URL", url.as_str()), ("NATS_PROXY", &proxy), ("NATS_CA_FILE", &ca)];
        let agent = Agent::launch(&agents.binaries, &agents.plane, &settings)?;
        wait_until(&format!("/ready says {words}"), || {
            Ok(http(agent.health, "/ready").is_some_and(|answer| answer.contains("503") && answer.contains(words)))
        })?;
    }
    let url = format!("nats://{NAME}");
    let refused = scene.ours.clone().with("NATS_URL", &url).with("HTTPS_PROXY", &stranger).run(["agent", "ls"])?;
    assert!(refused.stderr.contains("407 Proxy Authentication Required"), "{}", refused.stderr);
    let before = proxy.seen().len();
    // A server of this machine, and one that is named, are not for the proxy.
    let plain = agents.nats.url();
    let direct = scene.ours.clone().with("HTTPS_PROXY", proxy.url()).with("NATS_URL", &plain);
    let _ = direct.run(["agent", "ls"])?.ok();
    let named = scene.ours.clone().with("NATS_PROXY", proxy.url()).with("NO_PROXY", "127.0.0.0/8");
    let _ = named.with("NATS_URL", &plain).run(["agent", "ls"])?.ok();
    assert_eq!(proxy.seen().len(), before);
    Ok(())
}
