//! `strconv.FormatFloat` for float64: all formats, any precision.

use std::io::Write as _;

/// No float64 has more significant decimal digits than this.
const MAX_DIGITS: usize = 767;

/// The decimal digits of a positive number: `0.d1d2d3… × 10^point`.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// The fewest digits that read back as the same number.
    fn shortest(v: f64) -> Self {
        let mut text = Vec::with_capacity(32);
        // Writing to a vector cannot fail.
        let _ = write!(text, "{v:e}");
        let d = Decimal::from_scientific(&text);
        // With fewer digits the decimal is the exact number.
        if d.digits.len() < 16 { d } else { d.tie_to_even(v) }
    }

    /// Where the number lies in the middle of two shortest decimals, Rust
    /// gives the larger one, Go the even one.
    fn tie_to_even(self, v: f64) -> Self {
        let count = self.digits.len();
        let mut exact = Decimal::significant(v, count + 20);
        let tie = exact.digits.get(count) == Some(&b'5') && exact.digits[count + 1..].iter().all(|&d| d == b'0');
        if !tie || self.point != exact.point || (self.digits[count - 1] - b'0').is_multiple_of(2) {
            return self;
        }
        exact.digits.truncate(count);
        if exact.to_float() == Some(v) { exact } else { self }
    }

    fn to_float(&self) -> Option<f64> {
        format!("0.{}e{}", std::str::from_utf8(&self.digits).ok()?, self.point).parse().ok()
    }

    /// Rounded to this many significant digits, trailing zeros included.
    fn significant(v: f64, count: usize) -> Self {
        let exact = count.clamp(1, MAX_DIGITS) - 1;
        let mut text = Vec::with_capacity(exact + 16);
        let _ = write!(text, "{v:.exact$e}");
        Decimal::from_scientific(&text)
    }

    fn from_scientific(text: &[u8]) -> Self {
        let at = text.iter().position(|&b| b == b'e').unwrap_or(text.len());
        let digits: Vec<u8> = text[..at].iter().copied().filter(u8::is_ascii_digit).collect();
        let exponent = text.get(at + 1..).and_then(|e| std::str::from_utf8(e).ok()).and_then(|e| e.parse::<i32>().ok());
        if digits.iter().all(|&d| d == b'0') {
            return Decimal { digits: Vec::new(), point: 0 };
        }
        Decimal { digits, point: exponent.unwrap_or(0) + 1 }
    }

    fn digit(&self, at: i64) -> u8 {
        usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(b'0')
    }

    /// Without the zeros at the end.
    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        self
    }
}

/// Appends the number. `format` is one of `b e E f g G x X` as in Go; no
/// precision means as many digits as are needed.
pub fn append_float(out: &mut Vec<u8>, v: f64, format: u8, precision: Option<usize>) {
    if v.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if v.is_infinite() {
        return out.extend_from_slice(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if v.is_sign_negative() {
        out.push(b'-');
    }
    let v = v.abs();
    match format {
        b'b' => binary(out, v),
        b'x' | b'X' => hexadecimal(out, v, precision, format),
        b'e' | b'E' => {
            let (decimal, after) = match precision {
                Some(p) => (Decimal::significant(v, p.saturating_add(1)), p),
                None => {
                    let d = Decimal::shortest(v);
                    let after = d.digits.len().saturating_sub(1);
                    (d, after)
                }
            };
            scientific(out, &decimal, after, format);
        }
        b'f' => fixed(out, v, precision),
        b'g' | b'G' => general(out, v, precision, format + b'e' - b'g'),
        other => out.extend_from_slice(&[b'%', other]),
    }
}

/// The number as `%v` prints it.
pub fn append_general(out: &mut Vec<u8>, v: f64) {
    // Whole numbers below a million have no exponent; they are the usual case.
    if v.fract() == 0.0 && v.abs() < 1e6 && !(v == 0.0 && v.is_sign_negative()) {
        let _ = write!(out, "{}", v as i64);
        return;
    }
    append_float(out, v, b'g', None);
}

fn scientific(out: &mut Vec<u8>, d: &Decimal, after: usize, letter: u8) {
    out.push(d.digit(0));
    if after > 0 {
        out.push(b'.');
        push_digits(out, d, 1, after);
    }
    let exponent = if d.digits.is_empty() { 0 } else { d.point - 1 };
    out.push(letter);
    out.push(if exponent < 0 { b'-' } else { b'+' });
    let _ = write!(out, "{:02}", exponent.unsigned_abs());
}

fn push_digits(out: &mut Vec<u8>, d: &Decimal, from: i64, count: usize) {
    for at in (from..).take(count) {
        out.push(d.digit(at));
    }
}

fn fixed(out: &mut Vec<u8>, v: f64, precision: Option<usize>) {
    match precision {
        // More digits than a float64 can have are zeros.
        Some(p) => {
            let exact = p.min(1100);
            let _ = write!(out, "{v:.exact$}");
            out.resize(out.len() + (p - exact), b'0');
        }
        None => {
            let d = Decimal::shortest(v);
            let after = (d.digits.len() as i64 - i64::from(d.point)).max(0);
            fixed_digits(out, &d, after as usize);
        }
    }
}

fn fixed_digits(out: &mut Vec<u8>, d: &Decimal, after: usize) {
    let point = i64::from(d.point);
    if point > 0 {
        push_digits(out, d, 0, point as usize);
    } else {
        out.push(b'0');
    }
    if after > 0 {
        out.push(b'.');
        push_digits(out, d, point, after);
    }
}

fn general(out: &mut Vec<u8>, v: f64, precision: Option<usize>, letter: u8) {
    // Shortest output switches to an exponent as if six digits were asked for.
    const SHORTEST_LIMIT: i64 = 6;
    let (d, limit) = match precision {
        None => (Decimal::shortest(v), SHORTEST_LIMIT),
        Some(p) => {
            let p = p.max(1);
            let mut d = Decimal::significant(v, p);
            let shown = d.digits.len();
            d = d.trimmed();
            // A whole number that was asked for with many digits keeps them.
            let limit =
                if p > d.digits.len() && d.digits.len() as i64 >= i64::from(d.point) { d.digits.len() } else { p };
            debug_assert!(shown <= MAX_DIGITS);
            (d, limit as i64)
        }
    };
    let exponent = i64::from(d.point) - 1;
    if exponent < -4 || exponent >= limit {
        scientific(out, &d, d.digits.len().saturating_sub(1), letter);
    } else {
        fixed_digits(out, &d, (d.digits.len() as i64 - i64::from(d.point)).max(0) as usize);
    }
}

/// Mantissa and binary exponent: `v = mantissa × 2^exponent`.
fn parts(v: f64) -> (u64, i32) {
    let bits = v.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    match (bits >> 52) as i32 & 0x7FF {
        0 => (mantissa, -1074),
        exponent => (mantissa | 1 << 52, exponent - 1075),
    }
}

fn binary(out: &mut Vec<u8>, v: f64) {
    let (mantissa, exponent) = parts(v);
    let _ = write!(out, "{mantissa}p{exponent:+}");
}

fn hexadecimal(out: &mut Vec<u8>, v: f64, precision: Option<usize>, format: u8) {
    let (mut mantissa, mut exponent) = parts(v);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One bit before the point, sixty behind it.
        let shift = mantissa.leading_zeros() as i32 - 3;
        mantissa <<= shift;
        exponent += 60 - shift;
    }
    if let Some(p) = precision.filter(|&p| p < 15) {
        let dropped = 60 - 4 * p as u32;
        let rest = mantissa & ((1 << dropped) - 1);
        mantissa >>= dropped;
        let half = 1 << (dropped - 1);
        if rest > half || (rest == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let upper = format == b'X';
    let digit =
        |n: u64| if upper { b"0123456789ABCDEF"[n as usize & 15] } else { b"0123456789abcdef"[n as usize & 15] };
    out.push(b'0');
    out.push(format);
    out.push(digit(mantissa >> 60));
    let mut rest = mantissa << 4;
    let shown = precision.unwrap_or_else(|| (64 - rest.trailing_zeros().min(64)).div_ceil(4) as usize);
    if shown > 0 {
        out.push(b'.');
        for _ in 0..shown {
            out.push(digit(rest >> 60));
            rest <<= 4;
        }
    }
    out.push(if upper { b'P' } else { b'p' });
    let _ = write!(out, "{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(v: f64, format: u8, precision: i32) -> String {
        let mut out = Vec::new();
        append_float(&mut out, v, format, usize::try_from(precision).ok());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn general_form() {
        for (v, want) in [
            (0.0, "0"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.5, "-0.5"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(f(v, b'g', -1), want);
            let mut out = Vec::new();
            append_general(&mut out, v);
            assert_eq!(out, want.as_bytes());
        }
        assert_eq!(f(100.0, b'g', 2), "1e+02");
        assert_eq!(f(100.0, b'g', 3), "100");
        assert_eq!(f(100_000.0, b'g', 5), "1e+05");
        assert_eq!(f(-0.0, b'G', -1), "-0");
        assert_eq!(f(1e-7, b'G', -1), "1E-07");
    }

    #[test]
    fn fixed_and_scientific() {
        assert_eq!(f(2.5, b'f', 0), "2");
        assert_eq!(f(0.125, b'f', 2), "0.12");
        assert_eq!(f(1e21, b'f', -1), "1000000000000000000000");
        assert_eq!(f(0.0, b'e', 3), "0.000e+00");
        assert_eq!(f(12345.678, b'E', 2), "1.23E+04");
        assert_eq!(f(1.0, b'f', 1200).len(), 1202);
        assert_eq!(f(5e-324, b'e', -1), "5e-324");
        assert_eq!(f(1_917_765_142_014_094.5 / 2.0, b'f', -1), "958882571007047.2");
    }

    #[test]
    fn powers_of_two() {
        assert_eq!(f(1.0, b'b', -1), "4503599627370496p-52");
        assert_eq!(f(1.0, b'x', -1), "0x1p+00");
        assert_eq!(f(1.5, b'X', 3), "0X1.800P+00");
        assert_eq!(f(0.0, b'x', 0), "0x0p+00");
        assert_eq!(f(1.9999, b'x', 0), "0x1p+01");
        assert_eq!(f(5e-324, b'x', -1), "0x1p-1074");
    }
}
