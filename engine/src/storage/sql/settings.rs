//! What a connection string says of TLS. Helm's client for PostgreSQL knows
//! more words than ours: they are taken out, and the rest is passed on.

use std::path::PathBuf;

/// `sslmode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    /// Never.
    Disable,
    /// Only if it does not work without.
    Allow,
    /// If the server can.
    Prefer,
    /// Always, whoever the server is (unless a file of authorities is named).
    #[default]
    Require,
    /// The server's certificate must be signed by an authority.
    VerifyCa,
    /// And be for the server's name.
    VerifyFull,
}

impl Mode {
    fn of(word: &str) -> Result<Mode, String> {
        Ok(match word {
            "disable" => Mode::Disable,
            "allow" => Mode::Allow,
            "prefer" => Mode::Prefer,
            "" | "require" => Mode::Require,
            "verify-ca" => Mode::VerifyCa,
            "verify-full" => Mode::VerifyFull,
            other => {
                return Err(format!(
                    "pq: wrong value for \"sslmode\": {other:?} is not supported; supported values are disable, allow, \
                     prefer, require, verify-full, verify-ca"
                ));
            }
        })
    }
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    /// `sslrootcert`: PEM certificates of authorities; `None`: the system's.
    pub(super) root: Option<PathBuf>,
    /// `sslcert` and `sslkey`: the client's own, PEM.
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// The word that means the system's authorities.
const SYSTEM: &str = "system";

impl Settings {
    /// Takes a word; `false` if it is not about TLS.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        let path = || Some(value).filter(|v| !v.is_empty()).map(PathBuf::from);
        match key {
            "sslmode" => self.mode = Mode::of(value)?,
            "sslrootcert" => self.root = path().filter(|_| value != SYSTEM),
            "sslcert" => self.cert = path(),
            "sslkey" => self.key = path(),
            // The name is always told, as it is by default.
            "sslsni" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What a connection string says, and what is left of it.
    ///
    /// # Errors
    /// A mode that there is not, and what is no connection string.
    pub(super) fn of(connection: &str) -> Result<(Settings, String), String> {
        let mut settings = Settings::default();
        let url = ["postgres://", "postgresql://"].iter().any(|scheme| connection.starts_with(scheme));
        let rest = if url { settings.of_url(connection)? } else { settings.of_words(connection)? };
        Ok((settings, rest))
    }

    fn of_url(&mut self, connection: &str) -> Result<String, String> {
        let Some((place, query)) = connection.split_once('?') else { return Ok(connection.to_owned()) };
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let decoded = reqwest::Url::parse(&format!("x://x/?{pair}")).map_err(|e| e.to_string())?;
            let (key, value) = decoded.query_pairs().next().unwrap_or_default();
            if !self.take(&key, &value)? {
                kept.push(pair);
            }
        }
        if kept.is_empty() {
            return Ok(place.to_owned());
        }
        Ok(format!("{place}?{}", kept.join("&")))
    }

    fn of_words(&mut self, connection: &str) -> Result<String, String> {
        let mut kept = Vec::new();
        let mut rest = connection.trim_start();
        while !rest.is_empty() {
            let wrong = || format!("missing \"=\" after {rest:?} in connection info string");
            let (key, after) = rest.split_once('=').ok_or_else(wrong)?;
            let after = after.trim_start();
            let (value, length) = value(after)?;
            let (raw, next) = after.split_at_checked(length).unwrap_or((after, ""));
            if !self.take(key.trim(), &value)? {
                kept.push(format!("{}={raw}", key.trim()));
            }
            rest = next.trim_start();
        }
        Ok(kept.join(" "))
    }
}

/// The value at the start of a text, and how long it is there: in quotes, or up
/// to a space; a backslash takes the meaning of what follows it.
fn value(text: &str) -> Result<(String, usize), String> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((value, at + 1)),
            c if !quoted && c.is_whitespace() => return Ok((value, at)),
            c => value.push(c),
        }
    }
    if quoted { Err("unterminated quoted string literal in connection string".into()) } else { Ok((value, text.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> (Settings, String) {
        Settings::of(text).unwrap()
    }

    #[test]
    fn both_forms_are_read() {
        let (url, rest) = settings("postgres://helm@db/helm?sslmode=verify-ca&connect_timeout=3&sslrootcert=%2Fa%20b");
        assert_eq!((url.mode, url.root), (Mode::VerifyCa, Some("/a b".into())));
        assert_eq!(rest, "postgres://helm@db/helm?connect_timeout=3");
        let (words, rest) = settings(r"host=db sslmode = 'verify-full' password='a \' b' sslcert=c sslkey=k");
        assert_eq!((words.mode, words.cert, words.key), (Mode::VerifyFull, Some("c".into()), Some("k".into())));
        assert_eq!(rest, r"host=db password='a \' b'");
        assert_eq!(settings("postgres://helm@db/helm?sslmode=disable").1, "postgres://helm@db/helm");
    }

    #[test]
    fn to_go_without_must_be_said() {
        assert_eq!(settings("postgres://helm@db/helm").0.mode, Mode::Require);
        assert_eq!(settings("host=db sslmode=disable").0.mode, Mode::Disable);
        assert!(Settings::of("host=db sslmode=maybe").is_err());
        assert!(Settings::of("host").is_err() && Settings::of("host='x").is_err());
    }
}
