//! One way to GET: TLS files, credentials, limits, checksums.

use std::error::Error as _;
use std::io::ErrorKind;
use std::path::Path;

use reqwest::Url;
use sha2::{Digest, Sha256};

use super::{CONNECT_TIMEOUT, PullError, READ_TIMEOUT};

/// TLS settings of one client.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tls<'a> {
    pub(super) ca_file: Option<&'a Path>,
    pub(super) cert_file: Option<&'a Path>,
    pub(super) key_file: Option<&'a Path>,
    pub(super) insecure_skip_verify: bool,
}

/// HTTP basic authentication.
#[derive(Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a str>,
}

impl Credentials<'_> {
    pub(super) fn none() -> Self {
        Credentials { username: None, password: None }
    }
}

/// Redirects that are followed before the server is given up.
const MAX_REDIRECTS: usize = 10;

/// What servers see as the client; repositories keep statistics by it.
pub(super) const USER_AGENT: &str = concat!("Helm/4.3.1 ankra-helm/", env!("CARGO_PKG_VERSION"));

/// Builds the HTTP client for one set of TLS files. Redirects lose the
/// credentials when they leave the host (reqwest's own rule).
pub(super) fn client(tls: &Tls<'_>) -> Result<reqwest::Client, PullError> {
    crate::tls::install_provider();
    let failed = match builder(tls)?.build() {
        Ok(client) => return Ok(client),
        Err(e) => PullError::Tls(cause(&e)),
    };
    if tls.ca_file.is_some() {
        return Err(failed);
    }
    // A machine, or an image, without certificates of authorities: plain HTTP
    // needs none, and over TLS it is the server's certificate that is refused.
    builder(tls)?.tls_certs_only([]).build().map_err(|_| failed)
}

fn builder(tls: &Tls<'_>) -> Result<reqwest::ClientBuilder, PullError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
        .tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
    if let Some(path) = tls.ca_file {
        for certificate in reqwest::Certificate::from_pem_bundle(&read(path)?).map_err(|e| tls_error(path, &e))? {
            builder = builder.tls_certs_merge([certificate]);
        }
    }
    if let (Some(cert), Some(key)) = (tls.cert_file, tls.key_file) {
        let mut pem = read(cert)?;
        pem.push(b'\n');
        pem.extend_from_slice(&read(key)?);
        builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(|e| tls_error(cert, &e))?);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>, PullError> {
    std::fs::read(path).map_err(|e| PullError::Tls(format!("{}: {e}", path.display())))
}

fn tls_error(path: &Path, error: &reqwest::Error) -> PullError {
    PullError::Tls(format!("{}: {}", path.display(), cause(error)))
}

/// Reads a whole answer of at most `limit` bytes.
pub(super) async fn get(
    client: &reqwest::Client,
    url: &str,
    credentials: Credentials<'_>,
    limit: u64,
) -> Result<Vec<u8>, PullError> {
    let parsed = Url::parse(url).map_err(|_| PullError::BadUrl(without_credentials(url)))?;
    let shown = without_credentials(url);
    let failed = |e: &reqwest::Error| PullError::Request { url: shown.clone(), cause: go_cause(e, url) };
    let mut request = client.get(parsed);
    if let (Some(username), Some(password)) = (credentials.username, credentials.password) {
        request = request.basic_auth(username, Some(password));
    }
    let mut response = request.send().await.map_err(|e| failed(&e))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(PullError::Status { url: shown, status: response.status().to_string() });
    }
    let too_large = || PullError::TooLarge { url: shown.clone(), limit };
    if response.content_length().is_some_and(|n| n > limit) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(response.content_length().unwrap_or(0) as usize);
    while let Some(chunk) = response.chunk().await.map_err(|e| failed(&e))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Lower-case hex of SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether two URLs name the same service (scheme, host and port), so that
/// credentials for one may be sent to the other.
pub(super) fn same_host(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Ok(a), Ok(b)) => {
            a.scheme() == b.scheme()
                && a.host_str() == b.host_str()
                && a.port_or_known_default() == b.port_or_known_default()
        }
        _ => false,
    }
}

/// The last part of a URL's path.
pub(super) fn file_name(url: &str) -> String {
    let path = Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default();
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

/// The URL as it may be shown: user name and password removed.
pub(super) fn without_credentials(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            // Both setters fail only for URLs that cannot have credentials.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

/// The innermost words of an error: reqwest's own only repeat the URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = inner.to_string();
        source = inner.source();
    }
    words
}

/// Why a request failed, as Go's HTTP client says it where that can be known.
fn go_cause(error: &reqwest::Error, url: &str) -> String {
    if error.is_redirect() {
        return format!("stopped after {MAX_REDIRECTS} redirects");
    }
    if error.is_timeout() {
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_string();
    }
    let words = cause(error);
    // What TLS makes of plain HTTP.
    if words.contains("InvalidContentType") {
        return "http: server gave HTTP response to HTTPS client".to_string();
    }
    if words == "connection closed before message completed" {
        return "EOF".to_string();
    }
    if !error.is_connect() {
        return words;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && let Some(why) = go_connect_error(io.kind())
        {
            return format!("dial tcp {}: connect: {why}", address(url));
        }
        source = inner.source();
    }
    if UNKNOWN_HOST.iter().any(|unknown| words.ends_with(unknown))
        && let Some(host) = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned))
    {
        return format!("dial tcp: lookup {host} on {}: no such host", name_server());
    }
    words
}

/// How the C library ends its words on a name that nobody knows.
const UNKNOWN_HOST: [&str; 2] = ["Name or service not known", "No address associated with hostname"];

/// The server that Go's resolver names in its errors.
fn name_server() -> String {
    let settings = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let first = settings.lines().find_map(|line| line.trim().strip_prefix("nameserver")).map(str::trim);
    match first.unwrap_or("127.0.0.1") {
        v6 if v6.contains(':') => format!("[{v6}]:53"),
        v4 => format!("{v4}:53"),
    }
}

fn go_connect_error(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("connection refused"),
        ErrorKind::NetworkUnreachable => Some("network is unreachable"),
        ErrorKind::HostUnreachable => Some("no route to host"),
        _ => None,
    }
}

/// Address and port of a URL's server, as far as they can be known.
fn address(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return url.to_string() };
    let found = url.socket_addrs(|| None).ok().and_then(|all| all.into_iter().next());
    found.map_or_else(|| url.authority().to_string(), |address| address.to_string())
}

/// The error of a request that took too long, as [`PullError::Request`] has it.
pub(super) fn timed_out(url: &str) -> String {
    let cause = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_string();
    PullError::Request { url: without_credentials(url), cause }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_with_their_host() {
        assert!(same_host("https://h/charts", "https://h:443/c.tgz"));
        assert!(!same_host("https://h/charts", "http://h/c.tgz"));
        assert!(!same_host("https://h/charts", "https://h:8443/c.tgz"));
        assert!(!same_host("https://h/charts", "https://evil/c.tgz"));
    }

    #[test]
    fn shown_urls_have_no_password() {
        assert_eq!(without_credentials("https://u:secret@h/c.tgz?x=1"), "https://h/c.tgz?x=1");
        assert_eq!(without_credentials("not a url"), "not a url");
    }
}
