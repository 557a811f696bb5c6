//! What Helm would write to its log: collected, so that the caller decides
//! what becomes of it.

use templates_compat::Compat;

use crate::error::Error;

/// What stands before a message in Helm's log. Helm shows all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing: Helm 3's log knows no levels, and names the line of its source
    /// in the text.
    Line,
    /// `level=INFO`
    Info,
    /// `level=WARN`
    Warn,
    /// `level=ERROR`: an error that is also returned.
    Error,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What stands before it.
    pub level: Level,
    /// The text.
    pub text: String,
    /// What belongs to it, by name.
    pub details: Vec<(&'static str, String)>,
}

/// Messages in the order in which they came up.
#[derive(Debug, Clone, Default)]
pub struct Warnings {
    list: Vec<Warning>,
    bytes: usize,
}

/// A hostile values file can cause a warning per key, and a warning can show
/// a whole table; more than these are not kept.
const MAX_KEPT: usize = 1000;
const MAX_KEPT_BYTES: usize = 4 << 20;

impl Warnings {
    /// None yet.
    pub fn new() -> Self {
        Warnings::default()
    }

    /// What both Helms write with Go's own logger, which in Helm 4 has the
    /// level INFO. `place` is the line of Helm 3.19's source.
    pub(crate) fn log(&mut self, compat: Compat, place: &str, text: impl std::fmt::Display) {
        match compat.log_has_levels() {
            false => self.push(Level::Line, format!("{place}: {text}"), Vec::new()),
            true => self.push(Level::Info, text.to_string(), Vec::new()),
        }
    }

    /// A message with details of Helm 4, or the line that Helm 3 has instead.
    pub(crate) fn say(
        &mut self,
        compat: Compat,
        (level, text, details): (Level, &str, Vec<(&'static str, String)>),
        helm3: impl FnOnce() -> String,
    ) {
        match compat.log_has_levels() {
            false => self.push(Level::Line, helm3(), Vec::new()),
            true => self.push(level, text.to_owned(), details),
        }
    }

    /// Logs an error and gives it back as it is returned.
    pub(crate) fn failed(&mut self, text: &str, error: Error) -> Error {
        self.push(Level::Error, text.to_owned(), vec![("error", error.to_string())]);
        error.wrap(text)
    }

    fn push(&mut self, level: Level, text: String, details: Vec<(&'static str, String)>) {
        self.bytes += text.len() + details.iter().map(|(_, value)| value.len()).sum::<usize>();
        if self.list.len() < MAX_KEPT && self.bytes <= MAX_KEPT_BYTES {
            self.list.push(Warning { level, text, details });
        }
    }

    /// The messages.
    pub fn iter(&self) -> std::slice::Iter<'_, Warning> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl IntoIterator for Warnings {
    type Item = Warning;
    type IntoIter = std::vec::IntoIter<Warning>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
