//! From constraints to versions.

use charts::{Dependency, Warnings};
use templates_compat::semver::{Constraints, Version};

use super::sources::Sources;
use super::{DependencyError, FILE, Fetching, OCI, Result, failed};
use crate::pull::oci;

/// The version of each dependency that fits best, in their order.
pub(super) async fn resolve(
    fetching: &Fetching<'_>,
    wanted: &[Dependency],
    known: &[String],
    sources: &Sources,
) -> Result<Vec<Dependency>> {
    let (mut locked, mut missing) = (Vec::new(), Vec::new());
    for dependency in wanted {
        let Dependency { name, version, repository, .. } = dependency;
        let constraint = Constraints::parse(version, fetching.compat).map_err(|e| {
            DependencyError(format!("dependency {name:?} has an invalid version/constraint format: {e}"))
        })?;
        let chosen = if repository.is_empty() {
            fetching.local(&format!("charts/{name}"))?;
            Some(version.clone())
        } else if repository.starts_with(FILE) {
            of_folder(fetching, dependency, &constraint)?
        } else if repository.starts_with(OCI) {
            Some(of_registry(fetching, dependency, &constraint).await?)
        } else {
            of_index(fetching, dependency, &constraint, known, sources).await?
        };
        match chosen {
            Some(version) => locked.push(Dependency {
                name: name.clone(),
                repository: repository.clone(),
                version,
                ..Dependency::default()
            }),
            None => missing.push(format!("{name:?} (repository {repository:?}, version {version:?})")),
        }
    }
    if missing.is_empty() {
        return Ok(locked);
    }
    failed(format!(
        "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or \
         change the version constraint in Chart.yaml",
        missing.len(),
        missing.join(", ")
    ))
}

fn of_folder(fetching: &Fetching<'_>, wanted: &Dependency, constraint: &Constraints) -> Result<Option<String>> {
    let folder = fetching.local(&wanted.repository)?;
    let chart = charts::load::load_dir(&folder, fetching.compat, &mut Warnings::new())?;
    let version = chart.metadata.version;
    let fits = Version::parse(&version, fetching.compat).is_ok_and(|v| constraint.check(&v));
    Ok(fits.then_some(version))
}

/// What is a version already is not looked for. What no tag fits is asked for
/// in the words of `Chart.yaml`.
async fn of_registry(fetching: &Fetching<'_>, wanted: &Dependency, constraint: &Constraints) -> Result<String> {
    let Dependency { name, version, repository, .. } = wanted;
    if Version::parse(version, fetching.compat).is_ok() {
        return Ok(version.clone());
    }
    let tags = oci::versions(&format!("{repository}/{name}"), fetching.options)
        .await
        .map_err(|e| DependencyError(format!("could not retrieve list of tags for repository {repository}: {e}")))?;
    let fits = |(v, text): &(Version, String)| constraint.check(v).then(|| text.clone());
    Ok(tags.iter().find_map(fits).unwrap_or_else(|| version.clone()))
}

async fn of_index(
    fetching: &Fetching<'_>,
    wanted: &Dependency,
    constraint: &Constraints,
    known: &[String],
    sources: &Sources,
) -> Result<Option<String>> {
    let Dependency { name, repository, .. } = wanted;
    let source = sources.of(repository).ok_or_else(|| DependencyError(format!("repo {repository} not found")))?;
    let index = source.index(fetching.options, name).await.map_err(|e| {
        let shown = if known.contains(name) { &source.entry.name } else { repository };
        DependencyError(format!("no cached repository for {shown} found. (try 'helm repo update'): {e}"))
    })?;
    let versions = index.versions();
    let versions = versions.ok_or_else(|| DependencyError(format!("{name} chart not found in repo {repository}")))?;
    let fits = |version: &str| Version::parse(version, fetching.compat).is_ok_and(|v| constraint.check(&v));
    Ok(versions.iter().find(|e| !e.urls.is_empty() && fits(&e.version)).map(|e| e.version.clone()))
}
