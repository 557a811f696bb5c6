//! From bytes to checked UTF-8 text: encodings and forbidden characters.
//! Knows nothing of YAML's syntax.

use std::borrow::Cow;

/// The original reads its input in pieces of this many bytes; what it finds
/// first, a bad character or a bad token, depends on the piece.
const PIECE: usize = 512;

/// How many bytes are checked at once.
const BLOCK: usize = 32;

/// The text to scan.
pub(super) struct Input<'a> {
    /// UTF-8 without byte order mark.
    pub(super) text: Cow<'a, [u8]>,
    /// Reading any character from this byte on gives the error.
    pub(super) limit: Option<(usize, &'static str)>,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() {
            return Input { text: Cow::Borrowed(b"\n"), limit: None };
        }
        match bytes {
            [0xFF, 0xFE, rest @ ..] => from_utf16(rest, false),
            [0xFE, 0xFF, rest @ ..] => from_utf16(rest, true),
            [0xEF, 0xBB, 0xBF, rest @ ..] => from_utf8(rest, 3),
            _ => from_utf8(bytes, 0),
        }
    }
}

/// `skipped` bytes stood before `text` in the first piece.
fn from_utf8(text: &[u8], skipped: usize) -> Input<'_> {
    let limit = find_bad(text).map(|(bad, what)| {
        if what == INCOMPLETE {
            return (bad, what);
        }
        let width = match text[bad] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        let (mut start, mut end) = (0, PIECE - skipped);
        while end < bad + width {
            // A character that a piece cuts goes into the next one.
            start = end.min(bad);
            while start < bad && start > 0 && text[start] & 0xC0 == 0x80 {
                start -= 1;
            }
            end = start + PIECE;
        }
        (start, what)
    });
    Input { text: Cow::Borrowed(text), limit }
}

const INCOMPLETE: &str = "incomplete UTF-8 octet sequence";
const CONTROL: &str = "control characters are not allowed";

/// The first character that may not stand in a YAML text.
fn find_bad(text: &[u8]) -> Option<(usize, &'static str)> {
    let mut i = 0;
    while i < text.len() {
        // Most texts are ASCII: many bytes at a time, without a branch for
        // each. What this takes for bad is looked at singly.
        while let Some(block) = text.get(i..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            // A number and not a truth value: so it becomes a few wide steps.
            let bad = |b: u8| u8::from((b < 0x20) & (b != b'\n')) | u8::from(b >= 0x7F);
            if block.iter().fold(0, |all, b| all | bad(*b)) != 0 {
                break;
            }
            i += BLOCK;
        }
        // The rest of the block, so that it is not tried again at each byte.
        let end = (i + BLOCK).min(text.len());
        while let Some(b' '..=b'~' | b'\n') = text.get(i).filter(|_| i < end) {
            i += 1;
        }
        let Some(&b) = text.get(i) else { break };
        match b {
            b'\t' | b'\n' | b'\r' | 0x20..=0x7E => i += 1,
            0..=0x1F | 0x7F => return Some((i, CONTROL)),
            0x80..=0xBF | 0xF8..=0xFF => return Some((i, "invalid leading UTF-8 octet")),
            _ => match wide_char(text.get(i..).unwrap_or_default()) {
                Ok(width) => i += width,
                Err(what) => return Some((i, what)),
            },
        }
    }
    None
}

/// Checks the multi-byte character at the start; its width.
fn wide_char(text: &[u8]) -> Result<usize, &'static str> {
    let first = text[0];
    let (width, bits, least) = match first {
        0xC0..=0xDF => (2, first & 0x1F, 0x80),
        0xE0..=0xEF => (3, first & 0x0F, 0x800),
        _ => (4, first & 0x07, 0x1_0000),
    };
    let Some(rest) = text.get(1..width) else { return Err(INCOMPLETE) };
    let mut value = u32::from(bits);
    for b in rest {
        if b & 0xC0 != 0x80 {
            return Err("invalid trailing UTF-8 octet");
        }
        value = (value << 6) | u32::from(b & 0x3F);
    }
    if value < least {
        return Err("invalid length of a UTF-8 sequence");
    }
    if (0xD800..=0xDFFF).contains(&value) || value > 0x10_FFFF {
        return Err("invalid Unicode character");
    }
    if allowed(value) { Ok(width) } else { Err(CONTROL) }
}

fn allowed(c: u32) -> bool {
    matches!(c, 0x09 | 0x0A | 0x0D | 0x20..=0x7E | 0x85 | 0xA0..=0xD7FF | 0xE000..=0xFFFD | 0x1_0000..=0x10_FFFF)
}

fn from_utf16<'a>(bytes: &'a [u8], big: bool) -> Input<'a> {
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        u32::from(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let mut text = String::with_capacity(bytes.len());
    let mut error = None;
    let mut at = 0;
    while at < bytes.len() {
        let Some(pair) = bytes.get(at..at + 2) else {
            error = Some("incomplete UTF-16 character");
            break;
        };
        let mut value = unit(pair);
        at += 2;
        if value & 0xFC00 == 0xDC00 {
            error = Some("unexpected low surrogate area");
            break;
        }
        if value & 0xFC00 == 0xD800 {
            let Some(low) = bytes.get(at..at + 2).map(unit) else {
                error = Some("incomplete UTF-16 surrogate pair");
                break;
            };
            if low & 0xFC00 != 0xDC00 {
                error = Some("expected low surrogate area");
                break;
            }
            value = 0x1_0000 + ((value & 0x3FF) << 10) + (low & 0x3FF);
            at += 2;
        }
        match char::from_u32(value).filter(|_| allowed(value)) {
            Some(c) => text.push(c),
            None => {
                error = Some(CONTROL);
                break;
            }
        }
    }
    let limit = error.map(|what| (text.len(), what));
    Input { text: Cow::Owned(text.into_bytes()), limit }
}
