//! What the API server warns of: a `Warning` header of an answer. Owns reading
//! it, and that each text is told once.

use std::collections::HashSet;
use std::sync::Arc;

use http::HeaderMap;
use parking_lot::Mutex;

/// More texts than these are told each time they come.
const REMEMBERED: usize = 1000;

/// Receives warnings.
pub(super) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Tells each warning once.
pub(super) struct Warnings {
    tell: Tell,
    told: Mutex<HashSet<String>>,
}

impl Warnings {
    pub(super) fn new(tell: Tell) -> Warnings {
        Warnings { tell, told: Mutex::default() }
    }

    /// Tells what an answer's head warns of.
    pub(super) fn hear(&self, headers: &HeaderMap) {
        for text in headers.get_all("warning").iter().filter_map(|value| text(value.to_str().ok()?)) {
            let mut told = self.told.lock();
            if !told.contains(&text) {
                (self.tell)(&text);
                if told.len() < REMEMBERED {
                    told.insert(text);
                }
            }
        }
    }
}

/// The text of `299 AGENT "TEXT"`, in which a backslash takes a character as
/// it is. Other codes are not the API server's.
fn text(value: &str) -> Option<String> {
    let (_, quoted) = value.strip_prefix("299 ")?.split_once(" \"")?;
    let mut text = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(rest.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_is_quoted() {
        assert_eq!(text(r#"299 - "a \"b\" c\\d""#).as_deref(), Some(r#"a "b" c\d"#));
        assert_eq!(text(r#"299 - "not closed"#), None);
        assert_eq!(text(r#"199 - "other""#), None);
        assert_eq!(text("299"), None);
    }

    #[test]
    fn each_text_is_told_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let warnings = Warnings::new(Arc::new({
            let seen = seen.clone();
            move |text: &str| seen.lock().push(text.to_string())
        }));
        let mut headers = HeaderMap::new();
        for value in ["299 - \"one\"", "299 - \"two\"", "299 - \"one\""] {
            headers.append("warning", value.parse().unwrap());
        }
        warnings.hear(&headers);
        warnings.hear(&headers);
        assert_eq!(*seen.lock(), ["one", "two"]);
    }
}
