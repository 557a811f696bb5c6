//! Addresses of schemas: splitting and joining (RFC 3986).

/// The address and the fragment after its first `#`, as it is meant.
pub(super) fn split_fragment(reference: &str) -> (&str, String) {
    match reference.split_once('#') {
        Some((address, fragment)) => (address, percent_decode(fragment)),
        None => (reference, String::new()),
    }
}

fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_string();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|c| u8::from_str_radix(c, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An address without fragment, in parts.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

/// The scheme of an address, if it has one.
pub(super) fn scheme(address: &str) -> Option<&str> {
    let (scheme, _) = address.split_once(':')?;
    let mut chars = scheme.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    good.then_some(scheme)
}

fn parts(address: &str) -> Parts<'_> {
    let scheme = scheme(address);
    let rest = scheme.map_or(address, |s| &address[s.len() + 1..]);
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(r, q)| (r, Some(q)));
    match rest.strip_prefix("//") {
        Some(after) => {
            let end = after.find('/').unwrap_or(after.len());
            Parts { scheme, authority: Some(&after[..end]), path: &after[end..], query }
        }
        None => Parts { scheme, authority: None, path: rest, query },
    }
}

/// A reference (without fragment) seen from a base.
pub(super) fn join(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_string();
    }
    let (base, r) = (parts(base), parts(reference));
    if r.scheme.is_some() {
        return build(r.scheme, r.authority, &remove_dots(r.path), r.query);
    }
    if r.authority.is_some() {
        return build(base.scheme, r.authority, &remove_dots(r.path), r.query);
    }
    let path = if r.path.is_empty() {
        base.path.to_string()
    } else if r.path.starts_with('/') {
        remove_dots(r.path)
    } else {
        let folder = base.path.rfind('/').map_or("", |slash| &base.path[..=slash]);
        remove_dots(&format!("{folder}{}", r.path))
    };
    let query = if r.path.is_empty() { r.query.or(base.query) } else { r.query };
    build(base.scheme, base.authority, &path, query)
}

fn remove_dots(path: &str) -> String {
    if !path.contains("./") && !path.ends_with('.') {
        return path.to_string();
    }
    let mut out: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        match *part {
            "." => {}
            ".." => {
                if out.len() > 1 {
                    out.pop();
                }
            }
            other => {
                out.push(other);
                continue;
            }
        }
        if last {
            out.push("");
        }
    }
    out.join("/")
}

fn build(scheme: Option<&str>, authority: Option<&str>, path: &str, query: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(scheme) = scheme {
        out.push_str(scheme);
        out.push(':');
    }
    if let Some(authority) = authority {
        out.push_str("//");
        out.push_str(authority);
    }
    out.push_str(path);
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining() {
        for (base, reference, want) in [
            ("file:///values.schema.json", "other.json", "file:///other.json"),
            ("file:///values.schema.json", "file://../x.json", "file://../x.json"),
            ("https://a.b/c/d.json", "../e.json", "https://a.b/e.json"),
            ("https://a.b/c/d.json", "/e", "https://a.b/e"),
            ("https://a.b/c/d.json", "", "https://a.b/c/d.json"),
            ("https://a.b", "urn:x:y", "urn:x:y"),
            ("https://a.b/c", "//h/p", "https://h/p"),
        ] {
            assert_eq!(join(base, reference), want, "{base} {reference}");
        }
        assert_eq!(split_fragment("a#/b%20c"), ("a", "/b c".to_string()));
    }
}
