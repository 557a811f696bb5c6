//! Go's reading of bytes as text: one U+FFFD of width one for every byte
//! that does not belong to valid UTF-8. Knows nothing of properties.

/// What Go puts in place of a byte that is not UTF-8.
pub const RUNE_ERROR: char = '\u{FFFD}';

/// The first rune and its width in bytes. A width of one with
/// [`RUNE_ERROR`] means an invalid byte; no bytes give a width of zero.
pub fn decode(bytes: &[u8]) -> (char, usize) {
    let Some(&first) = bytes.first() else { return (RUNE_ERROR, 0) };
    if first < 0x80 {
        return (char::from(first), 1);
    }
    let width = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return (RUNE_ERROR, 1),
    };
    let decoded = bytes.get(..width).and_then(|b| std::str::from_utf8(b).ok()).and_then(|s| s.chars().next());
    decoded.map_or((RUNE_ERROR, 1), |c| (c, width))
}

/// The last rune and its width in bytes, by the same rules.
pub fn decode_last(bytes: &[u8]) -> (char, usize) {
    for width in (1..=bytes.len().min(4)).rev() {
        let (c, w) = decode(&bytes[bytes.len() - width..]);
        if w == width && (w > 1 || c != RUNE_ERROR) {
            return (c, w);
        }
    }
    (RUNE_ERROR, bytes.len().min(1))
}

/// The runes with their widths.
pub fn runes(bytes: &[u8]) -> Runes<'_> {
    Runes { rest: bytes }
}

/// An iterator over runes and their widths in bytes.
#[derive(Debug, Clone)]
pub struct Runes<'a> {
    rest: &'a [u8],
}

impl Iterator for Runes<'_> {
    type Item = (char, usize);

    fn next(&mut self) -> Option<(char, usize)> {
        if self.rest.is_empty() {
            return None;
        }
        let (c, width) = decode(self.rest);
        self.rest = &self.rest[width..];
        Some((c, width))
    }
}

/// The number of runes.
pub fn count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { runes(bytes).count() }
}

/// The byte offset behind the first `n` runes.
pub fn offset_of_rune(bytes: &[u8], n: usize) -> usize {
    if bytes.len() <= n {
        return bytes.len();
    }
    runes(bytes).take(n).map(|(_, width)| width).sum()
}

/// Appends a rune.
pub fn push(out: &mut Vec<u8>, c: char) {
    let mut buf = [0; 4];
    out.extend_from_slice(c.encode_utf8(&mut buf).as_bytes());
}

/// Maps each rune; invalid bytes are seen, and written, as U+FFFD.
pub fn map(bytes: &[u8], f: impl Fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (c, _) in runes(bytes) {
        push(&mut out, f(c));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_are_one_wide() {
        let all: Vec<_> = runes(b"a\xe2\x82\xac\xe2\x82\xffz").collect();
        assert_eq!(all, [('a', 1), ('€', 3), (RUNE_ERROR, 1), (RUNE_ERROR, 1), (RUNE_ERROR, 1), ('z', 1)]);
        assert_eq!(decode(b"\xed\xa0\x80"), (RUNE_ERROR, 1));
        assert_eq!(decode(b""), (RUNE_ERROR, 0));
    }

    #[test]
    fn last_rune() {
        assert_eq!(decode_last("a€".as_bytes()), ('€', 3));
        assert_eq!(decode_last(b"a\xe2\x82"), (RUNE_ERROR, 1));
        assert_eq!(decode_last(b""), (RUNE_ERROR, 0));
        assert_eq!(decode_last("é\u{FFFD}".as_bytes()), (RUNE_ERROR, 3));
    }

    #[test]
    fn offsets() {
        assert_eq!(offset_of_rune("a€b".as_bytes(), 2), 4);
        assert_eq!(offset_of_rune(b"ab", 9), 2);
        assert_eq!(offset_of_rune(b"\xff\xffab", 3), 3);
    }
}
