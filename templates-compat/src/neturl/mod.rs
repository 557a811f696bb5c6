//! URLs as Go's `net/url` reads, checks and prints them.

mod address;
mod escape;

pub use address::parse_address;
pub use escape::query_escape;

use address::check_ip_literal;
use escape::{Mode, escape, unescape};

use crate::compat::Compat;
use crate::gofmt::quote::quote_text;

/// A parsed URL. Texts are bytes: what was escaped may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Url {
    /// In lower case, without the colon.
    pub scheme: Vec<u8>,
    /// What follows the scheme when that is no slash.
    pub opaque: Vec<u8>,
    /// Name and password.
    pub user: Option<UserInfo>,
    /// With the port.
    pub host: Vec<u8>,
    /// Unescaped.
    pub path: Vec<u8>,
    /// As written, without the question mark.
    pub raw_query: Vec<u8>,
    /// Unescaped.
    pub fragment: Vec<u8>,
}

/// What stands before the `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl UserInfo {
    /// Escaped, as in a URL.
    pub fn text(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Mode::UserPassword);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Mode::UserPassword));
        }
        out
    }
}

impl Url {
    /// `url.Parse`.
    ///
    /// # Errors
    /// Go's text.
    pub fn parse(text: &[u8], compat: Compat) -> Result<Url, String> {
        let (before, fragment) = cut(text, b'#');
        let error = |text: &[u8], e: String| format!("parse {}: {e}", quote_text(text, compat));
        let mut url = Url::parse_without_fragment(before, compat).map_err(|e| error(before, e))?;
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Mode::Fragment, compat).map_err(|e| error(text, e))?;
        }
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8], compat: Compat) -> Result<Url, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Url::default();
        if text == b"*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.raw_query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if let Some(after) = rest.strip_prefix(b"//").filter(|_| !url.scheme.is_empty() || !rest.starts_with(b"///")) {
            let end = after.iter().position(|b| *b == b'/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            rest = path;
            (url.user, url.host) = parse_authority(&url.scheme, authority, compat)?;
        }
        url.path = unescape(rest, Mode::Path, compat)?;
        Ok(url)
    }

    /// The host without the port and without the brackets of IPv6.
    pub fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = host.iter().rposition(|b| *b == b':')
            && is_optional_port(&host[colon..])
        {
            host = &host[..colon];
        }
        match host {
            [b'[', inside @ .., b']'] => inside,
            host => host,
        }
    }

    /// The URL put together from its parts.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.append_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.raw_query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.raw_query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Mode::Fragment));
        }
        out
    }

    fn append_hierarchy(&self, out: &mut Vec<u8>) {
        let has_host = !self.host.is_empty();
        if has_host || self.user.is_some() || !self.scheme.is_empty() && !self.path.is_empty() {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend(user.text());
            out.push(b'@');
        }
        out.extend(escape(&self.host, Mode::Host));
        let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Mode::Path) };
        if has_host && !path.is_empty() && !path.starts_with(b"/") {
            out.push(b'/');
        }
        // A colon in the first segment would read as a scheme.
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == mark) {
        Some(at) => (&text[..at], text.get(at + 1..)),
        None => (text, None),
    }
}

fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (i, b) in text.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..i], text.get(i + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parse_authority(scheme: &[u8], authority: &[u8], compat: Compat) -> Result<(Option<UserInfo>, Vec<u8>), String> {
    let Some(at) = authority.iter().rposition(|b| *b == b'@') else {
        return Ok((None, parse_host(scheme, authority, compat)?));
    };
    let host = parse_host(scheme, authority.get(at + 1..).unwrap_or_default(), compat)?;
    let user = &authority[..at];
    let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
    if !user.iter().all(valid) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = cut(user, b':');
    let name = unescape(name, Mode::UserPassword, compat)?;
    let password = password.map(|p| unescape(p, Mode::UserPassword, compat)).transpose()?;
    Ok((Some(UserInfo { name, password }), host))
}

fn parse_host(scheme: &[u8], host: &[u8], compat: Compat) -> Result<Vec<u8>, String> {
    let bad_port = |port: &[u8]| Err(format!("invalid port {} after host", quote_text(port, compat)));
    match host.iter().rposition(|b| *b == b'[') {
        Some(open) if open > 0 && compat.checks_ip_literals() => return Err("invalid IP-literal".into()),
        _ if host.starts_with(b"[") => return parse_ip_literal(host, compat),
        _ => {}
    }
    // Newer Gos look at the first colon for the web's own schemes.
    let web = scheme == b"http" || scheme == b"https";
    let colon = if compat.ports_begin_at_the_first_colon() && web {
        host.iter().position(|b| *b == b':')
    } else {
        host.iter().rposition(|b| *b == b':')
    };
    if let Some(colon) = colon
        && !is_optional_port(&host[colon..])
    {
        return bad_port(&host[colon..]);
    }
    unescape(host, Mode::Host, compat)
}

/// `[::1]:80`; the zone of an address has rules of its own.
fn parse_ip_literal(host: &[u8], compat: Compat) -> Result<Vec<u8>, String> {
    let close = host.iter().rposition(|b| *b == b']').ok_or("missing ']' in host")?;
    let port = host.get(close + 1..).unwrap_or_default();
    if !is_optional_port(port) {
        return Err(format!("invalid port {} after host", quote_text(port, compat)));
    }
    let name = &host[1..close];
    let zone = name.windows(3).position(|w| w == b"%25");
    if !compat.checks_ip_literals() && zone.is_none() {
        return unescape(host, Mode::Host, compat);
    }
    let port = unescape(port, Mode::Host, compat)?;
    let mut address = match zone {
        Some(zone) => {
            let mut address = unescape(&name[..zone], Mode::Host, compat)?;
            address.extend(unescape(&name[zone..], Mode::Zone, compat)?);
            address
        }
        None => unescape(name, Mode::Host, compat)?,
    };
    if compat.checks_ip_literals() {
        check_ip_literal(&address, compat)?;
    }
    address.insert(0, b'[');
    address.push(b']');
    address.extend(port);
    Ok(address)
}

/// Nothing, or a colon and digits.
fn is_optional_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, compat: Compat) -> String {
        Url::parse(text.as_bytes(), compat).unwrap_err()
    }

    #[test]
    fn parts() {
        let url = Url::parse(b"HTTP://me:p%40ss@[fe80::1%25en0]:80/a%20b?x=1#f%20g", Compat::Helm4).unwrap();
        assert_eq!(url.scheme, b"http");
        assert_eq!(url.user.as_ref().unwrap().text(), b"me:p%40ss");
        assert_eq!(url.host, b"[fe80::1%en0]:80");
        assert_eq!(url.hostname(), b"fe80::1%en0");
        assert_eq!(url.path, b"/a b");
        assert_eq!(url.raw_query, b"x=1");
        assert_eq!(url.fragment, b"f g");
        assert_eq!(url.text(), b"http://me:p%40ss@[fe80::1%25en0]:80/a%20b?x=1#f%20g");
    }

    #[test]
    fn refusals() {
        for (text, reason) in [
            ("http://a:b", "invalid port \":b\" after host"),
            ("http://[::1", "missing ']' in host"),
            ("http://[1.2.3.4]", "invalid IP-literal"),
            ("http://a[b]", "invalid IP-literal"),
            ("http://[x]", "invalid host: ParseAddr(\"x\"): unable to parse IP"),
            ("http://a:1:2", "invalid port \":1:2\" after host"),
            (":a", "missing protocol scheme"),
            ("1:a", "first path segment in URL cannot contain colon"),
            ("%zz", "invalid URL escape \"%zz\""),
            ("http://a b", "invalid character \" \" in host name"),
            ("http://%41", "invalid URL escape \"%41\""),
            ("http://a b@c", "net/url: invalid userinfo"),
        ] {
            assert_eq!(error(text, Compat::Helm4), format!("parse \"{text}\": {reason}"));
        }
        assert_eq!(error("a\n", Compat::Helm4), "parse \"a\\n\": net/url: invalid control character in URL");
        assert_eq!(error("a#%", Compat::Helm4), "parse \"a#%\": invalid URL escape \"%\"");
        for text in ["http://[x]", "http://a[b]", "http://a:1:2"] {
            assert!(Url::parse(text.as_bytes(), Compat::Helm3).is_ok(), "{text}");
        }
    }
}
