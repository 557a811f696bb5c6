//! `wrap` and `wrapWith`: line breaking at spaces, counted in bytes.

use super::args::{bytes, check_len, fixed, int, text};
use crate::func::{Func, FuncError, Param};

pub(crate) const FUNCS: &[Func] = &[
    fixed("wrap", &[Param::Int, Param::Str], Param::Str, |_, a| text(wrapped(bytes(a, 1), int(a, 0), b"", false)?)),
    fixed("wrapWith", &[Param::Int, Param::Str, Param::Str], Param::Str, |_, a| {
        text(wrapped(bytes(a, 2), int(a, 0), bytes(a, 1), true)?)
    }),
];

fn wrapped(s: &[u8], width: i64, newline: &[u8], cut_words: bool) -> Result<Vec<u8>, FuncError> {
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let breaks = s.len() / width + memchr::memchr_iter(b' ', s).count() + 1;
    check_len(breaks.checked_mul(newline.len()).and_then(|n| n.checked_add(s.len())))?;
    let mut out = Vec::with_capacity(s.len() + 16);
    let mut rest = s;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        // One byte more: the space may stand right behind the line.
        let (line, after) = match memchr::memrchr(b' ', &rest[..=width]) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None if cut_words => rest.split_at(width),
            None => match memchr::memchr(b' ', &rest[width..]) {
                Some(at) => (&rest[..width + at], &rest[width + at + 1..]),
                None => break,
            },
        };
        out.extend_from_slice(line);
        out.extend_from_slice(newline);
        rest = after;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps() {
        let wrap = |s: &str, width, newline: &str, cut| {
            String::from_utf8(wrapped(s.as_bytes(), width, newline.as_bytes(), cut).unwrap()).unwrap()
        };
        assert_eq!(wrap("Hello World", 5, "", false), "Hello\nWorld");
        assert_eq!(wrap("Hello World", 5, "\t", true), "Hello\tWorld");
        assert_eq!(wrap("https://long x", 4, "", false), "https://long\nx");
        assert_eq!(wrap("abcdef", 2, "|", true), "ab|cd|ef");
        assert_eq!(wrap("", 0, "", false), "");
    }
}
