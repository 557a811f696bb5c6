//! Number constants: one text under every type that can represent it, as
//! Go's untyped constants are.

use super::ast::{Number, Pos, Source, Span};
use super::lexer::Kind;
use crate::compat::Compat;
use crate::gofmt::{parse, quote};
use crate::value::Value;

const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// Reads a number token.
///
/// # Errors
/// Go's complaint about the token.
pub(super) fn read(source: &Source, pos: Pos, text: Span, kind: Kind, compat: Compat) -> Result<Number, String> {
    let bytes = source.slice(text);
    let mut number = Number { pos, text, int: None, uint: None, float: None, complex: None, ideal: None };
    match kind {
        Kind::CharConstant => char_constant(&mut number, bytes)?,
        Kind::Complex => {
            number.complex = Some(scan_complex(bytes, compat)?);
            simplify_complex(&mut number);
        }
        _ => plain(&mut number, bytes, compat)?,
    }
    number.ideal = ideal(&number, bytes);
    Ok(number)
}

fn char_constant(number: &mut Number, bytes: &[u8]) -> Result<(), String> {
    let inside = bytes.get(1..).unwrap_or_default();
    let (rune, width) = quote::unquote_char(inside, b'\'').ok_or("invalid syntax")?;
    if inside.get(width..) != Some(b"'") {
        return Err(format!("malformed character constant: {}", String::from_utf8_lossy(bytes)));
    }
    let rune = rune.value();
    number.int = Some(i64::from(rune));
    number.uint = Some(u64::from(rune));
    number.float = Some(f64::from(rune));
    Ok(())
}

fn plain(number: &mut Number, bytes: &[u8], compat: Compat) -> Result<(), String> {
    let quoted = || quote::quote_text(bytes, compat);
    // An imaginary constant is complex only, unless it is zero.
    if let Some(imaginary) = bytes.strip_suffix(b"i").and_then(parse_float) {
        number.complex = Some((0.0, imaginary));
        simplify_complex(number);
        return Ok(());
    }
    number.uint = parse_uint(bytes);
    number.int = parse_int(bytes);
    if number.int == Some(0) {
        // -0 is unsigned, too.
        number.uint = Some(0);
    }
    number.float = match (number.int, number.uint) {
        (Some(i), _) => Some(i as f64),
        (None, Some(u)) => Some(u as f64),
        (None, None) => {
            let float = parse_float(bytes).ok_or_else(|| format!("illegal number syntax: {}", quoted()))?;
            if !bytes.iter().any(|b| b".eEpP".contains(b)) {
                return Err(format!("integer overflow: {}", quoted()));
            }
            number.int = float_to_int(float);
            number.uint = float_to_uint(float);
            Some(float)
        }
    };
    Ok(())
}

fn simplify_complex(number: &mut Number) {
    if let Some((real, 0.0)) = number.complex {
        number.float = Some(real);
        number.int = float_to_int(real);
        number.uint = float_to_uint(real);
    }
}

fn float_to_int(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && (-TWO_63..TWO_63).contains(&float)).then_some(float as i64)
}

fn float_to_uint(float: f64) -> Option<u64> {
    (float.fract() == 0.0 && (0.0..TWO_64).contains(&float)).then_some(float as u64)
}

/// The constant's value where its context names no type.
fn ideal(number: &Number, text: &[u8]) -> Option<Value> {
    if let Some(complex) = number.complex {
        return Some(Value::Complex(std::sync::Arc::new(complex)));
    }
    let has = |chars: &[u8]| text.iter().any(|b| chars.contains(b));
    let is_hex_int = matches!(text, [b'0', b'x' | b'X', _, ..]) && !has(b"pP");
    let is_rune = text.first() == Some(&b'\'');
    match number.float {
        Some(float) if !is_hex_int && !is_rune && has(b".eEpP") => Some(Value::Float(float)),
        _ => number.int.map(Value::int),
    }
}

/// Go's `strconv.ParseUint` with base 0.
fn parse_uint(text: &[u8]) -> Option<u64> {
    parse::parse_uint(text, 0, 64).ok()
}

/// Go's `strconv.ParseInt` with base 0.
fn parse_int(text: &[u8]) -> Option<i64> {
    parse::parse_int(text, 0, 64).ok()
}

/// Go's `strconv.ParseFloat`.
fn parse_float(text: &[u8]) -> Option<f64> {
    parse::parse_float(text).ok()
}

/// What Go's scanner makes of `1+2i`.
fn scan_complex(text: &[u8], compat: Compat) -> Result<(f64, f64), String> {
    const SYNTAX: &str = "syntax error scanning complex number";
    let part = |token: &[u8]| parse::parse_float(token).map_err(|e| e.text("ParseFloat", token, compat));
    let real = float_token(text);
    let rest = text.get(real..).unwrap_or_default();
    if !matches!(rest.first(), Some(b'+' | b'-')) {
        return Err(SYNTAX.to_owned());
    }
    let imaginary = float_token(rest);
    if rest.get(imaginary) != Some(&b'i') {
        return Err(SYNTAX.to_owned());
    }
    Ok((part(text.get(..real).unwrap_or_default())?, part(rest.get(..imaginary).unwrap_or_default())?))
}

/// The length of the float at the beginning of `text`.
fn float_token(text: &[u8]) -> usize {
    let mut at = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let run = |from: usize, ok: &dyn Fn(u8) -> bool| {
        from + text.get(from..).unwrap_or_default().iter().take_while(|&&b| ok(b)).count()
    };
    let hex = text.get(at) == Some(&b'0') && matches!(text.get(at + 1), Some(b'x' | b'X'));
    if hex {
        at += 2;
    }
    let digit = move |b: u8| b == b'_' || b.is_ascii_digit() || hex && b.is_ascii_hexdigit();
    at = run(at, &digit);
    if text.get(at) == Some(&b'.') {
        at = run(at + 1, &digit);
    }
    let exponent: &[u8] = if hex { b"pP" } else { b"eEpP" };
    if text.get(at).is_some_and(|b| exponent.contains(b)) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = run(at, &|b| b == b'_' || b.is_ascii_digit());
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_like_go() {
        assert_eq!(parse_int(b"0x_f"), Some(15));
        assert_eq!(parse_int(b"0_7"), Some(7));
        assert_eq!(parse_int(b"08"), None);
        assert_eq!(parse_int(b"-0b101"), Some(-5));
        assert_eq!(parse_int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_int(b"9223372036854775808"), None);
        assert_eq!(parse_uint(b"+5"), None);
        assert_eq!(parse_int(b"1_"), None);
    }

    #[test]
    fn floats_like_go() {
        assert_eq!(parse_float(b"1_000.5"), Some(1000.5));
        assert_eq!(parse_float(b"1_e2"), None);
        assert_eq!(parse_float(b"0x1.8p1"), Some(3.0));
        assert_eq!(parse_float(b"0x.8p0"), Some(0.5));
        assert_eq!(parse_float(b"0x1p-1080"), Some(0.0));
        assert_eq!(parse_float(b"0x1p-1074"), Some(f64::from_bits(1)));
        assert_eq!(parse_float(b"0x1.fffffffffffffp1023"), Some(f64::MAX));
        assert_eq!(parse_float(b"0x1p1024"), None);
        assert_eq!(parse_float(b"0x12"), None);
        assert_eq!(parse_float(b"1e400"), None);
    }

    #[test]
    fn complex_like_go() {
        assert_eq!(scan_complex(b"1.5e2-0x1p2i", Compat::Helm4), Ok((150.0, -4.0)));
        assert!(scan_complex(b"1i+2i", Compat::Helm4).is_err());
    }
}
