//! Checks of what arrives from outside, before any of it reaches the API
//! server.
//!
//! Owns the limits on names, selectors and lists. The rules are Kubernetes'
//! own, or wider where Kubernetes differs by kind: what passes here cannot
//! leave its place in a URL, and the API server still has the last word.

use super::error::Error;

/// Longest name of an object (a DNS subdomain).
pub const NAME_MAX: usize = 253;
/// Longest name of a namespace (a DNS label).
pub const NAMESPACE_MAX: usize = 63;
/// Longest name of a release: Helm's limit.
pub const RELEASE_MAX: usize = 53;
/// Longest label or field selector, in bytes.
pub const SELECTOR_MAX: usize = 4096;
/// Most namespaces in one request.
pub const NAMESPACES_MAX: usize = 256;
/// Most names in one request.
pub const NAMES_MAX: usize = 256;

/// Checks the name of a namespace.
///
/// # Errors
/// When it is not a DNS label.
pub fn namespace(text: &str) -> Result<(), Error> {
    if text.len() <= NAMESPACE_MAX && is_dns_label(text) {
        return Ok(());
    }
    Err(Error::invalid(format!("namespace {text:?} is not a DNS label (a-z, 0-9 and -, at most {NAMESPACE_MAX})")))
}

/// Checks a list of namespaces.
///
/// # Errors
/// When there are too many, or one is not a DNS label.
pub fn namespaces(list: &[String]) -> Result<(), Error> {
    if list.len() > NAMESPACES_MAX {
        return Err(Error::invalid(format!("{} namespaces, at most {NAMESPACES_MAX} are allowed", list.len())));
    }
    list.iter().try_for_each(|name| namespace(name))
}

/// Checks the name of an object. Some kinds allow more than DNS names (roles
/// hold colons), so the rule is the one for path segments.
///
/// # Errors
/// When it is empty, too long, `.` or `..`, or holds `/`, `%` or a control
/// character.
pub fn name(text: &str) -> Result<(), Error> {
    let fits = !text.is_empty()
        && text.len() <= NAME_MAX
        && text != "."
        && text != ".."
        && !text.contains(['/', '%'])
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits { Ok(()) } else { Err(Error::invalid(format!("{text:?} cannot be the name of an object"))) }
}

/// Checks a label or field selector; `what` names the field for the message.
///
/// # Errors
/// When it is too long or holds a control character. Its grammar is checked by
/// the API server.
pub fn selector(what: &str, text: &str) -> Result<(), Error> {
    if text.len() > SELECTOR_MAX {
        return Err(Error::invalid(format!("{what} has {} bytes, at most {SELECTOR_MAX} are allowed", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(format!("{what} holds a control character")));
    }
    Ok(())
}

/// Checks the name of a release.
///
/// # Errors
/// When it breaks Helm's rule.
pub fn release(text: &str) -> Result<(), Error> {
    let fits = text.len() <= RELEASE_MAX && text.split('.').all(is_dns_label);
    if fits {
        return Ok(());
    }
    Err(Error::invalid(format!("{text:?} is not a release name (a-z, 0-9, - and ., at most {RELEASE_MAX})")))
}

/// Checks a group, version, kind or resource name: what may stand between two
/// slashes of an API path.
///
/// # Errors
/// When it holds anything but letters, digits, `-` and `.`.
pub fn api_word(what: &str, text: &str) -> Result<(), Error> {
    let fits = text.len() <= NAME_MAX
        && !text.starts_with('.')
        && !text.contains("..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if fits { Ok(()) } else { Err(Error::invalid(format!("{what} {text:?} is not a Kubernetes API name"))) }
}

/// 1 or more of `a-z 0-9 -`, not beginning or ending with a hyphen.
fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        for bad in ["", ".", "..", "a/b", "a%2fb", "a b", "a\nb", &"x".repeat(254)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        for good in ["web-1", "system:node", "a.b.c", "Ünïcode"] {
            assert!(name(good).is_ok(), "{good:?}");
        }
        for bad in ["", "A", "-a", "a-", "a.b", "../x", &"a".repeat(64)] {
            assert!(namespace(bad).is_err(), "{bad:?}");
        }
        assert!(api_word("group", "").is_ok());
        for bad in ["../x", "a/b", "a b", "a?b", "a..b"] {
            assert!(api_word("group", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn release_names_follow_helm() {
        for good in ["a", "my-release", "a.b-c", "0"] {
            assert!(release(good).is_ok(), "{good:?}");
        }
        for bad in ["", "A", "a_b", "-a", "a.", &"a".repeat(54)] {
            assert!(release(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_and_selectors_have_limits() {
        assert!(namespaces(&vec!["a".to_owned(); NAMESPACES_MAX + 1]).is_err());
        assert!(selector("label_selector", &"a".repeat(SELECTOR_MAX + 1)).is_err());
        assert!(selector("label_selector", "app in (a,b),!c").is_ok());
        assert!(selector("label_selector", "a\u{0}").is_err());
    }
}
