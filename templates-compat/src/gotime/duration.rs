//! Go's `time.Duration`: nanoseconds, their text and their rounding.

use super::quote;

/// Nanoseconds, up to about 292 years either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Duration(i64);

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// 2^63: the size of the most negative duration.
const LIMIT: u64 = 1 << 63;

impl Duration {
    /// One second.
    pub const SECOND: Duration = Duration(SECOND as i64);

    /// So many nanoseconds.
    pub fn from_nanos(nanos: i64) -> Duration {
        Duration(nanos)
    }

    /// The nanoseconds.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds with their fraction.
    pub fn seconds(self) -> f64 {
        self.in_unit(SECOND)
    }

    /// Minutes with their fraction.
    pub fn minutes(self) -> f64 {
        self.in_unit(MINUTE)
    }

    /// Hours with their fraction.
    pub fn hours(self) -> f64 {
        self.in_unit(HOUR)
    }

    fn in_unit(self, unit: u64) -> f64 {
        // Whole and fraction apart, as Go does: the rounding is visible.
        let unit = unit as i64;
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// The size without the sign (the least duration gives the greatest).
    #[must_use]
    pub fn abs(self) -> Duration {
        Duration(self.0.checked_abs().unwrap_or(i64::MAX))
    }

    /// Rounds toward zero to a multiple of `m`.
    #[must_use]
    pub fn truncate(self, m: Duration) -> Duration {
        if m.0 <= 0 { self } else { Duration(self.0 - self.0 % m.0) }
    }

    /// Rounds to the nearest multiple of `m`, halves away from zero.
    #[must_use]
    pub fn round(self, m: Duration) -> Duration {
        if m.0 <= 0 {
            return self;
        }
        let rest = (self.0 % m.0).unsigned_abs();
        let toward_zero = self.0 - self.0 % m.0;
        if rest * 2 < m.0.unsigned_abs() {
            return Duration(toward_zero);
        }
        let away = if self.0 < 0 { toward_zero.checked_sub(m.0) } else { toward_zero.checked_add(m.0) };
        Duration(away.unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX }))
    }

    /// `time.ParseDuration`.
    ///
    /// # Errors
    /// Go's text.
    pub fn parse(text: &[u8]) -> Result<Duration, String> {
        let invalid = || format!("time: invalid duration {}", quote(text));
        let (negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest == b"0" {
            return Ok(Duration(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (whole, digits, after) = leading_int(rest).ok_or_else(invalid)?;
            let (fraction, scale, fraction_digits, after) = match after {
                [b'.', after @ ..] => leading_fraction(after),
                _ => (0, 1.0, 0, after),
            };
            if digits + fraction_digits == 0 {
                return Err(invalid());
            }
            let unit_len = after.iter().position(|b| *b == b'.' || b.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_len);
            if unit.is_empty() {
                return Err(format!("time: missing unit in duration {}", quote(text)));
            }
            let unit = unit_nanos(unit)
                .ok_or_else(|| format!("time: unknown unit {} in duration {}", quote(unit), quote(text)))?;
            let mut nanos = whole.checked_mul(unit).filter(|n| *n <= LIMIT).ok_or_else(invalid)?;
            if fraction > 0 {
                nanos = nanos.wrapping_add((fraction as f64 * (unit as f64 / scale)) as u64);
            }
            total = total.wrapping_add(nanos);
            if nanos > LIMIT || total > LIMIT {
                return Err(invalid());
            }
            rest = after;
        }
        match (negative, total) {
            (true, total) => Ok(Duration((total as i64).wrapping_neg())),
            (false, LIMIT) => Err(invalid()),
            (false, total) => Ok(Duration(total as i64)),
        }
    }
}

/// Digits at the front: their number, how many they are, what follows.
fn leading_int(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let mut value: u64 = 0;
    for digit in digits {
        // Go looks at both steps, and 2^63 itself passes.
        value = Some(value).filter(|v| *v <= LIMIT / 10)? * 10 + u64::from(digit - b'0');
        if value > LIMIT {
            return None;
        }
    }
    Some((value, end, rest))
}

/// Digits after a point; digits too many to count are skipped.
fn leading_fraction(text: &[u8]) -> (u64, f64, usize, &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let (mut value, mut scale) = (0u64, 1.0);
    for digit in digits {
        if value > (LIMIT - 1) / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > LIMIT {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value, scale, end, rest)
}

fn unit_nanos(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        // Both the micro sign and the Greek letter.
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => SECOND,
        b"m" => MINUTE,
        b"h" => HOUR,
        _ => return None,
    })
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        match size {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{sign}{size}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}µs", decimal(size, 1_000)),
            1_000_000..SECOND => write!(f, "{sign}{}ms", decimal(size, 1_000_000)),
            _ => {
                let (hours, minutes) = (size / HOUR, size / MINUTE % 60);
                f.write_str(sign)?;
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if size >= MINUTE {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}s", decimal(size % MINUTE, SECOND))
            }
        }
    }
}

/// `value / unit` in decimals, without trailing zeros.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let text = format!("{whole}.{rest:0width$}");
    text.trim_end_matches('0').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<i64, String> {
        Duration::parse(text.as_bytes()).map(Duration::nanos)
    }

    #[test]
    fn parses() {
        assert_eq!(parse("1h2m3.5s"), Ok(3_723_500_000_000));
        assert_eq!(parse("-.5ms"), Ok(-500_000));
        assert_eq!(parse("+0"), Ok(0));
        assert_eq!(parse("1µs1μs1us"), Ok(3_000));
        assert_eq!(parse("-9223372036854775808ns"), Ok(i64::MIN));
        assert_eq!(parse("9223372036854775807ns"), Ok(i64::MAX));
        assert_eq!(parse("9223372036854775808ns").unwrap_err(), "time: invalid duration \"9223372036854775808ns\"");
        assert_eq!(parse("").unwrap_err(), "time: invalid duration \"\"");
        assert_eq!(parse("3").unwrap_err(), "time: missing unit in duration \"3\"");
        assert_eq!(parse("3é").unwrap_err(), "time: unknown unit \"\\xc3\\xa9\" in duration \"3\\xc3\\xa9\"");
        assert_eq!(parse(&"9".repeat(99)).unwrap_err(), format!("time: invalid duration \"{}\"", "9".repeat(99)));
    }

    #[test]
    fn prints() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(Duration(nanos).to_string(), text);
        }
    }

    #[test]
    fn rounds() {
        let round = |a: i64, b: i64| Duration(a).round(Duration(b)).nanos();
        assert_eq!(round(15, 10), 20);
        assert_eq!(round(-15, 10), -20);
        assert_eq!(round(14, 10), 10);
        assert_eq!(round(14, 0), 14);
        assert_eq!(round(i64::MAX, 10_000_000_000), i64::MAX);
        assert_eq!(round(i64::MIN, 10), i64::MIN);
        assert_eq!(Duration(-19).truncate(Duration(10)).nanos(), -10);
    }
}
