//! How Sprig makes numbers of values: the rules of spf13/cast 1.7, which
//! swallow every error and give nought.

use crate::gofmt::parse;
use crate::value::{Int, IntKind, Object, Value};

/// A whole number: numbers are cut, texts read with their base prefix.
pub fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(n) => n.value,
        Value::Float(f) => float_to_int(*f),
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => parse::parse_int(without_zero_decimals(s), 0, 64).unwrap_or(0),
        Value::Object(o) => named_int(o.as_ref()),
        _ => 0,
    }
}

/// A float64.
pub fn to_float64(value: &Value) -> f64 {
    match value {
        Value::Int(n) if n.kind.is_unsigned() => n.as_u64() as f64,
        Value::Int(n) => n.value as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => parse::parse_float(s).unwrap_or(0.0),
        Value::Object(o) => named_int(o.as_ref()) as f64,
        _ => 0.0,
    }
}

/// Of the named types, those that are an `int` are known: months, weekdays.
fn named_int(object: &dyn Object) -> i64 {
    match object.underlying() {
        Some(Value::Int(Int { value, kind: IntKind::Int })) => value,
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit is the smallest number.
pub fn float_to_int(f: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&f) { f as i64 } else { i64::MIN }
}

/// `1.00` without `.00`; anything else as it is.
fn without_zero_decimals(text: &[u8]) -> &[u8] {
    let zeros = text.iter().rev().take_while(|&&b| b == b'0').count();
    let rest = &text[..text.len() - zeros];
    match rest {
        [head @ .., b'.'] if zeros > 0 => head,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts() {
        let int = |s: &str| to_int64(&Value::str(s));
        for (text, want) in [
            ("12", 12),
            ("0x10", 16),
            ("08", 0),
            ("1.0", 1),
            ("1.9", 0),
            ("", 0),
            ("-3.000", -3),
            (".0", 0),
            ("10", 10),
        ] {
            assert_eq!(int(text), want, "{text}");
        }
        assert_eq!(to_int64(&Value::Float(1.9)), 1);
        assert_eq!(to_int64(&Value::Float(f64::NAN)), i64::MIN);
        assert_eq!(to_int64(&Value::Float(1e19)), i64::MIN);
        assert_eq!(to_float64(&Value::str("1e2")), 100.0);
        assert_eq!(to_float64(&Value::str("x")), 0.0);
    }
}
