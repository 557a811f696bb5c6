//! Takes secrets out of what the agent writes to its own log.
//!
//! Owns the patterns. It works on finished log lines, so nothing that is
//! logged by a library passes it by. What a pattern cannot know (a value of a
//! Secret) must not be logged in the first place.

/// Written in place of a secret.
const HIDDEN: &str = "[redacted]";

/// Words after which, with `=` or `:`, a secret is expected.
const WORDS: [&str; 9] =
    ["authorization", "password", "passwd", "token", "secret", "nkey", "seed", "dockerconfigjson", "api_key"];

/// `line` with the secrets in it replaced.
pub(super) fn redact(line: &str) -> String {
    let line = url_passwords(line);
    let line = after_words(&line);
    bearer(&line)
}

/// `scheme://user:password@host` becomes `scheme://[redacted]@host`.
fn url_passwords(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end =
            tail.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '\\' | '?')).unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(sign) => {
                out.push_str(HIDDEN);
                rest = &tail[sign..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

/// `password=x`, `"password":"x"` and `Authorization: x` lose their values.
fn after_words(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let Some((word_at, word)) =
            WORDS.iter().filter_map(|word| lower[at..].find(word).map(|found| (at + found, *word))).min()
        else {
            break;
        };
        let after = word_at + word.len();
        out.push_str(&line[at..after]);
        let skip = line[after..].find(|c: char| !matches!(c, '"' | '\\' | ' ')).unwrap_or(0);
        let sign = after + skip;
        if !matches!(line.as_bytes().get(sign), Some(b'=' | b':')) {
            at = after;
            continue;
        }
        let gap = line[sign + 1..].find(|c: char| !matches!(c, '"' | '\\' | ' ')).unwrap_or(0);
        let value = sign + 1 + gap;
        out.push_str(&line[after..value]);
        let end = value_end(&line[value..], word);
        if end > 0 {
            out.push_str(HIDDEN);
        }
        at = value + end;
    }
    out.push_str(&line[at..]);
    out
}

/// Length of the value at the start of `text`. An authorization is two words.
fn value_end(text: &str, word: &str) -> usize {
    let stops = |c: char| matches!(c, '"' | '\\' | ',' | '}' | '&' | '\n');
    let end = |from: usize| {
        text[from..].find(|c: char| stops(c) || c.is_whitespace()).map_or(text.len(), |found| from + found)
    };
    let first = end(0);
    if word == "authorization" && text[first..].starts_with(' ') { end(first + 1) } else { first }
}

/// `Bearer x` loses its value wherever it stands.
fn bearer(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find("bearer ") {
        let value = at + found + "bearer ".len();
        out.push_str(&line[at..value]);
        let end = value_end(&line[value..], "");
        if end > 0 {
            out.push_str(HIDDEN);
        }
        at = value + end;
    }
    out.push_str(&line[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced() {
        for (line, expected) in [
            (r#"{"url":"nats://me:hunter2@host:4222"}"#, r#"{"url":"nats://[redacted]@host:4222"}"#),
            ("password=hunter2 user=me", "password=[redacted] user=me"),
            (r#"{"password": "hunter2","a":1}"#, r#"{"password": "[redacted]","a":1}"#),
            (r#"{"m":"{\"token\":\"hunter2\"}"}"#, r#"{"m":"{\"token\":\"[redacted]\"}"}"#),
            ("Authorization: Basic hunter2, x", "Authorization: [redacted], x"),
            ("sent Bearer hunter2", "sent Bearer [redacted]"),
            ("https://h/p@q and token", "https://h/p@q and token"),
            ("plain text", "plain text"),
            ("tokenü= ü", "tokenü= ü"),
        ] {
            assert_eq!(redact(line), expected);
        }
    }

    #[test]
    fn odd_lines_do_not_break_it() {
        for line in ["", "://", "token=", "token:\"", "bearer ", "a://b@", "İtoken=x", "secret==\\"] {
            let _ = redact(line);
        }
    }
}
