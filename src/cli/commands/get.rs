//! `ankra-helm get all|hooks|manifest|metadata|notes|values`

use engine::action::{Metadata, get, get_metadata, get_values};
use engine::{Release, Run};
use templates_compat::value::Value;
use templates_compat::{Compat, json};

use super::release_output::{Parts, hooks, metadata_lines, show};
use super::release_value;
use crate::cli::{Context, Failure, Format, go_template, remote};

/// What to get.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// download all information for a named release
    All(AllArgs),
    /// download all hooks for a named release
    Hooks(ReleaseArgs),
    /// download the manifest for a named release
    Manifest(ReleaseArgs),
    /// This command fetches metadata for a given release
    Metadata(MetadataArgs),
    /// download the notes for a named release
    Notes(ReleaseArgs),
    /// download the values file for a named release
    Values(ValuesArgs),
}

/// A release and a revision.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// the release's name
    #[arg(value_name = "RELEASE_NAME")]
    name: String,
    /// get the named release with revision
    #[arg(long, value_name = "int", default_value_t = 0)]
    revision: i64,
}

/// `get all`
#[derive(Debug, clap::Args)]
pub(crate) struct AllArgs {
    #[command(flatten)]
    release: ReleaseArgs,
    /// go template for formatting the output, eg: {{.Release.Name}}
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    template: String,
}

/// `get metadata`
#[derive(Debug, clap::Args)]
pub(crate) struct MetadataArgs {
    #[command(flatten)]
    release: ReleaseArgs,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
}

/// `get values`
#[derive(Debug, clap::Args)]
pub(crate) struct ValuesArgs {
    #[command(flatten)]
    release: ReleaseArgs,
    /// dump all (computed) values
    #[arg(short, long)]
    all: bool,
    /// prints the output in the specified format
    #[arg(short, long, value_name = "format", value_enum, default_value_t)]
    output: Format,
}

fn read(args: &ReleaseArgs, cx: &Context) -> Result<Release, Failure> {
    if let Some(remote) = remote::of(cx) {
        return remote.get(&args.name, args.revision);
    }
    cx.block_on(async {
        get(&cx.engine().await?, &Run::default(), &args.name, args.revision).await.map_err(Failure::from_display)
    })
}

/// Shows parts of a stored release.
///
/// # Errors
/// The cluster's, `release: not found` among them.
pub(crate) fn run(command: &Command, cx: &Context) -> Result<(), Failure> {
    match command {
        Command::All(args) => all(args, cx),
        Command::Hooks(args) => cx.printer.text(&hooks(&read(args, cx)?)),
        Command::Manifest(args) => cx.printer.line(&read(args, cx)?.manifest),
        Command::Notes(args) => match read(args, cx)?.info.notes {
            notes if notes.is_empty() => Ok(()),
            notes => cx.printer.line(&format!("NOTES:\n{notes}")),
        },
        Command::Metadata(args) => metadata(args, cx),
        Command::Values(args) => values(args, cx),
    }
}

fn all(args: &AllArgs, cx: &Context) -> Result<(), Failure> {
    let release = read(&args.release, cx)?;
    if args.template.is_empty() {
        let parts = Parts { metadata: true, debug: true, ..Parts::default() };
        return show(&cx.printer, Format::Table, &release, parts, cx.settings.compat);
    }
    let dot = release_value::dot(&release, cx.settings.compat);
    cx.printer.bytes(&go_template::render_value(&args.template, &dot, cx.settings.compat)?)
}

fn metadata(args: &MetadataArgs, cx: &Context) -> Result<(), Failure> {
    let release = &args.release;
    let metadata = match remote::of(cx) {
        Some(remote) => Metadata::of(remote.get(&release.name, release.revision)?),
        None => cx.block_on(async {
            let engine = cx.engine().await?;
            get_metadata(&engine, &Run::default(), &release.name, release.revision).await.map_err(Failure::from_display)
        })?,
    };
    match args.output {
        Format::Table => cx.printer.text(&metadata_lines(&metadata)),
        format => cx.printer.structured(format, &super::list::json(&metadata)?),
    }
}

fn values(args: &ValuesArgs, cx: &Context) -> Result<(), Failure> {
    let release = &args.release;
    let values = match remote::of(cx) {
        Some(remote) => remote.values(&release.name, release.revision, args.all)?,
        None => cx.block_on(async {
            let engine = cx.engine().await?;
            get_values(&engine, &Run::default(), &release.name, release.revision, args.all)
                .await
                .map_err(Failure::from_display)
        })?,
    };
    let value = values.map_or(Value::Nil, Value::Map);
    if args.output == Format::Json {
        let text = json::write(&value, &json::Options::default(), Compat::default()).map_err(Failure::from_display)?;
        return cx.printer.line(&String::from_utf8_lossy(&text));
    }
    if args.output == Format::Table {
        cx.printer.line(if args.all { "COMPUTED VALUES:" } else { "USER-SUPPLIED VALUES:" })?;
    }
    cx.printer.yaml(&value)
}
