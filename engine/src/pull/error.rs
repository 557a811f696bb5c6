//! What can go wrong while fetching, in Helm's words where Helm has them.

use std::path::PathBuf;

/// Why a chart could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// A reference that looks like a path, and nothing is there.
    #[error("path {0:?} not found")]
    PathNotFound(String),
    /// A reference that is neither a path nor a URL nor `repo/name`.
    #[error("non-absolute URLs should be in form of repo_name/path_to_chart, got: {0}")]
    NotAReference(String),
    /// A URL of another scheme than http, https and oci.
    #[error("could not find protocol handler for: {0}")]
    NoProtocolHandler(String),
    /// The same where no repository is named.
    #[error("scheme {0:?} not supported")]
    SchemeNotSupported(String),
    /// A URL that cannot be read.
    #[error("invalid chart URL format: {0}")]
    BadUrl(String),
    /// The server answered with something other than success.
    #[error("failed to fetch {url} : {status}")]
    Status {
        /// The URL, without credentials.
        url: String,
        /// Number and words of the status.
        status: String,
    },
    /// The request itself failed.
    #[error("Get {url:?}: {cause}")]
    Request {
        /// The URL, without credentials.
        url: String,
        /// The innermost cause in words.
        cause: String,
    },
    /// The answer is larger than allowed.
    #[error("{url} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The URL, without credentials.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes are not the ones that the index promised.
    #[error("sha256 sum does not match for {url}: the index says {expected}, the archive has {actual}")]
    Digest {
        /// The URL, without credentials.
        url: String,
        /// Hex digest from the index.
        expected: String,
        /// Hex digest of what came.
        actual: String,
    },
    /// `index.yaml` could not be had.
    #[error("looks like {url:?} is not a valid chart repository or cannot be reached: {source}")]
    NotARepository {
        /// The repository's URL.
        url: String,
        /// Why.
        source: Box<PullError>,
    },
    /// `index.yaml` is not an index.
    #[error("error loading index.yaml: {0}")]
    BadIndex(String),
    /// No such chart or version at `--repo`.
    #[error("chart {name:?}{} not found in {url} repository", version_words(version))]
    ChartNotInRepository {
        /// The chart's name.
        name: String,
        /// The wanted version, perhaps empty.
        version: String,
        /// The repository's URL.
        url: String,
    },
    /// No such chart or version in a named repository's index.
    #[error("chart {name:?} matching {version} not found in {repository} index. (try 'helm repo update'): {cause}")]
    ChartNotInIndex {
        /// The chart's name.
        name: String,
        /// The wanted version, perhaps empty.
        version: String,
        /// The repository's name.
        repository: String,
        /// Why.
        cause: String,
    },
    /// An index entry without a URL.
    #[error("chart {0:?} has no downloadable URLs")]
    NoUrls(String),
    /// `repositories.yaml` has no repository of this name.
    #[error("repo {0} not found")]
    RepositoryNotFound(String),
    /// A configuration file that cannot be read.
    #[error("couldn't load {what} ({}): {cause}", path.display())]
    Config {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// TLS files that cannot be used.
    #[error("can't create TLS config for client: {0}")]
    Tls(String),
    /// A registry refused or sent something unexpected.
    #[error("failed to perform {operation:?} on {reference}: {cause}")]
    Registry {
        /// What was asked for.
        operation: &'static str,
        /// The OCI reference.
        reference: String,
        /// The registry's words.
        cause: String,
    },
    /// An OCI reference that cannot be read.
    #[error("invalid reference: {0}")]
    BadReference(String),
    /// No tag satisfies the version.
    #[error("could not locate a version matching provided version string {0}")]
    NoMatchingTag(String),
    /// The artifact is not a Helm chart.
    #[error("{0}")]
    NotAChart(String),
}

fn version_words(version: &str) -> String {
    if version.is_empty() { String::new() } else { format!(" version {version:?}") }
}
