//! Charts as folders: walking, `.helmignore`, symbolic links, limits.

use std::fs::FileType;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Error::io("readdirent", folder, &e))?;
            // The folder knows: nothing is asked about the file itself.
            let kind = entry.file_type().map_err(|e| Error::io("lstat", &entry.path(), &e))?;
            found.push((entry.file_name(), kind));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in found {
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            let inside = if inside.is_empty() { name.into_owned() } else { format!("{inside}/{name}") };
            let kind = if kind.is_symlink() { self.follow(&path)? } else { kind };
            self.entry(&path, &inside, kind, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inside: &str, kind: FileType, depth: usize) -> Result<(), Error> {
        if self.rules.ignores(inside, kind.is_dir()) {
            return Ok(());
        }
        if kind.is_dir() {
            return self.folder(path, inside, depth + 1);
        }
        if !kind.is_file() {
            return Err(Error::chart(format!(
                "cannot load irregular file {} as it has file mode type bits set",
                path.display()
            )));
        }
        let (mut data, mod_time) = self.content(path, inside)?;
        if data.starts_with(b"\xEF\xBB\xBF") {
            data.drain(..3);
        }
        self.files.push(File { name: inside.to_string(), data: data.into(), mod_time });
        Ok(())
    }

    /// What a file holds, and when it was changed last.
    fn content(&mut self, path: &Path, inside: &str) -> Result<(Vec<u8>, Option<SystemTime>), Error> {
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
        let problem = |operation: &str, e: &std::io::Error| {
            Error::new(
                ErrorKind::Io,
                format!("error reading {inside}: {operation} {}: {}", path.display(), go_errno(e)),
            )
        };
        let file = std::fs::File::open(path).map_err(|e| problem("open", &e))?;
        let info = file.metadata().map_err(|e| problem("stat", &e))?;
        if info.len() > limit {
            return Err(too_large());
        }
        let mut data = Vec::with_capacity(usize::try_from(info.len()).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut data).map_err(|e| problem("read", &e))?;
        let size = data.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        self.remaining = self.remaining.saturating_sub(size);
        Ok((data, info.modified().ok()))
    }

    /// What a symbolic link leads to.
    fn follow(&mut self, path: &Path) -> Result<FileType, Error> {
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
        let info = resolved.symlink_metadata().map_err(|e| Error::io("lstat", &resolved, &e))?;
        Ok(info.file_type())
    }
}

/// Where a link points, seen from its folder.
fn link_target(path: &Path) -> PathBuf {
    let target = path.read_link().unwrap_or_default();
    let joined = path.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    PathBuf::from(crate::go_path::clean(&joined.to_string_lossy()))
}
