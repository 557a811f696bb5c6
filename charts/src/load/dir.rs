//! Charts as folders: walking, `.helmignore`, symbolic links, limits.

use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};

use templates_compat::Compat;

use super::{MAX_CHART_SIZE, MAX_FILE_SIZE};
use crate::chart::File;
use crate::error::{Error, ErrorKind, go_errno};
use crate::ignore::{FILE_NAME, Rules};
use crate::warning::Warnings;

/// Folders deeper than this are a loop that the system did not notice.
const MAX_DEPTH: usize = 512;

/// Reads all files of a chart's folder that are not ignored, in the order of
/// their names.
pub(super) fn read(top: &Path, compat: Compat, warnings: &mut Warnings) -> Result<Vec<File>, Error> {
    let ignore_file = top.join(FILE_NAME);
    let rules = if ignore_file.exists() {
        let content = std::fs::read(&ignore_file).map_err(|e| Error::io("open", &ignore_file, &e))?;
        Rules::parse(&content)?
    } else {
        Rules::defaults()
    };
    let mut walk = Walk { rules, compat, warnings, remaining: MAX_CHART_SIZE, files: Vec::new() };
    walk.folder(top, "", 0)?;
    Ok(walk.files)
}

struct Walk<'w> {
    rules: Rules,
    compat: Compat,
    warnings: &'w mut Warnings,
    remaining: u64,
    files: Vec<File>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inside: &str, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::chart(format!("{}: folders are nested too deeply", folder.display())));
        }
        let entries = std::fs::read_dir(folder).map_err(|e| Error::io("open", folder, &e))?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(|e| Error::io("readdirent", folder, &e))?.file_name());
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            let inside = if inside.is_empty() { name.into_owned() } else { format!("{inside}/{name}") };
            let info = path.symlink_metadata().map_err(|e| Error::io("lstat", &path, &e))?;
            let info = if info.is_symlink() { self.follow(&path)? } else { info };
            self.entry(&path, &inside, &info, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inside: &str, info: &Metadata, depth: usize) -> Result<(), Error> {
        if self.rules.ignores(inside, info.is_dir()) {
            return Ok(());
        }
        if info.is_dir() {
            return self.folder(path, inside, depth + 1);
        }
        if !info.is_file() {
            return Err(Error::chart(format!(
                "cannot load irregular file {} as it has file mode type bits set",
                path.display()
            )));
        }
        let mut data = self.content(path, inside, info)?;
        if data.starts_with(b"\xEF\xBB\xBF") {
            data.drain(..3);
        }
        self.files.push(File { name: inside.to_string(), data: data.into(), mod_time: info.modified().ok() });
        Ok(())
    }

    fn content(&mut self, path: &Path, inside: &str, info: &Metadata) -> Result<Vec<u8>, Error> {
        let too_large = || {
            let text = match self.compat {
                Compat::Helm3 => format!(
                    "chart file {} is larger than the maximum file size {MAX_FILE_SIZE}",
                    crate::go_text::quote(crate::go_path::base(inside), self.compat)
                ),
                Compat::Helm4 => {
                    format!("error reading {inside}: chart exceeds maximum decompressed size of {MAX_CHART_SIZE} bytes")
                }
            };
            Error::chart(text)
        };
        let limit = match self.compat {
            Compat::Helm3 => MAX_FILE_SIZE,
            Compat::Helm4 => self.remaining,
        };
        if info.len() > limit {
            return Err(too_large());
        }
        let problem = |operation: &str, e: &std::io::Error| {
            Error::new(
                ErrorKind::Io,
                format!("error reading {inside}: {operation} {}: {}", path.display(), go_errno(e)),
            )
        };
        let file = std::fs::File::open(path).map_err(|e| problem("open", &e))?;
        let mut data = Vec::with_capacity(usize::try_from(info.len()).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut data).map_err(|e| problem("read", &e))?;
        let size = data.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        self.remaining = self.remaining.saturating_sub(size);
        Ok(data)
    }

    /// What a symbolic link leads to.
    fn follow(&mut self, path: &Path) -> Result<Metadata, Error> {
        let shown = path.display();
        let resolved = path.canonicalize().map_err(|e| {
            let target = link_target(path);
            Error::chart(format!("error evaluating symlink {shown}: lstat {}: {}", target.display(), go_errno(&e)))
        })?;
        let to = resolved.display();
        self.warnings.info(match self.compat {
            Compat::Helm3 => format!(
                "found symbolic link in path: {shown} resolves to {to}. Contents of linked file included and used"
            ),
            Compat::Helm4 => format!(
                "found symbolic link in path. Contents of linked file included and used path={shown} resolved={to}"
            ),
        });
        resolved.symlink_metadata().map_err(|e| Error::io("lstat", &resolved, &e))
    }
}

/// Where a link points, seen from its folder.
fn link_target(path: &Path) -> PathBuf {
    let target = path.read_link().unwrap_or_default();
    let joined = path.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    PathBuf::from(crate::go_path::clean(&joined.to_string_lossy()))
}
