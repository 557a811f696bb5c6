//! Draws the events of an operation, for the verbs that change releases.
//!
//! Owns progress on standard error, the outcome on standard output and what
//! Ctrl-C does: the first one asks the agent to stop, the second one stops
//! looking.

use serde_json::Value;
use tokio::signal::ctrl_c;

use super::{Session, failure};
use crate::{
    cli::{Failure, Format},
    client::{Client, Following},
    protocol::{
        Error,
        command::{ChartSpec, Command, OpEvent, Precondition, ReleaseSpec, State, Verb},
        id::{now_rfc3339, ulid},
    },
};

/// Flags that all verbs share that change a release.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// time to wait for any individual Kubernetes operation, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// wait until all objects are ready
    #[arg(long)]
    pub(super) wait: bool,
    /// wait for jobs, too
    #[arg(long)]
    pub(super) wait_for_jobs: bool,
    /// do not run hooks
    #[arg(long)]
    pub(super) no_hooks: bool,
    /// not to be begun after so many seconds, if the agent is away
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    expires_in: Option<u64>,
    /// only if the release is at this revision
    #[arg(long, value_name = "int")]
    if_revision: Option<u32>,
    /// publish the command, print the id of the operation and do not follow it
    #[arg(long)]
    detach: bool,
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Format,
}

/// Flags that say which chart, as the agent will pull it.
#[derive(Debug, clap::Args)]
pub(super) struct ChartFlags {
    /// version or range of versions of the chart
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    version: String,
    /// URL of the chart repository
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    repo: String,
    /// sha256:… that the packed chart must have
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    digest: String,
    /// speak HTTP to an OCI registry
    #[arg(long)]
    plain_http: bool,
}

impl ChartFlags {
    pub(super) fn spec(&self, name: &str) -> ChartSpec {
        ChartSpec {
            name: name.to_owned(),
            repo: self.repo.clone(),
            version: self.version.clone(),
            digest: self.digest.clone(),
            plain_http: self.plain_http,
        }
    }
}

/// Publishes a command and shows its operation to its end.
pub(super) async fn run(session: &Session<'_>, flags: &Flags, verb: Verb, spec: ReleaseSpec) -> Result<(), Failure> {
    let Some(last) = publish(session, flags, verb, spec).await? else { return Ok(()) };
    let plan = last.result.as_ref().and_then(|result| result.get("plan")).and_then(Value::as_str);
    if let Some(plan) = plan.filter(|plan| flags.dry_run && !plan.is_empty()) {
        session.cx.printer.note(plan.trim_end());
    }
    finish(session, flags.output, last)
}

/// Publishes a command and shows its operation; gives the last event, or
/// nothing when it is not followed.
pub(super) async fn publish(
    session: &Session<'_>,
    flags: &Flags,
    verb: Verb,
    spec: ReleaseSpec,
) -> Result<Option<OpEvent>, Failure> {
    let client = session.client().await?;
    let op_id = ulid();
    let expires_at = flags.expires_in.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
    });
    let command = Command {
        op_id: op_id.clone(),
        verb,
        actor: std::env::var("USER").unwrap_or_default(),
        created_at: now_rfc3339(),
        expires_at: expires_at.unwrap_or_default(),
        timeout_s: flags.timeout,
        dry_run: flags.dry_run,
        precondition: Precondition { release_revision: flags.if_revision },
        spec,
        user: None,
    };
    let following = client.command(&command).await.map_err(failure)?;
    if flags.detach {
        session.cx.printer.line(&op_id)?;
        return Ok(None);
    }
    session.cx.printer.note(&format!("operation {op_id}"));
    show(session, &client, &op_id, following).await.map(Some)
}

/// Shows the events of an operation, and gives the last one.
pub(super) async fn show(
    session: &Session<'_>,
    client: &Client,
    op_id: &str,
    mut following: Following,
) -> Result<OpEvent, Failure> {
    let mut asked = false;
    loop {
        let event = tokio::select! {
            event = following.next() => event.map_err(failure)?,
            _ = ctrl_c() => {
                if asked {
                    session.cx.printer.note("The operation goes on; follow it with: ankra-helm agent ops watch");
                    return Err(Failure::quiet(130));
                }
                asked = true;
                match client.cancel(op_id).await {
                    Ok(()) => session.cx.printer.note("cancelling"),
                    Err(error) => session.cx.printer.note(&format!("cannot cancel: {error}")),
                }
                continue;
            }
        };
        if event.state.is_terminal() {
            return Ok(event);
        }
        draw(session, &event);
    }
}

fn draw(session: &Session<'_>, event: &OpEvent) {
    let printer = &session.cx.printer;
    if let Some(log) = &event.log {
        let from = event.step.as_ref().map_or("", |step| step.msg.as_str());
        printer.note(&format!("  {from}{}{log}", if from.is_empty() { "" } else { ": " }));
        return;
    }
    let Some(step) = &event.step else { return };
    let count = match (step.n, step.of) {
        (Some(n), Some(of)) => format!(" {n}/{of}"),
        _ => String::new(),
    };
    let object = event.resource.as_ref().map_or_else(String::new, |object| format!(" {}/{}", object.kind, object.name));
    printer.note(&format!("{}{count}{object}: {}", step.id, step.msg));
}

/// Prints the outcome; what did not succeed is the command's failure.
pub(super) fn finish(session: &Session<'_>, output: Format, last: OpEvent) -> Result<(), Failure> {
    if output != Format::Table {
        session.structured(output, &last)?;
    }
    if last.state != State::Succeeded {
        let state = format!("{:?}", last.state).to_lowercase();
        let error = last.error.unwrap_or_else(|| Error::internal(format!("the operation is {state}")));
        return Err(failure(error));
    }
    if output != Format::Table {
        return Ok(());
    }
    let result = last.result.unwrap_or_default();
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = String::new();
    for (heading, value) in [
        ("NAME", text("name")),
        ("NAMESPACE", text("namespace")),
        ("STATUS", text("status")),
        ("REVISION", result.get("revision").map(Value::to_string).unwrap_or_default()),
        ("DESCRIPTION", text("description")),
    ] {
        if !value.is_empty() {
            lines.push_str(&format!("{heading}: {value}\n"));
        }
    }
    let notes = text("notes");
    if !notes.is_empty() {
        lines.push_str(&format!("NOTES:\n{}\n", notes.trim_end()));
    }
    lines.push_str(&text("info"));
    session.cx.printer.text(&lines)
}
