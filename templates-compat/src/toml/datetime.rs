//! TOML's dates and times: which forms are read, and how they are written
//! again. The clock's arithmetic is in [`crate::gotime`].

use std::sync::Arc;

use crate::compat::Compat;
use crate::gotime::{Time, Zone};

const DATETIME: &str = "datetime-local";
const DATE: &str = "date-local";
const TIME: &str = "time-local";

/// Layouts in the order in which they are tried, and the zone that tells
/// later which form it was.
const LAYOUTS: &[(&str, Option<&str>)] = &[
    ("2006-01-02T15:04:05.999999999Z07:00", None),
    ("2006-01-02T15:04:05.999999999", Some(DATETIME)),
    ("2006-01-02", Some(DATE)),
    ("15:04:05.999999999", Some(TIME)),
    // TOML 1.1 lets the seconds be left out.
    ("2006-01-02T15:04Z07:00", None),
    ("2006-01-02T15:04", Some(DATETIME)),
    ("15:04", Some(TIME)),
];
/// How many of them TOML 1.0 has.
const OLD_LAYOUTS: usize = 4;

/// Reads a date or time whose letters are upper-case already.
pub(super) fn parse(text: &[u8], compat: Compat) -> Option<Time> {
    let count = if compat.has_toml_1_1() { LAYOUTS.len() } else { OLD_LAYOUTS };
    for (layout, zone) in &LAYOUTS[..count] {
        let Ok(time) = Time::parse(layout.as_bytes(), text) else { continue };
        if lacks_zero(text, layout.as_bytes()) {
            return None;
        }
        return Some(match zone {
            Some(name) => time.in_zone(Zone::Fixed { name: Arc::from(*name), offset: 0 }),
            None => time,
        });
    }
    None
}

/// Go's parser takes numbers without a leading zero; the separators' places
/// give that away.
fn lacks_zero(text: &[u8], layout: &[u8]) -> bool {
    for (i, c) in layout.iter().enumerate() {
        match c {
            b'.' | b'Z' => return false,
            b'0'..=b'9' => {}
            _ if text.get(i) != Some(c) => return true,
            _ => {}
        }
    }
    false
}

/// Writes a time in the form in which it was read.
pub(super) fn format(time: &Time) -> Vec<u8> {
    time.format(match time.zone().name() {
        DATETIME => b"2006-01-02T15:04:05.999999999",
        DATE => b"2006-01-02",
        TIME => b"15:04:05.999999999",
        _ => b"2006-01-02T15:04:05.999999999Z07:00",
    })
}
