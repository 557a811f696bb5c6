//! How a release is applied and waited for.

use std::time::Duration;

use engine::{DryRun, ServerSide, WaitStrategy};

use super::go::{parse_bool, parse_duration};
use crate::cli::{Failure, Printer};

/// Flags of the verbs that change the cluster.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ApplyArgs {
    /// force resource updates by replacement
    #[arg(long, alias = "force")]
    pub force_replace: bool,
    /// if set server-side apply will force changes against conflicts
    #[arg(long)]
    pub force_conflicts: bool,
    /// prevent hooks from running
    #[arg(long)]
    pub no_hooks: bool,
}

impl ApplyArgs {
    /// Helm's check that only one of the two is given.
    ///
    /// # Errors
    /// Both are given.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.force_replace && self.force_conflicts {
            return Err(Failure::new(
                "if any flags in the group [force-replace force-conflicts] are set none of the others can be; \
                 [force-conflicts force-replace] were all set",
            ));
        }
        Ok(())
    }
}

/// How long and for what a verb waits.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct WaitArgs {
    /// wait until resources are ready (up to --timeout). Use '--wait' alone for 'watcher' strategy, or specify one of: 'watcher', 'hookOnly', 'legacy'
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "hookOnly", default_missing_value = "watcher")]
    pub wait: String,
    /// if set and --wait enabled, will wait until all Jobs have been completed before marking the release as successful. It will wait for as long as --timeout
    #[arg(long)]
    pub wait_for_jobs: bool,
    /// time to wait for any individual Kubernetes operation (like Jobs for hooks)
    #[arg(long, value_name = "duration", default_value = "5m0s", value_parser = parse_duration)]
    pub timeout: Duration,
}

impl WaitArgs {
    /// The meaning of `--wait`.
    ///
    /// # Errors
    /// A word that is no strategy.
    pub(crate) fn strategy(&self, printer: &Printer) -> Result<WaitStrategy, Failure> {
        parse_wait(&self.wait, printer)
    }
}

/// The meaning of `--wait`, Helm 3's booleans included.
///
/// # Errors
/// A word that is no strategy.
pub(crate) fn parse_wait(word: &str, printer: &Printer) -> Result<WaitStrategy, Failure> {
    match word {
        "watcher" => Ok(WaitStrategy::Watcher),
        "hookOnly" => Ok(WaitStrategy::HookOnly),
        "legacy" => Ok(WaitStrategy::Legacy),
        "true" => {
            printer.warn("--wait=true is deprecated (boolean value) and can be replaced with --wait=watcher");
            Ok(WaitStrategy::Watcher)
        }
        "false" => {
            printer.warn("--wait=false is deprecated (boolean value) and can be replaced with --wait=hookOnly");
            Ok(WaitStrategy::HookOnly)
        }
        other => Err(Failure::new(parse_wait_word(other).err().unwrap_or_default())),
    }
}

/// Whether a word says what to wait for.
///
/// # Errors
/// Helm's text if not.
pub(crate) fn parse_wait_word(word: &str) -> Result<(), String> {
    match word {
        "watcher" | "hookOnly" | "legacy" | "true" | "false" => Ok(()),
        _ => Err(format!("invalid wait input {word:?}. Valid inputs are watcher, hookOnly, and legacy")),
    }
}

/// The meaning of `--dry-run`; `unset` stands for the flag without a value.
///
/// # Errors
/// A word that is none.
pub(crate) fn dry_run(word: &str, printer: &Printer) -> Result<DryRun, Failure> {
    match word {
        "unset" => {
            printer.warn("--dry-run is deprecated and should be replaced with '--dry-run=client'");
            Ok(DryRun::Client)
        }
        "client" => Ok(DryRun::Client),
        "server" => Ok(DryRun::Server),
        "none" => Ok(DryRun::None),
        other => {
            let Ok(on) = parse_bool(other) else {
                return Err(Failure::new(format!(
                    "invalid dry-run value ({other:?}). Must be \"none\", \"server\", or \"client\""
                )));
            };
            let (result, name) = if on { (DryRun::Client, "client") } else { (DryRun::None, "none") };
            printer.warn(&format!(
                "boolean '--dry-run={other}' flag is deprecated and must be replaced with '--dry-run={name}'"
            ));
            Ok(result)
        }
    }
}

/// The meaning of `--server-side`.
///
/// # Errors
/// A word that is none of `true`, `false`, `auto`.
pub(crate) fn server_side(word: &str) -> Result<ServerSide, Failure> {
    match word {
        "auto" => Ok(ServerSide::Auto),
        "true" => Ok(ServerSide::True),
        "false" => Ok(ServerSide::False),
        other => Err(Failure::new(format!("invalid/unknown release server-side apply method: {other}"))),
    }
}
