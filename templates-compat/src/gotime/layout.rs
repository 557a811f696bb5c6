//! Layouts: the reference time's pieces, and how a time is printed by them.

use super::calendar::{Civil, MONTHS, WEEKDAYS};
use super::{Time, Zone};
use crate::compat::Compat;
use crate::gofmt::quote::quote_text;

/// One piece of a layout that stands for a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    /// `MST`
    ZoneName,
    /// `-0700`, `Z07:00` and their like
    Offset(Offset),
    /// `.000` or `.999`
    Fraction(Fraction),
}

/// The form of a numeric zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for UTC.
    pub(super) zulu: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// The form of a fraction of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction {
    /// `.999`: no trailing zeros.
    pub(super) trim: bool,
    pub(super) digits: usize,
    pub(super) separator: u8,
}

/// Digits of a fraction are counted in twelve bits.
const MAX_FRACTION_DIGITS: usize = 0xfff;

/// Splits off the first piece: the text before it, the piece, how it is
/// written, and what follows. Without a piece all is text.
pub(super) fn next_piece(layout: &[u8]) -> (&[u8], Option<Piece>, &[u8], &[u8]) {
    for at in 0..layout.len() {
        if let Some((skip, piece, len)) = piece_at(&layout[at..]) {
            let start = at + skip;
            return (&layout[..start], Some(piece), &layout[start..start + len], &layout[start + len..]);
        }
    }
    (layout, None, &[], &[])
}

/// The piece that begins here: literal bytes before it, the piece, its length.
fn piece_at(rest: &[u8]) -> Option<(usize, Piece, usize)> {
    let not_lower = |at: usize| !rest.get(at).is_some_and(u8::is_ascii_lowercase);
    Some(match rest.first()? {
        b'J' if rest.starts_with(b"January") => (0, Piece::LongMonth, 7),
        b'J' if rest.starts_with(b"Jan") && not_lower(3) => (0, Piece::Month, 3),
        b'M' if rest.starts_with(b"Monday") => (0, Piece::LongWeekday, 6),
        b'M' if rest.starts_with(b"Mon") && not_lower(3) => (0, Piece::Weekday, 3),
        b'M' if rest.starts_with(b"MST") => (0, Piece::ZoneName, 3),
        b'0' => match rest.get(1)? {
            b'1' => (0, Piece::ZeroMonth, 2),
            b'2' => (0, Piece::ZeroDay, 2),
            b'3' => (0, Piece::ZeroHour12, 2),
            b'4' => (0, Piece::ZeroMinute, 2),
            b'5' => (0, Piece::ZeroSecond, 2),
            b'6' => (0, Piece::Year, 2),
            b'0' if rest.get(2) == Some(&b'2') => (0, Piece::ZeroYearDay, 3),
            _ => return None,
        },
        b'1' if rest.get(1) == Some(&b'5') => (0, Piece::Hour, 2),
        b'1' => (0, Piece::NumMonth, 1),
        b'2' if rest.starts_with(b"2006") => (0, Piece::LongYear, 4),
        b'2' => (0, Piece::Day, 1),
        // The underscore before a year is only an underscore.
        b'_' if rest.starts_with(b"_2006") => (1, Piece::LongYear, 4),
        b'_' if rest.starts_with(b"_2") => (0, Piece::UnderDay, 2),
        b'_' if rest.starts_with(b"__2") => (0, Piece::UnderYearDay, 3),
        b'3' => (0, Piece::Hour12, 1),
        b'4' => (0, Piece::Minute, 1),
        b'5' => (0, Piece::Second, 1),
        b'P' if rest.starts_with(b"PM") => (0, Piece::UpperPm, 2),
        b'p' if rest.starts_with(b"pm") => (0, Piece::LowerPm, 2),
        b'-' | b'Z' => return offset_at(rest),
        b'.' | b',' => return fraction_at(rest),
        _ => return None,
    })
}

fn offset_at(rest: &[u8]) -> Option<(usize, Piece, usize)> {
    let zulu = rest.first() == Some(&b'Z');
    let digits = &rest[1..];
    let offset = |colon, minutes, seconds| Piece::Offset(Offset { zulu, colon, minutes, seconds });
    for (text, piece) in [
        (&b"070000"[..], offset(false, true, true)),
        (b"07:00:00", offset(true, true, true)),
        (b"0700", offset(false, true, false)),
        (b"07:00", offset(true, true, false)),
        (b"07", offset(false, false, false)),
    ] {
        if digits.starts_with(text) {
            return Some((0, piece, text.len() + 1));
        }
    }
    None
}

fn fraction_at(rest: &[u8]) -> Option<(usize, Piece, usize)> {
    let digit = *rest.get(1).filter(|b| matches!(b, b'0' | b'9'))?;
    let count = rest[1..].iter().take_while(|b| **b == digit).count();
    // Other digits right after make it something else.
    if rest.get(count + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let fraction = Fraction { trim: digit == b'9', digits: count & MAX_FRACTION_DIGITS, separator: rest[0] };
    Some((0, Piece::Fraction(fraction), count + 1))
}

impl Time {
    /// Go's `Format`.
    pub fn format(&self, layout: &[u8]) -> Vec<u8> {
        let info = self.zone.lookup(self.seconds);
        let civil = Civil::from_unix(self.seconds.wrapping_add(info.offset));
        let mut out = Vec::with_capacity(layout.len() + 10);
        let mut rest = layout;
        while !rest.is_empty() {
            let (text, piece, _, after) = next_piece(rest);
            out.extend_from_slice(text);
            rest = after;
            match piece {
                None => break,
                Some(Piece::ZoneName) if !info.name.is_empty() => out.extend_from_slice(info.name.as_bytes()),
                // A zone without a name is shown by its offset.
                Some(Piece::ZoneName) => {
                    let plain = Offset { zulu: false, colon: false, minutes: true, seconds: false };
                    append_offset(&mut out, info.offset, plain);
                }
                Some(Piece::Offset(form)) => append_offset(&mut out, info.offset, form),
                Some(Piece::Fraction(form)) => append_fraction(&mut out, self.nanos, form),
                Some(piece) => append_civil(&mut out, &civil, piece),
            }
        }
        out
    }

    /// The text that `print` shows.
    pub fn to_go_string(&self) -> String {
        String::from_utf8_lossy(&self.format(b"2006-01-02 15:04:05.999999999 -0700 MST")).into_owned()
    }

    /// What `%#v` shows.
    pub fn to_go_syntax(&self) -> String {
        let civil = self.civil();
        let zone = match self.zone() {
            Zone::Utc => "time.UTC".to_owned(),
            Zone::Local => "time.Local".to_owned(),
            other => format!("time.Location({})", quote_text(other.name().as_bytes(), Compat::default())),
        };
        let month = MONTHS.get((civil.month as usize).wrapping_sub(1)).copied().unwrap_or_default();
        format!(
            "time.Date({}, time.{month}, {}, {}, {}, {}, {}, {zone})",
            civil.year,
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
            self.nanosecond()
        )
    }

    /// What `encoding/json` writes (without the quotes).
    ///
    /// # Errors
    /// When RFC 3339 has no way to say it.
    pub fn to_rfc3339_nano(&self) -> Result<String, String> {
        let text = String::from_utf8_lossy(&self.format(b"2006-01-02T15:04:05.999999999Z07:00")).into_owned();
        if text.as_bytes().get(4) != Some(&b'-') {
            return Err("year outside of range [0,9999]".into());
        }
        let hours = text.as_bytes().get(text.len().saturating_sub(6)..).unwrap_or_default();
        if !text.ends_with('Z') && !matches!(hours, [b'+' | b'-', tens, ones, ..] if (*tens, *ones) < (b'2', b'4')) {
            return Err("timezone hour outside of range [0,23]".into());
        }
        Ok(text)
    }
}

fn append_offset(out: &mut Vec<u8>, offset: i64, form: Offset) {
    if form.zulu && offset == 0 {
        out.push(b'Z');
        return;
    }
    // The sign is that of the whole minutes, as in Go.
    let minutes = offset / 60;
    let size = if minutes < 0 { -offset } else { offset };
    out.push(if minutes < 0 { b'-' } else { b'+' });
    let minutes = minutes.abs();
    append_number(out, minutes / 60, 2);
    if form.colon {
        out.push(b':');
    }
    if form.minutes {
        append_number(out, minutes % 60, 2);
    }
    if form.seconds {
        if form.colon {
            out.push(b':');
        }
        append_number(out, size % 60, 2);
    }
}

fn append_fraction(out: &mut Vec<u8>, nanos: u32, form: Fraction) {
    if form.trim && (form.digits == 0 || nanos == 0) {
        return;
    }
    let text = format!("{nanos:09}");
    let mut digits = text.get(..form.digits.min(9)).unwrap_or_default();
    if form.trim {
        digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return;
        }
    }
    out.push(form.separator);
    out.extend_from_slice(digits.as_bytes());
}

fn append_civil(out: &mut Vec<u8>, c: &Civil, piece: Piece) {
    let month = MONTHS.get(c.month as usize - 1).copied().unwrap_or_default();
    let weekday = WEEKDAYS.get(c.weekday as usize).copied().unwrap_or_default();
    let hour12 = if c.hour.is_multiple_of(12) { 12 } else { c.hour % 12 };
    let mut text = |text: &str| out.extend_from_slice(text.as_bytes());
    match piece {
        Piece::LongMonth => text(month),
        Piece::Month => text(&month[..3]),
        Piece::LongWeekday => text(weekday),
        Piece::Weekday => text(&weekday[..3]),
        Piece::NumMonth => append_number(out, c.month, 0),
        Piece::ZeroMonth => append_number(out, c.month, 2),
        Piece::Day => append_number(out, c.day, 0),
        Piece::UnderDay => text(&format!("{:2}", c.day)),
        Piece::ZeroDay => append_number(out, c.day, 2),
        Piece::UnderYearDay => text(&format!("{:3}", c.year_day)),
        Piece::ZeroYearDay => append_number(out, c.year_day, 3),
        Piece::Hour => append_number(out, c.hour, 2),
        Piece::Hour12 => append_number(out, hour12, 0),
        Piece::ZeroHour12 => append_number(out, hour12, 2),
        Piece::Minute => append_number(out, c.minute, 0),
        Piece::ZeroMinute => append_number(out, c.minute, 2),
        Piece::Second => append_number(out, c.second, 0),
        Piece::ZeroSecond => append_number(out, c.second, 2),
        Piece::LongYear => append_number(out, c.year, 4),
        Piece::Year => append_number(out, (c.year % 100).abs(), 2),
        Piece::UpperPm => text(if c.hour >= 12 { "PM" } else { "AM" }),
        Piece::LowerPm => text(if c.hour >= 12 { "pm" } else { "am" }),
        Piece::ZoneName | Piece::Offset(_) | Piece::Fraction(_) => {}
    }
}

/// Decimal with leading zeros; the sign does not count into the width.
fn append_number(out: &mut Vec<u8>, number: impl Into<i64>, width: usize) {
    let number = number.into();
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(format!("{:0width$}", number.unsigned_abs()).as_bytes());
}
