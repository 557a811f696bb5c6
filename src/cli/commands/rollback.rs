//! `ankra-helm rollback`

use engine::ServerSide;
use engine::action::{RollbackOptions, rollback};

use crate::cli::flags::{ApplyArgs, WaitArgs, dry_run, server_side};
use crate::cli::{Context, Failure, remote};
use crate::protocol::command::{ReleaseSpec, Verb};

/// The longest description of a rollback, in characters.
const MAX_DESCRIPTION: usize = 256;

/// roll back a release to a previous revision
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name
    #[arg(value_name = "RELEASE")]
    name: String,
    /// the revision to roll back to; without it the one before the last
    revision: Option<String>,
    /// allow deletion of new resources created in this rollback when rollback fails
    #[arg(long)]
    cleanup_on_fail: bool,
    /// add a custom description
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    description: String,
    /// simulates the operation either client-side or server-side. Must be either: "none", "client", or "server"
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "unset")]
    dry_run: String,
    /// limit the maximum number of revisions saved per release. Use 0 for no limit
    #[arg(long, value_name = "int")]
    history_max: Option<usize>,
    /// must be "true", "false" or "auto". Object updates run in the server instead of the client
    #[arg(long, value_name = "string", default_value = "auto")]
    server_side: String,
    #[command(flatten)]
    apply: ApplyArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

/// Rolls a release back.
///
/// # Errors
/// The action's.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let length = args.description.chars().count();
    if length > MAX_DESCRIPTION {
        return Err(Failure::new(format!("description must be {MAX_DESCRIPTION} characters or less, got {length}")));
    }
    let revision = match args.revision.as_deref() {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Failure::new(format!(
                "could not convert revision to a number: strconv.Atoi: parsing {text:?}: invalid syntax"
            ))
        })?,
    };
    let options = RollbackOptions {
        name: args.name.clone(),
        revision,
        dry_run: dry_run(&args.dry_run, &cx.printer)?,
        no_hooks: args.apply.no_hooks,
        wait: args.wait.strategy(&cx.printer)?,
        wait_for_jobs: args.wait.wait_for_jobs,
        timeout: args.wait.timeout,
        description: args.description.clone(),
        cleanup_on_fail: args.cleanup_on_fail,
        history_max: args.history_max.unwrap_or(cx.settings.max_history),
        force_replace: args.apply.force_replace,
        force_conflicts: args.apply.force_conflicts,
        server_side: server_side(&args.server_side).unwrap_or(ServerSide::Auto),
    };
    if let Some(remote) = remote::of(cx) {
        let spec = ReleaseSpec {
            release: args.name.clone(),
            revision: u32::try_from(revision).unwrap_or(0),
            wait_strategy: remote::wait_word(options.wait).to_owned(),
            history_max: remote::history_max(options.history_max)?,
            server_side: args.server_side.clone(),
            cleanup_on_fail: args.cleanup_on_fail,
            description: args.description.clone(),
            ..remote::spec(&args.apply, &args.wait)
        };
        let done = remote.run(Verb::Rollback, options.dry_run.is_dry(), args.wait.timeout, spec)?;
        done.tell_plan(cx);
        return cx.printer.line("Rollback was a success! Happy Helming!");
    }
    let applied = cx.block_on(async {
        let engine = cx.engine().await?;
        rollback(&engine, &cx.run_of(&args.name), &options).await.map_err(Failure::from_display)
    })?;
    if options.dry_run.is_dry()
        && let Some(plan) = &applied.plan
    {
        cx.printer.note(&plan.to_string());
    }
    cx.printer.line("Rollback was a success! Happy Helming!")
}
