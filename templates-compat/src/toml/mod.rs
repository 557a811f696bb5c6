//! TOML as BurntSushi's library reads and writes it: 1.5 (TOML 1.0) for Helm 3,
//! 1.6 (TOML 1.1) for Helm 4.

mod datetime;
mod key;
mod lex;
mod lex_value;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::compat::Compat;
use crate::value::{Map, Value};

/// Why a text could not be read, or a value not be written; displays as Go's
/// error text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TomlError {
    text: String,
    panics: bool,
    parts: usize,
}

impl TomlError {
    fn new(text: impl Into<String>) -> Self {
        TomlError { text: text.into(), panics: false, parts: 0 }
    }

    fn panic(text: impl Into<String>) -> Self {
        TomlError { text: text.into(), panics: true, parts: 0 }
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

    /// Whether Go's library panics here instead of returning an error.
    pub fn is_panic(&self) -> bool {
        self.panics
    }
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for TomlError {}

/// Reads a document.
///
/// # Errors
/// The library's text.
pub fn read(bytes: &[u8], compat: Compat) -> Result<Map, TomlError> {
    read::read(bytes, compat)
}

/// Writes a document.
///
/// # Errors
/// The library's text.
pub fn write(value: &Value, compat: Compat) -> Result<Vec<u8>, TomlError> {
    write::write(value, compat)
}
