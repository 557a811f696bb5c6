//! Charts as folders: walking, `.helmignore`, symbolic links, limits.

use std::fs::FileType;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use templates_compat::Compat;

use super::{MAX_CHART_SIZE, MAX_FILE_SIZE};
use crate::chart::File;
use crate::error::{Error, ErrorKind, go_errno};
use crate::ignore::{FILE_NAME, Rules};
use crate::parallel::Crew;
use crate::warning::{Level, Warnings};

/// What most files fit into, in bytes.
const BUFFER: usize = 64 << 10;

/// Folders deeper than this are a loop that the system did not notice.
const MAX_DEPTH: usize = 512;

/// Links that lead to links are followed so far for what is logged of them.
const MAX_LINKS: usize = 40;

/// So many files are read at one time, by one thread.
const PART: usize = 16;

/// Reads all files of a chart's folder that are not ignored, in the order of
/// their names.
pub(super) fn read(top: &Path, compat: Compat, warnings: &mut Warnings, crew: &Crew) -> Result<Vec<File>, Error> {
    let ignore_file = top.join(FILE_NAME);
    let rules = if ignore_file.exists() {
        let content = std::fs::read(&ignore_file).map_err(|e| Error::io("open", &ignore_file, &e))?;
        Rules::parse(&content)?
    } else {
        Rules::defaults()
    };
    let mut walk = Walk { rules, compat, warnings, found: Vec::new() };
    let walked = walk.folder(top, "", 0);
    let files = read_all(walk.found, compat, crew)?;
    // What comes after a problem is not looked at, what comes before it is.
    walked.map(|()| files)
}

/// A file that was found: where it is, and its path inside the chart.
type Found = (PathBuf, String);

/// Reads what was found, in parts. The first problem counts.
fn read_all(found: Vec<Found>, compat: Compat, crew: &Crew) -> Result<Vec<File>, Error> {
    if found.len() <= 2 * PART {
        return Reader::new(compat).part(&found);
    }
    let parts: Vec<Arc<[Found]>> = found.chunks(PART).map(Arc::from).collect();
    let all = Arc::new(AtomicU64::new(0));
    let begin = |part: &Arc<[Found]>| {
        let (part, all) = (Arc::clone(part), Arc::clone(&all));
        crew.post(move || {
            let mut reader = Reader { all: Some(all), ..Reader::new(compat) };
            (reader.part(&part), reader.remaining)
        })
    };
    let pending: Vec<_> = parts.iter().map(begin).collect();
    let mut files = Vec::with_capacity(found.len());
    let mut remaining = MAX_CHART_SIZE;
    for (part, read) in parts.iter().zip(pending) {
        let (mut read, left) = read.take();
        let used = MAX_CHART_SIZE - left;
        // Only one after the other it shows which file was too much, and how
        // much a part holds that was given up for what others had read.
        if !compat.limits_single_files() && (used > remaining || read.is_err()) {
            let mut alone = Reader { remaining, ..Reader::new(compat) };
            read = alone.part(part);
            remaining = alone.remaining;
        } else {
            remaining = remaining.saturating_sub(used);
        }
        files.append(&mut read?);
    }
    Ok(files)
}

/// Reads one file after the other.
struct Reader {
    compat: Compat,
    /// What all of them may still have.
    remaining: u64,
    /// What all readers have read, where there are several.
    all: Option<Arc<AtomicU64>>,
    /// One file after the other is read here.
    buffer: Vec<u8>,
}

impl Reader {
    fn new(compat: Compat) -> Self {
        Reader { compat, remaining: MAX_CHART_SIZE, all: None, buffer: Vec::with_capacity(BUFFER) }
    }

    fn part(&mut self, found: &[Found]) -> Result<Vec<File>, Error> {
        found.iter().map(|(path, inside)| self.file(path, inside)).collect()
    }

    fn file(&mut self, path: &Path, inside: &str) -> Result<File, Error> {
        let mod_time = self.content(path, inside)?;
        let data = self.buffer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.buffer);
        Ok(File { name: inside.to_string(), data: data.into(), mod_time })
    }

    /// Reads what a file holds into the buffer; gives when it was changed last.
    fn content(&mut self, path: &Path, inside: &str) -> Result<Option<SystemTime>, Error> {
        let too_large = || {
            let text = match self.compat.limits_single_files() {
                true => format!(
                    "chart file {} is larger than the maximum file size {MAX_FILE_SIZE}",
                    crate::go_text::quote(crate::go_path::base(inside), self.compat)
                ),
                false => {
                    format!("error reading {inside}: chart exceeds maximum decompressed size of {MAX_CHART_SIZE} bytes")
                }
            };
            Error::chart(text)
        };
        let limit = match self.compat.limits_single_files() {
            true => MAX_FILE_SIZE,
            false => self.remaining,
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
        self.buffer.clear();
        // Room for one byte more lets the end be seen without more room.
        self.buffer.reserve(usize::try_from(info.len() + 1).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut self.buffer).map_err(|e| problem("read", &e))?;
        let size = self.buffer.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        self.remaining = self.remaining.saturating_sub(size);
        let all = self.all.as_ref().map_or(0, |all| all.fetch_add(size, Ordering::Relaxed) + size);
        if all > MAX_CHART_SIZE && !self.compat.limits_single_files() {
            return Err(too_large());
        }
        Ok(info.modified().ok())
    }
}

struct Walk<'w> {
    rules: Rules,
    compat: Compat,
    warnings: &'w mut Warnings,
    found: Vec<Found>,
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
        self.found.push((path.to_path_buf(), inside.to_string()));
        Ok(())
    }

    /// What a symbolic link leads to.
    fn follow(&mut self, path: &Path) -> Result<FileType, Error> {
        let shown = path.display();
        let resolved = path.canonicalize().map_err(|e| {
            let target = link_target(path);
            Error::chart(format!("error evaluating symlink {shown}: lstat {}: {}", target.display(), go_errno(&e)))
        })?;
        // As far as links go it is named from where the chart is named from.
        let mut to = link_target(path);
        for _ in 0..MAX_LINKS {
            if !to.is_symlink() {
                break;
            }
            to = link_target(&to);
        }
        let (shown, to) = (shown.to_string(), to.display().to_string());
        let line = format!(
            "walk.go:75: found symbolic link in path: {shown} resolves to {to}. Contents of linked file included and used"
        );
        let text = "found symbolic link in path. Contents of linked file included and used";
        let details = vec![("path", shown), ("resolved", to)];
        self.warnings.say(self.compat, (Level::Info, text, details), || line);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of these sizes, a missing one where there is none.
    fn files(folder: &Path, sizes: &[Option<u64>]) -> Vec<Found> {
        std::fs::create_dir_all(folder).unwrap();
        let make = |(number, size): (usize, &Option<u64>)| {
            let path = folder.join(number.to_string());
            if let Some(size) = size {
                // Sparse: it takes no room on the disk.
                std::fs::File::create(&path).unwrap().set_len(*size).unwrap();
            }
            (path, format!("files/{number}"))
        };
        sizes.iter().enumerate().map(make).collect()
    }

    #[test]
    fn the_first_problem_is_the_same_however_the_reading_is_shared() {
        let folder = std::env::temp_dir().join(format!("ankra-dir-{}", std::process::id()));
        let mib = |n: u64| Some(n << 20);
        let mut cases =
            vec![vec![Some(3); 100], vec![mib(3); 50], [vec![Some(1); 90], vec![None, mib(101), None]].concat()];
        cases.push([vec![mib(1); 40], vec![mib(90)], vec![mib(1); 40], vec![None]].concat());
        cases.push([vec![Some(9); 33], vec![mib(6)], vec![None]].concat());
        for (number, sizes) in cases.iter().enumerate() {
            let found = files(&folder.join(number.to_string()), sizes);
            for compat in [Compat::Helm4, Compat::Helm3] {
                let told = |read: Result<Vec<File>, Error>| match read {
                    Ok(files) => files.iter().map(|file| format!("{} {}", file.name, file.data.len())).collect(),
                    Err(error) => vec![error.to_string()],
                };
                let alone = told(Reader::new(compat).part(&found));
                // Which thread is ahead is left to chance.
                for _ in 0..5 {
                    assert_eq!(told(read_all(found.clone(), compat, &Crew::default())), alone, "{number}");
                }
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
