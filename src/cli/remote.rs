//! The release verbs by an agent: `--agent CLUSTER`.
//!
//! Owns the way over NATS that stands in for the engine. What is printed is
//! printed by the same code as without an agent. How to reach NATS is said by
//! the variables that `ankra-helm agent` knows, too.

use charts::Compat;
use clap::Parser;
use engine::{Release, Status, WaitStrategy, pull, release::codec};
use serde::Serialize;
use serde_json::Value;
use templates_compat::Map;

use super::{
    Context, Failure, Format,
    flags::{ApplyArgs, ChartArgs, WaitArgs},
};
use crate::{
    client::{Access, Client, connect},
    protocol::{
        Code, DEFAULT_PREFIX, Error,
        command::{ChartSpec, Command, OpEvent, ReleaseSpec, State, Verb},
        id::{now_rfc3339, ulid},
        releases::{
            Against, DiffReply, DiffRequest, ReleaseRecord, ReleaseRequest, ReleaseValues, Releases, ReleasesRequest,
        },
    },
};

/// How to reach NATS, by the environment.
#[derive(Debug, Parser)]
struct Way {
    #[command(flatten)]
    access: Access,
    /// Prefix of all subjects
    #[arg(long, env = "SUBJECT_PREFIX", default_value = DEFAULT_PREFIX)]
    subject_prefix: String,
}

/// The agents of one cluster.
pub(crate) struct Remote<'a> {
    cx: &'a Context,
    cluster: &'a str,
}

/// The agents that `--agent` names, if it does.
pub(crate) fn of(cx: &Context) -> Option<Remote<'_>> {
    cx.settings.args.agent.as_deref().map(|cluster| Remote { cx, cluster })
}

/// What an agent does not do: it starts no program, and draws no secret from a
/// number.
///
/// # Errors
/// One of them is asked for.
pub(crate) fn refuse_local(post_renderer: bool, seed: bool) -> Result<(), Failure> {
    match (post_renderer, seed) {
        (true, _) => Err(Failure::new("--post-renderer cannot be used with --agent: an agent starts no program")),
        (_, true) => Err(Failure::new("--seed cannot be used with --agent")),
        _ => Ok(()),
    }
}

fn failed(error: Error) -> Failure {
    Failure::new(error.message)
}

impl Remote<'_> {
    async fn client(&self) -> Result<Client, Failure> {
        let way = Way::try_parse_from(["ankra-helm"]).map_err(Failure::from_display)?;
        let nats = connect(&way.access).await.map_err(failed)?;
        let client = Client::new(nats, &way.subject_prefix, Some(self.cluster)).await.map_err(failed)?;
        Ok(match self.cx.acting_user()? {
            Some(user) => client.acting_as(&user),
            None => client,
        })
    }

    fn namespace(&self) -> String {
        self.cx.settings.namespace.clone().unwrap_or_else(|| "default".to_owned())
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, verb: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.cx.block_on(async { self.client().await?.request(verb, body).await.map_err(failed) })
    }

    /// Releases, of the namespace or of all.
    pub(crate) fn list(&self, all: bool, mut request: ReleasesRequest) -> Result<Vec<Release>, Failure> {
        request.namespace = if all { String::new() } else { self.namespace() };
        let found: Releases = self.ask("helm.list", &request)?;
        found.releases.iter().map(release).collect()
    }

    /// Revisions of a release.
    pub(crate) fn history(&self, name: &str, max: usize) -> Result<Vec<Release>, Failure> {
        let found: Releases = self.ask("helm.history", &ReleaseRequest { max, ..self.one(name, 0)? })?;
        found.releases.iter().map(release).collect()
    }

    /// A stored revision.
    pub(crate) fn get(&self, name: &str, revision: i64) -> Result<Release, Failure> {
        let found: ReleaseRecord = self.ask("helm.get", &self.one(name, revision)?)?;
        release(&found)
    }

    /// A stored revision with its live objects.
    pub(crate) fn status(&self, name: &str, revision: i64, table: bool) -> Result<Release, Failure> {
        let request = ReleaseRequest { live: true, table, ..self.one(name, revision)? };
        let found: ReleaseRecord = self.ask("helm.get", &request)?;
        release(&found)
    }

    /// The values of a revision.
    pub(crate) fn values(&self, name: &str, revision: i64, all: bool) -> Result<Option<Map>, Failure> {
        let found: ReleaseValues = self.ask("helm.values", &ReleaseRequest { all, ..self.one(name, revision)? })?;
        let Some(values) = found.values else { return Ok(None) };
        let value =
            templates_compat::json::read(values.get().as_bytes(), Compat::Helm4).map_err(Failure::from_display)?;
        Ok(value.as_map().cloned())
    }

    /// What a command would change.
    pub(crate) fn diff(&self, verb: Verb, against: Against, mut spec: ReleaseSpec) -> Result<DiffReply, Failure> {
        spec.namespace = self.namespace();
        self.ask("helm.diff", &DiffRequest { verb, against, spec })
    }

    /// Whether there is no release of that name to be upgraded.
    pub(crate) fn is_missing(&self, name: &str) -> Result<bool, Failure> {
        let request = ReleaseRequest { max: 1, ..self.one(name, 0)? };
        let found: Result<Releases, Error> =
            self.cx.block_on(async { Ok(self.client().await?.request("helm.history", &request).await) })?;
        match found {
            Ok(found) => {
                let last = found.releases.last().map(release).transpose()?;
                Ok(last.is_some_and(|release| release.info.status == Status::Uninstalled))
            }
            Err(error) if error.code == Code::NotFound => Ok(true),
            Err(error) => Err(failed(error)),
        }
    }

    /// The release as it is printed: whole where its objects are printed.
    pub(crate) fn shown(&self, done: &Done, output: Format, dry: bool) -> Result<Release, Failure> {
        let release = done.release()?;
        if dry || (output == Format::Table && !self.cx.settings.debug) {
            return Ok(release);
        }
        let request = ReleaseRequest { chart: true, ..self.one(&release.name, release.version)? };
        let found: ReleaseRecord = self.ask("helm.get", &request)?;
        self::release(&found)
    }

    fn one(&self, name: &str, revision: i64) -> Result<ReleaseRequest, Failure> {
        let revision = u32::try_from(revision).map_err(Failure::from_display)?;
        Ok(ReleaseRequest {
            namespace: self.namespace(),
            release: name.to_owned(),
            revision,
            ..ReleaseRequest::default()
        })
    }

    /// Where the agent pulls the chart from.
    ///
    /// # Errors
    /// A chart of this machine, or a flag that only works here.
    pub(crate) fn chart(&self, reference: &str, args: &ChartArgs) -> Result<ChartSpec, Failure> {
        let transport = &args.transport;
        let only_here = transport.username.is_some()
            || transport.password.is_some()
            || args.pass_credentials
            || transport.ca_file.is_some()
            || transport.cert_file.is_some()
            || transport.key_file.is_some()
            || transport.insecure_skip_tls_verify;
        if only_here {
            return Err(Failure::new(
                "with --agent the agent pulls the chart: credentials and certificates cannot be given here",
            ));
        }
        if args.verify {
            return Err(Failure::new(
                "with --agent the agent pulls the chart, and it has no keyring to --verify it by",
            ));
        }
        let options = args.pull_options(&self.cx.settings);
        let version = if args.devel && args.version.is_empty() { ">0.0.0-0".to_owned() } else { args.version.clone() };
        let spec = ChartSpec { version, plain_http: transport.plain_http, ..ChartSpec::default() };
        match pull::locate(reference, &options).map_err(Failure::from_display)? {
            pull::Located::Path(path) => Err(Failure::new(format!(
                "with --agent the agent pulls the chart: {} is on this machine; name oci://…, https://… or --repo",
                path.display()
            ))),
            pull::Located::Remote(pull::Remote::InRepository { url, name }) => {
                Ok(ChartSpec { repo: url, name, ..spec })
            }
            pull::Located::Remote(pull::Remote::Named { repository, name }) => Err(Failure::new(format!(
                "with --agent the agent pulls the chart: name {name} with --repo and the URL of {repository}"
            ))),
            pull::Located::Remote(pull::Remote::Oci(name) | pull::Remote::Url(name)) => Ok(ChartSpec { name, ..spec }),
        }
    }

    /// Gives a command and waits for its end; gives the result.
    ///
    /// # Errors
    /// The operation's, in the engine's words.
    pub(crate) fn run(
        &self,
        verb: Verb,
        dry_run: bool,
        timeout: std::time::Duration,
        mut spec: ReleaseSpec,
    ) -> Result<Done, Failure> {
        spec.namespace = self.namespace();
        let name = spec.release.clone();
        let command = Command {
            op_id: ulid(),
            verb,
            actor: std::env::var("USER").unwrap_or_default(),
            created_at: now_rfc3339(),
            expires_at: String::new(),
            timeout_s: timeout.as_secs().max(1),
            dry_run,
            precondition: crate::protocol::command::Precondition::default(),
            spec,
            user: None,
        };
        let last = self.cx.block_on(async {
            let client = self.client().await?;
            let mut following = client.command(&command).await.map_err(failed)?;
            let mut asked = false;
            loop {
                tokio::select! {
                    event = following.next() => {
                        let event = event.map_err(failed)?;
                        if event.state.is_terminal() {
                            return Ok(event);
                        }
                        self.tell(&event);
                    }
                    () = super::interrupted() => {
                        if asked {
                            return Err(Failure::quiet(130));
                        }
                        asked = true;
                        self.cx.printer.line(&format!("Release {name} has been cancelled."))?;
                        client.cancel(&command.op_id).await.map_err(failed)?;
                    }
                }
            }
        })?;
        match (last.state, last.error) {
            (State::Succeeded, _) => Ok(Done(last.result.unwrap_or_default())),
            (_, Some(error)) => Err(failed(error)),
            (state, None) => Err(Failure::new(format!("the operation ended as {state:?}"))),
        }
    }

    /// Warnings are told, and with `--debug` every step.
    fn tell(&self, event: &OpEvent) {
        let Some(step) = &event.step else { return };
        match &event.log {
            Some(text) if step.id == "warning" => self.cx.printer.warn(text),
            _ if self.cx.settings.debug => {
                let object =
                    event.resource.as_ref().map_or(String::new(), |object| format!(" {}/{}", object.kind, object.name));
                self.cx.printer.note(&format!("{}{object}: {}", step.id, step.msg));
            }
            _ => {}
        }
    }
}

/// What an operation came to.
pub(crate) struct Done(Value);

impl Done {
    /// The release that it left.
    ///
    /// # Errors
    /// A result without one.
    pub(crate) fn release(&self) -> Result<Release, Failure> {
        let text = self.0.get("record").map(Value::to_string).unwrap_or_default();
        codec::from_json(text.as_bytes())
            .map_err(|error| Failure::new(format!("the agent's result cannot be read: {error}")))
    }

    /// A text of the result; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Shows what a dry run would have done.
    pub(crate) fn tell_plan(&self, cx: &Context) {
        let plan = self.text("plan");
        if !plan.is_empty() {
            cx.printer.note(plan.trim_end());
        }
    }
}

fn release(found: &ReleaseRecord) -> Result<Release, Failure> {
    let mut release = codec::from_json(found.record.get().as_bytes()).map_err(Failure::from_display)?;
    release.labels.clone_from(&found.labels);
    Ok(release)
}

/// What the flags of applying and waiting say.
pub(crate) fn spec(apply: &ApplyArgs, wait: &WaitArgs) -> ReleaseSpec {
    ReleaseSpec {
        no_hooks: apply.no_hooks,
        force_replace: apply.force_replace,
        force_conflicts: apply.force_conflicts,
        wait_for_jobs: wait.wait_for_jobs,
        ..ReleaseSpec::default()
    }
}

/// The word for a strategy of waiting.
pub(crate) fn wait_word(strategy: WaitStrategy) -> &'static str {
    match strategy {
        WaitStrategy::Watcher => "watcher",
        WaitStrategy::HookOnly => "hookOnly",
        WaitStrategy::Legacy => "legacy",
    }
}

/// How many revisions are kept, as an agent is told: it has no "no limit".
pub(crate) fn history_max(max: usize) -> Result<u32, Failure> {
    u32::try_from(max)
        .ok()
        .filter(|max| (1..=1000).contains(max))
        .ok_or_else(|| Failure::new("with --agent --history-max must be 1 to 1000"))
}

/// The values of the command line as they travel: JSON.
pub(crate) fn json_values(map: Map, compat: Compat) -> Result<serde_json::Map<String, Value>, Failure> {
    let value = templates_compat::value::Value::Map(map);
    let options = templates_compat::json::Options::default();
    let text = templates_compat::json::write(&value, &options, compat).map_err(Failure::from_display)?;
    serde_json::from_slice(&text).map_err(Failure::from_display)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_the_engines_words() {
        let failure = failed(Error::new(Code::NotFound, "release: not found"));
        assert_eq!((failure.message.as_deref(), failure.code), (Some("release: not found"), 1));
    }
}
