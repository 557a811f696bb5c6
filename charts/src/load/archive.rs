//! Charts packed as `.tgz`: unpacking in memory, with limits and checks of
//! every name.

use std::io::{ErrorKind as IoKind, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use flate2::read::MultiGzDecoder;
use templates_compat::Compat;

use super::{MAX_CHART_SIZE, MAX_FILE_SIZE, sniff};
use crate::chart::{Chart, File};
use crate::error::{Error, ErrorKind, go_errno};
use crate::go_path::clean;
use crate::warning::Warnings;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b\x08";
/// A packed chart that is larger than this cannot be a chart.
const MAX_PACKED_SIZE: u64 = MAX_CHART_SIZE * 2;
/// What archives inside of archives may unpack to in all.
const MAX_NESTED_SIZE: u64 = MAX_CHART_SIZE * 5;
/// The headers of a tar stream, beside the files' content.
const MAX_HEADERS: u64 = 64 * 1024 * 1024;
/// How many files an archive may have.
const MAX_FILES: usize = 100_000;

/// How much may still be unpacked.
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    pub(super) fn whole() -> Self {
        Budget { left: MAX_NESTED_SIZE }
    }
}

/// Loads a chart from a packed one in memory.
///
/// # Errors
/// As [`archive_files`] and [`super::load_files`].
pub fn load_archive(packed: &[u8], compat: Compat, warnings: &mut Warnings) -> Result<Chart, Error> {
    let files = archive_files(packed, compat)?;
    super::load_files(files, compat, warnings)
}

/// Unpacks an archive: the files' names without their first element.
///
/// # Errors
/// Helm's text for what is not an archive, too large, or has a name that
/// leads elsewhere.
pub fn archive_files(packed: &[u8], compat: Compat) -> Result<Vec<File>, Error> {
    archive_files_within(packed, compat, &mut Budget::whole())
}

pub(super) fn archive_files_within(packed: &[u8], compat: Compat, budget: &mut Budget) -> Result<Vec<File>, Error> {
    if packed.is_empty() {
        return Err(Error::chart("EOF"));
    }
    if !packed.starts_with(GZIP_MAGIC) {
        return Err(Error::chart("gzip: invalid header"));
    }
    let stream = MultiGzDecoder::new(packed).take(MAX_CHART_SIZE + MAX_HEADERS);
    let mut archive = tar::Archive::new(stream);
    let mut files = Vec::new();
    let mut remaining = MAX_CHART_SIZE;
    for entry in archive.entries().map_err(|e| broken(&e))? {
        let mut entry = entry.map_err(|e| broken(&e))?;
        let header = entry.header();
        let kind = header.entry_type();
        if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let raw_name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_dir() || (raw_name.ends_with('/') && entry.size() == 0) {
            continue;
        }
        let mod_time = header.mtime().ok().and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s)));
        let name = checked_name(&raw_name, compat)?;
        let size = entry.size();
        check_size(size, remaining, &raw_name, compat)?;
        if files.len() >= MAX_FILES || size > budget.left {
            return Err(too_large(compat));
        }
        budget.left -= size;
        let mut data = Vec::with_capacity(usize::try_from(size.min(MAX_FILE_SIZE)).unwrap_or_default());
        entry.read_to_end(&mut data).map_err(|e| broken(&e))?;
        let read = data.len() as u64;
        remaining = remaining.saturating_sub(read);
        if read < size || remaining == 0 {
            return Err(too_large(compat));
        }
        if data.starts_with(b"\xEF\xBB\xBF") {
            data.drain(..3);
        }
        files.push(File { name, data: data.into(), mod_time });
    }
    if files.is_empty() {
        return Err(Error::chart("no files in chart archive"));
    }
    Ok(files)
}

/// The name inside the chart, if it stays there.
fn checked_name(raw: &str, compat: Compat) -> Result<String, Error> {
    let delimiter = if raw.contains('\\') { '\\' } else { '/' };
    let (first, rest) = raw.split_once(delimiter).unwrap_or((raw, ""));
    let name = rest.replace(delimiter, "/");
    if name.starts_with('/') {
        return Err(Error::chart("chart illegally contains absolute paths"));
    }
    let name = clean(&name);
    if name == "." {
        let quoted = crate::go_text::quote(raw, compat);
        return Err(Error::chart(format!("chart illegally contains content outside the base directory: {quoted}")));
    }
    if name.starts_with("..") {
        return Err(Error::chart("chart illegally references parent directory"));
    }
    let drive = name.as_bytes();
    if drive.len() > 2 && drive[0].is_ascii_alphabetic() && &drive[1..3] == b":/" {
        return Err(Error::chart("chart contains illegally named files"));
    }
    if first == "Chart.yaml" {
        return Err(Error::chart("chart yaml not in base directory"));
    }
    Ok(name)
}

fn check_size(size: u64, remaining: u64, raw_name: &str, compat: Compat) -> Result<(), Error> {
    if size > remaining {
        return Err(too_large(compat));
    }
    if compat.limits_single_files() && size > MAX_FILE_SIZE {
        let quoted = crate::go_text::quote(raw_name, compat);
        return Err(Error::chart(format!(
            "decompressed chart file {quoted} is larger than the maximum file size {MAX_FILE_SIZE}"
        )));
    }
    Ok(())
}

fn too_large(compat: Compat) -> Error {
    let what = compat.chart_size_words();
    Error::chart(format!("decompressed chart is larger than the {what} {MAX_CHART_SIZE}"))
}

/// Go's words for a stream that cannot be read.
fn broken(error: &std::io::Error) -> Error {
    Error::chart(match error.kind() {
        IoKind::UnexpectedEof => "unexpected EOF",
        _ => "archive/tar: invalid tar header",
    })
}

/// Reads a file that should be a packed chart, and says so if it is not.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let name = path.display();
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, &e))?;
    let mut content = Vec::new();
    file.take(MAX_PACKED_SIZE).read_to_end(&mut content).map_err(|e| {
        Error::new(ErrorKind::Io, format!("file '{name}' cannot be read: read {name}: {}", go_errno(&e)))
    })?;
    if content.starts_with(GZIP_MAGIC) {
        return Ok(content);
    }
    let content_type = sniff::content_type(&content);
    let shown = name.to_string();
    if content_type == "application/x-gzip" {
        return Ok(content);
    }
    if shown.ends_with(".yml") || shown.ends_with(".yaml") {
        return Err(Error::chart(format!("file '{name}' seems to be a YAML file, but expected a gzipped archive")));
    }
    Err(Error::chart(format!("file '{name}' does not appear to be a gzipped archive; got '{content_type}'")))
}
