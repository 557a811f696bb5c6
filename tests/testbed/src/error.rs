//! What can go wrong while servers are built, started and stopped.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Says what was being done and why it did not work.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no usable Go on this machine, so nothing can be built. Tests
    /// that need a server are skipped when they meet this one.
    NoGo {
        /// What was tried and what came of it.
        reason: String,
    },
    /// This machine cannot run containers.
    Machine {
        /// What it lacks.
        reason: String,
    },
    /// A file or a process could not be read, written or started.
    Io {
        /// What was being done.
        doing: String,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A command ended with another exit code than 0.
    Command {
        /// The command line.
        command: String,
        /// The end of what it printed.
        output: String,
    },
    /// A server ended, or was not ready in time.
    Server {
        /// The name of the server.
        name: String,
        /// What happened.
        reason: String,
        /// Where its log is.
        log: PathBuf,
        /// The end of that log.
        tail: String,
    },
}

impl Error {
    /// Puts what was being done in front of an I/O error.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Makes the error of a server, with the end of its log.
    pub(crate) fn server(name: &str, reason: impl Into<String>, log: &Path) -> Self {
        let text = std::fs::read(log).unwrap_or_default();
        Self::Server { name: name.to_owned(), reason: reason.into(), log: log.to_owned(), tail: tail(&text, 12) }
    }

    /// Whether the cause is a port that someone else took first. A second try
    /// with other ports then helps.
    #[must_use]
    pub fn is_port_taken(&self) -> bool {
        matches!(self, Self::Server { tail, .. } if tail.contains("address already in use"))
    }

    /// Whether the machine lacks something that tests need, which is a reason
    /// to skip them and none to fail.
    #[must_use]
    pub fn is_missing_prerequisite(&self) -> bool {
        matches!(self, Self::NoGo { .. } | Self::Machine { .. })
    }
}

/// The last `lines` lines of what a program wrote.
pub(crate) fn tail(text: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGo { reason } => write!(f, "Go is needed to build the test servers: {reason}"),
            Self::Machine { reason } => write!(f, "this machine cannot have a node: {reason}"),
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Command { command, output } => write!(f, "`{command}` failed:\n{output}"),
            Self::Server { name, reason, log, tail } => {
                write!(f, "{name} {reason}; the end of its log ({}):\n{tail}", log.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
