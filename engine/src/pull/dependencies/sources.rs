//! The repositories that dependencies name: those that the user has added, and
//! the others, each with its index. Nothing is written into Helm's folders: an
//! index is kept for this one run.

use charts::Dependency;
use futures::future::join_all;
use templates_compat::Compat;
use templates_compat::neturl::Url;

use super::{DependencyError, FILE, OCI, Result, failed};
use crate::pull::index::{self, IndexEntry, RepositoryIndex};
use crate::pull::repositories::{self, RepositoryEntry};
use crate::pull::{MAX_INDEX_BYTES, PullError, PullOptions, http};

/// A repository and its index, if that was fetched.
pub(super) struct Source {
    pub(super) entry: RepositoryEntry,
    index: Option<Vec<u8>>,
}

/// All that may be asked.
pub(super) struct Sources {
    /// By `repositories.yaml`.
    managed: Vec<Source>,
    /// Only named by a dependency.
    unmanaged: Vec<Source>,
}

/// Where a dependency is.
pub(super) struct Found {
    pub(super) url: String,
    /// Whose settings count.
    pub(super) repository: RepositoryEntry,
    pub(super) entry: Option<IndexEntry>,
}

/// Whether two addresses are the same but for what does not count.
fn same(a: &str, b: &str) -> bool {
    let clean = |text: &str| -> Option<Vec<u8>> {
        let mut url = Url::parse(text.as_bytes(), Compat::default()).ok()?;
        let path = String::from_utf8_lossy(&url.path).into_owned();
        url.path = charts::clean_path(if path.is_empty() { "/" } else { &path }).into_bytes();
        Some(url.text())
    };
    match (clean(a), clean(b)) {
        (Some(a), Some(b)) => a == b,
        (None, _) => charts::clean_path(a) == charts::clean_path(b),
        _ => false,
    }
}

/// Whether Go takes it for the address of a request.
pub(super) fn is_url(text: &str) -> bool {
    text.starts_with('/') || Url::parse(text.as_bytes(), Compat::default()).is_ok_and(|url| !url.scheme.is_empty())
}

impl Sources {
    pub(super) fn read(options: &PullOptions) -> Result<Sources> {
        let entries = match &options.repository_config {
            Some(path) => repositories::read_repositories(path)?,
            None => Vec::new(),
        };
        let managed = entries.into_iter().map(|entry| Source { entry, index: None }).collect();
        Ok(Sources { managed, unmanaged: Vec::new() })
    }

    /// The URL that an alias, or the same URL in other words, stands for.
    pub(super) fn url_of(&self, repository: &str) -> Option<String> {
        let alias = repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"));
        self.managed.iter().find_map(|source| match alias {
            Some(alias) if source.entry.name == alias => Some(source.entry.url.clone()),
            _ if same(&source.entry.url, repository) => Some(repository.to_owned()),
            _ => None,
        })
    }

    /// Adds the repositories that only dependencies name.
    pub(super) fn add_unmanaged(&mut self, wanted: &[Dependency], known: &[String]) {
        for dependency in wanted.iter().filter(|d| !d.repository.is_empty() && !known.contains(&d.name)) {
            let entry = RepositoryEntry { url: dependency.repository.clone(), ..RepositoryEntry::default() };
            self.unmanaged.push(Source { entry, index: None });
        }
    }

    /// Whether the user has added every repository.
    pub(super) fn has_all(&self, locked: &[Dependency]) -> Result<()> {
        let local = |r: &str| r.is_empty() || r.starts_with(FILE) || r.starts_with(OCI);
        let added = |r: &str| self.managed.iter().any(|s| same(&s.entry.url, r.strip_suffix('/').unwrap_or(r)));
        let repositories = locked.iter().map(|d| d.repository.as_str());
        let missing: Vec<&str> = repositories.filter(|r| !local(r) && !added(r)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        failed(format!("no repository definition for {missing}. Please add the missing repos via 'helm repo add'"))
    }

    /// Fetches the index of every repository that only dependencies name.
    pub(super) async fn refresh_unmanaged(&mut self, tell: &(dyn Fn(&str) + Sync)) -> Result<()> {
        if self.unmanaged.is_empty() {
            return Ok(());
        }
        tell("Getting updates for unmanaged Helm repositories...");
        for source in &self.unmanaged {
            index::index_url(&source.entry.url)?;
        }
        refresh(&mut self.unmanaged, tell).await;
        Ok(())
    }

    /// Fetches the index of every repository that the user has added.
    pub(super) async fn refresh(&mut self, tell: &(dyn Fn(&str) + Sync)) -> Result<()> {
        if self.managed.is_empty() {
            return Ok(());
        }
        tell("Hang tight while we grab the latest from your chart repositories...");
        for source in &self.managed {
            index::index_url(&source.entry.url)?;
        }
        refresh(&mut self.managed, tell).await;
        tell("Update Complete. ⎈Happy Helming!⎈");
        Ok(())
    }

    /// The repository of an address.
    pub(super) fn of(&self, repository: &str) -> Option<&Source> {
        self.managed.iter().chain(&self.unmanaged).find(|source| same(&source.entry.url, repository))
    }

    /// Where the archive of a locked dependency is.
    pub(super) async fn find(&self, options: &PullOptions, dependency: &Dependency) -> Result<Found> {
        let Dependency { name, version, repository, .. } = dependency;
        if repository.starts_with(OCI) {
            let url = format!("{repository}/{name}:{version}");
            return Ok(Found { url, repository: RepositoryEntry::from_options(options), entry: None });
        }
        let nowhere = |why: String| DependencyError(format!("chart {name} not found in {repository}: {why}"));
        let managed = self.managed.iter().find(|source| same(&source.entry.url, repository));
        let source = managed.or_else(|| self.of(repository)).ok_or_else(|| nowhere("no such repository".into()))?;
        let index = source.index(options, name).await?;
        let entry = match managed {
            Some(_) => {
                let versions = index.versions().ok_or_else(|| DependencyError("entry not found".into()))?;
                let same = |e: &&IndexEntry| !e.urls.is_empty() && is_same_version(version, &e.version);
                versions.iter().find(same).ok_or_else(|| DependencyError("no matching version".into()))?
            }
            None => {
                let found = index.find(name, version);
                let quoted = if version.is_empty() { String::new() } else { format!(" version {version:?}") };
                let missing = |_| nowhere(format!("chart {name:?}{quoted} not found in {repository} repository"));
                found.map_err(missing)?.0
            }
        };
        let first = entry.urls.first().ok_or_else(|| PullError::NoUrls(name.clone()))?;
        let url = index::resolve_url(&source.entry.url, first)?;
        Ok(Found { url, repository: source.entry.clone(), entry: Some(entry.clone()) })
    }
}

fn is_same_version(a: &str, b: &str) -> bool {
    use templates_compat::semver::Version;
    if a.is_empty() {
        return true;
    }
    match (Version::parse(a, Compat::default()), Version::parse(b, Compat::default())) {
        (Ok(a), Ok(b)) => a.compare(&b).is_eq(),
        (Err(_), _) => a == b,
        _ => false,
    }
}

impl Source {
    /// What the index says of a chart; the cached one counts where none was
    /// fetched.
    pub(super) async fn index(&self, options: &PullOptions, chart: &str) -> Result<RepositoryIndex> {
        match &self.index {
            Some(bytes) => Ok(RepositoryIndex::parse(bytes, chart)?),
            None => Ok(repositories::index(options, &self.entry, chart).await?),
        }
    }

    async fn fetch(&self) -> std::result::Result<Vec<u8>, PullError> {
        let client = http::client(&self.entry.tls())?;
        let url = index::index_url(&self.entry.url)?;
        let bytes = http::get(&client, &url, self.entry.credentials(), MAX_INDEX_BYTES).await?;
        RepositoryIndex::parse(&bytes, "")?;
        Ok(bytes)
    }
}

/// Fetches all indexes side by side, each URL once, and tells of each.
async fn refresh(sources: &mut [Source], tell: &(dyn Fn(&str) + Sync)) {
    let mut urls: Vec<String> = Vec::new();
    let key = |source: &Source| source.entry.url.trim_end_matches('/').to_owned();
    let first: Vec<&Source> = sources
        .iter()
        .filter(|source| {
            let new = !urls.contains(&key(source));
            urls.push(key(source));
            new
        })
        .collect();
    let fetched = join_all(first.iter().map(|source| async {
        let result = source.fetch().await;
        let RepositoryEntry { name, url, .. } = &source.entry;
        let shown = if name.is_empty() { url } else { name };
        match &result {
            Ok(_) => tell(&format!("...Successfully got an update from the {shown:?} chart repository")),
            Err(e) if name.is_empty() => {
                tell(&format!("...Unable to get an update from the {url:?} chart repository:\n\t{e}"));
            }
            Err(e) => tell(&format!("...Unable to get an update from the {name:?} chart repository ({url}):\n\t{e}")),
        }
        (key(source), result.ok())
    }));
    let fetched = fetched.await;
    for source in sources {
        let own = key(source);
        if let Some((_, Some(bytes))) = fetched.iter().find(|(url, _)| *url == own) {
            source.index = Some(bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_in_other_words() {
        assert!(same("https://h/charts/", "https://h/charts"));
        assert!(same("https://h", "https://h/"));
        assert!(!same("https://h/a", "https://h/b"));
        assert!(!same("http://h", "https://h"));
        assert!(is_url("https://h") && is_url("/x") && !is_url("stable") && !is_url("@stable"));
    }

    #[test]
    fn versions_are_the_same_by_their_numbers() {
        assert!(is_same_version("", "1.0.0"));
        assert!(is_same_version("v1.0", "1.0.0"));
        assert!(!is_same_version("1.0.0", "1.0.1"));
        assert!(is_same_version("a", "a") && !is_same_version("1.0.0", "a"));
    }
}
