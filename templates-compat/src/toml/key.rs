//! Keys as the library prints them, in errors and in documents.

use super::lex::is_bare;
use crate::value::Str;

/// A text between double quotes, as TOML writes strings.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for b in text {
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=0x1F | 0x7F => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            _ => out.push(*b),
        }
    }
    out.push(b'"');
}

/// One part of a key, in quotes if it needs them.
pub(super) fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    if !part.is_empty() && part.iter().all(|b| is_bare(*b as char)) {
        out.extend_from_slice(part);
    } else {
        push_quoted(out, part);
    }
}

/// A whole key with its dots.
pub(super) fn dotted(parts: &[Str]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        push_part(&mut out, part);
    }
    out
}
