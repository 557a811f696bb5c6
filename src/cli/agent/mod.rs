//! `ankra-helm agent`: the agents of clusters at the other end of NATS.
//!
//! Owns the flags that all its verbs share, their output formats and exit
//! codes: 0 done, 1 failure, 2 wrong usage, 3 not found, 4 cancelled, 5 timeout,
//! 6 credentials refused, 7 forbidden. What is asked of the agents is
//! `crate::client`'s business.

mod columns;
mod doctor;
mod events;
mod follow;
mod get;
mod info;
mod install;
mod kinds;
mod logs;
mod ls;
mod objects;
mod ops;
mod rollback;
mod top;
mod uninstall;
mod upgrade;
mod watch;

use std::time::Duration;

use serde::Serialize;

use super::{Context, Failure, Format};
use crate::{
    client::{Access, Client, connect},
    protocol::{
        Code, DEFAULT_PREFIX, Error,
        info::{KindInfo, Kinds},
    },
};

/// Operate clusters through their agents, over NATS
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    access: Access,
    /// The cluster; not needed when the agents of only one answer
    #[arg(long, global = true, env = "CLUSTER_ID", value_name = "ID")]
    cluster: Option<String>,
    /// Prefix of all subjects
    #[arg(long, global = true, env = "SUBJECT_PREFIX", default_value = DEFAULT_PREFIX, hide_default_value = true)]
    subject_prefix: String,
    /// Seconds to wait for a reply
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    request_timeout: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// list the agents that answer
    Ls(ls::Args),
    /// show what an agent is and can do
    Info(info::Args),
    /// list the kinds of the cluster
    Kinds(kinds::Args),
    /// show objects
    Get(get::Args),
    /// show objects and then every change
    Watch(watch::Args),
    /// show or follow logs
    Logs(logs::Args),
    /// show what Kubernetes tells about objects
    Events(events::Args),
    /// show what pods or nodes use
    Top(top::Args),
    /// apply a manifest, server-side
    Apply(objects::ApplyArgs),
    /// delete objects
    Delete(objects::DeleteArgs),
    /// set how many pods a workload has
    Scale(objects::ScaleArgs),
    /// restart the pods of a workload, one after the other
    Restart(objects::RestartArgs),
    /// change fields of an object
    Patch(objects::PatchArgs),
    /// check the way to a cluster, step by step
    Doctor(doctor::Args),
    /// install a chart
    Install(Box<install::Args>),
    /// upgrade a release
    Upgrade(Box<upgrade::Args>),
    /// roll back a release
    Rollback(rollback::Args),
    /// uninstall a release
    Uninstall(uninstall::Args),
    /// list, follow and cancel operations
    #[command(subcommand)]
    Ops(ops::Command),
}

/// `-o/--output` of the verbs that show objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// kubectl's columns
    #[default]
    Table,
    /// all of kubectl's columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// kind and name
    Name,
}

/// What the verbs share.
struct Session<'a> {
    cx: &'a Context,
    args: &'a Args,
}

impl Session<'_> {
    /// The connection to NATS.
    async fn nats(&self) -> Result<async_nats::Client, Failure> {
        connect(&self.args.access).await.map_err(failure)
    }

    /// A client of the cluster's agents.
    async fn client(&self) -> Result<Client, Failure> {
        let nats = self.nats().await?;
        let client = Client::new(nats, &self.args.subject_prefix, self.args.cluster.as_deref()).await;
        let client = client.map_err(failure)?.with_timeout(Duration::from_secs(self.args.request_timeout));
        Ok(match self.cx.acting_user()? {
            Some(user) => client.acting_as(&user),
            None => client,
        })
    }

    /// The namespace of this run, `default` unless it is named.
    fn namespace(&self) -> String {
        self.cx.settings.namespace.clone().unwrap_or_else(|| "default".to_owned())
    }

    /// The kind that a name as kubectl takes it stands for.
    async fn kind(&self, name: &str) -> Result<String, Failure> {
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ok(name.to_owned());
        }
        let kinds: Kinds = self.client().await?.request("kinds", &serde_json::json!({})).await.map_err(failure)?;
        let is = |kind: &KindInfo| {
            kind.resource == name || kind.singular == name || kind.short_names.iter().any(|s| s == name)
        };
        let found = kinds.kinds.into_iter().find(is);
        found.map(|kind| kind.kind).ok_or_else(|| failure(Error::not_found(format!("there is no kind {name}"))))
    }

    /// Writes a value as JSON or YAML.
    fn structured(&self, format: Format, value: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(value).map_err(Failure::from_display)?;
        self.cx.printer.structured(format, &json)
    }
}

/// Runs the verb.
///
/// # Errors
/// The verb's failure, with the exit code of the agent's error.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let session = Session { cx, args };
    // Values are read before the runtime runs: reading them may need one of
    // its own.
    match &args.command {
        Command::Ls(verb) => cx.block_on(ls::run(verb, &session)),
        Command::Info(verb) => cx.block_on(info::run(verb, &session)),
        Command::Kinds(verb) => cx.block_on(kinds::run(verb, &session)),
        Command::Get(verb) => cx.block_on(get::run(verb, &session)),
        Command::Watch(verb) => cx.block_on(watch::run(verb, &session)),
        Command::Logs(verb) => cx.block_on(logs::run(verb, &session)),
        Command::Events(verb) => cx.block_on(events::run(verb, &session)),
        Command::Top(verb) => cx.block_on(top::run(verb, &session)),
        Command::Apply(verb) => cx.block_on(objects::apply(verb, &session)),
        Command::Delete(verb) => cx.block_on(objects::delete(verb, &session)),
        Command::Scale(verb) => cx.block_on(objects::scale(verb, &session)),
        Command::Restart(verb) => cx.block_on(objects::restart(verb, &session)),
        Command::Patch(verb) => cx.block_on(objects::patch(verb, &session)),
        Command::Doctor(verb) => cx.block_on(doctor::run(verb, &session)),
        Command::Install(verb) => install::run(verb, &session),
        Command::Upgrade(verb) => upgrade::run(verb, &session),
        Command::Rollback(verb) => cx.block_on(rollback::run(verb, &session)),
        Command::Uninstall(verb) => cx.block_on(uninstall::run(verb, &session)),
        Command::Ops(verb) => cx.block_on(ops::run(verb, &session)),
    }
}

/// An error of the protocol as the end of a command.
fn failure(error: Error) -> Failure {
    let code = match error.code {
        Code::Invalid => 2,
        Code::NotFound => 3,
        Code::Cancelled => 4,
        Code::Timeout => 5,
        Code::Unauthenticated => 6,
        Code::Forbidden => 7,
        _ => 1,
    };
    Failure::new(error.message).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        for (code, exit) in [
            (Code::Internal, 1),
            (Code::Invalid, 2),
            (Code::NotFound, 3),
            (Code::Cancelled, 4),
            (Code::Timeout, 5),
            (Code::Unauthenticated, 6),
            (Code::Forbidden, 7),
        ] {
            assert_eq!(failure(Error::new(code, "x")).code, exit);
        }
    }
}
