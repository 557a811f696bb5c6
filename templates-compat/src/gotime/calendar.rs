//! The proleptic Gregorian calendar over the whole range of 64-bit seconds.

use super::SECONDS_PER_DAY;

/// English names, January first.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English names, Sunday first.
pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Years before year 0 at which days are counted from, so that every instant
/// has a positive day number. A multiple of the 400-year cycle.
const ABSOLUTE_YEARS: i64 = 292_277_022_400;

const DAYS_PER_400_YEARS: u64 = 146_097;

/// Days from 1 March of year -[`ABSOLUTE_YEARS`] to the Unix epoch.
const UNIX_ABS_DAYS: u64 = (ABSOLUTE_YEARS as u64 / 400) * DAYS_PER_400_YEARS + 719_162 + 306;

/// Days from 1 March to 31 December.
const MARCH_THRU_DECEMBER: u64 = 306;

/// A date and a clock without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Astronomical year (0 is 1 BC).
    pub year: i64,
    /// 1 to 12
    pub month: u32,
    /// 1 to 31
    pub day: u32,
    /// 0 to 23
    pub hour: u32,
    /// 0 to 59
    pub minute: u32,
    /// 0 to 59
    pub second: u32,
    /// 1 to 366
    pub year_day: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

/// The day number of a Unix time; wraps round as Go's does.
pub(super) fn abs_days(unix: i64) -> u64 {
    abs_seconds(unix) / SECONDS_PER_DAY as u64
}

fn abs_seconds(unix: i64) -> u64 {
    (unix as u64).wrapping_add(UNIX_ABS_DAYS.wrapping_mul(SECONDS_PER_DAY as u64))
}

impl Civil {
    pub(super) fn from_unix(unix: i64) -> Civil {
        let second = (abs_seconds(unix) % SECONDS_PER_DAY as u64) as u32;
        let days = abs_days(unix);
        let (year, month, day, year_day) = date(days);
        Civil {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            year_day,
            weekday: weekday(days),
        }
    }

    /// Seconds since midnight.
    pub fn second_of_day(&self) -> i64 {
        i64::from(self.hour * 3600 + self.minute * 60 + self.second)
    }

    /// ISO year and week of a day number.
    pub(super) fn iso_week(days: u64) -> (i64, u32) {
        // A week belongs to the year of its Thursday.
        let monday_based = (u64::from(weekday(days)) + 6) % 7;
        let (year, _, _, year_day) = date(days.wrapping_sub(monday_based).wrapping_add(3));
        (year, (year_day - 1) / 7 + 1)
    }
}

fn weekday(days: u64) -> u32 {
    // Day number 0 is a Wednesday.
    ((days % 7 + 3) % 7) as u32
}

/// Year, month, day and day of the year of a day number. Years are counted
/// from March, so that the leap day is the last.
fn date(days: u64) -> (i64, u32, u32, u32) {
    let (cycle, day_of_cycle) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let march_day = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * march_day + 2) / 153;
    let day = march_day - (153 * march_month + 2) / 5 + 1;
    let in_next_year = march_month >= 10;
    let month = if in_next_year { march_month - 9 } else { march_month + 3 };
    let march_year = (cycle * 400 + year_of_cycle) as i64 - ABSOLUTE_YEARS;
    let year = march_year + i64::from(in_next_year);
    let year_day =
        if in_next_year { march_day - MARCH_THRU_DECEMBER + 1 } else { march_day + 60 + u64::from(is_leap(year)) };
    (year, month as u32, day as u32, year_day as u32)
}

/// Days since the Unix epoch of a date whose month and day may lie outside
/// their ranges; wraps round.
pub(super) fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let month0 = month.wrapping_sub(1);
    let year = year.wrapping_add(month0.div_euclid(12));
    let month = month0.rem_euclid(12) as u64 + 1;
    let (march_year, march_month) = if month <= 2 { (year.wrapping_sub(1), month + 9) } else { (year, month - 3) };
    let y = (march_year as u64).wrapping_add(ABSOLUTE_YEARS as u64);
    let days = y.wrapping_mul(365).wrapping_add(y / 4).wrapping_sub(y / 100).wrapping_add(y / 400);
    let before_month = (153 * march_month + 2) / 5;
    days.wrapping_add(before_month).wrapping_add(day.wrapping_sub(1) as u64).wrapping_sub(UNIX_ABS_DAYS) as i64
}

/// Whether a year has a 29 February.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days of a month (1 to 12).
pub(super) fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days before a month (1 to 13) in a year without a leap day.
pub(super) fn days_before(month: i64) -> i64 {
    (1..month).map(|m| days_in(m, 1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_back() {
        for day in (-1_000_000..1_000_000).step_by(13) {
            let c = Civil::from_unix(day * SECONDS_PER_DAY + 3_723);
            assert_eq!(days_from_date(c.year, i64::from(c.month), i64::from(c.day)), day);
            assert_eq!((c.hour, c.minute, c.second), (1, 2, 3));
            let new_year = days_from_date(c.year, 1, 1);
            assert_eq!(i64::from(c.year_day), day - new_year + 1);
        }
    }

    #[test]
    fn known_days() {
        let c = Civil::from_unix(0);
        assert_eq!((c.year, c.month, c.day, c.weekday, c.year_day), (1970, 1, 1, 4, 1));
        let c = Civil::from_unix(951_782_400);
        assert_eq!((c.year, c.month, c.day, c.year_day), (2000, 2, 29, 60));
        assert_eq!(Civil::iso_week(abs_days(1_609_459_200)), (2020, 53));
    }
}
