//! Packing a chart as `NAME-VERSION.tgz`, and the hash that ties `Chart.lock`
//! to `Chart.yaml`.

use std::time::{SystemTime, UNIX_EPOCH};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use templates_compat::{Compat, Value, json, yaml};

use crate::chart::{Chart, Lock};
use crate::chart_object::{Json, dependency_json, metadata_json};
use crate::error::Error;
use crate::go_path::base;
use crate::metadata::{API_VERSION_V1, API_VERSION_V2, Dependency, Metadata};

/// gzip's number for an unknown operating system.
const OS_UNKNOWN: u8 = 255;

/// The time of the files in a package.
#[derive(Debug, Clone, Copy)]
pub enum ModTimes {
    /// Each file's own (Helm 4); this one where it is not known.
    Kept(SystemTime),
    /// The same for all (Helm 3, and `SOURCE_DATE_EPOCH`).
    All(SystemTime),
}

impl ModTimes {
    fn of(self, own: Option<SystemTime>) -> u64 {
        let time = match (self, own) {
            (ModTimes::Kept(_), Some(own)) => own,
            (ModTimes::Kept(time) | ModTimes::All(time), _) => time,
        };
        // Go rounds to the second.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() + u64::from(since.subsec_millis() >= 500)
    }
}

/// The name of a chart's package.
pub fn file_name(metadata: &Metadata) -> String {
    format!("{}-{}.tgz", metadata.name, metadata.version)
}

/// The bytes of a chart's package.
///
/// # Errors
/// `chart validation: …`, `invalid JSON in values.schema.json`.
pub fn package(chart: &mut Chart, times: ModTimes, compat: Compat) -> Result<Vec<u8>, Error> {
    chart.metadata.validate(compat).map_err(|e| e.wrap("chart validation"))?;
    let gzip = GzBuilder::new()
        .extra(compat.package_extra())
        .comment("Helm")
        .operating_system(OS_UNKNOWN)
        .write(Vec::new(), Compression::default());
    let mut writer = Writer { tar: tar::Builder::new(gzip), times, compat };
    writer.chart(chart, "")?;
    let gzip = writer.tar.into_inner().map_err(|e| failed(&e))?;
    gzip.finish().map_err(|e| failed(&e))
}

fn failed(error: &std::io::Error) -> Error {
    Error::chart(error.to_string())
}

struct Writer<W: std::io::Write> {
    tar: tar::Builder<W>,
    times: ModTimes,
    compat: Compat,
}

impl<W: std::io::Write> Writer<W> {
    fn chart(&mut self, chart: &Chart, prefix: &str) -> Result<(), Error> {
        let name = chart.name();
        if base(name) != name {
            let quoted = crate::go_text::quote(name, self.compat);
            return Err(Error::chart(format!("{quoted} is not a valid chart name")));
        }
        let folder = format!("{prefix}{name}/");
        let metadata = chart_yaml(&chart.metadata, self.compat)?;
        self.file(&folder, "Chart.yaml", &metadata, chart.mod_time)?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| chart.metadata.api_version == API_VERSION_V2) {
            let text = lock_yaml(lock, self.compat)?;
            self.file(&folder, "Chart.lock", &text, chart.raw_file("Chart.lock").and_then(|f| f.mod_time))?;
        }
        for file in chart.raw.iter().filter(|f| f.name == "values.yaml") {
            self.file(&folder, &file.name, &file.data, file.mod_time)?;
        }
        if let Some(schema) = &chart.schema {
            let invalid = self.compat.invalid_word();
            json::read(schema, self.compat)
                .map_err(|_| Error::chart(format!("{invalid} JSON in values.schema.json")))?;
            let time = chart.raw_file("values.schema.json").and_then(|f| f.mod_time);
            self.file(&folder, "values.schema.json", schema, time)?;
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&folder, &file.name, &file.data, file.mod_time)?;
        }
        for sub in &chart.dependencies {
            self.chart(sub, &format!("{folder}charts/"))?;
        }
        Ok(())
    }

    fn file(&mut self, folder: &str, name: &str, data: &[u8], own: Option<SystemTime>) -> Result<(), Error> {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.times.of(own));
        header.set_size(data.len() as u64);
        let path = crate::go_path::clean(&format!("{folder}{name}"));
        self.tar.append_data(&mut header, path, data).map_err(|e| failed(&e))
    }
}

/// `Chart.yaml` as Helm writes it; old charts keep their dependencies
/// elsewhere.
///
/// # Errors
/// The YAML writer's text.
pub fn chart_yaml(metadata: &Metadata, compat: Compat) -> Result<Vec<u8>, Error> {
    let mut metadata = metadata.clone();
    if metadata.api_version == API_VERSION_V1 {
        metadata.dependencies = None;
    }
    yaml::write(&metadata_json(&metadata), compat).map_err(|e| Error::chart(e.to_string()))
}

/// `Chart.lock` as Helm writes it.
///
/// # Errors
/// The YAML writer's text.
pub fn lock_yaml(lock: &Lock, compat: Compat) -> Result<Vec<u8>, Error> {
    let fields = vec![
        ("generated", Value::str(lock.generated.as_str())),
        ("digest", Value::str(lock.digest.as_str())),
        ("dependencies", dependency_list(Some(&lock.dependencies))),
    ];
    let value = Value::Object(std::sync::Arc::new(Json(fields)));
    yaml::write(&value, compat).map_err(|e| Error::chart(e.to_string()))
}

/// Go's nil and empty lists are told apart in JSON.
fn dependency_list(dependencies: Option<&[Dependency]>) -> Value {
    match dependencies {
        None => Value::Nil,
        Some(list) => Value::list(list.iter().map(dependency_json).collect()),
    }
}

/// The digest in `Chart.lock`: what was asked for and what it was resolved to.
///
/// # Errors
/// The JSON writer's text.
pub fn lock_digest(
    wanted: Option<&[Dependency]>,
    locked: Option<&[Dependency]>,
    compat: Compat,
) -> Result<String, Error> {
    digest(&Value::list(vec![dependency_list(wanted), dependency_list(locked)]), compat)
}

/// The digest that Helm 2 wrote, still good for charts of apiVersion v1.
///
/// # Errors
/// As [`lock_digest`].
pub fn lock_digest_v2(wanted: Option<&[Dependency]>, compat: Compat) -> Result<String, Error> {
    let map = templates_compat::Map::new();
    map.insert("dependencies", dependency_list(wanted));
    digest(&Value::Map(map), compat)
}

fn digest(value: &Value, compat: Compat) -> Result<String, Error> {
    let text = json::write(value, &json::Options::default(), compat).map_err(|e| Error::chart(e.to_string()))?;
    let hash = Sha256::digest(&text);
    let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::File;
    use crate::load;
    use crate::warning::Warnings;

    #[test]
    fn what_is_packed_can_be_loaded() {
        let file = |name: &str, text: &str| File::new(name, text.as_bytes());
        let long = format!("files/{}/x.txt", "long-name-".repeat(12));
        let files = vec![
            file("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.2.3\nannotations:\n  k: '1'\n"),
            file("values.yaml", "# kept\nx: 1\n"),
            file("templates/t.yaml", "a: {{ .Values.x }}\n"),
            file(&long, "z"),
            file("charts/b/Chart.yaml", "apiVersion: v1\nname: b\nversion: 0.1.0\n"),
            file("charts/b/requirements.yaml", "dependencies:\n- name: c\n  version: '>1'\n  repository: r\n"),
        ];
        let mut warnings = Warnings::new();
        let mut chart = load::load_files(files, Compat::Helm4, &mut warnings).unwrap();
        let packed = package(&mut chart, ModTimes::All(UNIX_EPOCH), Compat::Helm4).unwrap();
        let again = load::load_archive(&packed, Compat::Helm4, &mut warnings).unwrap();
        assert_eq!(&*again.raw_file("values.yaml").unwrap().data, b"# kept\nx: 1\n");
        let chart_yaml = String::from_utf8_lossy(&again.raw_file("Chart.yaml").unwrap().data).into_owned();
        assert_eq!(chart_yaml, "annotations:\n  k: \"1\"\napiVersion: v2\nname: a\nversion: 1.2.3\n");
        assert!(again.raw_file(&long).is_some());
        assert_eq!(again.dependencies[0].metadata.dependencies()[0].version, ">1");
        assert_eq!(packed, package(&mut chart, ModTimes::All(UNIX_EPOCH), Compat::Helm4).unwrap());
    }
}
