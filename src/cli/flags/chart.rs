//! Where a chart comes from.

use std::path::PathBuf;

use engine::pull::PullOptions;

use crate::cli::settings::Settings;

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
    /// chart repository username where to locate the requested chart
    #[arg(long, value_name = "string")]
    pub username: Option<String>,
    /// chart repository password where to locate the requested chart
    #[arg(long, value_name = "string")]
    pub password: Option<String>,
    /// pass credentials to all domains
    #[arg(long)]
    pub pass_credentials: bool,
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
    /// location of public keys used for verification
    #[arg(long, value_name = "string")]
    pub keyring: Option<PathBuf>,
    /// verify the package before using it
    #[arg(long)]
    pub verify: bool,
    /// use insecure HTTP connections for the chart download
    #[arg(long)]
    pub plain_http: bool,
}

impl ChartArgs {
    /// The options of a pull.
    pub(crate) fn pull_options(&self, settings: &Settings) -> PullOptions {
        PullOptions {
            version: self.version.clone(),
            devel: self.devel,
            repo: self.repo.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            pass_credentials: self.pass_credentials,
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            plain_http: self.plain_http,
            verify: self.verify,
            registry_config: Some(settings.registry_config.clone()),
            repository_config: Some(settings.repository_config.clone()),
            repository_cache: Some(settings.repository_cache.clone()),
        }
    }
}
