//! What a scalar's text means: YAML 1.1 words, numbers and timestamps.

use super::timestamp::is_timestamp;

/// A scalar's meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Str,
    Null,
    Bool(bool),
    Int(i64),
    /// More than `int64` holds.
    Uint(u64),
    Float(f64),
    /// Reads as a string, but is written in quotes.
    Timestamp,
}

impl Resolved {
    /// The tag in short form.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Resolved::Str => "!!str",
            Resolved::Null => "!!null",
            Resolved::Bool(_) => "!!bool",
            Resolved::Int(_) | Resolved::Uint(_) => "!!int",
            Resolved::Float(_) => "!!float",
            Resolved::Timestamp => "!!timestamp",
        }
    }
}

/// What `tag:yaml.org,2002:` is written for short.
const LONG_PREFIX: &[u8] = b"tag:yaml.org,2002:";

/// The meaning of a plain scalar without a tag.
#[inline]
pub(super) fn resolve_plain(text: &[u8]) -> Resolved {
    match text.first() {
        None => Resolved::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => resolve_word(text),
        Some(b'+' | b'-' | b'0'..=b'9') => resolve_number(text, true),
        Some(b'.') => resolve_dot(text),
        _ => Resolved::Str,
    }
}

fn resolve_word(text: &[u8]) -> Resolved {
    match text {
        b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"true" | b"True" | b"TRUE" | b"on" | b"On" | b"ON" => {
            Resolved::Bool(true)
        }
        b"n" | b"N" | b"no" | b"No" | b"NO" | b"false" | b"False" | b"FALSE" | b"off" | b"Off" | b"OFF" => {
            Resolved::Bool(false)
        }
        b"~" | b"null" | b"Null" | b"NULL" => Resolved::Null,
        _ => Resolved::Str,
    }
}

fn resolve_dot(text: &[u8]) -> Resolved {
    match text {
        b".nan" | b".NaN" | b".NAN" => Resolved::Float(f64::NAN),
        b".inf" | b".Inf" | b".INF" => Resolved::Float(f64::INFINITY),
        _ => match parse_dotted_float(text) {
            Some(f) => Resolved::Float(f),
            None => Resolved::Str,
        },
    }
}

fn resolve_number(text: &[u8], timestamps: bool) -> Resolved {
    match text {
        b"+.inf" | b"+.Inf" | b"+.INF" => return Resolved::Float(f64::INFINITY),
        b"-.inf" | b"-.Inf" | b"-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if timestamps && is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let without: Vec<u8>;
    let plain = if text.contains(&b'_') {
        without = text.iter().copied().filter(|b| *b != b'_').collect();
        &without[..]
    } else {
        text
    };
    if let Some(int) = parse_int(plain) {
        return int;
    }
    match parse_float(plain) {
        Some(f) => Resolved::Float(f),
        None => Resolved::Str,
    }
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`, on text without `_`.
fn parse_int(text: &[u8]) -> Option<Resolved> {
    let (sign, digits) = match text.split_first() {
        Some((b'-', rest)) => (Some(true), rest),
        Some((b'+', rest)) => (Some(false), rest),
        _ => (None, text),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for b in digits {
        let digit = (*b as char).to_digit(base)?;
        value = value.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
    }
    match sign {
        Some(true) if value <= 1 << 63 => Some(Resolved::Int(value.wrapping_neg() as i64)),
        Some(true) => None,
        _ => match i64::try_from(value) {
            Ok(v) => Some(Resolved::Int(v)),
            // An unsigned number has no sign in Go.
            Err(_) if sign.is_none() => Some(Resolved::Uint(value)),
            Err(_) => None,
        },
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float_form(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let digits = |t: &[u8]| t.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = digits(fraction);
        if whole == 0 && n == 0 {
            return false;
        }
        rest = &fraction[n..];
    } else if whole == 0 {
        return false;
    }
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exp)) => {
            let exp = exp.strip_prefix(b"-").or_else(|| exp.strip_prefix(b"+")).unwrap_or(exp);
            !exp.is_empty() && digits(exp) == exp.len()
        }
        Some(_) => false,
    }
}

/// Go's `ParseFloat` for decimal text: too large is no number.
fn parse_float(text: &[u8]) -> Option<f64> {
    if !is_float_form(text) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Text that starts with a dot goes to Go's `ParseFloat` as it is, which takes
/// `_` between two digits.
fn parse_dotted_float(text: &[u8]) -> Option<f64> {
    if !text.contains(&b'_') {
        return parse_float(text);
    }
    let between = |i: usize| {
        let digit = |j: Option<usize>| j.and_then(|j| text.get(j)).is_some_and(u8::is_ascii_digit);
        digit(i.checked_sub(1)) && digit(Some(i + 1))
    };
    if !(0..text.len()).all(|i| text[i] != b'_' || between(i)) {
        return None;
    }
    let plain: Vec<u8> = text.iter().copied().filter(|b| *b != b'_').collect();
    parse_float(&plain)
}

/// The meaning of a scalar with a tag (in full).
///
/// # Errors
/// The text cannot be what the tag says.
pub(super) fn resolve_tagged(tag: &[u8], text: &[u8]) -> Result<Resolved, String> {
    let wanted = match tag.strip_prefix(LONG_PREFIX) {
        Some(b"str") => return Ok(Resolved::Str),
        Some(b"bool") => "!!bool",
        Some(b"int") => "!!int",
        Some(b"float") => "!!float",
        Some(b"null") => "!!null",
        Some(b"timestamp") => "!!timestamp",
        _ => return Ok(Resolved::Str),
    };
    let found = match text.first() {
        // Only untagged text and `!!timestamp` are tried as timestamps.
        Some(b'+' | b'-' | b'0'..=b'9') => resolve_number(text, wanted == "!!timestamp"),
        _ => resolve_plain(text),
    };
    match found {
        Resolved::Int(i) if wanted == "!!float" => Ok(Resolved::Float(i as f64)),
        _ if found.tag() == wanted => Ok(found),
        _ => {
            let text = String::from_utf8_lossy(text);
            Err(format!("cannot decode {} `{text}` as a {wanted}", found.tag()))
        }
    }
}

/// YAML 1.1's numbers to base 60, which old readers still take for numbers:
/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
pub(super) fn is_base60(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if !rest.first().is_some_and(u8::is_ascii_digit) || !rest.contains(&b':') {
        return false;
    }
    let digit_or_low = |b: &u8| b.is_ascii_digit() || *b == b'_';
    let mut rest = &rest[rest.iter().take_while(|b| digit_or_low(b)).count()..];
    let mut groups = 0;
    while let Some(after) = rest.strip_prefix(b":") {
        rest = match after {
            [b'0'..=b'5', b'0'..=b'9', more @ ..] => more,
            [b'0'..=b'9', more @ ..] => more,
            _ => return false,
        };
        groups += 1;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = &fraction[fraction.iter().take_while(|b| digit_or_low(b)).count()..];
    }
    groups > 0 && rest.is_empty()
}
