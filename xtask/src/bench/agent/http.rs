//! The little of HTTP/1.1 that an API server and a monitoring endpoint on this
//! machine need: one connection that is kept, whole bodies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::super::Anything;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What bytes go over, and come from.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// One connection.
pub(super) struct Http {
    address: String,
    /// Of every request.
    headers: String,
    stream: BufReader<Box<dyn Wire>>,
}

/// How to reach a server by TLS as somebody that it knows.
#[derive(Clone)]
pub(super) struct Secure {
    config: Arc<ClientConfig>,
    token: String,
}

impl Secure {
    /// `authority` is the file of the certificate that signed the server's.
    pub(super) fn new(authority: &Path, token: &str) -> Anything<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority)? {
            // The file may hold the server's own too, which signs nothing.
            roots.add_parsable_certificates([certificate?]);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        Ok(Self { config, token: token.to_owned() })
    }
}

/// Status and body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    pub(super) fn ok(self) -> Anything<Vec<u8>> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(format!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

impl Http {
    /// Connects to `address`, `host:port` or an `http://` URL of that.
    pub(super) fn connect(address: &str) -> Anything<Self> {
        let address = address.trim_start_matches("http://");
        Ok(Self::over(address, String::new(), Box::new(tcp(address)?)))
    }

    /// Connects to an `https://` URL of host and port.
    pub(super) fn connect_secure(url: &str, secure: &Secure) -> Anything<Self> {
        let address = url.trim_start_matches("https://");
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())?;
        let tls = ClientConnection::new(Arc::clone(&secure.config), name)?;
        let headers = format!("Authorization: Bearer {}\r\n", secure.token);
        Ok(Self::over(address, headers, Box::new(StreamOwned::new(tls, tcp(address)?))))
    }

    fn over(address: &str, headers: String, wire: Box<dyn Wire>) -> Self {
        Self { address: address.to_owned(), headers, stream: BufReader::with_capacity(64 * 1024, wire) }
    }

    /// Reads a JSON document.
    pub(super) fn json(&mut self, path: &str) -> Anything<Value> {
        Ok(serde_json::from_slice(&self.send("GET", path, &[], b"")?.ok()?)?)
    }

    /// Reads an answer that does not end, line by line, until `told` wants no
    /// more or the server ends it.
    pub(super) fn follow(mut self, path: &str, mut told: impl FnMut(&[u8]) -> bool) -> Anything<()> {
        self.ask("GET", path, &[], b"")?;
        let (status, _) = self.head()?;
        if status != 200 {
            return Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&self.chunks()?)).into());
        }
        let mut lines = Vec::new();
        while self.chunk(&mut lines)? > 0 {
            let mut from = 0;
            while let Some(length) = lines[from..].iter().position(|byte| *byte == b'\n') {
                if !told(&lines[from..from + length]) {
                    return Ok(());
                }
                from += length + 1;
            }
            lines.drain(..from);
        }
        Ok(())
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Anything<()> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{}",
            self.address,
            body.len(),
            self.headers
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message)?;
        self.stream.get_mut().flush()?;
        Ok(())
    }

    /// Sends one request and reads its answer.
    pub(super) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Anything<Answer> {
        self.ask(method, path, headers, body)?;
        let (status, length) = self.head()?;
        let body = match length {
            Some(length) => {
                let mut body = vec![0; length];
                self.stream.read_exact(&mut body)?;
                body
            }
            None => self.chunks()?,
        };
        Ok(Answer { status, body })
    }

    /// The status, and the length of the body; without one it comes in chunks.
    fn head(&mut self) -> Anything<(u16, Option<usize>)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| format!("no HTTP answer: {first:?}"))?;
        let (mut length, mut chunked) = (None, false);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.trim().parse()?),
                "transfer-encoding" => chunked = value.contains("chunked"),
                _ => {}
            }
        }
        Ok((status, if chunked { None } else { Some(length.unwrap_or(0)) }))
    }

    fn chunks(&mut self) -> Anything<Vec<u8>> {
        let mut body = Vec::new();
        while self.chunk(&mut body)? > 0 {}
        Ok(body)
    }

    /// Reads one chunk to the end of the body. Gives its length; the last one
    /// has none.
    fn chunk(&mut self, body: &mut Vec<u8>) -> Anything<usize> {
        let line = self.line()?;
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)?;
        let start = body.len();
        body.resize(start + length, 0);
        self.stream.read_exact(&mut body[start..])?;
        // The end of the chunk; after the last one that of the body.
        self.line()?;
        Ok(length)
    }

    fn line(&mut self) -> Anything<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(format!("{} closed the connection", self.address).into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn tcp(address: &str) -> Anything<TcpStream> {
    let stream = TcpStream::connect(address).map_err(|e| format!("connecting to {address}: {e}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn bodies_come_whole_or_in_chunks_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let answers = [
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
                "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            ];
            for answer in answers {
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                }
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut http = Http::connect(&address).unwrap();
        assert_eq!(http.json("/a").unwrap(), serde_json::json!([1]));
        let answer = http.send("GET", "/b", &[("Accept", "x")], b"").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"abc0123456789".as_slice()));
        assert!(answer.ok().is_err());
        server.join().unwrap();
    }
}
