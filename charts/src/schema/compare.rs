//! Values beside the constants of a schema: types, equality, numbers.

use templates_compat::{List, Value};

use super::json::{Node, Number};

/// JSON's name for a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::Float(_) | Value::Complex(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) | Value::Object(_) => "object",
    }
}

/// A number's worth.
pub(super) fn number(value: &Value) -> f64 {
    match value {
        Value::Int(i) if i.kind.is_unsigned() => i.as_u64() as f64,
        Value::Int(i) => i.value as f64,
        Value::Float(f) => *f,
        _ => 0.0,
    }
}

pub(super) fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_)) || matches!(value, Value::Float(f) if f.fract() == 0.0)
}

/// Whether a value is what a schema's constant says.
pub(super) fn equal(value: &Value, node: &Node) -> bool {
    match (value, node) {
        (Value::Nil, Node::Null) => true,
        (Value::Bool(a), Node::Bool(b)) => a == b,
        (Value::Str(a), Node::String(b)) => a.as_bytes() == b.as_bytes(),
        (Value::Int(_) | Value::Float(_), Node::Number(n)) => number(value) == n.value,
        (Value::List(a), Node::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Node::Object(b)) => {
            a.len() == b.len() && b.iter().all(|(k, b)| a.get(k.as_bytes()).is_some_and(|a| equal(&a, b)))
        }
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => number(a) == number(b),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.snapshot().iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, &b)))
        }
        _ => false,
    }
}

/// Lists longer than this are searched through hashes of their scalars.
const MANY: usize = 20;

/// The first two equal items.
pub(super) fn duplicates(list: &List) -> Option<(usize, usize)> {
    let items = list.as_slice();
    let mut buckets: std::collections::HashMap<String, Vec<usize>> = std::collections::HashMap::new();
    for (i, item) in items.iter().enumerate() {
        if items.len() <= MANY {
            if let Some(j) = items[..i].iter().position(|other| same(item, other)) {
                return Some((j, i));
            }
            continue;
        }
        let bucket = buckets.entry(summary(item)).or_default();
        if let Some(j) = bucket.iter().find(|j| same(item, &items[**j])) {
            return Some((*j, i));
        }
        bucket.push(i);
    }
    None
}

/// Something that equal values have in common.
fn summary(value: &Value) -> String {
    match value {
        Value::Str(s) => format!("s{s}"),
        Value::Int(_) | Value::Float(_) => format!("n{}", number(value)),
        Value::List(l) => format!("l{}{}", l.len(), l.get(0).map(summary).unwrap_or_default()),
        Value::Map(m) => {
            let parts: Vec<String> = m
                .snapshot()
                .iter()
                .filter(|(_, v)| !matches!(v, Value::Map(_) | Value::List(_)))
                .map(|(k, v)| format!("{k}={}", summary(v)))
                .collect();
            format!("m{}{}", m.len(), parts.join(","))
        }
        Value::Bool(b) => b.to_string(),
        _ => String::new(),
    }
}

/// A decimal number: digits and the power of ten that they are to be taken
/// times.
struct Decimal {
    digits: i128,
    exponent: i32,
}

fn decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some(Decimal { digits, exponent })
}

/// Whether a number is a whole multiple, reckoned in decimals.
pub(super) fn is_multiple(value: &Value, of: &Number) -> bool {
    let shown = match value {
        Value::Int(i) => i.value.to_string(),
        _ => format!("{:e}", number(value)),
    };
    let exact = || {
        let (a, b) = (decimal(&shown)?, decimal(&of.text)?);
        let shift = a.exponent.checked_sub(b.exponent)?;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        let (a, b) = if shift >= 0 {
            (a.digits.checked_mul(power)?, b.digits)
        } else {
            (a.digits, b.digits.checked_mul(power)?)
        };
        (b != 0).then(|| a % b == 0)
    };
    exact().unwrap_or_else(|| of.value != 0.0 && number(value) % of.value == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples() {
        let of = |text: &str| Number { text: text.to_string(), value: text.parse().unwrap() };
        assert!(is_multiple(&Value::Float(0.3), &of("0.1")));
        assert!(!is_multiple(&Value::Float(0.35), &of("0.1")));
        assert!(is_multiple(&Value::int64(4500), &of("1.5e2")));
        assert!(!is_multiple(&Value::Float(1e-30), &of("1e30")));
        assert!(is_multiple(&Value::Float(0.0), &of("7")));
    }
}
