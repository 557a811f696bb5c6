//! `rollback`: the next revision of a release, from an earlier one.

use std::time::Duration;

use super::Applied;
use crate::error::Result;
use crate::options::{DEFAULT_HISTORY_MAX, DEFAULT_TIMEOUT, DryRun, ServerSide, WaitStrategy};
use crate::{Engine, Run};

/// How to roll back. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct RollbackOptions {
    /// The release's name.
    pub name: String,
    /// The revision to go back to; 0: the one before the last.
    pub revision: i64,
    /// `--dry-run`
    pub dry_run: DryRun,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--wait-for-jobs`
    pub wait_for_jobs: bool,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description` (at most 256 characters); empty: Helm's own words.
    pub description: String,
    /// `--cleanup-on-fail`: deletes what this run created if it fails.
    pub cleanup_on_fail: bool,
    /// `--history-max`; 0: no limit.
    pub history_max: usize,
    /// `--force-replace`: replaces objects instead of patching them.
    pub force_replace: bool,
    /// `--force-conflicts`: takes fields that others manage.
    pub force_conflicts: bool,
    /// `--server-side`
    pub server_side: ServerSide,
}

impl Default for RollbackOptions {
    fn default() -> Self {
        RollbackOptions {
            name: String::new(),
            revision: 0,
            dry_run: DryRun::None,
            no_hooks: false,
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
            cleanup_on_fail: false,
            history_max: DEFAULT_HISTORY_MAX,
            force_replace: false,
            force_conflicts: false,
            server_side: ServerSide::Auto,
        }
    }
}

/// Rolls a release back.
///
/// # Errors
/// Helm's texts.
pub async fn rollback(engine: &Engine, run: &Run, options: &RollbackOptions) -> Result<Applied> {
    let _ = (engine, run, options);
    Err(crate::Error::other(crate::Stage::Apply, "rollback has not landed"))
}
