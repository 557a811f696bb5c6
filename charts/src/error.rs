//! The crate's one error: Helm's own text, and a kind for those callers that
//! must tell errors apart.

use std::fmt;

/// What went wrong, as far as a caller may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file or folder could not be read.
    Io,
    /// The chart is not a valid chart.
    Chart,
    /// The user's values could not be read.
    Values,
    /// A dependency is missing in `charts/`.
    MissingDependency,
    /// The values do not fit a chart's schema.
    Schema,
    /// The chart does not allow this Kubernetes version, a template failed, or
    /// the output is not YAML. Helm has a partial release at this point; its
    /// `template` command then adds a hint about `--debug`.
    Render,
    /// What was asked for is not there (`--show-only`).
    NotFound,
}

/// Helm's error text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

impl Error {
    /// An error with this text.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Error { kind, text: text.into() }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn chart(text: impl Into<String>) -> Self {
        Error::new(ErrorKind::Chart, text)
    }

    pub(crate) fn values(text: impl Into<String>) -> Self {
        Error::new(ErrorKind::Values, text)
    }

    pub(crate) fn render(text: impl Into<String>) -> Self {
        Error::new(ErrorKind::Render, text)
    }

    /// Go's `operation path: reason` for a failed file operation.
    pub(crate) fn io(operation: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("{operation} {}: {}", path.display(), go_errno(error)))
    }

    /// The same kind with text before it.
    pub(crate) fn wrap(self, before: &str) -> Self {
        Error { kind: self.kind, text: format!("{before}: {}", self.text) }
    }
}

/// The words of Go's `syscall.Errno`: the system's own, in lower case.
pub(crate) fn go_errno(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Go's text for a failed file operation: `open PATH: no such file or
/// directory`.
pub fn go_file_error(operation: &str, path: &str, error: &std::io::Error) -> String {
    format!("{operation} {path}: {}", go_errno(error))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
