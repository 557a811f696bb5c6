//! The verbs, one file each, with Helm's names.

mod diff;
mod env;
mod get;
mod history;
mod install;
mod lint;
mod list;
mod package;
mod pull;
mod release_output;
mod rollback;
mod show;
mod status;
mod template;
mod test;
mod uninstall;
mod upgrade;
mod version;

use super::{Context, Failure, agent};

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// operate clusters through their agents, over NATS
    Agent(Box<agent::Args>),
    /// show what an upgrade would change in the cluster, and change nothing
    Diff(Box<diff::Args>),
    /// helm client environment information
    Env(env::Args),
    /// download extended information of a named release
    #[command(subcommand)]
    Get(get::Command),
    /// fetch release history
    #[command(visible_alias = "hist")]
    History(history::Args),
    /// install a chart
    Install(Box<install::Args>),
    /// examine a chart for possible issues
    Lint(lint::Args),
    /// list releases
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// package a chart directory into a chart archive
    Package(package::Args),
    /// download a chart from a repository and (optionally) unpack it in local directory
    #[command(visible_alias = "fetch")]
    Pull(pull::Args),
    /// roll back a release to a previous revision
    Rollback(rollback::Args),
    /// show information of a chart
    #[command(subcommand, visible_alias = "inspect")]
    Show(show::Command),
    /// display the status of the named release
    Status(status::Args),
    /// locally render templates
    Template(Box<template::Args>),
    /// run tests for a release
    Test(test::Args),
    /// uninstall a release
    #[command(visible_aliases = ["del", "delete", "un"])]
    Uninstall(uninstall::Args),
    /// upgrade a release
    Upgrade(Box<upgrade::Args>),
    /// print the helm version information
    Version(version::Args),
}

impl Command {
    /// Runs the verb.
    ///
    /// # Errors
    /// The verb's failure.
    pub(crate) fn run(&self, cx: &Context) -> Result<(), Failure> {
        match self {
            Command::Agent(args) => agent::run(args, cx),
            Command::Diff(args) => diff::run(args, cx),
            Command::Env(args) => env::run(args, cx),
            Command::Get(command) => get::run(command, cx),
            Command::History(args) => history::run(args, cx),
            Command::Install(args) => install::run(args, cx),
            Command::Lint(args) => lint::run(args, cx),
            Command::List(args) => list::run(args, cx),
            Command::Package(args) => package::run(args, cx),
            Command::Pull(args) => pull::run(args, cx),
            Command::Rollback(args) => rollback::run(args, cx),
            Command::Show(command) => show::run(command, cx),
            Command::Status(args) => status::run(args, cx),
            Command::Template(args) => template::run(args, cx),
            Command::Test(args) => test::run(args, cx),
            Command::Uninstall(args) => uninstall::run(args, cx),
            Command::Upgrade(args) => upgrade::run(args, cx),
            Command::Version(args) => version::run(args, cx),
        }
    }
}
