//! Formats one number, text or byte string under the flags of a verb.
//! Which format a value gets for a verb is decided in `print`.

use super::float;
use super::quote;
use super::unicode::is_print;
use super::utf8;
use crate::compat::Compat;

/// Flags, width and precision of one directive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
}

/// An integer as the formatter needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Magnitude {
    pub(super) negative: bool,
    pub(super) value: u64,
}

/// Of the integer verbs: number base and alphabet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    pub(super) radix: u64,
    pub(super) upper: bool,
    /// `%O`: a `0o` in front, whatever the flags say.
    pub(super) octal_prefix: bool,
}

pub(super) const DECIMAL: Base = Base { radix: 10, upper: false, octal_prefix: false };
pub(super) const HEX: Base = Base { radix: 16, upper: false, octal_prefix: false };

impl Flags {
    fn without_zero(self) -> Flags {
        Flags { zero: false, ..self }
    }

    /// Fills up with what the flags say goes on the left or right.
    fn fill(self, out: &mut Vec<u8>, count: usize) {
        let with = if self.zero && !self.minus { b'0' } else { b' ' };
        out.resize(out.len() + count, with);
    }

    /// Writes a text within the width.
    pub(super) fn pad(self, out: &mut Vec<u8>, text: &[u8]) {
        let missing = self.width.map_or(0, |w| w.saturating_sub(utf8::count(text)));
        if missing == 0 {
            return out.extend_from_slice(text);
        }
        if !self.minus {
            self.fill(out, missing);
        }
        out.extend_from_slice(text);
        if self.minus {
            self.fill(out, missing);
        }
    }

    fn cut(self, text: &[u8]) -> &[u8] {
        self.precision.map_or(text, |p| &text[..utf8::offset_of_rune(text, p)])
    }

    /// `%s`
    pub(super) fn string(self, out: &mut Vec<u8>, text: &[u8]) {
        self.pad(out, self.cut(text));
    }

    /// `%q` of a string.
    pub(super) fn quoted(self, out: &mut Vec<u8>, text: &[u8], compat: Compat) {
        let text = self.cut(text);
        let mut quoted = Vec::with_capacity(text.len() + 2);
        if self.sharp && quote::can_backquote(text) {
            quoted.push(b'`');
            quoted.extend_from_slice(text);
            quoted.push(b'`');
        } else {
            quote::append_quoted(&mut quoted, text, self.plus, compat);
        }
        self.pad(out, &quoted);
    }

    /// `%x` and `%X` of a string or of bytes.
    pub(super) fn hex_bytes(self, out: &mut Vec<u8>, bytes: &[u8], upper: bool) {
        let shown = &bytes[..self.precision.map_or(bytes.len(), |p| p.min(bytes.len()))];
        let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let prefix: &[u8] = match (self.sharp, upper) {
            (false, _) => b"",
            (true, false) => b"0x",
            (true, true) => b"0X",
        };
        let mut text = Vec::with_capacity(shown.len() * 5);
        for (i, &b) in shown.iter().enumerate() {
            if i > 0 && self.space {
                text.push(b' ');
            }
            if i == 0 || self.space {
                text.extend_from_slice(prefix);
            }
            text.push(digits[usize::from(b >> 4)]);
            text.push(digits[usize::from(b & 15)]);
        }
        self.pad(out, &text);
    }

    /// `%c`
    pub(super) fn rune(self, out: &mut Vec<u8>, code: u64) {
        let mut text = Vec::with_capacity(4);
        utf8::push(&mut text, rune_of(code));
        self.pad(out, &text);
    }

    /// `%q` of an integer.
    pub(super) fn quoted_rune(self, out: &mut Vec<u8>, code: u64, compat: Compat) {
        let mut text = Vec::with_capacity(12);
        quote::append_quoted_rune(&mut text, rune_of(code), self.plus, compat);
        self.pad(out, &text);
    }

    /// `%U`
    pub(super) fn unicode(self, out: &mut Vec<u8>, code: u64, compat: Compat) {
        let digits = self.precision.map_or(4, |p| p.max(4));
        let mut text = b"U+".to_vec();
        push_number(&mut text, code, Base { upper: true, ..HEX }, digits);
        let printable =
            u32::try_from(code).ok().and_then(char::from_u32).filter(|&c| self.sharp && is_print(c, compat));
        if let Some(c) = printable {
            text.extend_from_slice(b" '");
            utf8::push(&mut text, c);
            text.push(b'\'');
        }
        self.without_zero().pad(out, &text);
    }

    /// The integer verbs.
    pub(super) fn integer(self, out: &mut Vec<u8>, n: Magnitude, base: Base) {
        let plain = self.width.is_none() && self.precision.is_none() && !self.sharp;
        if plain && base.radix == 10 && !self.plus && !self.space {
            if n.negative {
                out.push(b'-');
            }
            return push_number(out, n.value, base, 0);
        }
        let signed = n.negative || self.plus || self.space;
        let digits = match (self.precision, self.width) {
            // Precision nought and the number nought: nothing but the width.
            (Some(0), width) if n.value == 0 => return self.without_zero().fill(out, width.unwrap_or(0)),
            (Some(p), _) => p,
            (None, Some(w)) if self.zero && !self.minus => w.saturating_sub(usize::from(signed)),
            _ => 0,
        };
        let mut number = Vec::with_capacity(digits.max(20) + 3);
        push_number(&mut number, n.value, base, digits);
        let mut text = Vec::with_capacity(number.len() + 3);
        if n.negative {
            text.push(b'-');
        } else if self.plus {
            text.push(b'+');
        } else if self.space {
            text.push(b' ');
        }
        if base.octal_prefix {
            text.extend_from_slice(b"0o");
        }
        if self.sharp {
            match base.radix {
                2 => text.extend_from_slice(b"0b"),
                8 if number.first() != Some(&b'0') => text.push(b'0'),
                16 => text.extend_from_slice(if base.upper { b"0X" } else { b"0x" }),
                _ => {}
            }
        }
        text.extend_from_slice(&number);
        self.without_zero().pad(out, &text);
    }

    /// The float verbs; `verb` is `v` or one that [`float::append_float`] knows.
    pub(super) fn float(self, out: &mut Vec<u8>, v: f64, verb: u8, precision: Option<usize>) {
        let precision = self.precision.or(precision);
        let plain = self.width.is_none() && !self.plus && !self.space && !self.sharp && !v.is_infinite();
        if plain {
            return match (verb, precision) {
                (b'g', None) => float::append_general(out, v),
                _ => float::append_float(out, v, verb, precision),
            };
        }
        let mut unsigned = Vec::with_capacity(32);
        float::append_float(&mut unsigned, v.abs(), verb, precision);
        let sign = match (v.is_sign_negative() && !v.is_nan(), self.plus, self.space) {
            (true, _, _) => Some(b'-'),
            (_, true, _) => Some(b'+'),
            (_, _, true) => Some(b' '),
            _ => None,
        };
        if !v.is_finite() {
            // Not digits, so never filled up with zeros. An infinity shows its
            // sign only when it must.
            let name = if v.is_nan() { &b"NaN"[..] } else { b"Inf" };
            let sign = if v.is_nan() { sign } else { sign.or(Some(b'+')) };
            let text: Vec<u8> = sign.into_iter().chain(name.iter().copied()).collect();
            return self.without_zero().pad(out, &text);
        }
        if self.sharp && verb != b'b' {
            unsigned = with_point(&unsigned, verb, precision);
        }
        let length = unsigned.len() + 1;
        if let (Some(sign), Some(width)) = (sign, self.width)
            && self.zero
            && !self.minus
            && width > length
        {
            // The sign stands before the zeros.
            out.push(sign);
            self.fill(out, width - length);
            return out.extend_from_slice(&unsigned);
        }
        let text: Vec<u8> = sign.into_iter().chain(unsigned).collect();
        self.pad(out, &text);
    }
}

/// What `#` adds to a float: always a point, and for `%g` the zeros that the
/// precision promises.
fn with_point(number: &[u8], verb: u8, precision: Option<usize>) -> Vec<u8> {
    let hex = matches!(verb, b'x' | b'X');
    let is_tail = |b: u8| matches!(b, b'p' | b'P') || !hex && matches!(b, b'e' | b'E');
    let at = number.iter().position(|&b| is_tail(b)).unwrap_or(number.len());
    let (head, tail) = number.split_at(at);
    let promised = match verb {
        b'g' | b'G' | b'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let counted = head.iter().filter(|&&b| b != b'.').skip_while(|&&b| b == b'0').count();
    let mut missing = promised.saturating_sub(counted);
    let mut out = head.to_vec();
    if !head.contains(&b'.') {
        if head == b"0" {
            missing = missing.saturating_sub(1);
        }
        out.push(b'.');
    }
    out.resize(out.len() + missing, b'0');
    out.extend_from_slice(tail);
    out
}

fn rune_of(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(utf8::RUNE_ERROR)
}

/// Appends the digits of a number, at least so many.
fn push_number(out: &mut Vec<u8>, mut value: u64, base: Base, at_least: usize) {
    let digits = if base.upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut buf = [0u8; 64];
    let mut at = buf.len();
    loop {
        at -= 1;
        buf[at] = digits[(value % base.radix) as usize];
        value /= base.radix;
        if value == 0 {
            break;
        }
    }
    let number = &buf[at..];
    out.resize(out.len() + at_least.saturating_sub(number.len()), b'0');
    out.extend_from_slice(number);
}
