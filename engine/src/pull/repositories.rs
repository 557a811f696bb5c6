//! Helm's `repositories.yaml` and the indexes that `helm repo update` caches,
//! read as they are; nothing is written there.

use std::path::{Path, PathBuf};

use templates_compat::value::{Map, Value};
use templates_compat::{Compat, yaml};

use super::http::{self, Credentials, Tls};
use super::index::{self, RepositoryIndex};
use super::{MAX_INDEX_BYTES, PullError, PullOptions};

/// The largest `repositories.yaml` that is read (bytes).
const MAX_REPOSITORIES_BYTES: u64 = 4 * 1024 * 1024;

/// One repository of `repositories.yaml`.
#[derive(Clone, Default)]
pub struct RepositoryEntry {
    /// The name that `helm repo add` gave it.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// User name, or empty.
    pub username: String,
    /// Password, or empty.
    pub password: String,
    /// Whether the credentials go to other hosts, too.
    pub pass_credentials_all: bool,
    /// PEM certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate.
    pub cert_file: Option<PathBuf>,
    /// The client's key.
    pub key_file: Option<PathBuf>,
    /// Whether the server's certificate goes unchecked.
    pub insecure_skip_tls_verify: bool,
}

impl std::fmt::Debug for RepositoryEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RepositoryEntry").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

impl RepositoryEntry {
    pub(super) fn from_options(options: &PullOptions) -> Self {
        RepositoryEntry {
            username: options.username.clone().unwrap_or_default(),
            password: options.password.clone().unwrap_or_default(),
            pass_credentials_all: options.pass_credentials,
            ca_file: options.ca_file.clone(),
            cert_file: options.cert_file.clone(),
            key_file: options.key_file.clone(),
            insecure_skip_tls_verify: options.insecure_skip_tls_verify,
            ..RepositoryEntry::default()
        }
    }

    pub(super) fn credentials(&self) -> Credentials<'_> {
        if self.username.is_empty() || self.password.is_empty() {
            return Credentials::none();
        }
        Credentials { username: Some(&self.username), password: Some(&self.password) }
    }

    pub(super) fn tls(&self) -> Tls<'_> {
        Tls {
            ca_file: self.ca_file.as_deref(),
            cert_file: self.cert_file.as_deref(),
            key_file: self.key_file.as_deref(),
            insecure_skip_verify: self.insecure_skip_tls_verify,
        }
    }
}

/// Reads `repositories.yaml`; a file that is not there has no repositories.
///
/// # Errors
/// A file that cannot be read or is no mapping.
pub fn read_repositories(path: &Path) -> Result<Vec<RepositoryEntry>, PullError> {
    let failed = |cause: String| PullError::Config { what: "repositories file", path: path.to_path_buf(), cause };
    let Some(bytes) = read_limited(path, MAX_REPOSITORIES_BYTES).map_err(failed)? else { return Ok(Vec::new()) };
    let map = yaml::read_map(&bytes, Compat::default()).map_err(|e| failed(e.to_string()))?.unwrap_or_default();
    let Some(Value::List(entries)) = map.get(b"repositories") else { return Ok(Vec::new()) };
    Ok(entries.iter().filter_map(Value::as_map).map(entry).collect())
}

fn entry(map: &Map) -> RepositoryEntry {
    let text = |key: &str| match map.get(key.as_bytes()) {
        Some(Value::Str(s)) => s.to_text().into_owned(),
        _ => String::new(),
    };
    let path = |key: &str| Some(text(key)).filter(|p| !p.is_empty()).map(PathBuf::from);
    let flag = |key: &str| matches!(map.get(key.as_bytes()), Some(Value::Bool(true)));
    RepositoryEntry {
        name: text("name"),
        url: text("url"),
        username: text("username"),
        password: text("password"),
        pass_credentials_all: flag("pass_credentials_all"),
        ca_file: path("caFile"),
        cert_file: path("certFile"),
        key_file: path("keyFile"),
        insecure_skip_tls_verify: flag("insecure_skip_tls_verify"),
    }
}

fn read_limited(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, String> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > limit => Err(format!("larger than {limit} bytes")),
        Ok(_) => std::fs::read(path).map(Some).map_err(|e| e.to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// The repository of this name.
pub(super) fn find(options: &PullOptions, name: &str) -> Result<RepositoryEntry, PullError> {
    let entries = match &options.repository_config {
        Some(path) => read_repositories(path)?,
        None => Vec::new(),
    };
    entries.into_iter().find(|e| e.name == name).ok_or_else(|| PullError::RepositoryNotFound(name.into()))
}

/// The index of a named repository: the cached one, or else a fresh one.
pub(super) async fn index(
    options: &PullOptions,
    repository: &RepositoryEntry,
    chart: &str,
) -> Result<RepositoryIndex, PullError> {
    if let Some(cache) = &options.repository_cache {
        let path = cache.join(format!("{}-index.yaml", repository.name));
        let failed = |cause: String| PullError::Config { what: "cached index", path: path.clone(), cause };
        if let Some(bytes) = read_limited(&path, MAX_INDEX_BYTES).map_err(failed)? {
            return RepositoryIndex::parse(&bytes, chart);
        }
    }
    let client = http::client(&repository.tls())?;
    let bytes = http::get(&client, &index::index_url(&repository.url)?, repository.credentials(), MAX_INDEX_BYTES)
        .await
        .map_err(|e| PullError::NotARepository { url: repository.url.clone(), source: Box::new(e) })?;
    RepositoryIndex::parse(&bytes, chart)
}
