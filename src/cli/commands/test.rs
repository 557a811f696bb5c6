//! `ankra-helm test`

use std::time::Duration;

use engine::action::{Filter, TestOptions, test};

use super::release_output::{Parts, show};
use crate::cli::flags::parse_duration;
use crate::cli::{Context, Failure, Format, remote};
use crate::protocol::command::{ReleaseSpec, Verb};

/// run tests for a release
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name
    #[arg(value_name = "RELEASE")]
    name: String,
    /// specify tests by attribute (currently "name") using attribute=value syntax or '!attribute=value' to exclude a test (can specify multiple or separate values with commas: name=test1,name=test2)
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    filter: Vec<String>,
    /// dump the logs from test pods (this runs after all tests are complete, but before any cleanup)
    #[arg(long)]
    logs: bool,
    /// time to wait for any individual Kubernetes operation (like Jobs for hooks)
    #[arg(long, value_name = "duration", default_value = "5m0s", value_parser = parse_duration)]
    timeout: Duration,
    /// if set, do not show notes in test output (Helm 3 only: Helm 4 never shows them)
    #[arg(long, hide = true)]
    hide_notes: bool,
}

impl Args {
    /// What is neither form is left out, as in Helm.
    fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        for word in &self.filter {
            let excluded =
                word.strip_prefix('!').map(|w| w.strip_prefix(|c: char| c.is_ascii_whitespace()).unwrap_or(w));
            if let Some(name) = word.strip_prefix("name=") {
                filter.include.push(name.to_owned());
            } else if let Some(name) = excluded.and_then(|w| w.strip_prefix("name=")) {
                filter.exclude.push(name.to_owned());
            }
        }
        filter
    }
}

/// Runs the tests of a release and shows what they came to.
///
/// # Errors
/// The cluster's, and the first test that fails.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let options =
        TestOptions { name: args.name.clone(), filter: args.filter(), logs: args.logs, timeout: args.timeout };
    if let Some(remote) = remote::of(cx) {
        let spec = ReleaseSpec {
            release: args.name.clone(),
            tests: options.filter.include,
            without_tests: options.filter.exclude,
            ..ReleaseSpec::default()
        };
        let done = remote.run(Verb::Test, false, args.timeout, spec)?;
        let hide_notes = args.hide_notes || !cx.settings.compat.tests_show_notes();
        let parts = Parts { hide_notes, ..Parts::default() };
        show(&cx.printer, Format::Table, &done.release()?, parts, cx.settings.compat)?;
        return if args.logs { cx.printer.text(&format!("\n{}", done.text("logs"))) } else { Ok(()) };
    }
    let tested = cx.block_on(async {
        let engine = cx.engine().await?;
        test(&engine, &cx.run_of(&args.name), &options).await.map_err(Failure::from_display)
    })?;
    let hide_notes = args.hide_notes || !cx.settings.compat.tests_show_notes();
    let parts = Parts { hide_notes, ..Parts::default() };
    show(&cx.printer, Format::Table, &tested.release, parts, cx.settings.compat)?;
    if args.logs {
        cx.printer.text(&format!("\n{}", tested.logs))?;
    }
    tested.result.map_err(Failure::from_display)
}
