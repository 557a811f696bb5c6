//! `ankra-helm verify`

use std::path::PathBuf;

use engine::provenance;

use super::pull::tell;
use crate::cli::flags::keyring;
use crate::cli::{Context, Failure};

/// verify that a chart at the given path has been signed and is valid
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the archive; its provenance file is beside it
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// keyring containing public keys
    #[arg(long, value_name = "string")]
    keyring: Option<String>,
}

/// Verifies an archive, and says who signed it.
///
/// # Errors
/// What keeps it from being believed.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let compat = cx.settings.compat;
    let keyring = keyring(args.keyring.as_deref(), compat);
    let verified = provenance::verify_file(&args.path, &keyring, compat).map_err(Failure::from_display)?;
    tell(cx, &verified)
}
