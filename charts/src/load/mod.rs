//! Reading charts: from a folder, from an archive, or from files already in
//! memory. Owns the sorting of files into a [`Chart`] and its limits.

mod archive;
mod dir;
mod files;
mod sniff;

use std::path::{Path, PathBuf};

use templates_compat::Compat;
use templates_compat::yaml::{self, Field, Shape, StructShape};

use crate::chart::Chart;
use crate::error::{Error, ErrorKind, go_errno};
use crate::parallel::{Crew, Pending};
use crate::warning::Warnings;

pub use archive::{archive_files, load_archive};
pub use files::load_files;

use files::load_files_with;

/// The most that the files of one chart may have in all, unpacked.
pub const MAX_CHART_SIZE: u64 = 100 * 1024 * 1024;
/// The most that one file may have (Helm 3; Helm 4 only knows the sum).
pub const MAX_FILE_SIZE: u64 = 5 * 1024 * 1024;

/// The part of a chart's path that Helm looks up locally: the absolute path
/// if it is there, none if it may be the name of a chart in a repository.
///
/// # Errors
/// `path "X" not found` for what can only be a path.
pub fn locate(name: &str, compat: Compat) -> Result<Option<PathBuf>, Error> {
    let name = name.trim();
    let path = Path::new(name);
    if path.exists() {
        let absolute = std::path::absolute(path).map_err(|e| Error::io("stat", path, &e))?;
        return Ok(Some(PathBuf::from(crate::go_path::clean(&absolute.to_string_lossy()))));
    }
    if path.is_absolute() || name.starts_with('.') {
        let quoted = crate::go_text::quote(name, compat);
        return Err(Error::new(ErrorKind::Io, format!("path {quoted} not found")));
    }
    Ok(None)
}

/// Loads a chart from a folder or an archive.
///
/// # Errors
/// Helm's text for a chart that is missing or not valid.
pub fn load(path: &Path, compat: Compat, warnings: &mut Warnings) -> Result<Chart, Error> {
    load_with(path, compat, warnings, &Crew::default())
}

/// A chart that is being loaded.
#[derive(Debug)]
pub struct Loading(Pending<(Result<Chart, Error>, Warnings)>);

impl Loading {
    /// What came of it, and what Helm would log. As [`load`], when it is done.
    pub fn take(self) -> (Result<Chart, Error>, Warnings) {
        self.0.take()
    }
}

/// Begins to load a chart as [`load`] does.
pub fn begin(path: &Path, compat: Compat, crew: &Crew) -> Loading {
    let (path, others) = (path.to_path_buf(), crew.clone());
    Loading(crew.post(move || {
        let mut warnings = Warnings::new();
        (load_with(&path, compat, &mut warnings, &others), warnings)
    }))
}

/// Loads a chart as [`load`] does, with those who help.
fn load_with(path: &Path, compat: Compat, warnings: &mut Warnings, crew: &Crew) -> Result<Chart, Error> {
    let info = std::fs::metadata(path).map_err(|e| Error::io("stat", path, &e))?;
    if info.is_dir() { load_dir_with(path, compat, warnings, crew) } else { load_file(path, compat, warnings, crew) }
}

/// Loads a chart as [`load`] does, but without a look at its apiVersion
/// before everything else: what Helm's `show` and `lint` do.
///
/// # Errors
/// As [`load`], in other words where there is no chart.
pub fn load_known(path: &Path, compat: Compat, warnings: &mut Warnings) -> Result<Chart, Error> {
    let info = std::fs::metadata(path).map_err(|e| Error::io("stat", path, &e))?;
    if info.is_dir() {
        let absolute = std::path::absolute(path).map_err(|e| Error::io("stat", path, &e))?;
        let top = PathBuf::from(crate::go_path::clean(&absolute.to_string_lossy()));
        let crew = Crew::default();
        return load_files_with(dir::read(&top, compat, warnings, &crew)?, compat, warnings, &crew);
    }
    let content = archive::read_file(path)?;
    load_files(unpack(path, &content, compat)?, compat, warnings)
}

/// Loads a chart from a folder.
///
/// # Errors
/// As [`load`].
pub fn load_dir(path: &Path, compat: Compat, warnings: &mut Warnings) -> Result<Chart, Error> {
    load_dir_with(path, compat, warnings, &Crew::default())
}

fn load_dir_with(path: &Path, compat: Compat, warnings: &mut Warnings, crew: &Crew) -> Result<Chart, Error> {
    let absolute = std::path::absolute(path).map_err(|e| Error::io("stat", path, &e))?;
    let top = PathBuf::from(crate::go_path::clean(&absolute.to_string_lossy()));
    if compat.detects_the_chart_first() {
        let chart_yaml = top.join("Chart.yaml");
        let content = std::fs::read(&chart_yaml).map_err(|e| {
            let file = chart_yaml.display();
            Error::chart(format!("unable to detect chart at {file}: open {file}: {}", go_errno(&e)))
        })?;
        check_api_version(&content, compat)?;
    }
    let files = dir::read(&top, compat, warnings, crew)?;
    load_files_with(files, compat, warnings, crew)
}

/// Loads a chart from an archive file.
fn load_file(path: &Path, compat: Compat, warnings: &mut Warnings, crew: &Crew) -> Result<Chart, Error> {
    let content = archive::read_file(path)?;
    let files = unpack(path, &content, compat).map_err(|e| match e.text() {
        text if compat.detects_the_chart_first() && !text.starts_with("file '") => {
            Error::chart("unable to load chart archive")
        }
        _ => e,
    })?;
    if compat.detects_the_chart_first() {
        let chart_yaml = files.iter().find(|f| f.name == "Chart.yaml");
        let chart_yaml =
            chart_yaml.ok_or_else(|| Error::chart("unable to detect chart version, no Chart.yaml found"))?;
        check_api_version(&chart_yaml.data, compat)?;
    }
    load_files_with(files, compat, warnings, crew)
}

/// The name of the folder that an archive's files are unpacked to: the
/// chart's, as its `Chart.yaml` says it.
///
/// # Errors
/// A `Chart.yaml` that cannot be read, or a name that cannot be a folder's.
pub fn expanded_name(files: &[crate::chart::File], compat: Compat) -> Result<String, Error> {
    let mut name = String::new();
    for file in files.iter().filter(|f| f.name == "Chart.yaml") {
        let mut metadata = crate::metadata::Metadata::default();
        metadata.read(&file.data, compat).map_err(|e| e.wrap("cannot load Chart.yaml"))?;
        name = metadata.name;
    }
    let quoted = crate::go_text::quote(&name, compat);
    match name.as_str() {
        "" => Err(Error::chart("chart name not specified")),
        "." | ".." => Err(Error::chart(format!("chart name {quoted} is not allowed"))),
        _ if name != crate::go_path::base(&name) => {
            Err(Error::chart(format!("chart name {quoted} must not contain path separators")))
        }
        _ => Ok(name),
    }
}

fn unpack(path: &Path, content: &[u8], compat: Compat) -> Result<Vec<crate::chart::File>, Error> {
    let name = path.display();
    archive_files(content, compat).map_err(|e| match e.text() {
        "gzip: invalid header" => Error::chart(format!(
            "file '{name}' does not appear to be a valid chart file (details: gzip: invalid header)"
        )),
        _ => e,
    })
}

/// Helm 4 looks at the apiVersion before anything else.
fn check_api_version(content: &[u8], compat: Compat) -> Result<(), Error> {
    static BASE: StructShape = StructShape {
        name: "chartBase",
        full_name: "loader.chartBase",
        fields: &[Field { json: "apiVersion", pointer: false, shape: Shape::Str }],
    };
    let base = yaml::decode(content, &Shape::Struct(&BASE), compat)
        .map_err(|e| Error::chart(format!("cannot load Chart.yaml: {e}")))?;
    let version = crate::metadata::Fields::of(&base).map(|f| f.text("apiVersion")).unwrap_or_default();
    match version.as_str() {
        "" | "v1" | "v2" => Ok(()),
        // The experimental format can be loaded by Helm, but not installed.
        "v3" => Err(Error::chart("invalid chart apiVersion")),
        _ => Err(Error::chart("unsupported chart version")),
    }
}
