//! From a command's specification to the options of the engine's actions.

use std::time::Duration;

use charts::Compat;
use engine::{
    DryRun, ServerSide, WaitStrategy,
    action::{InstallOptions, RollbackOptions, UninstallOptions, UpgradeOptions},
    options::Cascade,
};
use templates_compat::Map;

use crate::protocol::{
    Error,
    command::{Command, ReleaseSpec, TIMEOUT_DEFAULT_S},
};

/// The values as Helm reads them from a file: JSON is YAML.
pub(super) fn values(spec: &ReleaseSpec) -> Result<Map, Error> {
    let bytes = serde_json::to_vec(&spec.values).map_err(|error| Error::internal(error.to_string()))?;
    charts::values::load_values(&bytes, Compat::Helm4).map_err(|error| Error::invalid(format!("spec.values: {error}")))
}

fn wait(spec: &ReleaseSpec) -> WaitStrategy {
    match spec.wait_strategy.as_str() {
        "watcher" => return WaitStrategy::Watcher,
        "legacy" => return WaitStrategy::Legacy,
        "hookOnly" if !spec.atomic => return WaitStrategy::HookOnly,
        _ => {}
    }
    if spec.wait || spec.wait_for_jobs || spec.atomic { WaitStrategy::Watcher } else { WaitStrategy::HookOnly }
}

/// How long each wait may take.
pub(super) fn timeout(command: &Command) -> Duration {
    Duration::from_secs(if command.timeout_s == 0 { TIMEOUT_DEFAULT_S } else { command.timeout_s })
}

fn server_side(spec: &ReleaseSpec) -> ServerSide {
    match spec.server_side.as_str() {
        "true" => ServerSide::True,
        "false" => ServerSide::False,
        _ => ServerSide::Auto,
    }
}

fn dry_run(command: &Command) -> DryRun {
    if command.dry_run { DryRun::Server } else { DryRun::None }
}

/// How to install.
pub(super) fn install(command: &Command) -> InstallOptions {
    InstallOptions { replace: command.spec.replace, ..upgrade(command).as_install() }
}

/// How to upgrade.
pub(super) fn upgrade(command: &Command) -> UpgradeOptions {
    let spec = &command.spec;
    let defaults = UpgradeOptions::default();
    UpgradeOptions {
        name: spec.release.clone(),
        install: spec.install,
        create_namespace: spec.create_namespace,
        dry_run: dry_run(command),
        no_hooks: spec.no_hooks,
        wait: wait(spec),
        wait_for_jobs: spec.wait_for_jobs,
        timeout: timeout(command),
        description: spec.description.clone(),
        rollback_on_failure: spec.atomic,
        reset_values: spec.reset_values,
        reuse_values: spec.reuse_values,
        reset_then_reuse_values: spec.reset_then_reuse_values,
        take_ownership: spec.take_ownership,
        skip_crds: spec.skip_crds,
        render_subchart_notes: spec.render_subchart_notes,
        skip_schema_validation: spec.skip_schema_validation,
        disable_openapi_validation: spec.disable_openapi_validation,
        enable_dns: spec.enable_dns,
        force_replace: spec.force_replace,
        force_conflicts: spec.force_conflicts,
        cleanup_on_fail: spec.cleanup_on_fail,
        hide_secret: spec.hide_secret,
        labels: spec.labels.clone(),
        server_side: server_side(spec),
        history_max: history_max(spec, defaults.history_max),
        ..defaults
    }
}

/// How to roll back.
pub(super) fn rollback(command: &Command) -> RollbackOptions {
    let spec = &command.spec;
    let defaults = RollbackOptions::default();
    RollbackOptions {
        name: spec.release.clone(),
        revision: i64::from(spec.revision),
        dry_run: dry_run(command),
        no_hooks: spec.no_hooks,
        wait: wait(spec),
        wait_for_jobs: spec.wait_for_jobs,
        timeout: timeout(command),
        description: spec.description.clone(),
        cleanup_on_fail: spec.cleanup_on_fail,
        force_replace: spec.force_replace,
        force_conflicts: spec.force_conflicts,
        server_side: server_side(spec),
        history_max: history_max(spec, defaults.history_max),
    }
}

/// How to uninstall.
pub(super) fn uninstall(command: &Command) -> UninstallOptions {
    let spec = &command.spec;
    UninstallOptions {
        name: spec.release.clone(),
        dry_run: command.dry_run,
        no_hooks: spec.no_hooks,
        ignore_not_found: spec.ignore_not_found,
        keep_history: spec.keep_history,
        wait: wait(spec),
        timeout: timeout(command),
        description: spec.description.clone(),
        cascade: match spec.cascade.as_str() {
            "foreground" => Cascade::Foreground,
            "orphan" => Cascade::Orphan,
            _ => Cascade::Background,
        },
    }
}

fn history_max(spec: &ReleaseSpec, default: usize) -> usize {
    if spec.history_max == 0 { default } else { spec.history_max as usize }
}
