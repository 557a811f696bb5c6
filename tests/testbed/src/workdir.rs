//! A folder for one run of some servers: their data, keys and logs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::{Error, Result};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that is removed when it is dropped, unless something failed: then
/// it stays, for its logs, and its path is printed.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    keep: AtomicBool,
}

impl Workdir {
    /// Makes a new folder below the system's temporary one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        let unique = format!("ankra-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        // A folder of that name can only be left over from an older process
        // with the same id.
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(Error::io(format!("remove {}", path.display())))?;
        }
        std::fs::create_dir(&path).map_err(Error::io(format!("make {}", path.display())))?;
        Ok(Self { path, keep: AtomicBool::new(false) })
    }

    /// Uses a folder that the caller chose. It is never removed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path).map_err(Error::io(format!("make {}", path.display())))?;
        let path = path.canonicalize().map_err(Error::io(format!("find {}", path.display())))?;
        Ok(Self { path, keep: AtomicBool::new(true) })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder where it is when this is dropped.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Workdir {
    #[expect(clippy::print_stderr, reason = "whoever ran the test must learn where the logs are")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs are kept in {}", self.path.display());
        } else if !self.keep.load(Ordering::Relaxed) {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_unless_it_is_kept() {
        let (gone, kept) = (Workdir::new("gone").unwrap(), Workdir::new("kept").unwrap());
        let (gone_path, kept_path) = (gone.path().to_owned(), kept.path().to_owned());
        assert_ne!(gone_path, kept_path);
        kept.keep();
        drop((gone, kept));
        assert!(!gone_path.exists());
        assert!(kept_path.exists());
        std::fs::remove_dir_all(kept_path).unwrap();
    }

    #[test]
    fn a_folder_stays_when_its_test_fails() {
        let seen = std::panic::catch_unwind(|| {
            let work = Workdir::new("failed").unwrap();
            std::panic::panic_any(work.path().to_owned());
        });
        let path = seen.unwrap_err().downcast::<PathBuf>().unwrap();
        assert!(path.exists());
        std::fs::remove_dir_all(*path).unwrap();
    }
}
