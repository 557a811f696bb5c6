//! Go's `time` package as templates see it: instants, calendars, zones,
//! layouts, durations.
//!
//! There is no clock here; the present comes from the host.

mod calendar;
mod duration;
mod layout;
mod object;
mod parse;
mod zone;

pub use calendar::{Civil, MONTHS, WEEKDAYS};
pub use duration::Duration;
pub use object::{DurationObject, TimeObject};
pub use zone::Zone;

use std::cmp::Ordering;

use calendar::{abs_days, days_from_date};

/// Seconds from the beginning of the year 1 to the Unix epoch.
const UNIX_TO_INTERNAL: i64 = 719_162 * SECONDS_PER_DAY;

/// Seconds of a day.
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Go's `time.Time`: an instant and the zone that it is shown in. Arithmetic
/// wraps round at 64 bits of seconds, as Go's does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Seconds since the Unix epoch.
    seconds: i64,
    /// Nanoseconds within the second, below 1e9.
    nanos: u32,
    zone: Zone,
}

impl Time {
    /// Go's zero time: the first second of the year 1, UTC.
    pub fn zero() -> Time {
        Time { seconds: -UNIX_TO_INTERNAL, nanos: 0, zone: Zone::Utc }
    }

    /// `time.Unix`: seconds and nanoseconds since the epoch, local zone.
    pub fn unix(seconds: i64, nanos: u32) -> Time {
        let carry = i64::from(nanos) / NANOS_PER_SECOND;
        let nanos = nanos % NANOS_PER_SECOND as u32;
        Time { seconds: seconds.wrapping_add(carry), nanos, zone: Zone::Local }
    }

    /// An instant from what the host's clock says.
    pub fn from_unix_nanos(nanos: i128) -> Time {
        let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        Time::unix(seconds as i64, rest as u32)
    }

    /// `time.Date` with a month and a day that may lie outside their ranges.
    pub fn date(year: i64, month: i64, day: i64, second_of_day: i64, nanos: u32, zone: Zone) -> Time {
        let days = days_from_date(year, month, day);
        let wall = days.wrapping_mul(SECONDS_PER_DAY).wrapping_add(second_of_day);
        let seconds = match zone.offset_at(wall) {
            0 => wall,
            // The offset at the wall clock's reading is a guess that only
            // fails near a change; the second look settles it.
            offset => {
                let settled = zone.offset_at(wall.wrapping_sub(offset));
                wall.wrapping_sub(settled)
            }
        };
        Time { seconds, nanos, zone }
    }

    /// Seconds since the Unix epoch.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds since the Unix epoch; wraps outside 1678–2262, as Go's.
    pub fn unix_nanos(&self) -> i64 {
        self.seconds.wrapping_mul(NANOS_PER_SECOND).wrapping_add(i64::from(self.nanos))
    }

    /// Nanoseconds within the second.
    pub fn nanosecond(&self) -> u32 {
        self.nanos
    }

    /// The zone it is shown in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same instant, shown in another zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Time {
        self.zone = zone;
        self
    }

    /// Whether it is [`Time::zero`], in any zone.
    pub fn is_zero(&self) -> bool {
        self.internal_seconds() == 0 && self.nanos == 0
    }

    /// The order of two instants.
    pub fn compare(&self, other: &Time) -> Ordering {
        (self.internal_seconds(), self.nanos).cmp(&(other.internal_seconds(), other.nanos))
    }

    /// Year, month, day and clock in its zone.
    pub fn civil(&self) -> Civil {
        let offset = self.zone.offset_at(self.seconds);
        Civil::from_unix(self.seconds.wrapping_add(offset))
    }

    /// The time `d` later.
    #[must_use]
    pub fn add(&self, d: Duration) -> Time {
        let total = i64::from(self.nanos) + d.nanos() % NANOS_PER_SECOND;
        let seconds =
            self.seconds.wrapping_add(d.nanos() / NANOS_PER_SECOND).wrapping_add(total.div_euclid(NANOS_PER_SECOND));
        Time { seconds, nanos: total.rem_euclid(NANOS_PER_SECOND) as u32, zone: self.zone.clone() }
    }

    /// `t - u`, held inside what a duration can say.
    pub fn sub(&self, u: &Time) -> Duration {
        let seconds = i128::from(self.internal_seconds()) - i128::from(u.internal_seconds());
        let nanos = seconds * i128::from(NANOS_PER_SECOND) + i128::from(self.nanos) - i128::from(u.nanos);
        Duration::from_nanos(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The date so many years, months and days later, normalised as Go does.
    #[must_use]
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Time {
        let c = self.civil();
        Time::date(
            c.year.wrapping_add(years),
            i64::from(c.month).wrapping_add(months),
            i64::from(c.day).wrapping_add(days),
            c.second_of_day(),
            self.nanos,
            self.zone.clone(),
        )
    }

    /// Rounds down to a multiple of `d` since the year 1.
    #[must_use]
    pub fn truncate(&self, d: Duration) -> Time {
        if d.nanos() <= 0 { self.clone() } else { self.add(Duration::from_nanos(self.remainder(d).wrapping_neg())) }
    }

    /// Rounds to the nearest multiple of `d` since the year 1; halves up.
    #[must_use]
    pub fn round(&self, d: Duration) -> Time {
        if d.nanos() <= 0 {
            return self.clone();
        }
        let rest = self.remainder(d);
        if (rest as u64).wrapping_add(rest as u64) < d.nanos() as u64 {
            self.add(Duration::from_nanos(-rest))
        } else {
            self.add(Duration::from_nanos(d.nanos() - rest))
        }
    }

    /// The week of ISO 8601 and the year that it belongs to.
    pub fn iso_week(&self) -> (i64, u32) {
        let days = abs_days(self.seconds.wrapping_add(self.zone.offset_at(self.seconds)));
        Civil::iso_week(days)
    }

    /// Adds seconds that a zone is ahead or behind.
    fn shifted(mut self, seconds: i64) -> Time {
        self.seconds = self.seconds.wrapping_add(seconds);
        self
    }

    pub(in crate::gotime) fn internal_seconds(&self) -> i64 {
        self.seconds.wrapping_add(UNIX_TO_INTERNAL)
    }

    /// What lies past the last multiple of `d` (which is positive).
    fn remainder(&self, d: Duration) -> i64 {
        let nanos = i128::from(self.internal_seconds()) * i128::from(NANOS_PER_SECOND) + i128::from(self.nanos);
        nanos.rem_euclid(i128::from(d.nanos())) as i64
    }
}

/// The quoting of Go's time package, which knows less than `strconv`: every
/// byte outside ASCII is written in hex.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for &b in text {
        match b {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(b));
            }
            b' '..=0x7f => out.push(char::from(b)),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}
