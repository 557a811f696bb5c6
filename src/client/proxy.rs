//! Which HTTP proxy stands between here and a NATS server.
//!
//! Owns the setting, the variables and their rules; they are those that the
//! registration and chart pulls follow. The way through a proxy is `relay`'s.

use std::fmt;

use async_nats::ServerAddr;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::protocol::Error;

/// The setting that uses no proxy, whatever the environment says.
pub const NONE: &str = "none";

/// An HTTP proxy. What it shows of itself holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether it is spoken to by TLS.
    pub(super) tls: bool,
    /// Value of `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The proxy before a server, by a setting: a URL, `none`, or empty for the
/// variables `HTTPS_PROXY` (`HTTP_PROXY` for `ws://`), `ALL_PROXY` and
/// `NO_PROXY`.
///
/// # Errors
/// When it is no HTTP proxy.
pub fn before(server: &ServerAddr, setting: &str) -> Result<Option<Proxy>, Error> {
    let matcher = match setting {
        NONE => return Ok(None),
        "" => Matcher::from_env(),
        url => Matcher::builder().all(checked(url)?).no(no_proxy()).build(),
    };
    find(server, &matcher, setting.is_empty())
}

fn find(server: &ServerAddr, matcher: &Matcher, by_environment: bool) -> Result<Option<Proxy>, Error> {
    // What goes to this machine is not meant by variables for all programs.
    if by_environment && is_loopback(server.host()) {
        return Ok(None);
    }
    let scheme = if server.scheme() == "ws" { "http" } else { "https" };
    let uri = format!("{scheme}://{}", authority(server.host(), server.port()));
    let uri: Uri = uri.parse().map_err(|_| Error::invalid("a NATS URL has no usable host"))?;
    matcher.intercept(&uri).map(|found| proxy(&found)).transpose()
}

fn proxy(found: &Intercept) -> Result<Proxy, Error> {
    let uri = found.uri();
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(not_http()),
    };
    let host = uri.host().ok_or_else(not_http)?;
    Ok(Proxy {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        tls,
        authorization: found.basic_auth().and_then(|value| value.to_str().ok()).map(str::to_owned),
    })
}

/// The URL may hold a password, so it is not repeated.
fn not_http() -> Error {
    Error::invalid(format!(
        "the proxy before NATS is not of the form http://host:port; set NATS_PROXY to one, or to {NONE}"
    ))
}

fn checked(url: &str) -> Result<&str, Error> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.filter(|rest| !rest.is_empty() && url.parse::<Uri>().is_ok()).map(|_| url).ok_or_else(not_http)
}

fn no_proxy() -> String {
    let named = ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok());
    named.unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `host:port` as it stands in a URL.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> ServerAddr {
        url.parse().unwrap()
    }

    #[test]
    fn variables_say_which_proxy() {
        let matcher = Matcher::builder()
            .https("http://me:secret@proxy.example.org:3128")
            .http("https://web.example.org")
            .no("internal.example.org,10.0.0.0/8")
            .build();
        let find = |url: &str| find(&server(url), &matcher, true).unwrap();
        let proxy = find("tls://nats.example.org:4222").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port, proxy.tls), ("proxy.example.org", 3128, false));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
        assert!(!format!("{proxy:?}").contains("secret"));
        assert_eq!(find("wss://nats.example.org"), Some(proxy));
        let web = find("ws://nats.example.org").unwrap();
        assert_eq!((web.port, web.tls, web.authorization), (443, true, None));
        for direct in ["nats://a.internal.example.org", "nats://10.1.2.3", "nats://127.0.0.1", "tls://[::1]:4222"] {
            assert_eq!(find(direct), None, "{direct}");
        }
    }

    #[test]
    fn a_setting_is_a_proxy_or_an_error() {
        let nats = server("nats://127.0.0.1:4222");
        assert_eq!(before(&nats, NONE).unwrap(), None);
        for wrong in ["proxy:3128", "socks5://proxy:1080", "http://", "nonsense", "http://me:secret@ pro xy"] {
            let error = before(&nats, wrong).unwrap_err();
            assert!(!error.message.contains("secret"), "{error}");
        }
        let socks = Matcher::builder().all("socks5://proxy:1080").build();
        assert!(find(&server("nats://a"), &socks, true).is_err());
    }

    #[test]
    fn addresses_keep_their_brackets() {
        assert_eq!(authority("::1", 1), "[::1]:1");
        assert_eq!(authority("[::1]", 1), "[::1]:1");
        assert_eq!(authority("a.example", 1), "a.example:1");
    }
}
