//! What Helm would write to its log: collected, so that the caller decides
//! what becomes of it.

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only shown when asked for.
    Info,
    /// Shown.
    Warn,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub text: String,
}

/// Messages in the order in which they came up, each text once.
#[derive(Debug, Clone, Default)]
pub struct Warnings {
    list: Vec<Warning>,
}

/// A hostile values file can cause a warning per key; more than these are
/// counted, not kept.
const MAX_KEPT: usize = 1000;

impl Warnings {
    /// None yet.
    pub fn new() -> Self {
        Warnings::default()
    }

    /// Adds a message that is shown.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.push(Level::Warn, text.into());
    }

    /// Adds a message that is shown only when asked for.
    pub fn info(&mut self, text: impl Into<String>) {
        self.push(Level::Info, text.into());
    }

    fn push(&mut self, level: Level, text: String) {
        let warning = Warning { level, text };
        if self.list.len() < MAX_KEPT && !self.list.contains(&warning) {
            self.list.push(warning);
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
