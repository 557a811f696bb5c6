//! The one error of the protocol: a code, an HTTP-like number and a sentence.
//!
//! Owns which code means what and whether asking again makes sense. How an
//! error of Kubernetes becomes one of these is the agent's business.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest message that an error carries, in bytes.
pub const MESSAGE_MAX: usize = 4096;

/// What went wrong, for a program to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request itself is wrong; sending it again will not help.
    Invalid,
    /// The agent or the client could not prove who it is.
    Unauthenticated,
    /// The API server or the agent refuses this.
    Forbidden,
    /// The object, kind, session or operation does not exist.
    NotFound,
    /// The object or the name is taken, or was changed by someone else.
    Conflict,
    /// A page token, a resume token or a command is too old.
    Expired,
    /// The request or the reply is over a limit.
    TooLarge,
    /// Too many requests in a short time.
    RateLimited,
    /// All workers, sessions or streams are in use.
    Busy,
    /// The deadline passed before the answer was there.
    Timeout,
    /// Someone cancelled the work.
    Cancelled,
    /// Writes are not allowed at this time.
    OutsideSyncWindow,
    /// This agent does not know the verb, or cannot do it here.
    Unimplemented,
    /// The API server, a registry or a repository failed.
    Upstream,
    /// A fault in the agent itself.
    Internal,
}

impl Code {
    /// The HTTP status that says the same, used as `Nats-Service-Error-Code`.
    pub const fn http(self) -> u16 {
        match self {
            Code::Invalid => 400,
            Code::Unauthenticated => 401,
            Code::Forbidden => 403,
            Code::NotFound => 404,
            Code::Conflict => 409,
            Code::Expired => 410,
            Code::TooLarge => 413,
            Code::OutsideSyncWindow => 423,
            Code::RateLimited => 429,
            Code::Cancelled => 499,
            Code::Internal => 500,
            Code::Unimplemented => 501,
            Code::Upstream => 502,
            Code::Busy => 503,
            Code::Timeout => 504,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        matches!(self, Code::RateLimited | Code::Busy | Code::Timeout | Code::Upstream)
    }

    /// The code as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Invalid => "invalid",
            Code::Unauthenticated => "unauthenticated",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::Conflict => "conflict",
            Code::Expired => "expired",
            Code::TooLarge => "too_large",
            Code::RateLimited => "rate_limited",
            Code::Busy => "busy",
            Code::Timeout => "timeout",
            Code::Cancelled => "cancelled",
            Code::OutsideSyncWindow => "outside_sync_window",
            Code::Unimplemented => "unimplemented",
            Code::Upstream => "upstream",
            Code::Internal => "internal",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it travels, inside [`ErrorReply`], an `end` frame or the last
/// event of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// What went wrong, for a program.
    pub code: Code,
    /// The HTTP status that says the same.
    #[serde(default)]
    pub http: u16,
    /// What went wrong, for a person.
    pub message: String,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// How long to wait before that, in milliseconds; 0 when unknown.
    #[serde(default)]
    pub retry_after_ms: u64,
    /// More facts, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Error {
    /// An error of `code`. A message over [`MESSAGE_MAX`] is cut.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_MAX {
            let mut end = MESSAGE_MAX;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        Error { code, http: code.http(), message, retryable: code.retryable(), retry_after_ms: 0, details: Map::new() }
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::new(Code::Invalid, message)
    }

    /// Something is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Error::new(Code::NotFound, message)
    }

    /// A fault of our own.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(Code::Internal, message)
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The body of a reply that reports an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The error.
    pub error: Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_serializes() {
        for code in [Code::Invalid, Code::OutsideSyncWindow, Code::NotFound, Code::TooLarge] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let error = Error::invalid("é".repeat(MESSAGE_MAX));
        assert!(error.message.len() <= MESSAGE_MAX + '…'.len_utf8());
        assert!(error.message.ends_with('…'));
    }
}
