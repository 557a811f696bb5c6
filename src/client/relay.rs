//! The way to NATS through an HTTP proxy.
//!
//! The NATS client has no place for a proxy, so it connects to a port of this
//! machine's loopback, and what arrives there goes through the proxy by
//! CONNECT. Owns those ports, the CONNECT, and TLS to the NATS server: it
//! begins here, because only here the server's name is known. What is behind
//! is copied as it is, except for the server's first line (it says no more
//! that TLS is to be begun) and the `Host` of a WebSocket's request.

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    ServerAddr,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    Access,
    proxy::{self, Proxy, authority},
};
use crate::protocol::{Code, Error};

/// Longest time until the proxy has made the connection and TLS has begun.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest head of an HTTP message.
const HEAD_MAX: u64 = 16 * 1024;
/// Longest first line of a NATS server.
const INFO_MAX: u64 = 1024 * 1024;

/// A stream to somewhere.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Boxed = BufReader<Box<dyn Stream>>;

/// The ports of this process that lead to NATS servers through proxies.
#[derive(Clone, Debug, Default)]
pub struct Relays(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    ports: Mutex<HashMap<String, Port>>,
    trouble: Arc<Mutex<Option<String>>>,
}

/// A port that is listened to until it is dropped.
#[derive(Debug)]
struct Port {
    number: u16,
    listening: tokio::task::AbortHandle,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Relays {
    /// The servers as the NATS client is to be given them, and whether one of
    /// them is behind a proxy. It must not go to servers that such a one names
    /// then, because that would be past the proxy.
    ///
    /// # Errors
    /// When no server is named, or the settings cannot be used.
    pub async fn servers(&self, access: &Access) -> Result<(Vec<ServerAddr>, bool), Error> {
        let (mut servers, mut relayed) = (Vec::new(), false);
        for server in access.servers()? {
            match proxy::before(&server, access.nats_proxy.reveal())? {
                Some(proxy) => {
                    servers.push(self.through(&server, proxy, access).await?);
                    relayed = true;
                }
                None => servers.push(server),
            }
        }
        Ok((servers, relayed))
    }

    /// Why the last connection did not come about; the NATS client cannot know.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn through(&self, server: &ServerAddr, proxy: Proxy, access: &Access) -> Result<ServerAddr, Error> {
        let key = format!("{}|{proxy}", server.as_url_str());
        let known = self.0.ports.lock().unwrap_or_else(PoisonError::into_inner).get(&key).map(|port| port.number);
        let number = match known {
            Some(number) => number,
            None => {
                let failed = |error: io::Error| Error::internal(format!("opening a port of the loopback: {error}"));
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
                let number = listener.local_addr().map_err(failed)?.port();
                tracing::info!(server = %authority(server.host(), server.port()), %proxy, "NATS is reached by a proxy");
                let way = Arc::new(Way {
                    server: server.clone(),
                    proxy,
                    access: access.clone(),
                    trouble: Arc::clone(&self.0.trouble),
                });
                let listening = tokio::spawn(listen(listener, way)).abort_handle();
                let port = Port { number, listening };
                self.0.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(key, port);
                number
            }
        };
        local(server, number).ok_or_else(|| Error::internal("the address of a port of the loopback cannot be written"))
    }
}

/// The server's URL with the port of the loopback in its place.
fn local(server: &ServerAddr, port: u16) -> Option<ServerAddr> {
    let mut url: reqwest::Url = server.as_url_str().parse().ok()?;
    let scheme = if server.is_websocket() { "ws" } else { "nats" };
    url.set_scheme(scheme).ok()?;
    url.set_host(Some("127.0.0.1")).ok()?;
    url.set_port(Some(port)).ok()?;
    url.as_str().parse().ok()
}

/// Where a port leads to.
struct Way {
    server: ServerAddr,
    proxy: Proxy,
    access: Access,
    /// Why the last connection did not come about.
    trouble: Arc<Mutex<Option<String>>>,
}

async fn listen(listener: TcpListener, way: Arc<Way>) {
    loop {
        match listener.accept().await {
            Ok((local, _)) => {
                tokio::spawn(relay(local, Arc::clone(&way)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the loopback failed");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Carries one connection.
async fn relay(local: TcpStream, way: Arc<Way>) {
    let mut local: Boxed = BufReader::new(Box::new(local));
    let begun = timeout(CONNECT_TIMEOUT, begin(&mut local, &way)).await;
    let begun = begun.unwrap_or_else(|_| Err(Error::new(Code::Timeout, "it took too long")));
    let trouble = begun.as_ref().err().map(|error| format!("through the proxy {}: {}", way.proxy, error.message));
    if let Some(why) = &trouble {
        tracing::warn!(%why, "NATS cannot be reached");
    }
    *way.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    let Ok(mut remote) = begun else { return };
    // How it ends is for the two ends to see.
    let _ = tokio::io::copy_bidirectional(&mut local, &mut remote).await;
}

/// Goes through the proxy and, if the server wants it, begins TLS.
async fn begin(local: &mut Boxed, way: &Way) -> Result<Boxed, Error> {
    let (host, port) = (way.server.host().trim_matches(['[', ']']), way.server.port());
    let mut remote = through(way, host, port).await?;
    if way.server.is_websocket() {
        if way.server.scheme() == "wss" {
            remote = tls(remote, host, &way.access).await?;
        }
        let head = head(local).await?;
        send(&mut remote, &with_host(&head, &host_header(&way.server))).await?;
        return Ok(remote);
    }
    let line = line(&mut remote, INFO_MAX).await?;
    let mut info = line
        .strip_prefix(b"INFO ")
        .and_then(|json| serde_json::from_slice::<Value>(json).ok())
        .ok_or_else(|| upstream("what is behind the proxy is no NATS server"))?;
    if way.server.tls_required() || info.get("tls_required").and_then(Value::as_bool) == Some(true) {
        remote = tls(remote, host, &way.access).await?;
    }
    if let Some(fields) = info.as_object_mut() {
        for name in ["tls_required", "tls_available", "tls_verify", "connect_urls", "ws_connect_urls"] {
            fields.remove(name);
        }
    }
    send(local, format!("INFO {info}\r\n").as_bytes()).await?;
    Ok(remote)
}

/// A connection to the server that the proxy has made.
async fn through(way: &Way, host: &str, port: u16) -> Result<Boxed, Error> {
    let proxy = &way.proxy;
    let stream = TcpStream::connect((proxy.host.as_str(), proxy.port)).await;
    let stream = stream.map_err(|error| upstream(&format!("it cannot be reached: {error}")))?;
    // Small messages are not to wait for more.
    let _ = stream.set_nodelay(true);
    let mut remote: Boxed = BufReader::new(Box::new(stream));
    if proxy.tls {
        remote = tls(remote, &proxy.host, &way.access).await?;
    }
    let to = authority(host, port);
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: ankra\r\n");
    if let Some(value) = &proxy.authorization {
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    send(&mut remote, request.as_bytes()).await?;
    let head = head(&mut remote).await?;
    let head = String::from_utf8_lossy(&head);
    let status = head.lines().next().unwrap_or_default();
    let code = status.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(200..=299) if status.starts_with("HTTP/1.") => Ok(remote),
        Some(code) => {
            let reason: String = status.splitn(3, ' ').nth(2).unwrap_or_default().chars().take(100).collect();
            Err(upstream(&format!("it refuses the way to {to}: {code} {reason}")))
        }
        None => Err(upstream("it does not speak HTTP")),
    }
}

/// TLS over a connection on which nothing was read ahead.
async fn tls(stream: Boxed, host: &str, access: &Access) -> Result<Boxed, Error> {
    if !stream.buffer().is_empty() {
        return Err(upstream("the server speaks before TLS has begun"));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| upstream("its host cannot be a server's name"))?;
    let connector = TlsConnector::from(Arc::new(config(access)?));
    let secured = connector.connect(name, stream.into_inner()).await;
    let secured = secured.map_err(|error| upstream(&format!("TLS with {host}: {error}")))?;
    Ok(BufReader::new(Box::new(secured)))
}

/// The certificates of [`Access`], as the NATS client uses them.
fn config(access: &Access) -> Result<ClientConfig, Error> {
    engine::tls::install_provider();
    let unusable = |what: &str, error: &dyn std::fmt::Display| Error::invalid(format!("{what}: {error}"));
    let mut roots = RootCertStore::empty();
    match &access.nats_ca {
        Some(path) => {
            let failed = |error| unusable("reading NATS_CA_FILE", &error);
            for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
                roots.add(certificate.map_err(failed)?).map_err(|error| unusable("NATS_CA_FILE", &error))?;
            }
        }
        None => {
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&access.nats_cert, &access.nats_key) else {
        return Ok(builder.with_no_client_auth());
    };
    let failed = |error| unusable("reading NATS_CERT_FILE or NATS_KEY_FILE", &error);
    let chain =
        CertificateDer::pem_file_iter(certificate).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(failed)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable("the client certificate for NATS", &error))
}

fn upstream(why: &str) -> Error {
    Error::new(Code::Upstream, why)
}

async fn send(to: &mut Boxed, bytes: &[u8]) -> Result<(), Error> {
    let lost = |error: io::Error| upstream(&format!("the connection broke: {error}"));
    to.write_all(bytes).await.map_err(lost)?;
    to.flush().await.map_err(lost)
}

/// One line, its end included.
async fn line(from: &mut (impl AsyncBufRead + Unpin), max: u64) -> Result<Vec<u8>, Error> {
    let mut line = Vec::new();
    let read = from.take(max).read_until(b'\n', &mut line).await;
    read.map_err(|error| upstream(&format!("the connection broke: {error}")))?;
    if line.last() == Some(&b'\n') {
        Ok(line)
    } else {
        Err(upstream("the connection ended, or its first line does not"))
    }
}

/// The head of an HTTP message, the empty line included.
async fn head(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    loop {
        let line = line(from, HEAD_MAX - head.len() as u64).await?;
        let empty = line.trim_ascii().is_empty();
        head.extend_from_slice(&line);
        if empty {
            return Ok(head);
        }
    }
}

/// A request's head with another `Host`.
fn with_host(head: &[u8], host: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len() + host.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:")) {
            out.extend_from_slice(format!("Host: {host}\r\n").as_bytes());
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}

/// The host as browsers write it: without a port that the scheme implies.
fn host_header(server: &ServerAddr) -> String {
    let url = server.as_url_str().parse::<reqwest::Url>().ok();
    match url.as_ref().and_then(|url| Some((url.host_str()?, url.port()))) {
        Some((host, None)) => host.to_owned(),
        Some((host, Some(port))) => format!("{host}:{port}"),
        None => authority(server.host(), server.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_takes_the_place_of_the_server() {
        let local = |url: &str| local(&url.parse().unwrap(), 7).unwrap().as_url_str().to_owned();
        assert_eq!(local("tls://me:pw@nats.example.org:4222"), "nats://me:pw@127.0.0.1:7");
        assert_eq!(local("nats.example.org"), "nats://127.0.0.1:7");
        assert_eq!(local("wss://nats.example.org/path"), "ws://127.0.0.1:7/path");
    }

    #[test]
    fn a_request_is_for_the_server() {
        let head = b"GET / HTTP/1.1\r\nhOst: 127.0.0.1:7\r\nUpgrade: websocket\r\n\r\n";
        let server = |url: &str| host_header(&url.parse().unwrap());
        let expected = b"GET / HTTP/1.1\r\nHost: nats.example.org\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(with_host(head, &server("wss://nats.example.org")), expected);
        assert_eq!(server("ws://nats.example.org:8080"), "nats.example.org:8080");
    }

    #[tokio::test]
    async fn heads_and_lines_have_an_end() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nINFO {}\r\n";
        assert!(head(&mut bytes).await.unwrap().ends_with(b"\r\n\r\n"));
        assert_eq!(line(&mut bytes, INFO_MAX).await.unwrap(), b"INFO {}\r\n");
        assert!(line(&mut bytes, INFO_MAX).await.is_err());
        let endless = vec![b'x'; 20_000];
        assert!(head(&mut endless.as_slice()).await.is_err());
        let lines = b"a: b\r\n".repeat(5000);
        assert!(head(&mut lines.as_slice()).await.is_err());
    }
}
