//! The check of IP addresses, in brackets and alone, with the texts of Go's
//! `netip.ParseAddr`.

use crate::compat::Compat;
use crate::gofmt::quote::quote_text;

/// What is wrong, and from where on if that is said.
type Wrong<'a> = (&'static str, &'a [u8]);

/// Go refuses what is no address, and IPv4 in brackets.
pub(super) fn check_ip_literal(text: &[u8], compat: Compat) -> Result<(), String> {
    match is_v4(text, compat) {
        Ok(true) => Err("invalid IP-literal".into()),
        Ok(false) => Ok(()),
        Err(text) => Err(format!("invalid host: {text}")),
    }
}

/// Whether a text is an IP address, as Go's `netip.ParseAddr` has it.
///
/// # Errors
/// Why it is none, in Go's words.
pub fn parse_address(text: &[u8], compat: Compat) -> Result<(), String> {
    is_v4(text, compat).map(drop)
}

fn is_v4(text: &[u8], compat: Compat) -> Result<bool, String> {
    let (is_v4, checked) = match text.iter().find(|b| matches!(b, b'.' | b':' | b'%')) {
        Some(b'.') => (true, check_v4(text)),
        Some(b':') => (false, check_v6(text)),
        Some(_) => (false, Err(("missing IPv6 address", &b""[..]))),
        None => (false, Err(("unable to parse IP", &b""[..]))),
    };
    match checked {
        Ok(()) => Ok(is_v4),
        Err((message, at)) => {
            let place = if at.is_empty() { String::new() } else { format!(" (at {})", quote_text(at, compat)) };
            Err(format!("ParseAddr({}): {message}{place}", quote_text(text, compat)))
        }
    }
}

fn check_v4(text: &[u8]) -> Result<(), Wrong<'_>> {
    let (mut value, mut digits, mut dots) = (0u32, 0, 0);
    for (i, b) in text.iter().enumerate() {
        match b {
            b'0'..=b'9' if digits == 1 && value == 0 => {
                return Err(("IPv4 field has octet with leading zero", b""));
            }
            b'0'..=b'9' => {
                value = value * 10 + u32::from(b - b'0');
                digits += 1;
                if value > 255 {
                    return Err(("IPv4 field has value >255", b""));
                }
            }
            b'.' if digits == 0 || i + 1 == text.len() => {
                return Err(("IPv4 field must have at least one digit", &text[i..]));
            }
            b'.' if dots == 3 => return Err(("IPv4 address too long", b"")),
            b'.' => {
                dots += 1;
                (value, digits) = (0, 0);
            }
            _ => return Err(("unexpected character", &text[i..])),
        }
    }
    if dots < 3 { Err(("IPv4 address too short", b"")) } else { Ok(()) }
}

fn check_v6(text: &[u8]) -> Result<(), Wrong<'_>> {
    let mut rest = text;
    if let Some(percent) = text.iter().position(|b| *b == b'%') {
        if percent + 1 == text.len() {
            return Err(("zone must be a non-empty string", b""));
        }
        rest = &text[..percent];
    }
    let mut ellipsis = false;
    if let Some(after) = rest.strip_prefix(b"::") {
        ellipsis = true;
        rest = after;
        if rest.is_empty() {
            return Ok(());
        }
    }
    // Groups of 16 bits that are there; an IPv4 tail is two.
    let mut groups = 0;
    while groups < 8 {
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        match digits {
            0 => return Err(("each colon-separated field must have at least one digit", rest)),
            1..=4 => {}
            _ => return Err(("each group must have 4 or less digits", rest)),
        }
        if rest.get(digits) == Some(&b'.') {
            if !ellipsis && groups != 6 {
                return Err(("embedded IPv4 address must replace the final 2 fields of the address", rest));
            }
            if groups > 6 {
                return Err(("too many hex fields to fit an embedded IPv4 at the end of the address", rest));
            }
            check_v4(rest)?;
            groups += 2;
            rest = b"";
            break;
        }
        groups += 1;
        rest = &rest[digits..];
        match rest {
            [] => break,
            [b':'] => return Err(("colon must be followed by more characters", rest)),
            [b':', after @ ..] => rest = after,
            _ => return Err(("unexpected character, want colon", rest)),
        }
        if let Some(after) = rest.strip_prefix(b":") {
            if ellipsis {
                return Err(("multiple :: in address", rest));
            }
            ellipsis = true;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    match (rest.is_empty(), groups < 8, ellipsis) {
        (false, _, _) => Err(("trailing garbage after address", rest)),
        (_, true, false) => Err(("address string too short", b"")),
        (_, false, true) => Err(("the :: must expand to at least one field of zeros", b"")),
        _ => Ok(()),
    }
}
