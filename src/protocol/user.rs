//! Users of the cluster in whose names a client may act.
//!
//! Owns which names can be used, and how a name stands in a subject. It stands
//! there, and not in a message, because only for subjects NATS says who may
//! publish.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::error::{Code, Error};

/// Longest name.
const NAME_MAX: usize = 128;
/// Names of the cluster's own parts.
const SYSTEM: &str = "system:";

/// A user, by the name that RBAC knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User(String);

impl User {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Code::Invalid`] when it is empty, too long or holds more than visible
    /// ASCII characters, [`Code::Forbidden`] when it belongs to the cluster.
    pub fn new(name: impl Into<String>) -> Result<User, Error> {
        let name = name.into();
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid(format!("a user must be 1 to {NAME_MAX} visible ASCII characters")));
        }
        if name.starts_with(SYSTEM) {
            return Err(Error::new(
                Code::Forbidden,
                format!("nobody acts in the name of {name}: it is the cluster's own"),
            ));
        }
        Ok(User(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one token of a subject: URL-safe base 64 without padding.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The user of a token.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_token(token: &str) -> Result<User, Error> {
        let wrong = || Error::invalid("the user in the subject is not in base 64");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        User::new(String::from_utf8(bytes).map_err(|_| wrong())?)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_token() {
        for name in ["anna", "u@example.org", "oidc:a.b/c", "x>*.y"] {
            let user = User::new(name).unwrap();
            let token = user.token();
            assert!(super::super::subject::is_token(&token), "{token}");
            assert_eq!(User::from_token(&token).unwrap(), user);
        }
        // Other spellings of "anna" and of nothing.
        for wrong in ["YW5uYQ==", "YW5uYR", "", "*", "YQ\n", "_w"] {
            assert!(User::from_token(wrong).is_err(), "{wrong:?}");
        }
        for (name, code) in [
            ("", Code::Invalid),
            ("a b", Code::Invalid),
            ("a\r\nImpersonate-Group: system:masters", Code::Invalid),
            ("\u{e4}", Code::Invalid),
            ("system:admin", Code::Forbidden),
            ("system:serviceaccount:a:b", Code::Forbidden),
        ] {
            assert_eq!(User::new(name).unwrap_err().code, code, "{name:?}");
        }
        assert!(User::new("a".repeat(129)).is_err());
    }
}
