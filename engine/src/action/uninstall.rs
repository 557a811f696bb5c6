//! `uninstall`: takes a release away.

use std::time::Duration;

use crate::error::Result;
use crate::options::{Cascade, DEFAULT_TIMEOUT, WaitStrategy};
use crate::release::Release;
use crate::{Engine, Run};

/// How to uninstall. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct UninstallOptions {
    /// The release's name.
    pub name: String,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--ignore-not-found`: a release that is not there is no error.
    pub ignore_not_found: bool,
    /// `--keep-history`: keeps the records, marked uninstalled.
    pub keep_history: bool,
    /// `--wait`
    pub wait: WaitStrategy,
    /// `--cascade`
    pub cascade: Cascade,
    /// `--timeout` of each wait
    pub timeout: Duration,
    /// `--description`; empty: Helm's own words.
    pub description: String,
}

impl Default for UninstallOptions {
    fn default() -> Self {
        UninstallOptions {
            name: String::new(),
            dry_run: false,
            no_hooks: false,
            ignore_not_found: false,
            keep_history: false,
            wait: WaitStrategy::HookOnly,
            cascade: Cascade::Background,
            timeout: DEFAULT_TIMEOUT,
            description: String::new(),
        }
    }
}

/// What uninstalling came to.
#[derive(Debug, Clone)]
pub struct Uninstalled {
    /// The release; `None` when it was not there and that is no error.
    pub release: Option<Release>,
    /// Helm's text on what was left: kept by policy, not owned, not
    /// verifiable. Empty if nothing was.
    pub info: String,
}

/// Uninstalls a release.
///
/// # Errors
/// Helm's texts.
pub async fn uninstall(engine: &Engine, run: &Run, options: &UninstallOptions) -> Result<Uninstalled> {
    let _ = (engine, run, options);
    Err(crate::Error::other(crate::Stage::Apply, "uninstall has not landed"))
}
