//! Go's shortest forms of floating-point numbers. Does not parse.

/// The shortest decimal digits that read back as the number, and the decimal
/// exponent of the first one (`1.5e3` is `15` and 3).
struct Shortest {
    negative: bool,
    digits: String,
    exponent: i32,
}

fn shortest(scientific: &str) -> Shortest {
    let (negative, rest) = match scientific.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, scientific),
    };
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
    Shortest { negative, digits: mantissa.replace('.', ""), exponent: exponent.parse().unwrap_or(0) }
}

impl Shortest {
    /// `d.ddde±dd` with at least two digits of exponent.
    fn exponential(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = self.digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exp_sign = if self.exponent < 0 { '-' } else { '+' };
        format!("{sign}{first}{dot}{rest}e{exp_sign}{:02}", self.exponent.abs())
    }

    /// Without an exponent.
    fn fixed(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let len = self.digits.len() as i32;
        if self.exponent < 0 {
            let zeros = "0".repeat((-self.exponent - 1) as usize);
            format!("{sign}0.{zeros}{}", self.digits)
        } else if self.exponent + 1 >= len {
            let zeros = "0".repeat((self.exponent + 1 - len) as usize);
            format!("{sign}{}{zeros}", self.digits)
        } else {
            let (whole, fraction) = self.digits.split_at((self.exponent + 1) as usize);
            format!("{sign}{whole}.{fraction}")
        }
    }

    /// `%g`: an exponent below -4 and from `most` on.
    fn general(&self, most: i32) -> String {
        if self.exponent < -4 || self.exponent >= most { self.exponential() } else { self.fixed() }
    }
}

fn special(v: f64) -> Option<&'static str> {
    match v {
        _ if v.is_nan() => Some("NaN"),
        _ if v == f64::INFINITY => Some("+Inf"),
        _ if v == f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// `strconv.FormatFloat(v, 'g', -1, 64)`
pub(crate) fn general(v: f64) -> String {
    match special(v) {
        Some(text) => text.to_owned(),
        None => shortest(&format!("{v:e}")).general(6),
    }
}

/// `strconv.FormatFloat(v, 'g', -1, 32)`
pub(crate) fn general32(v: f64) -> String {
    let v = v as f32;
    match special(f64::from(v)) {
        Some(text) => text.to_owned(),
        None => shortest(&format!("{v:e}")).general(6),
    }
}

/// `strconv.FormatFloat(v, 'f', -1, 64)`
pub(crate) fn fixed(v: f64) -> String {
    match special(v) {
        Some(text) => text.to_owned(),
        None => shortest(&format!("{v:e}")).fixed(),
    }
}

/// `encoding/json`'s form; `None` for what JSON cannot say.
pub(crate) fn json(v: f64) -> Option<String> {
    if !v.is_finite() {
        return None;
    }
    let parts = shortest(&format!("{v:e}"));
    if v != 0.0 && (v.abs() < 1e-6 || v.abs() >= 1e21) {
        // Go drops the zero of e-0N.
        let text = parts.exponential();
        return Some(match text.rsplit_once("e-0") {
            Some((head, tail)) => format!("{head}e-{tail}"),
            None => text,
        });
    }
    Some(parts.fixed())
}
