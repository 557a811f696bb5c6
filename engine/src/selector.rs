//! Label selectors as Kubernetes reads them: `a=b,c!=d,e in (x,y),!f`.

use std::collections::BTreeMap;

/// What labels must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

/// A selector has at most this many requirements.
const MAX_REQUIREMENTS: usize = 100;

impl Selector {
    /// Reads a selector; an empty one selects everything.
    ///
    /// # Errors
    /// `unable to parse requirement: …`.
    pub(crate) fn parse(text: &str) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        for part in split(text) {
            if requirements.len() >= MAX_REQUIREMENTS {
                return Err(format!("more than {MAX_REQUIREMENTS} requirements"));
            }
            requirements
                .push(requirement(part.trim()).ok_or_else(|| format!("unable to parse requirement: {part:?}"))?);
        }
        Ok(Selector(requirements))
    }

    /// Whether labels are like that.
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let number = |key: &String| labels.get(key).and_then(|v| v.parse::<i64>().ok());
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Missing(key) => !labels.contains_key(key),
            Requirement::Greater(key, than) => number(key).is_some_and(|n| n > *than),
            Requirement::Less(key, than) => number(key).is_some_and(|n| n < *than),
        })
    }
}

/// At commas that are not in parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let parts: Vec<&str> = parts.collect();
    if text.trim().is_empty() { Vec::new() } else { parts }
}

fn requirement(text: &str) -> Option<Requirement> {
    let key = |text: &str| {
        let text = text.trim();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_string())
    };
    let value = |text: &str| text.trim().to_string();
    let set = |text: &str| -> Option<Vec<String>> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|v| v.trim().to_string()).collect())
    };
    if let Some(rest) = text.strip_prefix('!') {
        return key(rest).map(Requirement::Missing);
    }
    if let Some((name, rest)) = text.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value(rest)]));
    }
    if let Some((name, rest)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Requirement::In(key(name)?, vec![value(rest)]));
    }
    if let Some((name, rest)) = text.split_once('>') {
        return Some(Requirement::Greater(key(name)?, rest.trim().parse().ok()?));
    }
    if let Some((name, rest)) = text.split_once('<') {
        return Some(Requirement::Less(key(name)?, rest.trim().parse().ok()?));
    }
    if let Some((name, rest)) = text.split_once(" notin ") {
        return Some(Requirement::NotIn(key(name)?, set(rest)?));
    }
    if let Some((name, rest)) = text.split_once(" in ") {
        return Some(Requirement::In(key(name)?, set(rest)?));
    }
    key(text).map(Requirement::Exists)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str) -> bool {
        let labels = [("a", "1"), ("team", "web")].map(|(k, v)| (k.to_string(), v.to_string()));
        Selector::parse(selector).unwrap().matches(&labels.into())
    }

    #[test]
    fn every_form_is_read() {
        for yes in [
            "",
            "a=1",
            "a==1",
            "a!=2",
            "b!=1",
            "team in (web, db)",
            "team notin (db)",
            "a",
            "!b",
            "a>0",
            "a<2",
            "a=1,team",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["a=2", "a!=1", "team notin (web)", "team in (db)", "b", "!a", "a>1", "a=1,b"] {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_selector_is_an_error() {
        for bad in ["a in b", "=x", "a b", "a=1,,b", "a>x"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }
}
