//! `list`: the newest revision of each release.

use crate::error::Result;
use crate::release::{Release, Status};
use crate::{Engine, Run};

/// What to list. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// `-f/--filter`: a regular expression on the name.
    pub filter: String,
    /// `-l/--selector` on the record's labels.
    pub selector: String,
    /// Only these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// `-d/--date`: newest first instead of by name.
    pub by_date: bool,
    /// `-r/--reverse`
    pub reverse: bool,
    /// `-m/--max`; 0: no limit.
    pub max: usize,
    /// `--offset`
    pub offset: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        ListOptions {
            filter: String::new(),
            selector: String::new(),
            statuses: Vec::new(),
            by_date: false,
            reverse: false,
            max: 256,
            offset: 0,
        }
    }
}

/// Lists releases (without manifests, hooks and values). An engine with an
/// empty namespace lists all namespaces.
///
/// # Errors
/// Helm's texts.
pub async fn list(engine: &Engine, run: &Run, options: &ListOptions) -> Result<Vec<Release>> {
    let _ = (engine, run, options);
    Err(crate::Error::other(crate::Stage::Storage, "list has not landed"))
}
