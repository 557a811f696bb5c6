//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Owns the texts of its errors, HTML escaping and the forms of numbers. Does
//! not own YAML ([`crate::yaml`]).

pub(crate) mod number;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::compat::Compat;
use crate::value::Value;

/// Why a text could not be read, or a value not be written; displays as Go's
/// error text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    text: String,
    limit: bool,
    parts: usize,
}

impl JsonError {
    fn new(text: impl Into<String>) -> Self {
        JsonError { text: text.into(), limit: false, parts: 0 }
    }

    fn limit(text: String) -> Self {
        JsonError { text, limit: true, parts: 0 }
    }

    /// The error of a writer that had come so far.
    fn after(mut self, parts: usize) -> Self {
        self.parts = parts;
        self
    }

    /// About how much a writer had done before the error: bytes written, or
    /// values looked at.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Whether a limit of ours was met: Go has no such error.
    pub fn is_limit(&self) -> bool {
        self.limit
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for JsonError {}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Write `<`, `>`, `&` as `\u003c`, … (Go's default).
    pub escape_html: bool,
    /// The indentation of each level; empty: everything on one line.
    pub indent: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Options { escape_html: true, indent: "" }
    }
}

/// Reads a text into an `interface {}`; all numbers are `float64`.
///
/// # Errors
/// `encoding/json`'s text.
pub fn read(bytes: &[u8], compat: Compat) -> Result<Value, JsonError> {
    match read_partly(bytes, compat)? {
        (value, None) => Ok(value),
        (_, Some(error)) => Err(error),
    }
}

/// Like [`read`]; a number that is too large gives both the value (with nil
/// in its place) and the error, as Go's decoder does.
///
/// # Errors
/// The text is not JSON.
pub fn read_partly(bytes: &[u8], compat: Compat) -> Result<(Value, Option<JsonError>), JsonError> {
    read::Reader::new(bytes, compat).read()
}

/// Writes a value as `json.Marshal` does (no final newline).
///
/// # Errors
/// `json: unsupported value: NaN` and the like.
pub fn write(value: &Value, options: &Options, compat: Compat) -> Result<Vec<u8>, JsonError> {
    let mut writer = write::Writer::new(options, compat);
    match writer.value(value) {
        Ok(()) => Ok(writer.out),
        Err(error) => Err(error.after(writer.out.len())),
    }
}

/// What the JSON detour makes of a string that is not UTF-8: every bad byte
/// becomes U+FFFD.
pub(crate) fn replace_invalid_utf8(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
    out
}
