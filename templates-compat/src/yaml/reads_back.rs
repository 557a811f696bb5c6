//! What Helm's YAML loses: values that are not read back as they were written.

use crate::limits::MAX_DEPTH;
use crate::value::{Elem, Value};

/// Integers beyond this pass through a float64 that cannot hold them.
const MAX_INTEGER: u64 = 1 << 53;

/// Whether a value is the same after it was written as YAML and read again,
/// here as in Helm.
///
/// go-yaml refuses the control characters above ASCII's graphic ones, which
/// JSON leaves bare, or takes U+0085 for a line break; it leaves the key `<<`
/// without quotes, which is then a merge; it writes minus zero as `-0`, which
/// is the integer zero. What is no value of
/// YAML (bytes, dates, text that is not UTF-8) becomes another one.
#[must_use]
pub fn reads_back(value: &Value) -> bool {
    reads_back_at(value, 0, is_kept)
}

/// The same of YAML that was written as `toYamlPretty` does: go-yaml takes a
/// tab at the beginning of a text of several lines, which then stands bare, for
/// indentation.
#[must_use]
pub fn reads_back_pretty(value: &Value) -> bool {
    reads_back_at(value, 0, |text| is_kept(text) && !(text.starts_with(b"\t") && text.contains(&b'\n')))
}

fn reads_back_at(value: &Value, depth: usize, is_kept: fn(&[u8]) -> bool) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match value {
        Value::Nil | Value::Bool(_) => true,
        Value::Int(n) if n.kind.is_unsigned() => n.as_u64() <= MAX_INTEGER,
        Value::Int(n) => n.value.unsigned_abs() <= MAX_INTEGER,
        Value::Float(number) => number.is_finite() && !(*number == 0.0 && number.is_sign_negative()),
        Value::Str(text) => is_kept(text),
        Value::List(list) if list.is_nil() || list.elem() == Elem::Byte => false,
        Value::List(list) => list.iter().all(|item| reads_back_at(item, depth + 1, is_kept)),
        Value::Map(map) if map.is_nil() => false,
        Value::Map(map) => map
            .snapshot()
            .iter()
            .all(|(key, value)| key.as_bytes() != b"<<" && is_kept(key) && reads_back_at(value, depth + 1, is_kept)),
        Value::Complex(_) | Value::Object(_) => false,
    }
}

fn is_kept(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| !text.contains(|c| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')))
}

#[cfg(test)]
mod tests {
    use super::reads_back;
    use crate::Compat;
    use crate::value::{Map, Value};
    use crate::yaml::{read, write};

    #[test]
    fn a_tab_before_lines_is_lost_in_pretty_text_only() {
        for (text, kept) in [("\ta\nb", false), ("a\n\tb", true), ("\ta", true)] {
            let value = Value::str(text);
            let again = |text: Vec<u8>| read(&text, Compat::Helm4).is_ok();
            assert!(super::reads_back(&value) && again(write(&value, Compat::Helm4).unwrap()), "{text:?}");
            assert_eq!(super::reads_back_pretty(&value), kept, "{text:?}");
            assert_eq!(again(crate::yaml::write_pretty(&value, Compat::Helm4).unwrap()), kept, "{text:?}");
        }
    }

    #[test]
    fn what_is_lost_is_told() {
        let entry = |key: &str, value: Value| {
            let map = Map::new();
            map.insert(key, value);
            Value::Map(map)
        };
        let nothing = || Value::Nil;
        for (value, kept) in [
            (entry("a", Value::list(vec![Value::Float(1.5), Value::str("yes"), Value::Nil])), true),
            (Value::str("\u{a0}\u{fffd}\u{7e}<<\u{1}\u{10ffff}"), true),
            (entry("a<<", nothing()), true),
            (entry("<<", nothing()), false),
            (entry("a", Value::list(vec![entry("<<", Value::int(1))])), false),
            (Value::str("a\u{7f}"), false),
            (entry("a\u{85}", nothing()), false),
            (Value::str("\u{9f}"), false),
            (Value::str("\u{ffff}"), false),
            (Value::Float(-0.0), false),
            (Value::int((1 << 53) + 1), false),
        ] {
            assert_eq!(reads_back(&value), kept, "{value:?}");
            let text = write(&value, Compat::Helm4).ok();
            let again = text.as_deref().and_then(|text| read(text, Compat::Helm4).ok());
            let again = again.and_then(|again| write(&again, Compat::Helm4).ok());
            assert!(!kept || text.is_some() && again == text, "{value:?}");
        }
    }
}
