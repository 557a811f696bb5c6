//! A chart repository's `index.yaml`: what is read of it and how a version is
//! chosen.

use templates_compat::neturl::Url as GoUrl;
use templates_compat::semver::{Constraints, Version};
use templates_compat::value::{Map, Value};
use templates_compat::yaml::{self, Field, Shape, StructShape};
use templates_compat::{Compat, json};

use reqwest::Url;

use super::PullError;

/// One version of one chart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexEntry {
    /// The chart's version.
    pub version: String,
    /// Where the archive is: absolute, or relative to the repository.
    pub urls: Vec<String>,
    /// Hex SHA-256 of the archive, if the index has one.
    pub digest: Option<String>,
}

/// The versions of one chart in a repository, newest first.
#[derive(Debug, Clone, Default)]
pub struct RepositoryIndex {
    name: String,
    versions: Option<Vec<IndexEntry>>,
}

const ENTRY: StructShape = StructShape {
    name: "ChartVersion",
    full_name: "repo.ChartVersion",
    fields: &[
        Field { json: "name", pointer: false, shape: Shape::Str },
        Field { json: "version", pointer: false, shape: Shape::Str },
        Field { json: "urls", pointer: false, shape: Shape::List(&Shape::Str) },
        Field { json: "digest", pointer: false, shape: Shape::Str },
    ],
};

const INDEX: StructShape = StructShape {
    name: "IndexFile",
    full_name: "repo.IndexFile",
    fields: &[
        Field { json: "apiVersion", pointer: false, shape: Shape::Str },
        Field { json: "entries", pointer: false, shape: Shape::Map(&Shape::List(&Shape::Struct(&ENTRY))) },
    ],
};

impl RepositoryIndex {
    /// Reads an index and keeps the versions of one chart. Entries without a
    /// version are left out, as Helm leaves out invalid ones.
    ///
    /// # Errors
    /// An index that cannot be read, or that has no `apiVersion`.
    pub fn parse(bytes: &[u8], name: &str) -> Result<RepositoryIndex, PullError> {
        if bytes.is_empty() {
            return Err(PullError::BadIndex("empty index.yaml file".into()));
        }
        // JSON is YAML, except for a few escapes; Helm too tries JSON first.
        let index = match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{') => json::read(bytes, Compat::default()).map_err(|e| PullError::BadIndex(e.to_string())),
            _ => yaml::decode(bytes, &Shape::Struct(&INDEX), Compat::default())
                .map_err(|e| PullError::BadIndex(e.to_string())),
        }?;
        let Value::Map(index) = index else {
            return Err(PullError::BadIndex("no API version specified".into()));
        };
        if text(&index, "apiVersion").is_empty() {
            return Err(PullError::BadIndex("no API version specified".into()));
        }
        let versions = match index.get(b"entries") {
            Some(Value::Map(entries)) => entries.get(name.as_bytes()).map(|versions| read_versions(&versions)),
            _ => None,
        };
        Ok(RepositoryIndex { name: name.into(), versions })
    }

    /// All versions, newest first; `None` if there is no such chart.
    pub(super) fn versions(&self) -> Option<&[IndexEntry]> {
        self.versions.as_deref()
    }

    /// The newest version that satisfies `wanted` (empty: the newest stable
    /// one); a version with exactly these words wins. The second part is what
    /// the user should be told.
    ///
    /// # Errors
    /// No such chart, no such version, or a constraint that cannot be read.
    pub fn find(&self, name: &str, wanted: &str) -> Result<(&IndexEntry, Vec<String>), FindError> {
        let versions = self.versions.as_deref().filter(|_| self.name == name).ok_or(FindError::NoChartName)?;
        if versions.is_empty() {
            return Err(FindError::NoChartVersion);
        }
        let constraint = Constraints::parse(if wanted.is_empty() { "*" } else { wanted }, Compat::default())
            .map_err(|e| FindError::Constraint(e.to_string()))?;
        if let Some(exact) = versions.iter().find(|v| !wanted.is_empty() && v.version == wanted) {
            return Ok((exact, Vec::new()));
        }
        let found = versions
            .iter()
            .find(|v| Version::parse(&v.version, Compat::default()).is_ok_and(|version| constraint.check(&version)));
        match found {
            Some(entry) if !wanted.is_empty() && !is_range(wanted) => {
                let warning = format!(
                    "unable to find exact version requested; falling back to closest available version \
                     chart={name} requested={wanted} selected={}",
                    entry.version
                );
                Ok((entry, vec![warning]))
            }
            Some(entry) => Ok((entry, Vec::new())),
            None => Err(FindError::NotFound { name: name.into(), version: wanted.into() }),
        }
    }
}

/// Why an index has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The index has no such chart.
    #[error("no chart name found")]
    NoChartName,
    /// The index has the chart's name, but no version.
    #[error("no chart version found")]
    NoChartVersion,
    /// `--version` cannot be read.
    #[error("{0}")]
    Constraint(String),
    /// No version satisfies it.
    #[error("no chart version found for {name}-{version}")]
    NotFound {
        /// The chart's name.
        name: String,
        /// The wanted version.
        version: String,
    },
}

fn text(map: &Map, key: &str) -> String {
    match map.get(key.as_bytes()) {
        Some(Value::Str(s)) => s.to_text().into_owned(),
        _ => String::new(),
    }
}

fn read_versions(value: &Value) -> Vec<IndexEntry> {
    let entries = value.as_list().map(|l| l.as_slice()).unwrap_or_default();
    let mut versions: Vec<(Option<Version>, IndexEntry)> = entries
        .iter()
        .filter_map(Value::as_map)
        .filter(|entry| !text(entry, "version").is_empty())
        .map(|entry| {
            let version = text(entry, "version");
            let urls = match entry.get(b"urls") {
                Some(Value::List(urls)) => urls.iter().filter_map(Value::as_bytes).map(lossy).collect(),
                _ => Vec::new(),
            };
            let digest = Some(text(entry, "digest")).filter(|d| !d.is_empty());
            (Version::parse(&version, Compat::default()).ok(), IndexEntry { version, urls, digest })
        })
        .collect();
    // Newest first; what is no version counts as older than all others.
    versions.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => b.compare(a),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => std::cmp::Ordering::Equal,
    });
    versions.into_iter().map(|(_, entry)| entry).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the words are a range and not one version.
fn is_range(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    version.contains(['^', '~', '<', '>', '=', '!', '*'])
        || version.contains("||")
        || version.contains(" - ")
        || core.contains(['x', 'X'])
}

/// The URL of a repository's index.
pub(super) fn index_url(repository: &str) -> Result<String, PullError> {
    let scheme = GoUrl::parse(repository.as_bytes(), Compat::default()).map(|url| url.scheme).unwrap_or_default();
    if !matches!(scheme.as_slice(), b"http" | b"https") {
        return Err(PullError::NoProtocolHandler(String::from_utf8_lossy(&scheme).into_owned()));
    }
    if let Some(("http" | "https", "")) = repository.split_once("://") {
        let (url, cause) = (format!("{repository}/index.yaml"), "http: no Host in request URL".to_string());
        let source = Box::new(PullError::Request { url, cause });
        return Err(PullError::NotARepository { url: repository.into(), source });
    }
    let mut url = Url::parse(repository).map_err(|_| PullError::BadUrl(repository.into()))?;
    match url.scheme() {
        "http" | "https" => {}
        other => return Err(PullError::NoProtocolHandler(other.into())),
    }
    let path = format!("{}/index.yaml", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url.to_string())
}

/// An entry's URL, made absolute: a relative one starts at the repository
/// (its query, often a token, is kept).
pub(super) fn resolve_url(repository: &str, reference: &str) -> Result<String, PullError> {
    if reference.contains("://") {
        return Ok(reference.into());
    }
    let mut base = Url::parse(repository).map_err(|_| PullError::BadUrl(repository.into()))?;
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    let mut url = base.join(reference).map_err(|_| PullError::BadUrl(reference.into()))?;
    url.set_query(base.query());
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX_YAML: &str = "apiVersion: v1\nentries:\n  web:\n  - version: 1.2.0\n    urls: [web-1.2.0.tgz]\n    digest: ab\n  \
                              - version: 2.0.0-rc.1\n    urls: [https://h/web-2.tgz]\n  - version: 1.10.0\n    urls: []\n  \
                              - {name: web}\n  empty: []\n";

    #[test]
    fn the_newest_stable_version_is_the_default() {
        let index = RepositoryIndex::parse(INDEX_YAML.as_bytes(), "web").unwrap();
        assert_eq!(index.find("web", "").unwrap().0.version, "1.10.0");
        assert_eq!(index.find("web", ">0.0.0-0").unwrap().0.version, "2.0.0-rc.1");
        assert_eq!(index.find("web", "~1.2").unwrap().0.digest.as_deref(), Some("ab"));
        let (entry, warnings) = index.find("web", "1.2").unwrap();
        assert_eq!((entry.version.as_str(), warnings.len()), ("1.2.0", 1));
        assert_eq!(index.find("web", "9").unwrap_err().to_string(), "no chart version found for web-9");
        let empty = RepositoryIndex::parse(INDEX_YAML.as_bytes(), "empty").unwrap();
        assert!(matches!(empty.find("empty", ""), Err(FindError::NoChartVersion)));
        let none = RepositoryIndex::parse(INDEX_YAML.as_bytes(), "nope").unwrap();
        assert!(matches!(none.find("nope", ""), Err(FindError::NoChartName)));
        assert!(RepositoryIndex::parse(b"entries: {}\n", "web").is_err());
        assert!(RepositoryIndex::parse(b"", "web").is_err());
    }

    #[test]
    fn urls_are_resolved_against_the_repository() {
        assert_eq!(index_url("https://h/charts/?t=1").unwrap(), "https://h/charts/index.yaml?t=1");
        assert_eq!(resolve_url("https://h/charts?t=1", "a/b.tgz").unwrap(), "https://h/charts/a/b.tgz?t=1");
        assert_eq!(resolve_url("https://h/charts", "/b.tgz").unwrap(), "https://h/b.tgz");
        assert_eq!(resolve_url("https://h/charts", "oci://r/b:1").unwrap(), "oci://r/b:1");
        assert!(matches!(index_url("ftp://h"), Err(PullError::NoProtocolHandler(_))));
    }
}
