//! Archives on their way into `charts/`, and the ones that are no longer
//! wanted there.

use std::path::Path;
use std::time::SystemTime;

use charts::package::{self, ModTimes};
use charts::{Compat, Dependency, Warnings};
use templates_compat::semver::{Constraints, Version};

use super::sources::Found;
use super::{DependencyError, Fetching, OCI, Result, Verify, failed};
use crate::provenance;
use crate::pull::{self, PullOptions, Pulled, Remote};

/// An archive that is to be written.
pub(super) struct Saved {
    name: String,
    bytes: Vec<u8>,
}

/// Makes sure that `charts/` is a folder.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    let shown = folder.to_string_lossy();
    match std::fs::metadata(folder) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => failed(format!("{shown:?} is not a directory")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder).map_err(|e| DependencyError(charts::go_file_error("mkdir", &shown, &e)))
        }
        Err(e) => {
            let why = charts::go_file_error("stat", &shown, &e);
            failed(format!("unable to retrieve file info for '{shown}': {why}"))
        }
    }
}

fn constraint(dependency: &Dependency, compat: Compat) -> Result<Constraints> {
    Constraints::parse(&dependency.version, compat).map_err(|e| {
        DependencyError(format!("dependency {} has an invalid version/constraint format: {e}", dependency.name))
    })
}

/// Whether a dependency without a repository is in `charts/` and fits.
pub(super) fn check_present(fetching: &Fetching<'_>, dependency: &Dependency) -> Result<()> {
    let Dependency { name, version, .. } = dependency;
    let folder = fetching.folder().join(name);
    let chart = charts::load::load_dir(&folder, fetching.compat, &mut Warnings::new())
        .map_err(|e| DependencyError(format!("unable to load chart '{}': {e}", folder.display())))?;
    let constraint = constraint(dependency, fetching.compat)?;
    let found = &chart.metadata.version;
    let parsed = Version::parse(found, fetching.compat)
        .map_err(|e| DependencyError(format!("invalid version {version} for dependency {name}: {e}")))?;
    if constraint.check(&parsed) {
        return Ok(());
    }
    failed(format!("dependency {name} at version {found} does not satisfy the constraint {version}"))
}

/// Packs a folder; gives its version, too.
pub(super) fn pack(fetching: &Fetching<'_>, dependency: &Dependency) -> Result<(String, Saved)> {
    let compat = fetching.compat;
    let folder = fetching.local(&dependency.repository)?;
    let mut chart = charts::load::load_dir(&folder, compat, &mut Warnings::new())?;
    let constraint = constraint(dependency, compat)?;
    let version = chart.metadata.version.clone();
    let parsed = Version::parse(&version, compat).map_err(|e| DependencyError(e.to_string()))?;
    if !constraint.check(&parsed) {
        return failed(format!("can't get a valid version for dependency {}", dependency.name));
    }
    let times = match (fetching.epoch, compat.keeps_mod_times()) {
        (Some(epoch), _) => ModTimes::All(epoch),
        (None, true) => ModTimes::Kept(SystemTime::now()),
        (None, false) => ModTimes::All(SystemTime::now()),
    };
    let bytes = package::package(&mut chart, times, compat)?;
    Ok((version, Saved { name: package::file_name(&chart.metadata), bytes }))
}

/// Downloads an archive, and checks who signed it if that is wanted.
pub(super) async fn download(fetching: &Fetching<'_>, found: &Found) -> Result<Saved> {
    let options = PullOptions {
        version: String::new(),
        provenance: fetching.verify != Verify::Never,
        ..fetching.options.clone()
    };
    let pulled = match &found.entry {
        Some(entry) if !found.url.starts_with(OCI) => {
            let name = pull::http::file_name(&found.url);
            pull::from_repository(&found.repository, entry, &name, &options, Vec::new()).await?
        }
        _ => pull::pull(&Remote::Oci(found.url.clone()), &options).await?,
    };
    if let Some(origin) = pulled.origin() {
        (fetching.note)(&origin);
    }
    check_provenance(fetching, &pulled, &found.url)?;
    // A server's word for a file may not lead out of the folder.
    if pulled.name.is_empty() || pulled.name.contains('/') || pulled.name == ".." {
        return failed(format!("{:?} is no name for a file", pulled.name));
    }
    Ok(Saved { name: pulled.name, bytes: pulled.bytes })
}

fn check_provenance(fetching: &Fetching<'_>, pulled: &Pulled, reference: &str) -> Result<()> {
    match (&pulled.provenance, fetching.verify) {
        (None, _) => Ok(()),
        (Some(Err(missing)), Verify::Always) => failed(format!("failed to fetch provenance {:?}", missing.url)),
        (Some(Err(missing)), _) => {
            (fetching.tell)(&format!("WARNING: Verification not found for {reference}: {}", missing.cause));
            Ok(())
        }
        (Some(Ok(signed)), _) => {
            let (keyring, compat) = (&fetching.keyring, fetching.compat);
            let verified = provenance::verify(&pulled.bytes, signed, &pulled.name, keyring, compat);
            verified.map(drop).map_err(|e| DependencyError(e.to_string()))
        }
    }
}

/// Writes the archives, and removes those that were there for another version.
pub(super) fn replace(fetching: &Fetching<'_>, locked: &[Dependency], saved: &[Saved]) -> Result<()> {
    let (folder, compat) = (fetching.folder(), fetching.compat);
    let unreadable = |e: &std::io::Error| DependencyError(charts::go_file_error("open", &folder.to_string_lossy(), e));
    let mut before = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|e| unreadable(&e))? {
        let entry = entry.map_err(|e| unreadable(&e))?;
        if !entry.path().is_dir() {
            before.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    before.sort();
    for Saved { name, bytes } in saved {
        if let Err(e) = charts::load::load_archive(bytes, compat, &mut Warnings::new()) {
            (fetching.tell)(&format!("Could not verify {name} for moving: {e} (Skipping)"));
            continue;
        }
        let path = folder.join(name);
        let failed = |e: std::io::Error| DependencyError(charts::go_file_error("open", &path.to_string_lossy(), &e));
        write(&path, bytes).map_err(failed)?;
    }
    (fetching.tell)("Deleting outdated charts");
    for name in before.iter().filter(|name| !saved.iter().any(|s| s.name == **name)) {
        let path = folder.join(name);
        match charts::load::load(&path, compat, &mut Warnings::new()) {
            Err(e) => (fetching.tell)(&format!("Could not verify {} for deletion: {e} (Skipping)", path.display())),
            Ok(chart) if locked.iter().any(|d| d.repository.is_empty() && d.name == chart.metadata.name) => {}
            Ok(_) => {
                if let Err(e) = std::fs::remove_file(&path) {
                    let why = charts::go_file_error("remove", &path.to_string_lossy(), &e);
                    (fetching.tell)(&format!("Could not delete {}: {why} (Skipping)", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// A half-written file must not look like a whole one: write aside, rename.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension("partial");
    std::fs::write(&aside, bytes)?;
    std::fs::rename(&aside, path)
}
