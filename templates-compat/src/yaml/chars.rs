//! Classes of characters, as the YAML 1.1 scanner and emitter see them.
//! Positions past the end read as NUL, which no accepted text contains.

/// Space, tab, CR, LF, NUL: ends a run of plain characters for sure.
pub(super) const BLANKZ: u8 = 1;
/// May begin a line break of more than one byte (NEL, LS, PS).
const WIDE_BREAK: u8 = 2;
/// `, ? [ ] { }`: ends a plain scalar in flow context.
pub(super) const FLOW: u8 = 4;
/// `:`
pub(super) const COLON: u8 = 8;
/// Letters, digits, `_` and `-`.
const ALPHA: u8 = 16;
/// A byte of a multi-byte character.
pub(super) const HIGH: u8 = 32;

/// One byte per character class set.
pub(super) static CLASS: [u8; 256] = class_table();

const fn class_table() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut i = 0usize;
    while i < 256 {
        let b = i as u8;
        let mut c = 0;
        if matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0) {
            c |= BLANKZ;
        }
        if b == 0xC2 || b == 0xE2 {
            c |= WIDE_BREAK;
        }
        if matches!(b, b',' | b'?' | b'[' | b']' | b'{' | b'}') {
            c |= FLOW;
        }
        if b == b':' {
            c |= COLON;
        }
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'-' {
            c |= ALPHA;
        }
        if b >= 0x80 {
            c |= HIGH;
        }
        t[i] = c;
        i += 1;
    }
    t
}

/// The byte at a position, NUL past the end.
#[inline(always)]
pub(super) fn at(text: &[u8], i: usize) -> u8 {
    match text.get(i) {
        Some(b) => *b,
        None => 0,
    }
}

/// Whether a class bit is set for a byte.
#[inline(always)]
pub(super) fn is(b: u8, class: u8) -> bool {
    CLASS[b as usize] & class != 0
}

/// A line break: CR, LF, NEL, LS or PS.
#[inline]
pub(super) fn is_break(text: &[u8], i: usize) -> bool {
    match at(text, i) {
        b'\r' | b'\n' => true,
        0xC2 => at(text, i + 1) == 0x85,
        0xE2 => at(text, i + 1) == 0x80 && matches!(at(text, i + 2), 0xA8 | 0xA9),
        _ => false,
    }
}

/// Space or tab.
#[inline(always)]
pub(super) fn is_blank(text: &[u8], i: usize) -> bool {
    matches!(at(text, i), b' ' | b'\t')
}

/// A break or the end.
#[inline]
pub(super) fn is_breakz(text: &[u8], i: usize) -> bool {
    at(text, i) == 0 || is_break(text, i)
}

/// A blank, a break or the end.
#[inline]
pub(super) fn is_blankz(text: &[u8], i: usize) -> bool {
    let b = at(text, i);
    is(b, BLANKZ) || (is(b, WIDE_BREAK) && is_break(text, i))
}

/// How many bytes stand between a position and the end of its line.
pub(super) fn line_length(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let line = &rest[..memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())];
    if line.is_ascii() {
        return line.len();
    }
    (0..line.len()).find(|i| is(line[*i], WIDE_BREAK) && is_break(line, *i)).unwrap_or(line.len())
}

/// Letters, digits, `_` and `-`.
#[inline]
pub(super) fn is_alpha(b: u8) -> bool {
    is(b, ALPHA)
}

/// The number of bytes of the character that starts with `b`.
#[inline]
pub(super) fn width(b: u8) -> usize {
    match b {
        0..=0xBF => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// The number of continuation bytes, that is bytes minus characters.
#[inline]
pub(super) fn continuation_bytes(text: &[u8]) -> usize {
    text.iter().filter(|b| **b & 0xC0 == 0x80).count()
}

/// The value of a hexadecimal digit.
#[inline]
pub(super) fn hex(b: u8) -> Option<u32> {
    (b as char).to_digit(16)
}

/// Whether the emitter may write the character at `i` as it is.
#[inline]
pub(super) fn is_printable(text: &[u8], i: usize) -> bool {
    match at(text, i) {
        0x0A | 0x20..=0x7E => true,
        0xC2 => at(text, i + 1) >= 0xA0,
        0xC3..=0xEC | 0xEE => true,
        0xED => at(text, i + 1) < 0xA0,
        0xEF => {
            let (b, c) = (at(text, i + 1), at(text, i + 2));
            !(b == 0xBB && c == 0xBF) && !(b == 0xBF && (c == 0xBE || c == 0xBF))
        }
        _ => false,
    }
}
