//! `b64enc`, `b64dec`, `b32enc`, `b32dec`: padded, line ends skipped; what
//! cannot be decoded gives the error's text instead.

use super::args::{bytes, check_len, fixed, text};
use crate::func::{Func, Param};

const STR: &[Param] = &[Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("b64enc", STR, Param::Str, |_, a| {
        check_len(bytes(a, 0).len().checked_mul(2))?;
        text(encode::<3, 4>(bytes(a, 0), BASE64))
    }),
    fixed("b32enc", STR, Param::Str, |_, a| {
        check_len(bytes(a, 0).len().checked_mul(2))?;
        text(encode::<5, 8>(bytes(a, 0), BASE32))
    }),
    fixed("b64dec", STR, Param::Str, |_, a| {
        text(decode_base64(bytes(a, 0)).unwrap_or_else(|at| corrupt("base64", at)))
    }),
    fixed("b32dec", STR, Param::Str, |_, a| {
        text(decode_base32(bytes(a, 0)).unwrap_or_else(|at| corrupt("base32", at)))
    }),
];

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn corrupt(encoding: &str, at: usize) -> Vec<u8> {
    format!("illegal {encoding} data at input byte {at}").into_bytes()
}

/// Groups of `IN` bytes become `OUT` digits of equal width.
fn encode<const IN: usize, const OUT: usize>(data: &[u8], alphabet: &[u8]) -> Vec<u8> {
    let width = IN * 8 / OUT;
    let mut out = Vec::with_capacity(data.len().div_ceil(IN) * OUT);
    for group in data.chunks(IN) {
        let bits = (0..IN).fold(0u64, |bits, i| bits << 8 | u64::from(group.get(i).copied().unwrap_or(0)));
        let digits = (group.len() * 8).div_ceil(width);
        for i in 0..OUT {
            let digit = bits >> (width * (OUT - 1 - i)) & ((1 << width) - 1);
            out.push(if i < digits { alphabet[digit as usize] } else { b'=' });
        }
    }
    out
}

fn is_line_end(b: u8) -> bool {
    b == b'\n' || b == b'\r'
}

fn digit64(b: u8) -> Option<u32> {
    Some(u32::from(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// The standard encoding of Go's `base64.StdEncoding`.
pub(crate) fn base64(data: &[u8]) -> Vec<u8> {
    encode::<3, 4>(data, BASE64)
}

/// Its reverse, with the error's text.
pub(crate) fn decode_base64_text(data: &[u8]) -> Result<Vec<u8>, String> {
    decode_base64(data).map_err(|at| String::from_utf8_lossy(&corrupt("base64", at)).into_owned())
}

/// Gives the offset of what is wrong, as Go counts it.
fn decode_base64(data: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0);
    let mut at = 0;
    while let Some(&b) = data.get(at) {
        at += 1;
        if let Some(digit) = digit64(b) {
            bits = bits << 6 | digit;
            count += 1;
            if count == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, count) = (0, 0);
            }
        } else if !is_line_end(b) {
            if b != b'=' || count < 2 {
                return Err(at - 1);
            }
            return padding64(data, at, bits, count, out);
        }
    }
    // A group that ends too early is wrong where it began, line ends apart.
    if count == 0 { Ok(out) } else { Err(data.len() - count) }
}

/// Behind the first `=`: perhaps a second one, and then nothing.
fn padding64(data: &[u8], mut at: usize, bits: u32, count: usize, mut out: Vec<u8>) -> Result<Vec<u8>, usize> {
    let skip = |mut at: usize| {
        while data.get(at).is_some_and(|&b| is_line_end(b)) {
            at += 1;
        }
        at
    };
    if count == 2 {
        at = skip(at);
        match data.get(at) {
            None => return Err(data.len()),
            Some(b'=') => at += 1,
            Some(_) => return Err(at - 1),
        }
    }
    at = skip(at);
    if at < data.len() {
        return Err(at);
    }
    let bytes = (bits << (6 * (4 - count))).to_be_bytes();
    out.extend_from_slice(&bytes[1..count]);
    Ok(out)
}

fn digit32(b: u8) -> Option<u64> {
    match b {
        b'A'..=b'Z' => Some(u64::from(b - b'A')),
        b'2'..=b'7' => Some(u64::from(b - b'2') + 26),
        _ => None,
    }
}

/// Gives the offset of what is wrong, as Go counts it: without line ends.
fn decode_base32(data: &[u8]) -> Result<Vec<u8>, usize> {
    let data: Vec<u8> = data.iter().copied().filter(|&b| !is_line_end(b)).collect();
    let mut out = Vec::with_capacity(data.len() / 8 * 5 + 5);
    for (start, group) in data.chunks(8).enumerate().map(|(i, group)| (i * 8, group)) {
        let mut bits = 0u64;
        for at in 0..8 {
            let &b = group.get(at).ok_or(data.len() - at)?;
            // Padding is looked for near the end only.
            if b == b'=' && at >= 2 && data.len() < start + at + 9 {
                check_padding32(&data, start, at)?;
                let bytes = (bits << (5 * (8 - at))).to_be_bytes();
                out.extend_from_slice(&bytes[3..3 + at * 5 / 8]);
                return Ok(out);
            }
            bits = bits << 5 | digit32(b).ok_or(start + at)?;
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Ok(out)
}

fn check_padding32(data: &[u8], start: usize, at: usize) -> Result<(), usize> {
    let rest = &data[start + at + 1..];
    if rest.len() + at < 7 {
        return Err(data.len());
    }
    if let Some(wrong) = rest.iter().take(7 - at).position(|&b| b != b'=') {
        return Err(start + at + wrong);
    }
    // One, three or six digits hold no whole number of bytes.
    if matches!(at, 1 | 3 | 6) { Err(start + at) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let data: Vec<u8> = (0..=255).collect();
        for len in 0..20 {
            let data = &data[..len];
            assert_eq!(decode_base64(&encode::<3, 4>(data, BASE64)).unwrap(), data);
            assert_eq!(decode_base32(&encode::<5, 8>(data, BASE32)).unwrap(), data);
        }
        assert_eq!(encode::<3, 4>(b"ab", BASE64), b"YWI=");
        assert_eq!(encode::<5, 8>(b"a", BASE32), b"ME======");
        assert_eq!(decode_base64(b"YW\nI=\n").unwrap(), b"ab");
    }

    #[test]
    fn offsets_of_errors() {
        for (text, at) in [
            ("a", 0),
            ("ab", 0),
            ("abc", 0),
            ("ab=", 3),
            ("ab=c", 2),
            ("ab==c", 4),
            ("=", 0),
            ("abc-", 3),
            ("abcd=", 4),
        ] {
            assert_eq!(decode_base64(text.as_bytes()), Err(at), "{text}");
        }
        for (text, at) in [("!", 0), ("A", 0), ("AA", 0), ("AA=", 3), ("AAA=====", 3), ("AA=====A", 6), ("A=======", 1)]
        {
            assert_eq!(decode_base32(text.as_bytes()), Err(at), "{text}");
        }
        assert_eq!(decode_base32(b"ME======A").unwrap(), b"a");
    }
}
