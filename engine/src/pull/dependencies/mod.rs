//! What a chart depends on: from `Chart.yaml` (or `Chart.lock`) to archives in
//! `charts/`. Owns the order of things and Helm's words; where versions come
//! from is in `resolve`, whose repositories in `sources`, and what becomes
//! of the folder in `save`.

mod resolve;
mod save;
mod sources;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use charts::{API_VERSION_V1, Chart, Compat, Dependency, Lock, Warnings, package};

use super::{PullError, PullOptions};
use crate::release::Time;
use save::Saved;
use sources::Sources;

/// A folder below the chart's, or a path.
const FILE: &str = "file://";

const OCI: &str = "oci://";

/// Why dependencies could not be had, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DependencyError(String);

impl From<PullError> for DependencyError {
    fn from(error: PullError) -> Self {
        DependencyError(error.to_string())
    }
}

impl From<charts::Error> for DependencyError {
    fn from(error: charts::Error) -> Self {
        DependencyError(error.to_string())
    }
}

type Result<T> = std::result::Result<T, DependencyError>;

fn failed<T>(text: impl Into<String>) -> Result<T> {
    Err(DependencyError(text.into()))
}

/// Which archives have to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// None.
    #[default]
    Never,
    /// Those that come with a provenance file.
    IfPossible,
    /// All.
    Always,
}

/// What is fetched for which chart.
pub struct Fetching<'a> {
    /// The chart's folder.
    pub chart: &'a Path,
    /// Helm's files, and how registries are asked.
    pub options: &'a PullOptions,
    /// `--skip-refresh`: the cached indexes are good enough.
    pub skip_refresh: bool,
    /// `--verify`
    pub verify: Verify,
    /// Whom to believe.
    pub keyring: PathBuf,
    /// `SOURCE_DATE_EPOCH`, for folders that are packed.
    pub epoch: Option<SystemTime>,
    /// Whether to say more.
    pub debug: bool,
    /// Which Helm's bytes.
    pub compat: Compat,
    /// Gets every line that Helm prints.
    pub tell: &'a (dyn Fn(&str) + Sync),
    /// Gets what Helm says of what comes from registries.
    pub note: &'a (dyn Fn(&str) + Sync),
}

impl Fetching<'_> {
    /// Fetches the newest versions that `Chart.yaml` asks for, and writes down
    /// which they are.
    ///
    /// # Errors
    /// Helm's texts. `charts/` is only changed once everything is there.
    pub async fn update(&self) -> Result<()> {
        let chart = self.load()?;
        let Some(mut wanted) = chart.metadata.dependencies.clone() else { return Ok(()) };
        let mut sources = Sources::read(self.options)?;
        let known = self.resolve_aliases(&sources, &mut wanted)?;
        sources.add_unmanaged(&wanted, &known);
        if !self.skip_refresh {
            sources.refresh_unmanaged(self.tell).await?;
            sources.refresh(self.tell).await?;
        }
        let mut locked = resolve::resolve(self, &wanted, &known, &sources).await?;
        self.fetch_all(&mut locked, &sources).await?;
        let digest = package::lock_digest(Some(&wanted), Some(&locked), self.compat)?;
        if chart.lock.as_ref().is_some_and(|old| old.digest == digest) {
            return Ok(());
        }
        let lock = Lock { generated: Time::now().rfc3339_nano(), digest, dependencies: locked };
        self.write_lock(&lock, chart.metadata.api_version == API_VERSION_V1)
    }

    /// Fetches the versions that `Chart.lock` names; without one, as
    /// [`Fetching::update`].
    ///
    /// # Errors
    /// Helm's texts. `charts/` is only changed once everything is there.
    pub async fn build(&self) -> Result<()> {
        let chart = self.load()?;
        let Some(lock) = &chart.lock else { return self.update().await };
        let mut wanted = chart.metadata.dependencies.clone();
        let old = chart.metadata.api_version == API_VERSION_V1;
        let by_helm2 = old.then(|| package::lock_digest_v2(wanted.as_deref(), self.compat)).transpose()?;
        let mut sources = Sources::read(self.options)?;
        self.resolve_aliases(&sources, wanted.as_deref_mut().unwrap_or_default())?;
        let digest = package::lock_digest(wanted.as_deref(), Some(&lock.dependencies), self.compat)?;
        if digest != lock.digest {
            match by_helm2 {
                Some(by_helm2) if by_helm2 == lock.digest => {}
                Some(_) => {
                    return failed(
                        "the lock file (requirements.lock) is out of sync with the dependencies file \
                         (requirements.yaml). Please update the dependencies",
                    );
                }
                None => {
                    return failed(
                        "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please \
                         update the dependencies with 'helm dependency update'",
                    );
                }
            }
        }
        sources.has_all(&lock.dependencies)?;
        if !self.skip_refresh {
            sources.refresh(self.tell).await?;
        }
        self.fetch_all(&mut lock.dependencies.clone(), &sources).await
    }

    fn load(&self) -> Result<Chart> {
        let shown = self.chart.to_string_lossy();
        match std::fs::metadata(self.chart) {
            Err(e) => failed(format!("could not find {shown}: {}", charts::go_file_error("stat", &shown, &e))),
            Ok(meta) if !meta.is_dir() => failed("only unpacked charts can be updated"),
            Ok(_) => Ok(charts::load::load_dir(self.chart, self.compat, &mut Warnings::new())?),
        }
    }

    /// Where a repository that is a folder leads.
    fn local(&self, repository: &str) -> Result<PathBuf> {
        let path = repository.strip_prefix(FILE).unwrap_or(repository);
        let path =
            if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.chart.to_string_lossy()) };
        let path = charts::clean_path(&path);
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => failed(format!("directory {path} not found")),
            Err(e) => failed(charts::go_file_error("stat", &path, &e)),
            Ok(_) => Ok(PathBuf::from(path)),
        }
    }

    /// Puts URLs in the place of `@name` and `alias:name`; gives the
    /// dependencies by name whose repository needs no index of its own.
    fn resolve_aliases(&self, sources: &Sources, wanted: &mut [Dependency]) -> Result<Vec<String>> {
        let (mut known, mut missing) = (Vec::new(), Vec::new());
        for dependency in wanted.iter_mut().filter(|d| !d.repository.is_empty()) {
            let repository = dependency.repository.clone();
            if repository.starts_with(FILE) {
                self.local(&repository)?;
                if self.debug {
                    (self.tell)(&format!("Repository from local path: {repository}"));
                }
                known.push(dependency.name.clone());
            } else if repository.starts_with(OCI) {
                known.push(dependency.name.clone());
            } else if let Some(url) = sources.url_of(&repository) {
                dependency.repository = url;
                known.push(dependency.name.clone());
            } else if !sources::is_url(&repository) {
                missing.push(repository);
            }
        }
        if missing.is_empty() {
            return Ok(known);
        }
        let mut text =
            format!("no repository definition for {}. Please add them via 'helm repo add'", missing.join(", "));
        let is_word = |r: &String| !r.contains("//") && !r.starts_with('@') && !r.starts_with("alias:");
        if missing.iter().any(is_word) {
            text.push_str(
                "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\"\n\
                 repository, use \"https://charts.example.com/\" or \"@example\" instead of\n\
                 \"example\". Don't forget to add the repo, too ('helm repo add').",
            );
        }
        failed(text)
    }

    /// Fetches every locked dependency, then changes `charts/`.
    async fn fetch_all(&self, locked: &mut [Dependency], sources: &Sources) -> Result<()> {
        save::prepare(&self.folder())?;
        (self.tell)(&format!("Saving {} charts", locked.len()));
        let mut saved = Vec::new();
        if let Err(e) = self.fetch_each(locked, sources, &mut saved).await {
            (self.tell)(&format!("Save error occurred:  {e}"));
            return Err(e);
        }
        save::replace(self, locked, &saved)
    }

    async fn fetch_each(&self, locked: &mut [Dependency], sources: &Sources, saved: &mut Vec<Saved>) -> Result<()> {
        let mut fetched = Vec::new();
        for dependency in locked {
            let Dependency { name, repository, .. } = &*dependency;
            if repository.is_empty() {
                (self.tell)(&format!(
                    "Dependency {name} did not declare a repository. Assuming it exists in the charts directory"
                ));
                save::check_present(self, dependency)?;
                continue;
            }
            if repository.starts_with(FILE) {
                if self.debug {
                    (self.tell)(&format!("Archiving {name} from repo {repository}"));
                }
                let (version, archive) = save::pack(self, dependency)?;
                dependency.version = version;
                saved.push(archive);
                continue;
            }
            let found = sources.find(self.options, dependency).await;
            let found = found.map_err(|e| DependencyError(format!("could not find : {e}")))?;
            if fetched.contains(&found.url) {
                (self.tell)(&format!("Already downloaded {name} from repo {repository}"));
                continue;
            }
            (self.tell)(&format!("Downloading {name} from repo {repository}"));
            let archive = save::download(self, &found).await;
            saved.push(archive.map_err(|e| DependencyError(format!("could not download {}: {e}", found.url)))?);
            fetched.push(found.url);
        }
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.chart.join("charts")
    }

    fn write_lock(&self, lock: &Lock, old: bool) -> Result<()> {
        let name = if old { "requirements.lock" } else { "Chart.lock" };
        let path = self.chart.join(name);
        let shown = path.to_string_lossy();
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => {
                let link = std::fs::read_link(&path).unwrap_or_default();
                return failed(format!("the {name} file is a symlink to {:?}", link.to_string_lossy()));
            }
            _ => {}
        }
        let text = package::lock_yaml(lock, self.compat)?;
        save::write(&path, &text).map_err(|e| DependencyError(charts::go_file_error("open", &shown, &e)))
    }
}
