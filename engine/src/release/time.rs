//! A time as Go records it: an instant with nanoseconds and the offset of the
//! clock that told it.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant and the offset from UTC with which it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    instant: Timestamp,
    offset: Offset,
}

impl Time {
    /// Now, with the machine's own offset.
    pub fn now() -> Time {
        let instant = Timestamp::now();
        Time { instant, offset: TimeZone::system().to_offset(instant) }
    }

    /// Reads RFC 3339; `None` for Go's zero time and for what is no time.
    pub fn parse(text: &str) -> Option<Time> {
        let instant: Timestamp = text.parse().ok()?;
        let offset = match text.as_bytes().last()? {
            b'Z' | b'z' => Offset::UTC,
            _ => parse_offset(text.get(text.len().checked_sub(6)?..)?)?,
        };
        let time = Time { instant, offset };
        if time.is_zero() { None } else { Some(time) }
    }

    fn is_zero(&self) -> bool {
        // Year 1, January 1st, 00:00 UTC.
        self.instant.as_second() == -62_135_596_800
    }

    /// The instant.
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    fn civil(&self) -> jiff::civil::DateTime {
        self.offset.to_datetime(self.instant)
    }

    fn zone(&self, utc: &str, colon: bool) -> String {
        let seconds = self.offset.seconds();
        if seconds == 0 {
            return utc.to_string();
        }
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
        let colon = if colon { ":" } else { "" };
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    /// Go's `time.RFC3339Nano`.
    pub fn rfc3339_nano(&self) -> String {
        let t = self.civil();
        format!("{}{}{}", t.strftime("%Y-%m-%dT%H:%M:%S"), fraction(t.subsec_nanosecond()), self.zone("Z", true))
    }

    /// Go's `time.RFC3339`: no fraction.
    pub fn rfc3339(&self) -> String {
        format!("{}{}", self.civil().strftime("%Y-%m-%dT%H:%M:%S"), self.zone("Z", true))
    }

    /// Go's `time.ANSIC`: `Mon Jan _2 15:04:05 2006`.
    pub fn ansic(&self) -> String {
        self.civil().strftime("%a %b %e %H:%M:%S %Y").to_string()
    }

    /// Go's `Time.String`: `2006-01-02 15:04:05.999999999 -0700 MST`, where a
    /// zone without a name shows its offset twice.
    pub fn go_string(&self) -> String {
        let t = self.civil();
        let clock = format!("{}{}", t.strftime("%Y-%m-%d %H:%M:%S"), fraction(t.subsec_nanosecond()));
        format!("{clock} {} {}", self.zone("+0000", false), self.zone("UTC", false))
    }
}

impl From<std::time::SystemTime> for Time {
    /// With the machine's own offset; what is out of range is the epoch.
    fn from(time: std::time::SystemTime) -> Time {
        let instant = Timestamp::try_from(time).unwrap_or_default();
        Time { instant, offset: TimeZone::system().to_offset(instant) }
    }
}

/// `.` and the nanoseconds without zeros at the end; nothing for none.
fn fraction(nanos: i32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_string()
}

/// `+01:00`
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()?.checked_mul(3600)?.checked_add(minutes.parse::<i32>().ok()? * 60)?;
    Offset::from_seconds(sign * seconds).ok()
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.rfc3339_nano())
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Time) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Time) -> std::cmp::Ordering {
        self.instant.cmp(&other.instant).then(self.offset.cmp(&other.offset))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.rfc3339_nano())
    }
}

/// Reads what Helm 2 to 4 have written: a time, an empty string, null.
pub(super) fn lenient<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
    let Some(text) = Option::<std::borrow::Cow<'de, str>>::deserialize(d)? else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<Timestamp>() {
        Ok(_) => Ok(Time::parse(&text)),
        Err(e) => Err(serde::de::Error::custom(format!("parsing time {text:?}: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_offset_and_nanoseconds() {
        for text in ["2026-11-23T08:42:07.123456789Z", "2026-11-23T08:42:07.12+01:00", "2026-11-23T08:42:07-05:30"] {
            assert_eq!(Time::parse(text).unwrap().rfc3339_nano(), text);
        }
    }

    #[test]
    fn the_zero_time_is_no_time() {
        assert_eq!(Time::parse("0001-01-01T00:00:00Z"), None);
        assert_eq!(Time::parse(""), None);
    }

    #[test]
    fn go_string_shows_an_unnamed_zone_twice() {
        let t = Time::parse("2026-01-02T08:42:07.5+01:00").unwrap();
        assert_eq!(t.go_string(), "2026-01-02 08:42:07.5 +0100 +0100");
        assert_eq!(t.ansic(), "Fri Jan  2 08:42:07 2026");
        let t = Time::parse("2026-01-02T08:42:07Z").unwrap();
        assert_eq!(t.go_string(), "2026-01-02 08:42:07 +0000 UTC");
    }
}
