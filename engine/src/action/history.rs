//! `history`: the revisions of a release.

use super::common;
use crate::error::{Error, Result, Stage};
use crate::release::Release;
use crate::{Engine, Run, storage};

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
    let work = async {
        common::validate_release_name(name)
            .map_err(|_| Error::other(Stage::Prepare, format!("release name is invalid: {name}")))?;
        let all = storage::history_heads(&**engine.store(), name).await?;
        let surplus = all.len().saturating_sub(options.max);
        Ok(all.into_iter().skip(surplus).collect())
    };
    common::reading(engine, run, work).await
}
