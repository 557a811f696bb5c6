//! The verbs, one file each, with Helm's names.

mod dependency;
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
mod release_value;
mod rollback;
mod show;
mod status;
mod template;
mod test;
mod uninstall;
mod upgrade;
mod verbs;
mod verify;
mod version;

use super::{Context, Failure, agent};

verbs::verbs! {
    /// operate clusters through their agents, over NATS
    Agent(flags agent::Args) "agent" [] => agent::run;
    /// manage a chart's dependencies
    Dependency(below dependency::Command) "dependency" ["dep", "dependencies"] => dependency::run;
    /// show what an upgrade would change in the cluster, and change nothing
    Diff(flags diff::Args) "diff" [] => diff::run;
    /// helm client environment information
    Env(flags env::Args) "env" [] => env::run;
    /// download extended information of a named release
    Get(below get::Command) "get" [] => get::run;
    /// fetch release history
    History(flags history::Args) "history" ["hist"] => history::run;
    /// install a chart
    Install(flags install::Args) "install" [] => install::run;
    /// examine a chart for possible issues
    Lint(flags lint::Args) "lint" [] => lint::run;
    /// list releases
    List(flags list::Args) "list" ["ls"] => list::run;
    /// package a chart directory into a chart archive
    Package(flags package::Args) "package" [] => package::run;
    /// download a chart from a repository and (optionally) unpack it in local directory
    Pull(flags pull::Args) "pull" ["fetch"] => pull::run;
    /// roll back a release to a previous revision
    Rollback(flags rollback::Args) "rollback" [] => rollback::run;
    /// show information of a chart
    Show(below show::Command) "show" ["inspect"] => show::run;
    /// display the status of the named release
    Status(flags status::Args) "status" [] => status::run;
    /// locally render templates
    Template(flags template::Args) "template" [] => template::run;
    /// run tests for a release
    Test(flags test::Args) "test" [] => test::run;
    /// uninstall a release
    Uninstall(flags uninstall::Args) "uninstall" ["del", "delete", "un"] => uninstall::run;
    /// upgrade a release
    Upgrade(flags upgrade::Args) "upgrade" [] => upgrade::run;
    /// verify that a chart at the given path has been signed and is valid
    Verify(flags verify::Args) "verify" [] => verify::run;
    /// print the helm version information
    Version(flags version::Args) "version" [] => version::run;
}

/// Adds the names of all verbs, enough to tell which one is asked for.
pub(super) fn named(root: clap::Command) -> clap::Command {
    VERBS.iter().fold(root, |root, verb| root.subcommand(verb.bare()))
}

/// Whether this is the name of a verb.
pub(super) fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|verb| verb.name == word)
}

/// Adds one verb with all its flags, or every verb if none of this name is
/// there: then it is the help that has to know them.
pub(super) fn with(root: clap::Command, name: Option<&str>) -> clap::Command {
    let root = root.subcommand_required(true).arg_required_else_help(true);
    match VERBS.iter().find(|verb| Some(verb.name) == name) {
        Some(verb) => root.subcommand(verb.full()),
        None => VERBS.iter().fold(root, |root, verb| root.subcommand(verb.full())),
    }
}
