//! Where a chart comes from.

use std::path::PathBuf;

use engine::pull::PullOptions;
use templates_compat::Compat;

use crate::cli::settings::{Settings, env};

/// Helm's chart source flags.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ChartArgs {
    /// specify a version constraint for the chart version to use. This constraint can be a specific tag (e.g. 1.1.1) or it may reference a valid range (e.g. ^2.0.0). If this is not specified, the latest version is used
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    pub version: String,
    /// use development versions, too. Equivalent to version '>0.0.0-0'. If --version is set, this is ignored
    #[arg(long)]
    pub devel: bool,
    /// chart repository url where to locate the requested chart
    #[arg(long, value_name = "string")]
    pub repo: Option<String>,
    /// pass credentials to all domains
    #[arg(long)]
    pub pass_credentials: bool,
    /// location of public keys used for verification
    #[arg(long, value_name = "string")]
    pub keyring: Option<String>,
    /// verify the package before using it
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub transport: TransportArgs,
}

/// GnuPG's keyring, where `--keyring` names none. The form of today's GnuPG
/// counts where Helm 4 reads it and there is no other.
pub(crate) fn keyring(named: Option<&str>, compat: Compat) -> PathBuf {
    if let Some(path) = named {
        return PathBuf::from(path);
    }
    let home = match std::env::var_os("GNUPGHOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(env("HOME").unwrap_or_default()).join(".gnupg"),
    };
    let (old, new) = (home.join("pubring.gpg"), home.join("pubring.kbx"));
    if compat.reads_new_keyrings() && !old.exists() && new.exists() { new } else { old }
}

impl ChartArgs {
    /// What the chart has to be signed with, if it has to.
    pub(crate) fn trusted(&self, settings: &Settings) -> Option<PathBuf> {
        self.verify.then(|| keyring(self.keyring.as_deref(), settings.compat))
    }

    /// The options of a pull.
    pub(crate) fn pull_options(&self, settings: &Settings) -> PullOptions {
        PullOptions {
            version: self.version.clone(),
            devel: self.devel,
            repo: self.repo.clone(),
            pass_credentials: self.pass_credentials,
            provenance: self.verify,
            ..self.transport.pull_options(settings)
        }
    }
}

/// How the server of a chart is spoken to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TransportArgs {
    /// chart repository username where to locate the requested chart
    #[arg(long, value_name = "string")]
    pub username: Option<String>,
    /// chart repository password where to locate the requested chart
    #[arg(long, value_name = "string")]
    pub password: Option<String>,
    /// verify certificates of HTTPS-enabled servers using this CA bundle
    #[arg(long, value_name = "string")]
    pub ca_file: Option<PathBuf>,
    /// identify HTTPS client using this SSL certificate file
    #[arg(long, value_name = "string")]
    pub cert_file: Option<PathBuf>,
    /// identify HTTPS client using this SSL key file
    #[arg(long, value_name = "string")]
    pub key_file: Option<PathBuf>,
    /// skip tls certificate checks for the chart download
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// use insecure HTTP connections for the chart download
    #[arg(long)]
    pub plain_http: bool,
}

impl TransportArgs {
    /// The options of a pull.
    pub(crate) fn pull_options(&self, settings: &Settings) -> PullOptions {
        PullOptions {
            username: self.username.clone(),
            password: self.password.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            plain_http: self.plain_http,
            registry_config: Some(settings.registry_config.clone()),
            repository_config: Some(settings.repository_config.clone()),
            repository_cache: Some(settings.repository_cache.clone()),
            ..PullOptions::default()
        }
    }
}
