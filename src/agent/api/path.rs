//! Builds the paths of API requests.
//!
//! Owns escaping: whatever a segment or parameter holds, it stays in its
//! place.

use std::fmt::Write;

use super::Resolved;

/// A path with its query.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    query: bool,
}

impl Path {
    /// The objects of a kind, in `namespace` or (empty) everywhere.
    pub fn objects(kind: &Resolved, namespace: &str) -> Self {
        let mut text = if kind.gvk.group.is_empty() {
            format!("/api/{}", escape(&kind.gvk.version))
        } else {
            format!("/apis/{}/{}", escape(&kind.gvk.group), escape(&kind.gvk.version))
        };
        if kind.namespaced && !namespace.is_empty() {
            text.push_str("/namespaces/");
            text.push_str(&escape(namespace));
        }
        text.push('/');
        text.push_str(&escape(&kind.resource));
        Path { text, query: false }
    }

    /// A path that needs no escaping.
    pub fn fixed(text: &'static str) -> Self {
        Path { text: text.to_owned(), query: false }
    }

    /// Adds a segment.
    #[must_use]
    pub fn segment(mut self, text: &str) -> Self {
        self.text.push('/');
        self.text.push_str(&escape(text));
        self
    }

    /// Adds a parameter, unless its value is empty.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.text.push(if self.query { '&' } else { '?' });
            self.query = true;
            self.text.push_str(name);
            self.text.push('=');
            self.text.push_str(&escape(value));
        }
        self
    }

    /// The path as it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Percent-encodes all but the characters that no URL gives a meaning.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::read::Gvk;

    #[test]
    fn nothing_leaves_its_place() {
        let kind = Resolved {
            gvk: Gvk { group: "apps".into(), version: "v1".into(), kind: "Deployment".into() },
            resource: "deployments".into(),
            namespaced: true,
            verbs: Vec::new(),
        };
        let path = Path::objects(&kind, "a").segment("x/../y").query("labelSelector", "a=b&c").query("limit", "");
        assert_eq!(path.as_str(), "/apis/apps/v1/namespaces/a/deployments/x%2F..%2Fy?labelSelector=a%3Db%26c");
        assert_eq!(Path::objects(&kind, "").as_str(), "/apis/apps/v1/deployments");
    }
}
