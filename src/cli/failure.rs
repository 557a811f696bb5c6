//! What a command says when it fails, and its exit code.

use std::fmt::Display;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// The text after `Error: `; none for an end that needs no words.
    pub message: Option<String>,
    /// What may help, printed after the error.
    pub hint: Option<String>,
    /// The process's exit code.
    pub code: u8,
}

impl Failure {
    /// A failure with Helm's exit code for all of them, 1.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: Some(message.into()), hint: None, code: 1 }
    }

    /// The failure that an error stands for.
    pub fn from_display(error: impl Display) -> Self {
        Failure::new(error.to_string())
    }

    /// An end without words.
    pub fn quiet(code: u8) -> Self {
        Failure { message: None, hint: None, code }
    }

    /// The same failure with what was being done before its message, as Helm
    /// writes `INSTALLATION FAILED: …`.
    #[must_use]
    pub fn context(mut self, what: &str) -> Self {
        self.message = self.message.map(|m| format!("{what}: {m}"));
        self
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with another exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}
