//! Fetching a chart: from a reference to verified bytes.
//!
//! Owns where a chart comes from (a file, a URL, a chart repository, an OCI
//! registry), the limits on what a server may send and the checksums. It does
//! not look inside the archive: that is `charts::load`.

mod credentials;
pub mod dependencies;
mod error;
mod http;
mod index;
mod oci;
mod repositories;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::PullError;
pub use index::{IndexEntry, RepositoryIndex};
pub use repositories::{RepositoryEntry, read_repositories};
pub use schema::{ALL_SCHEMAS_TIMEOUT, MAX_FETCHED_SCHEMAS, MAX_SCHEMA_BYTES, SCHEMA_TIMEOUT, SchemaFetcher};

/// The largest archive that is accepted (bytes, compressed). Helm's limit on
/// the decompressed chart is the same number, so a larger archive could not
/// be loaded anyway.
pub const MAX_ARCHIVE_BYTES: u64 = 100 * 1024 * 1024;

/// The largest `index.yaml` that is accepted (bytes). The largest public
/// ones are about 140 MB.
pub const MAX_INDEX_BYTES: u64 = 256 * 1024 * 1024;

/// The largest values file that is fetched from a URL (bytes).
pub const MAX_VALUES_BYTES: u64 = 16 * 1024 * 1024;

/// How long a server may take to accept a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server may stay silent in the middle of an answer.
pub const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How a chart is fetched: Helm's chart source flags and the places of its
/// configuration files.
#[derive(Debug, Clone, Default)]
pub struct PullOptions {
    /// `--version`: an exact version or a constraint; empty means the newest stable.
    pub version: String,
    /// `--devel`: also pre-releases (the same as version `>0.0.0-0`).
    pub devel: bool,
    /// `--repo`: the chart repository in which the reference is a chart's name.
    pub repo: Option<String>,
    /// `--username`
    pub username: Option<String>,
    /// `--password`
    pub password: Option<String>,
    /// `--pass-credentials`: send them to other hosts than the repository's, too.
    pub pass_credentials: bool,
    /// `--ca-file`: PEM certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `--cert-file`: the client's certificate (PEM).
    pub cert_file: Option<PathBuf>,
    /// `--key-file`: the client's key (PEM).
    pub key_file: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
    /// `--verify`, `--prov`: whether the provenance file is fetched, too. It is
    /// checked by [`crate::provenance`].
    pub provenance: bool,
    /// `--plain-http`: speak HTTP to an OCI registry.
    pub plain_http: bool,
    /// `--registry-config`: Docker-style `config.json` with credentials.
    pub registry_config: Option<PathBuf>,
    /// `--repository-config`: Helm's `repositories.yaml`.
    pub repository_config: Option<PathBuf>,
    /// `--repository-cache`: the folder of the cached indexes.
    pub repository_cache: Option<PathBuf>,
}

impl PullOptions {
    /// The version constraint that applies, `--devel` included.
    pub(crate) fn wanted_version(&self) -> &str {
        match self.version.trim() {
            "" if self.devel => ">0.0.0-0",
            version => version,
        }
    }
}

/// Where a chart reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// A folder or an archive on this machine.
    Path(PathBuf),
    /// Something to download.
    Remote(Remote),
}

/// A chart that has to be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// `oci://host/path[:tag][@digest]`
    Oci(String),
    /// `http://…` or `https://…` of an archive
    Url(String),
    /// A name in the repository at this URL (`--repo`)
    InRepository {
        /// The repository's URL.
        url: String,
        /// The chart's name.
        name: String,
    },
    /// `repo_name/chart_name` by `repositories.yaml`
    Named {
        /// The name under which the repository was added.
        repository: String,
        /// The chart's name.
        name: String,
    },
}

/// A fetched archive.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The archive as it came.
    pub bytes: Vec<u8>,
    /// `sha256:<hex>` of the bytes.
    pub digest: String,
    /// Where it came from, without credentials.
    pub source: String,
    /// For registries: the manifest's reference and digest, as Helm prints them.
    pub oci: Option<oci::OciOrigin>,
    /// What the user should be told (Helm prints these to stderr).
    pub warnings: Vec<String>,
    /// The archive's file name, which its provenance names.
    pub name: String,
    /// The provenance file, if it was asked for, or why there is none.
    pub provenance: Option<Result<Vec<u8>, NoProvenance>>,
}

impl Pulled {
    /// What Helm says of a chart from a registry. It asks twice if there is a
    /// provenance file, and says so twice.
    pub fn origin(&self) -> Option<String> {
        let text = self.oci.as_ref()?.text();
        Some(if matches!(self.provenance, Some(Ok(_))) { format!("{text}\n{text}") } else { text })
    }
}

/// A provenance file that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoProvenance {
    /// Where it should be.
    pub url: String,
    /// Why it could not be had.
    pub cause: String,
}

impl NoProvenance {
    fn new(url: String, cause: &PullError) -> NoProvenance {
        NoProvenance { url, cause: cause.to_string() }
    }
}

pub use oci::OciOrigin;

/// Finds out what a chart reference means, by Helm's rules: something that
/// exists on disk wins (unless `--repo` is given), then `oci://`, then URLs,
/// then `repo/name`.
///
/// # Errors
/// A path that does not exist, or a word that is none of these.
pub fn locate(reference: &str, options: &PullOptions) -> Result<Located, PullError> {
    let reference = reference.trim();
    let path = Path::new(reference);
    if let Some(url) = options.repo.as_deref().filter(|url| !url.is_empty()) {
        return Ok(Located::Remote(Remote::InRepository { url: url.into(), name: reference.into() }));
    }
    if path.exists() {
        return Ok(Located::Path(path.to_path_buf()));
    }
    if path.is_absolute() || reference.starts_with('.') {
        return Err(PullError::PathNotFound(reference.into()));
    }
    remote(reference).map(Located::Remote)
}

/// The remote meaning of a reference, without a look at the disk. The agent
/// uses this one: a request must never name a file of its machine.
///
/// # Errors
/// A word that is neither a URL nor `repo/name`.
pub fn remote(reference: &str) -> Result<Remote, PullError> {
    // Helm makes a path of it first, in which two slashes are one too many.
    if reference == "oci://" {
        return Err(PullError::NotAReference("oci:".into()));
    }
    if reference.starts_with("oci://") {
        return Ok(Remote::Oci(reference.into()));
    }
    if let Some((scheme, rest)) = reference.split_once("://") {
        return match scheme {
            "http" | "https" if !rest.is_empty() => Ok(Remote::Url(reference.into())),
            _ => Err(PullError::SchemeNotSupported(scheme.into())),
        };
    }
    match reference.split_once('/') {
        Some((repository, name)) if !repository.is_empty() && !name.is_empty() => {
            Ok(Remote::Named { repository: repository.into(), name: name.into() })
        }
        _ => Err(PullError::NotAReference(reference.into())),
    }
}

/// Downloads a chart archive and checks it against the digest that its
/// repository or registry gives.
///
/// # Errors
/// What went wrong with which URL; nothing is written anywhere.
pub async fn pull(remote: &Remote, options: &PullOptions) -> Result<Pulled, PullError> {
    match remote {
        Remote::Oci(reference) => oci::pull(reference, options).await,
        Remote::Url(url) => archive(url, None, options.credentials(), options, Vec::new()).await,
        Remote::InRepository { url, name } => {
            let repository = RepositoryEntry { url: url.clone(), ..RepositoryEntry::from_options(options) };
            let client = http::client(&repository.tls())?;
            let body = http::get(&client, &index::index_url(url)?, repository.credentials(), MAX_INDEX_BYTES)
                .await
                .map_err(|e| PullError::NotARepository { url: url.clone(), source: Box::new(e) })?;
            let index = RepositoryIndex::parse(&body, name)?;
            let (entry, warnings) =
                index.find(name, options.wanted_version()).map_err(|_| PullError::ChartNotInRepository {
                    name: name.clone(),
                    version: options.wanted_version().into(),
                    url: url.clone(),
                })?;
            from_repository(&repository, entry, name, options, warnings).await
        }
        Remote::Named { repository, name } => {
            let entry = repositories::find(options, repository)?;
            let index = repositories::index(options, &entry, name).await?;
            let (chart, warnings) =
                index.find(name, options.wanted_version()).map_err(|source| PullError::ChartNotInIndex {
                    name: name.clone(),
                    version: options.wanted_version().into(),
                    repository: repository.clone(),
                    cause: source.to_string(),
                })?;
            from_repository(&entry, chart, name, options, warnings).await
        }
    }
}

async fn from_repository(
    repository: &RepositoryEntry,
    chart: &IndexEntry,
    name: &str,
    options: &PullOptions,
    warnings: Vec<String>,
) -> Result<Pulled, PullError> {
    let Some(reference) = chart.urls.first() else {
        return Err(PullError::NoUrls(name.into()));
    };
    let url = index::resolve_url(&repository.url, reference)?;
    if url.starts_with("oci://") {
        return oci::pull(&url, &PullOptions { version: chart.version.clone(), ..options.clone() }).await;
    }
    let same_host = http::same_host(&repository.url, &url);
    let credentials =
        if same_host || repository.pass_credentials_all { repository.credentials() } else { http::Credentials::none() };
    let options = PullOptions {
        ca_file: repository.ca_file.clone(),
        cert_file: repository.cert_file.clone(),
        key_file: repository.key_file.clone(),
        insecure_skip_tls_verify: repository.insecure_skip_tls_verify,
        ..options.clone()
    };
    archive(&url, chart.digest.as_deref(), credentials, &options, warnings).await
}

async fn archive(
    url: &str,
    digest: Option<&str>,
    credentials: http::Credentials<'_>,
    options: &PullOptions,
    warnings: Vec<String>,
) -> Result<Pulled, PullError> {
    let client = http::client(&options.tls())?;
    let bytes = http::get(&client, url, credentials, MAX_ARCHIVE_BYTES).await?;
    let actual = http::sha256(&bytes);
    if let Some(expected) = digest {
        // Helm writes the bare hex into an index; other tools add the algorithm.
        let expected = expected.strip_prefix("sha256:").unwrap_or(expected);
        if !expected.eq_ignore_ascii_case(&actual) {
            return Err(PullError::Digest { url: http::without_credentials(url), expected: expected.into(), actual });
        }
    }
    let provenance = if options.provenance {
        let url = format!("{url}.prov");
        let fetched = http::get(&client, &url, credentials, crate::provenance::MAX_PROVENANCE_BYTES).await;
        Some(fetched.map_err(|e| NoProvenance::new(http::without_credentials(&url), &e)))
    } else {
        None
    };
    Ok(Pulled {
        bytes,
        digest: format!("sha256:{actual}"),
        source: http::without_credentials(url),
        oci: None,
        warnings,
        name: http::file_name(url),
        provenance,
    })
}

/// Reads a values file from a URL (`-f https://…`). As in Helm, the flags for
/// the chart's source do not count here: whose values they are, their server
/// is another one.
///
/// # Errors
/// What went wrong with the URL.
pub async fn values_file(url: &str) -> Result<Vec<u8>, PullError> {
    let client = http::client(&http::Tls::default())?;
    http::get(&client, url, http::Credentials::none(), MAX_VALUES_BYTES).await
}

impl PullOptions {
    fn credentials(&self) -> http::Credentials<'_> {
        http::Credentials { username: self.username.as_deref(), password: self.password.as_deref() }
    }

    fn tls(&self) -> http::Tls<'_> {
        http::Tls {
            ca_file: self.ca_file.as_deref(),
            cert_file: self.cert_file.as_deref(),
            key_file: self.key_file.as_deref(),
            insecure_skip_verify: self.insecure_skip_tls_verify,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_mean_what_they_mean_to_helm() {
        let none = PullOptions::default();
        assert!(matches!(locate("/", &none), Ok(Located::Path(_))));
        assert_eq!(locate("./nope", &none).unwrap_err().to_string(), "path \"./nope\" not found");
        assert_eq!(
            locate("nope", &none).unwrap_err().to_string(),
            "non-absolute URLs should be in form of repo_name/path_to_chart, got: nope"
        );
        assert!(matches!(remote("oci://h/p/c"), Ok(Remote::Oci(_))));
        assert!(matches!(remote("https://h/c-1.tgz"), Ok(Remote::Url(_))));
        assert!(matches!(remote("ftp://h/c-1.tgz"), Err(PullError::SchemeNotSupported(_))));
        let named = Remote::Named { repository: "stable".into(), name: "sub/nginx".into() };
        assert_eq!(remote("stable/sub/nginx").unwrap(), named);
        let with_repo = PullOptions { repo: Some("https://h".into()), ..none };
        assert!(matches!(locate("nginx", &with_repo), Ok(Located::Remote(Remote::InRepository { .. }))));
    }
}
