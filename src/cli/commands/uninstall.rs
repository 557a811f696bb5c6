//! `ankra-helm uninstall`

use engine::action::{UninstallOptions, uninstall};
use engine::options::Cascade;

use crate::cli::flags::parse_wait;
use crate::cli::{Context, Failure, remote};
use crate::protocol::command::{ReleaseSpec, Verb};

/// uninstall a release
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the releases' names
    #[arg(value_name = "RELEASE_NAME", required = true)]
    names: Vec<String>,
    /// Must be "background", "orphan", or "foreground". Selects the deletion cascading strategy for the dependents
    #[arg(long, value_name = "string", default_value = "background")]
    cascade: String,
    /// add a custom description
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    description: String,
    /// simulate an uninstall
    #[arg(long)]
    dry_run: bool,
    /// Treat "release not found" as a successful uninstall
    #[arg(long)]
    ignore_not_found: bool,
    /// remove all associated resources and mark the release as deleted, but retain the release history
    #[arg(long)]
    keep_history: bool,
    /// prevent hooks from running during uninstallation
    #[arg(long)]
    no_hooks: bool,
    /// wait until resources are gone (up to --timeout): 'watcher', 'hookOnly' or 'legacy'
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "hookOnly", default_missing_value = "watcher")]
    wait: String,
    /// time to wait for any individual Kubernetes operation (like Jobs for hooks)
    #[arg(long, value_name = "duration", default_value = "5m0s", value_parser = crate::cli::flags::parse_duration)]
    timeout: std::time::Duration,
}

/// Uninstalls releases, one after the other.
///
/// # Errors
/// The first action's that fails.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let cascade = match args.cascade.as_str() {
        "background" => Cascade::Background,
        "foreground" => Cascade::Foreground,
        "orphan" => Cascade::Orphan,
        other => {
            return Err(Failure::new(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    let wait = parse_wait(&args.wait, &cx.printer)?;
    for name in &args.names {
        if let Some(remote) = remote::of(cx) {
            let spec = ReleaseSpec {
                release: name.clone(),
                no_hooks: args.no_hooks,
                ignore_not_found: args.ignore_not_found,
                keep_history: args.keep_history,
                wait_strategy: remote::wait_word(wait).to_owned(),
                cascade: args.cascade.clone(),
                description: args.description.clone(),
                ..ReleaseSpec::default()
            };
            let done = remote.run(Verb::Uninstall, args.dry_run, args.timeout, spec)?;
            if !done.text("info").is_empty() {
                cx.printer.line(done.text("info"))?;
            }
            cx.printer.line(&format!("release \"{name}\" uninstalled"))?;
            continue;
        }
        let options = UninstallOptions {
            name: name.clone(),
            dry_run: args.dry_run,
            no_hooks: args.no_hooks,
            ignore_not_found: args.ignore_not_found,
            keep_history: args.keep_history,
            wait,
            cascade,
            timeout: args.timeout,
            description: args.description.clone(),
        };
        let done = cx.block_on(async {
            let engine = cx.engine().await?;
            uninstall(&engine, &cx.run_of(name), &options).await.map_err(Failure::from_display)
        })?;
        if done.release.is_some() && !done.info.is_empty() {
            cx.printer.line(&done.info)?;
        }
        cx.printer.line(&format!("release \"{name}\" uninstalled"))?;
    }
    Ok(())
}
