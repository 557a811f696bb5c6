//! The order of lists: by which fields, and how their values compare.
//!
//! Owns the grammar of a sort key and the values that stand in page tokens.
//! Values of different types have an order, too, so that every list has one.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Error;

/// Most keys of one request.
pub const SORT_KEYS_MAX: usize = 4;
/// Longest key, in bytes.
const KEY_MAX: usize = 512;
/// Most bytes of a text that count.
const TEXT_MAX: usize = 200;

/// One key: a field, and whether it is in descending order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    steps: Vec<Step>,
    descending: bool,
}

/// One step into an object.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(usize),
}

impl SortKey {
    /// Reads `name`, `namespace`, `created`, or a path as kubectl takes it
    /// (`.spec.replicas`, `{.status.containerStatuses[0].restartCount}`); a
    /// hyphen before it means descending.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid) when it is none of these.
    pub fn parse(text: &str) -> Result<SortKey, Error> {
        let wrong = || {
            Error::invalid(format!(
                "sort key {text:?} is not name, namespace, created or a path such as .spec.replicas"
            ))
        };
        if text.len() > KEY_MAX {
            return Err(Error::invalid(format!("a sort key is over {KEY_MAX} bytes")));
        }
        let (descending, word) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let path = match word {
            "name" => ".metadata.name",
            "namespace" => ".metadata.namespace",
            "created" => ".metadata.creationTimestamp",
            _ => word.strip_prefix('{').map_or(Some(word), |inner| inner.strip_suffix('}')).ok_or_else(wrong)?,
        };
        let steps = steps(path).ok_or_else(wrong)?;
        Ok(SortKey { steps, descending })
    }

    /// All keys of a request.
    ///
    /// # Errors
    /// When there are too many, or one is none.
    pub fn parse_all(texts: &[String]) -> Result<Vec<SortKey>, Error> {
        if texts.len() > SORT_KEYS_MAX {
            return Err(Error::invalid(format!("{} sort keys, at most {SORT_KEYS_MAX} are allowed", texts.len())));
        }
        texts.iter().map(|text| SortKey::parse(text)).collect()
    }

    /// Whether the field is one of the object's metadata.
    pub fn is_of_metadata(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Field(name)) if name == "metadata")
    }

    /// The value of the key in an object.
    pub fn value(&self, object: &Value) -> SortValue {
        let found = self.steps.iter().try_fold(object, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(at) => value.get(at),
        });
        found.map_or(SortValue::Absent, SortValue::of)
    }

    /// How two values of the key are ordered.
    pub fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        let order = a.total_cmp(b);
        if self.descending { order.reverse() } else { order }
    }
}

/// The steps of `.a.b[0].c`; a backslash before a dot makes it part of a name.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path;
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        let tail = rest.get(1..)?;
        match first {
            '.' => {
                let (name, after) = field(tail);
                if name.is_empty() || name.chars().any(char::is_control) {
                    return None;
                }
                steps.push(Step::Field(name));
                rest = after;
            }
            '[' => {
                let (inside, after) = tail.split_once(']')?;
                steps.push(match inside.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')) {
                    Some(name) if !name.is_empty() => Step::Field(name.to_owned()),
                    _ => Step::Index(inside.parse().ok()?),
                });
                rest = after;
            }
            _ => return None,
        }
    }
    (!steps.is_empty()).then_some(steps)
}

/// A name up to the next step, and what follows.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
            c => name.push(c),
        }
    }
    (name, "")
}

/// A value by which objects are ordered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// No such field, or one that holds fields itself. First of all.
    #[default]
    Absent,
    /// `false` before `true`.
    Bool(bool),
    /// By size.
    Number(f64),
    /// By bytes, of which so many count as a token can hold.
    Text(String),
}

impl SortValue {
    fn of(value: &Value) -> SortValue {
        match value {
            Value::Bool(bool) => SortValue::Bool(*bool),
            Value::Number(number) => number.as_f64().map_or(SortValue::Absent, SortValue::Number),
            Value::String(text) => {
                let end = (0..=TEXT_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                SortValue::Text(text.get(..end).unwrap_or_default().to_owned())
            }
            Value::Null | Value::Array(_) | Value::Object(_) => SortValue::Absent,
        }
    }

    fn total_cmp(&self, other: &SortValue) -> Ordering {
        match (self, other) {
            (SortValue::Bool(a), SortValue::Bool(b)) => a.cmp(b),
            (SortValue::Number(a), SortValue::Number(b)) => a.total_cmp(b),
            (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            SortValue::Absent => 0,
            SortValue::Bool(_) => 1,
            SortValue::Number(_) => 2,
            SortValue::Text(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_reach_into_objects() {
        let pod = json!({"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"on": true}, "status": {"restarts": [{"n": 7}], "large": "ä".repeat(200)}});
        let value = |key: &str| SortKey::parse(key).unwrap().value(&pod);
        assert_eq!(value("name"), SortValue::Text("a".into()));
        assert_eq!(value("-.metadata.labels.app\\.kubernetes\\.io/name"), SortValue::Text("web".into()));
        assert_eq!(value(".metadata.labels['app.kubernetes.io/name']"), SortValue::Text("web".into()));
        assert_eq!(value("{.status.restarts[0].n}"), SortValue::Number(7.0));
        assert_eq!(value(".spec.on"), SortValue::Bool(true));
        assert_eq!(value(".status.large"), SortValue::Text("ä".repeat(100)));
        for nothing in ["created", ".spec", ".status.restarts[1].n", ".spec.on.more"] {
            assert_eq!(value(nothing), SortValue::Absent, "{nothing}");
        }
        for wrong in
            ["", "-", "replicas", "spec.replicas", ".", ".a..b", ".a[", ".a[x]", "{.a", ".a\u{7}", &".a".repeat(300)]
        {
            assert!(SortKey::parse(wrong).is_err(), "{wrong}");
        }
        assert!(SortKey::parse_all(&vec!["name".to_owned(); SORT_KEYS_MAX + 1]).is_err());
    }

    #[test]
    fn values_of_all_types_have_an_order_and_travel() {
        let values = [json!(null), json!(false), json!(true), json!(-1.5), json!(3), json!("10"), json!("9")];
        let values: Vec<_> = values.iter().map(SortValue::of).collect();
        for (up, key) in [(true, "name"), (false, "-name")] {
            let key = SortKey::parse(key).unwrap();
            for pair in values.windows(2) {
                let order = if up { Ordering::Less } else { Ordering::Greater };
                assert_eq!(key.compare(&pair[0], &pair[1]), order, "{pair:?}");
            }
        }
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(serde_json::from_str::<Vec<SortValue>>(&text).unwrap(), values);
    }
}
