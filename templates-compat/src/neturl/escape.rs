//! Percent-encoding: which bytes may stand where.

use crate::compat::Compat;
use crate::gofmt::quote::quote_text;

/// The part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Path,
    Host,
    Zone,
    UserPassword,
    QueryComponent,
    Fragment,
}

impl Mode {
    /// Whether a byte cannot stand for itself there.
    fn must_escape(self, b: u8) -> bool {
        let plain = b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        let also: &[u8] = match self {
            Mode::Path => b"$&+,/:;=@",
            Mode::Host | Mode::Zone => b"!$&'()*+,;=:[]<>\"",
            Mode::UserPassword => b"$&+,;=",
            Mode::QueryComponent => b"",
            Mode::Fragment => b"$&+,/:;=?@!()*",
        };
        !plain && !also.contains(&b)
    }
}

/// `url.QueryEscape`.
pub fn query_escape(text: &[u8]) -> Vec<u8> {
    escape(text, Mode::QueryComponent)
}

pub(super) fn escape(text: &[u8], mode: Mode) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &b in text {
        if b == b' ' && mode == Mode::QueryComponent {
            out.push(b'+');
        } else if mode.must_escape(b) {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        } else {
            out.push(b);
        }
    }
    out
}

/// # Errors
/// Go's text.
pub(super) fn unescape(text: &[u8], mode: Mode, compat: Compat) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let written = &text[text.len() - after.len() - 1..];
                let written = &written[..written.len().min(3)];
                let bad = || format!("invalid URL escape {}", quote_text(written, compat));
                let b = hex_pair(after).ok_or_else(bad)?;
                let forbidden = written != b"%25"
                    && match mode {
                        // Hosts escape only what is not ASCII.
                        Mode::Host => b < 0x80,
                        Mode::Zone => b != b' ' && Mode::Host.must_escape(b),
                        _ => false,
                    };
                if forbidden {
                    return Err(bad());
                }
                out.push(b);
                rest = &after[2..];
            }
            b'+' if mode == Mode::QueryComponent => out.push(b' '),
            b if matches!(mode, Mode::Host | Mode::Zone) && b.is_ascii() && mode.must_escape(b) => {
                return Err(format!("invalid character {} in host name", quote_text(&[b], compat)));
            }
            b => out.push(b),
        }
    }
    Ok(out)
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    match text {
        [high, low, ..] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    }
}
