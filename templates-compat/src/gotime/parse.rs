//! Reading a time by a layout: `time.ParseInLocation` with the local zone.

use std::sync::Arc;

use super::calendar::{MONTHS, WEEKDAYS, days_before, days_in, is_leap};
use super::layout::{Fraction, Offset, Piece, next_piece};
use super::{Time, Zone, quote};

/// What has been read so far; a part that no piece named is `None`.
#[derive(Default)]
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i64>,
    zone_name: Option<String>,
}

/// Why one piece could not be read.
enum Bad {
    /// The text does not fit the piece.
    Text,
    /// The number is outside its range; the range's name.
    Range(&'static str),
}

type Parsed<T> = Result<T, Bad>;

impl Time {
    /// Reads a time; where it names no zone, it is local.
    ///
    /// # Errors
    /// Go's text.
    pub fn parse(layout: &[u8], value: &[u8]) -> Result<Time, String> {
        let mismatch = |wanted: &[u8], found: &[u8]| {
            format!(
                "parsing time {} as {}: cannot parse {} as {}",
                quote(value),
                quote(layout),
                quote(found),
                quote(wanted)
            )
        };
        let failure = |message: &str| format!("parsing time {}: {message}", quote(value));
        let mut parts = Parts::default();
        let (mut rest_layout, mut rest) = (layout, value);
        loop {
            let (text, piece, written, after) = next_piece(rest_layout);
            rest = skip_text(rest, text).map_err(|stuck| mismatch(text, stuck))?;
            let Some(piece) = piece else {
                if !rest.is_empty() {
                    return Err(failure(&format!("extra text: {}", quote(rest))));
                }
                break;
            };
            rest_layout = after;
            let hold = rest;
            parts.read(piece, &mut rest, rest_layout).map_err(|bad| match bad {
                Bad::Text => mismatch(written, hold),
                Bad::Range(name) => failure(&format!("{name} out of range")),
            })?;
        }
        parts.finish().map_err(failure)
    }
}

/// Takes a layout's literal text off the value; runs of spaces are equal.
/// Gives what is left when they differ.
fn skip_text<'a>(mut value: &'a [u8], mut text: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some(first) = text.first() {
        if *first == b' ' {
            if value.first().is_some_and(|b| *b != b' ') {
                return Err(value);
            }
            text = trim_spaces(text);
            value = trim_spaces(value);
            continue;
        }
        if value.first() != Some(first) {
            return Err(value);
        }
        (text, value) = (&text[1..], &value[1..]);
    }
    Ok(value)
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|b| **b == b' ').count()..]
}

impl Parts {
    fn read(&mut self, piece: Piece, rest: &mut &[u8], layout: &[u8]) -> Parsed<()> {
        match piece {
            Piece::Year => {
                let year = signed_number(take(rest, 2)?).ok_or(Bad::Text)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Piece::LongYear => {
                if rest.len() < 4 || !rest[0].is_ascii_digit() {
                    return Err(Bad::Text);
                }
                self.year = signed_number(take(rest, 4)?).ok_or(Bad::Text)?;
            }
            Piece::Month => self.month = Some(take_name(rest, MONTHS.iter().map(|m| &m[..3]))? + 1),
            Piece::LongMonth => self.month = Some(take_name(rest, MONTHS.iter().copied())? + 1),
            Piece::Weekday => drop(take_name(rest, WEEKDAYS.iter().map(|d| &d[..3]))?),
            Piece::LongWeekday => drop(take_name(rest, WEEKDAYS.iter().copied())?),
            Piece::NumMonth | Piece::ZeroMonth => {
                let month = take_number(rest, piece == Piece::ZeroMonth)?;
                self.month = Some(in_range(month, 1..=12, "month")?);
            }
            Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
                if piece == Piece::UnderDay {
                    *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                self.day = Some(take_number(rest, piece == Piece::ZeroDay)?);
            }
            Piece::UnderYearDay | Piece::ZeroYearDay => self.read_year_day(piece, rest)?,
            Piece::Hour => self.hour = in_range(take_number(rest, false)?, 0..=23, "hour")?,
            Piece::Hour12 | Piece::ZeroHour12 => {
                self.hour = in_range(take_number(rest, piece == Piece::ZeroHour12)?, 0..=12, "hour")?;
            }
            Piece::Minute | Piece::ZeroMinute => {
                self.minute = in_range(take_number(rest, piece == Piece::ZeroMinute)?, 0..=59, "minute")?;
            }
            Piece::Second | Piece::ZeroSecond => {
                self.second = in_range(take_number(rest, piece == Piece::ZeroSecond)?, 0..=59, "second")?;
                self.read_unasked_fraction(rest, layout)?;
            }
            Piece::UpperPm => self.read_half(take(rest, 2)?, [b"AM", b"PM"])?,
            Piece::LowerPm => self.read_half(take(rest, 2)?, [b"am", b"pm"])?,
            Piece::Offset(form) => self.read_offset(form, rest)?,
            Piece::ZoneName => self.read_zone_name(rest)?,
            Piece::Fraction(form) => self.read_fraction(form, rest)?,
        }
        Ok(())
    }

    fn read_year_day(&mut self, piece: Piece, rest: &mut &[u8]) -> Parsed<()> {
        let fixed = piece == Piece::ZeroYearDay;
        for _ in 0..2 {
            if !fixed {
                *rest = rest.strip_prefix(b" ").unwrap_or(rest);
            }
        }
        let count = rest.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
        if count == 0 || fixed && count != 3 {
            return Err(Bad::Text);
        }
        self.year_day = digits(take(rest, count)?);
        Ok(())
    }

    /// Seconds may have a fraction even if the layout names none.
    fn read_unasked_fraction(&mut self, rest: &mut &[u8], layout: &[u8]) -> Parsed<()> {
        if !matches!(rest, [b'.' | b',', b'0'..=b'9', ..]) {
            return Ok(());
        }
        if let (_, Some(Piece::Fraction(_)), _, _) = next_piece(layout) {
            return Ok(());
        }
        let count = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.nanos = nanoseconds(take(rest, count + 1)?)?;
        Ok(())
    }

    fn read_fraction(&mut self, form: Fraction, rest: &mut &[u8]) -> Parsed<()> {
        let count = if !form.trim {
            form.digits
        } else if matches!(rest, [b'.' | b',', b'0'..=b'9', ..]) {
            rest[1..].iter().take_while(|b| b.is_ascii_digit()).count()
        } else {
            return Ok(());
        };
        self.nanos = nanoseconds(take(rest, count + 1)?)?;
        Ok(())
    }

    fn read_half(&mut self, text: &[u8], [am, pm]: [&[u8; 2]; 2]) -> Parsed<()> {
        if text == am {
            self.am = true;
        } else if text == pm {
            self.pm = true;
        } else {
            return Err(Bad::Text);
        }
        Ok(())
    }

    fn read_offset(&mut self, form: Offset, rest: &mut &[u8]) -> Parsed<()> {
        if form.zulu
            && let Some(after) = rest.strip_prefix(b"Z")
        {
            *rest = after;
            self.utc = true;
            return Ok(());
        }
        let length = match (form.colon, form.minutes, form.seconds) {
            (_, false, _) => 3,
            (false, true, false) => 5,
            (true, true, false) => 6,
            (false, true, true) => 7,
            (true, true, true) => 9,
        };
        // The colons are looked at before the digits.
        if rest.len() < length || form.colon && (3..length).step_by(3).any(|at| rest[at] != b':') {
            return Err(Bad::Text);
        }
        let text = take(rest, length)?;
        let step = if form.colon { 3 } else { 2 };
        let number = |index: usize| match text.get(1 + step * index..3 + step * index) {
            Some(two) => two.iter().all(u8::is_ascii_digit).then(|| digits(two)).flatten(),
            None => Some(0),
        };
        // A number that is out of range is said before one that is none.
        let mut bad_text = false;
        let mut numbers = [0; 3];
        for (index, slot) in numbers.iter_mut().enumerate() {
            match number(index) {
                Some(n) if !bad_text => *slot = n,
                _ => bad_text = true,
            }
        }
        let [hours, minutes, seconds] = numbers;
        in_range(seconds, 0..=60, "time zone offset second")
            .and(in_range(minutes, 0..=60, "time zone offset minute"))
            .and(in_range(hours, 0..=24, "time zone offset hour"))?;
        let size = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text[0] {
            _ if bad_text => return Err(Bad::Text),
            b'+' => size,
            b'-' => -size,
            _ => return Err(Bad::Text),
        });
        Ok(())
    }

    fn read_zone_name(&mut self, rest: &mut &[u8]) -> Parsed<()> {
        if let Some(after) = rest.strip_prefix(b"UTC") {
            *rest = after;
            self.utc = true;
            return Ok(());
        }
        let length = zone_name_length(rest).ok_or(Bad::Text)?;
        let name = take(rest, length)?;
        self.zone_name = Some(String::from_utf8_lossy(name).into_owned());
        Ok(())
    }

    fn finish(self) -> Result<Time, &'static str> {
        let hour = match (self.pm, self.am) {
            (true, _) if self.hour < 12 => self.hour + 12,
            (false, true) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let clock = (hour * 60 + self.minute) * 60 + self.second;
        let at = |zone: Zone| Time::date(self.year, month, day, clock, self.nanos, zone);
        if self.utc {
            return Ok(at(Zone::Utc));
        }
        // An offset of one second west is Go's mark for none.
        if let Some(offset) = self.offset.filter(|o| *o != -1) {
            let zone_name = self.zone_name.unwrap_or_default();
            let zone = if offset == 0 && (zone_name.is_empty() || zone_name == "UTC") {
                Zone::Local
            } else {
                Zone::Fixed { name: Arc::from(zone_name), offset }
            };
            return Ok(at(Zone::Utc).shifted(-offset).in_zone(zone));
        }
        if let Some(name) = self.zone_name {
            // An abbreviation alone says nothing, except `GMT+3`.
            let hours = name.strip_prefix("GMT").and_then(|h| signed_number(h.as_bytes())).unwrap_or(0);
            return Ok(at(Zone::Utc).in_zone(Zone::Fixed { name: Arc::from(name), offset: hours * 3600 }));
        }
        Ok(at(Zone::Local))
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(year_day) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        const LEAP_DAY: i64 = 31 + 29;
        let leap = is_leap(self.year);
        let plain = if leap && year_day > LEAP_DAY { year_day - 1 } else { year_day };
        if !(1..=365).contains(&plain) {
            return Err("day-of-year out of range");
        }
        let (month, day) = if leap && year_day == LEAP_DAY {
            (2, 29)
        } else {
            let month = (1..=12).take_while(|m| days_before(*m) < plain).count() as i64;
            (month, plain - days_before(month))
        };
        if self.month.is_some_and(|m| m != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|d| d != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

fn in_range(number: i64, range: std::ops::RangeInclusive<i64>, name: &'static str) -> Parsed<i64> {
    if range.contains(&number) { Ok(number) } else { Err(Bad::Range(name)) }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Parsed<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count).ok_or(Bad::Text)?;
    *rest = tail;
    Ok(head)
}

/// One or two digits; two with `fixed`.
fn take_number(rest: &mut &[u8], fixed: bool) -> Parsed<i64> {
    let count = rest.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || fixed && count == 1 {
        return Err(Bad::Text);
    }
    digits(take(rest, count)?).ok_or(Bad::Text)
}

fn take_name<'n>(rest: &mut &[u8], names: impl Iterator<Item = &'n str>) -> Parsed<i64> {
    for (index, name) in names.enumerate() {
        if rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes())) {
            *rest = &rest[name.len()..];
            return Ok(index as i64);
        }
    }
    Err(Bad::Text)
}

/// At most 18 digits.
fn digits(text: &[u8]) -> Option<i64> {
    if text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// Digits with an optional sign; no digits at all are zero.
fn signed_number(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', rest @ ..] => digits(rest).map(|n| -n),
        [b'+', rest @ ..] => digits(rest),
        rest => digits(rest),
    }
}

/// The separator and digits of a fraction; past the ninth they are dropped.
fn nanoseconds(text: &[u8]) -> Parsed<u32> {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Err(Bad::Text);
    }
    let text = &text[1..text.len().min(10)];
    // A sign may stand in place of the first digit.
    let value = signed_number(text).ok_or(Bad::Text)?;
    let value = u32::try_from(value).map_err(|_| Bad::Range("fractional second"))?;
    Ok(value * 10_u32.pow(9 - text.len() as u32))
}

/// How many bytes at the front look like an abbreviation.
fn zone_name_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(after) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_offset_length(after));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_offset_length(value)).filter(|length| *length > 0);
    }
    let upper = value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    match upper {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// The length of a sign and a number of hours up to 23; 0 if there is none.
fn signed_offset_length(value: &[u8]) -> usize {
    if !matches!(value.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let count = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = value[1..=count].iter().fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d - b'0')));
    if count == 0 || hours > 23 { 0 } else { 1 + count }
}
