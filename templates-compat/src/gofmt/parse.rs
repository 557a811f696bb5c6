//! Numbers from text: `strconv.ParseInt`, `ParseUint`, `ParseFloat` and
//! `Atoi` with Go's syntax and error texts.

use super::quote::quote_text;
use crate::compat::Compat;

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumError {
    /// It does not look like one.
    Syntax,
    /// It does not fit.
    Range,
}

impl NumError {
    /// Go's text for this failure of `function` (such as `ParseInt`).
    pub fn text(self, function: &str, input: &[u8], compat: Compat) -> String {
        let reason = match self {
            NumError::Syntax => "invalid syntax",
            NumError::Range => "value out of range",
        };
        format!("strconv.{function}: parsing {}: {reason}", quote_text(input, compat))
    }
}

/// Base 10, or base 0: the base that a prefix tells, underscores allowed.
pub fn parse_uint(text: &[u8], base: u32, bits: u32) -> Result<u64, NumError> {
    let (base_found, digits) = match (base, text) {
        (0, [b'0', b'b' | b'B', rest @ ..]) if !rest.is_empty() => (2, rest),
        (0, [b'0', b'o' | b'O', rest @ ..]) if !rest.is_empty() => (8, rest),
        (0, [b'0', b'x' | b'X', rest @ ..]) if !rest.is_empty() => (16, rest),
        (0, [b'0', rest @ ..]) => (8, rest),
        (0, _) => (10, text),
        (base, _) => (base, text),
    };
    if text.is_empty() {
        return Err(NumError::Syntax);
    }
    let max = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
    let mut n = 0u64;
    let mut underscores = false;
    for &b in digits {
        if b == b'_' && base == 0 {
            underscores = true;
            continue;
        }
        let digit = char::from(b).to_digit(36).filter(|&d| d < base_found).ok_or(NumError::Syntax)?;
        // The first digit too many decides: what stands behind is not looked at.
        n = n
            .checked_mul(u64::from(base_found))
            .and_then(|n| n.checked_add(u64::from(digit)))
            .ok_or(NumError::Range)?;
        if n > max {
            return Err(NumError::Range);
        }
    }
    if underscores && !underscores_separate_digits(text) {
        return Err(NumError::Syntax);
    }
    Ok(n)
}

/// A signed number; see [`parse_uint`].
pub fn parse_int(text: &[u8], base: u32, bits: u32) -> Result<i64, NumError> {
    let (negative, digits) = match text {
        [b'+', rest @ ..] => (false, rest),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let n = parse_uint(digits, base, bits)?;
    let limit = 1u64 << (bits.clamp(1, 64) - 1);
    match (negative, n) {
        (false, n) if n < limit => Ok(n as i64),
        (true, n) if n <= limit => Ok((n as i64).wrapping_neg()),
        _ => Err(NumError::Range),
    }
}

/// A decimal `int`.
pub fn atoi(text: &[u8]) -> Result<i64, NumError> {
    parse_int(text, 10, 64)
}

/// Whether each underscore stands between digits (a base prefix counts as one).
fn underscores_separate_digits(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let (mut after_digit, hex, rest) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (true, true, rest),
        [b'0', b'b' | b'B' | b'o' | b'O', rest @ ..] => (true, false, rest),
        _ => (false, false, text),
    };
    let mut after_underscore = false;
    for &b in rest {
        let digit = b.is_ascii_digit() || hex && b.is_ascii_hexdigit();
        if b == b'_' && !after_digit || !digit && b != b'_' && after_underscore {
            return false;
        }
        after_digit = digit;
        after_underscore = b == b'_';
    }
    !after_underscore
}

/// A float64, decimal or hexadecimal.
pub fn parse_float(text: &[u8]) -> Result<f64, NumError> {
    if let Some(v) = special(text) {
        return Ok(v);
    }
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let negative = text.first() == Some(&b'-');
    let hex = matches!(unsigned, [b'0', b'x' | b'X', _, ..]);
    let shape = if hex { &unsigned[2..] } else { unsigned };
    let number = Number::read(shape, hex).ok_or(NumError::Syntax)?;
    if number.underscores && !underscores_separate_digits(text) {
        return Err(NumError::Syntax);
    }
    let v = if hex { number.hexadecimal() } else { number.decimal() };
    if v.is_infinite() {
        return Err(NumError::Range);
    }
    Ok(if negative { -v } else { v })
}

fn special(text: &[u8]) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.as_slice() {
        b"inf" | b"+inf" | b"infinity" | b"+infinity" => Some(f64::INFINITY),
        b"-inf" | b"-infinity" => Some(f64::NEG_INFINITY),
        b"nan" => Some(f64::NAN),
        _ => None,
    }
}

/// The parts of a written number without its sign and prefix.
struct Number {
    digits: Vec<u8>,
    /// Digits before the point.
    before_point: i64,
    exponent: i64,
    underscores: bool,
}

/// Exponents are cut here: far beyond any float64.
const MAX_EXPONENT: i64 = 100_000;

impl Number {
    fn read(text: &[u8], hex: bool) -> Option<Number> {
        let is_digit = |b: u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        let mut n = Number { digits: Vec::with_capacity(text.len()), before_point: 0, exponent: 0, underscores: false };
        let mut point = false;
        let mut at = 0;
        while let Some(&b) = text.get(at) {
            match b {
                b'_' => n.underscores = true,
                b'.' if !point => {
                    point = true;
                    n.before_point = n.digits.len() as i64;
                }
                b if is_digit(b) => n.digits.push(b),
                _ => break,
            }
            at += 1;
        }
        if n.digits.is_empty() {
            return None;
        }
        if !point {
            n.before_point = n.digits.len() as i64;
        }
        match text.get(at) {
            None => (!hex).then_some(n),
            Some(b'e' | b'E') if !hex => n.read_exponent(&text[at + 1..]),
            Some(b'p' | b'P') if hex => n.read_exponent(&text[at + 1..]),
            Some(_) => None,
        }
    }

    fn read_exponent(mut self, text: &[u8]) -> Option<Number> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if !digits.first()?.is_ascii_digit() {
            return None;
        }
        let mut e = 0i64;
        for &b in digits {
            match b {
                b'_' => self.underscores = true,
                b'0'..=b'9' if e < MAX_EXPONENT => e = e * 10 + i64::from(b - b'0'),
                b'0'..=b'9' => {}
                _ => return None,
            }
        }
        self.exponent = if negative { -e } else { e };
        Some(self)
    }

    fn decimal(&self) -> f64 {
        let exponent = self.exponent + self.before_point - self.digits.len() as i64;
        // Digits and an exponent are valid UTF-8 and valid for Rust's parser.
        let mut text = String::from_utf8_lossy(&self.digits).into_owned();
        text.push_str(&format!("e{exponent}"));
        text.parse().unwrap_or(0.0)
    }

    /// Rounds half to even, also into the subnormal range.
    fn hexadecimal(&self) -> f64 {
        let mut mantissa = 0u64;
        let mut exponent = self.exponent + 4 * (self.before_point - self.digits.len() as i64);
        for &b in &self.digits {
            let digit = u64::from(char::from(b).to_digit(16).unwrap_or(0));
            if mantissa >> 59 == 0 {
                mantissa = mantissa << 4 | digit;
            } else {
                exponent += 4;
                mantissa |= u64::from(digit != 0); // Sticky: only rounding looks at it.
            }
        }
        if mantissa == 0 {
            return 0.0;
        }
        let shift = mantissa.leading_zeros() as i64 - 1; // The top bit at 2^62.
        mantissa <<= shift;
        exponent -= shift;
        // 53 bits are kept, fewer where the number is subnormal.
        let lowest = (exponent + 10).max(-1074);
        let drop = lowest - exponent;
        if drop > 63 {
            return 0.0;
        }
        let rest = mantissa & ((1 << drop) - 1);
        let mut kept = mantissa >> drop;
        let half = 1u64 << (drop - 1);
        if rest > half || rest == half && kept & 1 == 1 {
            kept += 1;
        }
        if lowest > 1023 {
            return f64::INFINITY;
        }
        // Both factors are exact, so the product is rounded at most by overflow.
        let scaled = kept as f64;
        let first = lowest.clamp(-1000, 1000) as i32;
        let second = (lowest - i64::from(first)) as i32;
        scaled * 2f64.powi(first) * 2f64.powi(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, want) in [
            ("0", Ok(0)),
            ("017", Ok(15)),
            ("0x1F", Ok(31)),
            ("-0b101", Ok(-5)),
            ("0o17", Ok(15)),
            ("1_000", Ok(1000)),
            ("0_7", Ok(7)),
            ("_1", Err(NumError::Syntax)),
            ("1__0", Err(NumError::Syntax)),
            ("0x", Err(NumError::Syntax)),
            ("08", Err(NumError::Syntax)),
            ("", Err(NumError::Syntax)),
            ("-", Err(NumError::Syntax)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(NumError::Range)),
            ("99999999999999999999z", Err(NumError::Range)),
            ("1.5", Err(NumError::Syntax)),
        ] {
            assert_eq!(parse_int(text.as_bytes(), 0, 64), want, "{text}");
        }
        assert_eq!(atoi(b"010"), Ok(10));
        assert_eq!(atoi(b"1_0"), Err(NumError::Syntax));
    }

    #[test]
    fn floats() {
        for (text, want) in [
            ("1", Ok(1.0)),
            ("+1.5e3", Ok(1500.0)),
            (".5", Ok(0.5)),
            ("5.", Ok(5.0)),
            ("1_0.5", Ok(10.5)),
            ("1e_5", Err(NumError::Syntax)),
            ("0x1p-2", Ok(0.25)),
            ("0x1.8p1", Ok(3.0)),
            ("0x_1p0", Ok(1.0)),
            ("0x1", Err(NumError::Syntax)),
            ("0x1p-1074", Ok(5e-324)),
            ("0x1p-1075", Ok(0.0)),
            ("0x1.8p-1075", Ok(5e-324)),
            ("0x1p1024", Err(NumError::Range)),
            ("0x1.fffffffffffff8p1023", Err(NumError::Range)),
            ("1e400", Err(NumError::Range)),
            ("1e-400", Ok(0.0)),
            ("infinity", Ok(f64::INFINITY)),
            ("-Inf", Ok(f64::NEG_INFINITY)),
            ("infin", Err(NumError::Syntax)),
            ("e5", Err(NumError::Syntax)),
            ("1e", Err(NumError::Syntax)),
            ("1 ", Err(NumError::Syntax)),
            (".", Err(NumError::Syntax)),
            ("1e99999999999", Err(NumError::Range)),
        ] {
            assert_eq!(parse_float(text.as_bytes()), want, "{text}");
        }
        assert!(parse_float(b"NaN").unwrap().is_nan());
    }

    #[test]
    fn texts() {
        let text = NumError::Syntax.text("Atoi", b"a\"", Compat::Helm4);
        assert_eq!(text, r#"strconv.Atoi: parsing "a\"": invalid syntax"#);
    }
}
