//! `history`: the revisions of a release.

use crate::error::Result;
use crate::release::Release;
use crate::{Engine, Run};

/// How much history.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// `--max`; the newest are kept.
    pub max: usize,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        HistoryOptions { max: 256 }
    }
}

/// Reads the revisions of a release, oldest first (without manifests, hooks
/// and values).
///
/// # Errors
/// `release: not found`.
pub async fn history(engine: &Engine, run: &Run, name: &str, options: &HistoryOptions) -> Result<Vec<Release>> {
    let _ = (engine, run, name, options);
    Err(crate::Error::other(crate::Stage::Storage, "history has not landed"))
}
