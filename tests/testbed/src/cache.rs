//! Where built programs are kept: outside Cargo's target folder, so that
//! `cargo clean` does not cost twelve minutes.
//!
//! Each program has a folder of its own, named by a hash of everything it is
//! built from, and written in one step (built beside it, then renamed). A file
//! lock lets one process build at a time; others wait and then find it done.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::go::{self, News};
use crate::tools::{self, Source, Tool};
use crate::{Error, Result};

/// Where the built programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// Keeps a server from outliving who started it.
    pub leash: PathBuf,
    /// The Kubernetes servers and kubectl.
    pub kube: PathBuf,
    /// The database behind the API server.
    pub etcd: PathBuf,
    /// Plays the nodes.
    pub kwok: PathBuf,
    /// The NATS server.
    pub nats_server: PathBuf,
    /// NATS's own client.
    pub nats: PathBuf,
    /// Real Helm 4.
    pub helm4: PathBuf,
    /// Real Helm 3.
    pub helm3: PathBuf,
    /// The OCI registry.
    pub registry: PathBuf,
    /// The HTTP file server.
    pub fileserver: PathBuf,
    /// Passes connections on between network namespaces.
    pub relay: PathBuf,
}

/// News of a build, for whoever waits for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process builds; this one waits until it is done.
    Waiting,
    /// A program is being built.
    Building {
        /// The program.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// How much of this program is done, from 0 to 1; an estimate.
        part: f32,
        /// How much of all that has to be built is done, from 0 to 1; an estimate.
        whole: f32,
        /// What is happening, in a few words.
        now: String,
    },
    /// A program is built.
    Built {
        /// The program.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// How long it took.
        took: Duration,
    },
}

/// The folder that built programs are kept in: `ANKRA_TESTBED_CACHE`, or
/// `ankra-helm/testbed` in the user's cache folder.
#[must_use]
pub fn root() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(root) = set("ANKRA_TESTBED_CACHE") {
        return root;
    }
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("ankra-helm").join("testbed")
}

/// Builds what is not in the cache yet and says where everything is.
///
/// # Errors
/// [`Error::NoGo`] when something has to be built and there is no usable Go;
/// otherwise when a build fails or the cache cannot be written.
pub fn build(progress: impl FnMut(Progress)) -> Result<Binaries> {
    build_only(&tools::ALL, progress)
}

/// The same, with only these programs built. The others may be there or not.
///
/// # Errors
/// Those of [`build`].
pub fn build_only(wanted: &[Tool], mut progress: impl FnMut(Progress)) -> Result<Binaries> {
    let root = root();
    let places = places(&root)?;
    let wanted: Vec<_> = places.iter().filter(|(tool, _)| wanted.contains(tool)).cloned().collect();
    if !wanted.iter().all(|(_, path)| path.is_file()) {
        go::check()?;
        build_missing(&root, &wanted, &mut progress)?;
    }
    let path = |tool: Tool| places.iter().find(|(t, _)| *t == tool).map(|(_, path)| path.clone()).unwrap_or_default();
    Ok(Binaries {
        leash: path(tools::LEASH),
        kube: path(tools::KUBE),
        etcd: path(tools::ETCD),
        kwok: path(tools::KWOK),
        nats_server: path(tools::NATS_SERVER),
        nats: path(tools::NATS),
        helm4: path(tools::HELM4),
        helm3: path(tools::HELM3),
        registry: path(tools::REGISTRY),
        fileserver: path(tools::FILESERVER),
        relay: path(tools::RELAY),
    })
}

/// Each program and where it is, or will be.
fn places(root: &Path) -> Result<Vec<(Tool, PathBuf)>> {
    let place = |tool: Tool| {
        let folder = format!("{}-{}-{:016x}", tool.name, tool.version, key(&tool)?);
        Ok((tool, root.join(folder).join(tool.name)))
    };
    tools::ALL.into_iter().map(place).collect()
}

fn build_missing(root: &Path, places: &[(Tool, PathBuf)], progress: &mut dyn FnMut(Progress)) -> Result<()> {
    std::fs::create_dir_all(root).map_err(Error::io(format!("make {}", root.display())))?;
    let _lock = lock(root, progress)?;
    // Looked up again: whoever had the lock before may have built it.
    let missing: Vec<_> = places.iter().filter(|(_, path)| !path.is_file()).collect();
    let all: u32 = missing.iter().map(|(tool, _)| tool.packages).sum();
    let mut done = 0;
    for (tool, path) in missing {
        let start = Instant::now();
        build_one(root, tool, path, done, all, progress)?;
        done += tool.packages;
        progress(Progress::Built { name: tool.name, version: tool.version, took: start.elapsed() });
    }
    Ok(())
}

fn build_one(
    root: &Path,
    tool: &Tool,
    path: &Path,
    done: u32,
    all: u32,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    let scratch = root.join(format!(".building-{}", tool.name));
    // Left over when a builder was killed; the lock says that it is nobody's.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir(&scratch).map_err(Error::io(format!("make {}", scratch.display())))?;
    let mut compiled = 0;
    let mut report = |compiled: u32, now: String| {
        let compiled = compiled.min(tool.packages);
        progress(Progress::Building {
            name: tool.name,
            version: tool.version,
            part: share(compiled, tool.packages),
            whole: share(done + compiled, all),
            now,
        });
    };
    report(0, "starting".to_owned());
    go::build(tool, &scratch, &mut |news| match news {
        News::Downloading(module) => report(compiled, format!("downloading {module}")),
        News::Compiled => {
            compiled += 1;
            report(compiled, "compiling".to_owned());
        }
    })?;
    if let Some(folder) = path.parent() {
        std::fs::rename(&scratch, folder).map_err(Error::io(format!("rename {}", scratch.display())))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "it only moves a progress bar")]
fn share(part: u32, whole: u32) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// Takes the lock on the cache. It is let go when the file is dropped, and by
/// the kernel when its owner dies.
fn lock(root: &Path, progress: &mut dyn FnMut(Progress)) -> Result<File> {
    let path = root.join(".lock");
    let doing = || Error::io(format!("lock {}", path.display()));
    let file = File::create(&path).map_err(doing())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            progress(Progress::Waiting);
            file.lock().map_err(doing())?;
        }
        Err(std::fs::TryLockError::Error(e)) => return Err(doing()(e)),
    }
    Ok(file)
}

/// A hash of everything that a program is built from.
fn key(tool: &Tool) -> Result<u64> {
    let mut hash = Fnv::new();
    hash.add(tool.name.as_bytes());
    hash.add(tool.version.as_bytes());
    for variable in tool.variables {
        hash.add(variable.as_bytes());
    }
    match tool.source {
        Source::Published(path) => hash.add(path.as_bytes()),
        Source::Module(module, package) => {
            let module = go::modules().join(module);
            hash.add(package.as_bytes());
            let files = [module.join("go.mod"), module.join("go.sum"), module.join(package).join("main.go")];
            for file in files {
                match std::fs::read(&file) {
                    Ok(text) => hash.add(&text),
                    // A module that needs nothing has no go.sum.
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => hash.add(b""),
                    Err(e) => return Err(Error::io(format!("read {}", file.display()))(e)),
                }
            }
        }
    }
    Ok(hash.0)
}

/// FNV-1a with 64 bits. The standard library's hashes may change between
/// versions of Rust; this names folders that stay.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_different_places() {
        let places = places(Path::new("/cache")).unwrap();
        for (i, (tool, path)) in places.iter().enumerate() {
            assert!(path.ends_with(tool.name));
            assert!(places[..i].iter().all(|(_, other)| other != path));
        }
    }

    #[test]
    fn the_key_follows_the_version_and_what_the_linker_sets() {
        let key_of = |change: &dyn Fn(&mut Tool)| {
            let mut tool = tools::HELM4;
            change(&mut tool);
            key(&tool).unwrap()
        };
        let same = key_of(&|_| ());
        assert_eq!(same, key(&tools::HELM4).unwrap());
        assert_ne!(same, key_of(&|t| t.version = "v4.3.2"));
        assert_ne!(same, key_of(&|t| t.variables = &[]));
    }

    #[test]
    fn pieces_are_hashed_apart() {
        let hash = |pieces: &[&str]| {
            let mut hash = Fnv::new();
            pieces.iter().for_each(|piece| hash.add(piece.as_bytes()));
            hash.0
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
    }
}
