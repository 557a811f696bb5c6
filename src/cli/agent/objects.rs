//! `ankra-helm agent apply|delete|scale|restart|patch`

use std::{io::Read, path::PathBuf};

use super::{Session, failure, follow};
use crate::{
    cli::{Failure, Format},
    protocol::{
        Error,
        command::{ReleaseSpec, State, Verb},
        objects::{ObjectsSpec, PatchType},
        read::KindRef,
    },
};

/// Longest manifest that is read.
const MANIFEST_MAX: u64 = 512 * 1024;

/// Where a manifest is.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// file with the manifest; - for standard input
    #[arg(short = 'f', long, value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
    /// who owns the fields
    #[arg(long, value_name = "string", default_value = "ankra-agent")]
    field_manager: String,
    /// take fields that others own
    #[arg(long)]
    force_conflicts: bool,
    #[command(flatten)]
    flags: follow::Flags,
}

/// delete objects
#[derive(Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// the kind and names, or KIND/NAME
    #[arg(value_name = "KIND[/NAME]|NAME")]
    what: Vec<String>,
    /// file with the manifest of what is deleted; - for standard input
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with = "what")]
    filename: Vec<PathBuf>,
    /// treat an absent object as deleted
    #[arg(long)]
    ignore_not_found: bool,
    #[command(flatten)]
    flags: follow::Flags,
}

/// set how many pods a workload has
#[derive(Debug, clap::Args)]
pub(super) struct ScaleArgs {
    /// the kind and names, or KIND/NAME
    #[arg(required = true, value_name = "KIND[/NAME]|NAME")]
    what: Vec<String>,
    /// how many
    #[arg(long, value_name = "int")]
    replicas: u32,
    #[command(flatten)]
    flags: follow::Flags,
}

/// restart the pods of a workload, one after the other
#[derive(Debug, clap::Args)]
pub(super) struct RestartArgs {
    /// the kind and names, or KIND/NAME
    #[arg(required = true, value_name = "KIND[/NAME]|NAME")]
    what: Vec<String>,
    #[command(flatten)]
    flags: follow::Flags,
}

/// change fields of an object
#[derive(Debug, clap::Args)]
pub(super) struct PatchArgs {
    /// the kind and names, or KIND/NAME
    #[arg(required = true, value_name = "KIND[/NAME]|NAME")]
    what: Vec<String>,
    /// the patch, JSON or YAML
    #[arg(short, long, value_name = "PATCH")]
    patch: String,
    /// how it is written: merge, strategic or json
    #[arg(long = "type", value_enum, default_value_t)]
    kind: Kind,
    #[command(flatten)]
    flags: follow::Flags,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// RFC 7396
    #[default]
    Merge,
    /// Kubernetes' own, for built-in kinds
    Strategic,
    /// RFC 6902
    Json,
}

pub(super) async fn apply(args: &ApplyArgs, session: &Session<'_>) -> Result<(), Failure> {
    let objects = ObjectsSpec {
        manifest: manifest(&args.filename)?,
        field_manager: args.field_manager.clone(),
        force: args.force_conflicts,
        ..ObjectsSpec::default()
    };
    run(session, &args.flags, Verb::ManifestApply, objects).await
}

pub(super) async fn delete(args: &DeleteArgs, session: &Session<'_>) -> Result<(), Failure> {
    let ignore_not_found = args.ignore_not_found;
    if !args.filename.is_empty() {
        let manifest = manifest(&args.filename)?;
        let objects = ObjectsSpec { manifest, ignore_not_found, ..ObjectsSpec::default() };
        return run(session, &args.flags, Verb::ManifestDelete, objects).await;
    }
    let objects = ObjectsSpec { ignore_not_found, ..named(&args.what)? };
    run(session, &args.flags, Verb::ResDelete, objects).await
}

pub(super) async fn scale(args: &ScaleArgs, session: &Session<'_>) -> Result<(), Failure> {
    let objects = ObjectsSpec { replicas: Some(args.replicas), ..named(&args.what)? };
    run(session, &args.flags, Verb::ResScale, objects).await
}

pub(super) async fn restart(args: &RestartArgs, session: &Session<'_>) -> Result<(), Failure> {
    run(session, &args.flags, Verb::ResRestart, named(&args.what)?).await
}

pub(super) async fn patch(args: &PatchArgs, session: &Session<'_>) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| failure(Error::invalid(format!("the patch cannot be read: {error}")));
    let patch = match serde_json::from_str(&args.patch) {
        Ok(patch) => patch,
        Err(json) => {
            let map =
                charts::values::load_values(args.patch.as_bytes(), charts::Compat::Helm4).map_err(|_| wrong(&json))?;
            let value = templates_compat::Value::Map(map);
            let options = templates_compat::json::Options::default();
            let text = templates_compat::json::write(&value, &options, charts::Compat::Helm4).map_err(|e| wrong(&e))?;
            serde_json::from_slice(&text).map_err(|error| wrong(&error))?
        }
    };
    let patch_type = match args.kind {
        Kind::Merge => PatchType::Merge,
        Kind::Strategic => PatchType::Strategic,
        Kind::Json => PatchType::Json,
    };
    let objects = ObjectsSpec { patch: Some(patch), patch_type, ..named(&args.what)? };
    run(session, &args.flags, Verb::ResPatch, objects).await
}

fn named(what: &[String]) -> Result<ObjectsSpec, Failure> {
    let (kind, names) = super::get::target(what).map_err(failure)?;
    if names.is_empty() {
        return Err(failure(Error::invalid("name the objects, as KIND NAME or KIND/NAME")));
    }
    Ok(ObjectsSpec { kind: KindRef::resource(kind), names, ..ObjectsSpec::default() })
}

/// The files as one manifest.
fn manifest(files: &[PathBuf]) -> Result<String, Failure> {
    let mut all = String::new();
    for file in files {
        let failed = |error: std::io::Error| failure(Error::invalid(format!("{}: {error}", file.display())));
        let mut text = String::new();
        let read = if file.as_os_str() == "-" {
            std::io::stdin().take(MANIFEST_MAX + 1).read_to_string(&mut text)
        } else {
            std::fs::File::open(file).map_err(failed)?.take(MANIFEST_MAX + 1).read_to_string(&mut text)
        };
        read.map_err(failed)?;
        if text.len() as u64 > MANIFEST_MAX {
            return Err(failure(Error::invalid(format!("{} is over {MANIFEST_MAX} bytes", file.display()))));
        }
        all.push_str("---\n");
        all.push_str(&text);
        all.push('\n');
    }
    Ok(all)
}

async fn run(session: &Session<'_>, flags: &follow::Flags, verb: Verb, objects: ObjectsSpec) -> Result<(), Failure> {
    let spec = ReleaseSpec { namespace: session.namespace(), objects: Some(objects), ..ReleaseSpec::default() };
    let Some(last) = follow::publish(session, flags, verb, spec).await? else { return Ok(()) };
    if flags.output != Format::Table || last.state != State::Succeeded {
        return follow::finish(session, flags.output, last);
    }
    let dry = if flags.dry_run { " (dry run)" } else { "" };
    let result = last.result.unwrap_or_default();
    let mut lines = String::new();
    for object in result["objects"].as_array().into_iter().flatten() {
        let word = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        lines.push_str(&format!("{}/{} {}{dry}\n", word("kind").to_lowercase(), word("name"), word("outcome")));
    }
    session.cx.printer.text(&lines)
}
