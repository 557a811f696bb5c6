//! A release record's bytes: JSON, gzip, base64, as Helm 3 and 4 read and
//! write them. Owns the encoding and its limits; not where records are kept.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use templates_compat::{Compat, Value, json};

use super::chart::ChartHead;
use super::{ApplyMethod, ChartRecord, Hook, Info, Release, Status, Time};

/// What a record may unfold to. A Secret holds at most 1 MiB; SQL records may
/// be larger, and text packs well.
const MAX_DECODED: u64 = 256 << 20;

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not base64.
    #[error("illegal base64 data: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not gzip.
    #[error("gzip: {0}")]
    Gzip(#[from] std::io::Error),
    /// Not a release.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A value that JSON cannot say.
    #[error("{0}")]
    Value(#[from] json::JsonError),
    /// It unfolds to more than 256 MiB.
    #[error("the release record is larger than {MAX_DECODED} bytes")]
    TooLarge,
}

/// The record's JSON, in the order of Helm's fields.
#[derive(Serialize)]
struct RecordOut<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    info: &'a Info,
    #[serde(skip_serializing_if = "Option::is_none")]
    chart: Option<&'a ChartRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    manifest: &'a str,
    #[serde(skip_serializing_if = "<[Hook]>::is_empty")]
    hooks: &'a [Hook],
    #[serde(skip_serializing_if = "is_zero")]
    version: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_method: Option<ApplyMethod>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

#[derive(Deserialize)]
struct RecordIn<'a> {
    #[serde(default)]
    name: String,
    #[serde(default)]
    info: Info,
    #[serde(default)]
    chart: Option<ChartRecord>,
    #[serde(default, borrow)]
    config: Option<&'a RawValue>,
    #[serde(default)]
    manifest: String,
    #[serde(default)]
    hooks: Option<Vec<Hook>>,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    namespace: String,
    #[serde(default, deserialize_with = "apply_method")]
    apply_method: Option<ApplyMethod>,
}

/// What lists need of a record; the rest is skipped without being built.
#[derive(Deserialize)]
struct RecordHead {
    #[serde(default)]
    name: String,
    #[serde(default)]
    info: InfoHead,
    #[serde(default)]
    chart: Option<ChartHead>,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    namespace: String,
    #[serde(default, deserialize_with = "apply_method")]
    apply_method: Option<ApplyMethod>,
}

#[derive(Default, Deserialize)]
struct InfoHead {
    #[serde(default, deserialize_with = "super::time::lenient")]
    first_deployed: Option<Time>,
    #[serde(default, deserialize_with = "super::time::lenient")]
    last_deployed: Option<Time>,
    #[serde(default, deserialize_with = "super::time::lenient")]
    deleted: Option<Time>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    rollback_revision: i64,
}

/// `""`, null and unknown words mean client-side, as an absent field does.
fn apply_method<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<ApplyMethod>, D::Error> {
    Ok(match Option::<String>::deserialize(d)?.as_deref() {
        Some("ssa") => Some(ApplyMethod::ServerSide),
        Some("csa") => Some(ApplyMethod::ClientSide),
        _ => None,
    })
}

/// The JSON of a release, as Go's `json.Marshal` orders it.
///
/// # Errors
/// A value that JSON cannot say.
pub fn to_json(release: &Release) -> Result<Vec<u8>, CodecError> {
    write_json(release, Some(&release.chart))
}

/// The same without the chart, as Helm prints a release.
///
/// # Errors
/// As [`to_json`].
pub fn to_json_without_chart(release: &Release) -> Result<Vec<u8>, CodecError> {
    write_json(release, None)
}

fn write_json(release: &Release, chart: Option<&ChartRecord>) -> Result<Vec<u8>, CodecError> {
    let config = match &release.config {
        // Go leaves an empty map out, too.
        Some(map) if !map.is_empty() => Some(raw(&Value::Map(map.clone()))?),
        _ => None,
    };
    let out = RecordOut {
        name: &release.name,
        info: &release.info,
        chart,
        config,
        manifest: &release.manifest,
        hooks: &release.hooks,
        version: release.version,
        namespace: &release.namespace,
        apply_method: release.apply_method,
    };
    Ok(serde_json::to_vec(&out)?)
}

/// The JSON of a release as this Helm writes it: Helm 3 knows no apply method,
/// no times of files and no revision of a rollback, and writes empty times.
///
/// # Errors
/// A value that JSON cannot say.
pub fn to_json_of(release: &Release, compat: Compat) -> Result<Vec<u8>, CodecError> {
    let json = to_json(release)?;
    if compat.records_apply_methods() {
        return Ok(json);
    }
    let mut record: Json = serde_json::from_slice(&json)?;
    let drop = |at: Option<&mut Json>, fields: &[&str]| {
        if let Some(map) = at.and_then(Json::as_object_mut) {
            map.retain(|key, _| !fields.contains(&key.as_str()));
        }
    };
    let empty = |at: Option<&mut Json>, fields: &[&str]| {
        let Some(map) = at.and_then(Json::as_object_mut) else { return };
        for field in fields {
            map.entry(*field).or_insert_with(|| Json::String(String::new()));
        }
    };
    drop(Some(&mut record), &["apply_method"]);
    drop(record.get_mut("info"), &["rollback_revision"]);
    empty(record.get_mut("info"), &["deleted"]);
    drop(record.get_mut("chart"), &["schemamodtime", "modtime"]);
    for list in ["/chart/templates", "/chart/files"] {
        let files = record.pointer_mut(list).and_then(Json::as_array_mut);
        files.into_iter().flatten().for_each(|file| drop(Some(file), &["modtime"]));
    }
    let hooks = record.get_mut("hooks").and_then(Json::as_array_mut);
    hooks.into_iter().flatten().for_each(|hook| empty(hook.get_mut("last_run"), &["started_at", "completed_at"]));
    Ok(serde_json::to_vec(&record)?)
}

/// A value as a piece of JSON with Go's forms of numbers.
pub(super) fn raw(value: &Value) -> Result<Box<RawValue>, CodecError> {
    let bytes = json::write(value, &json::Options::default(), Compat::Helm4)?;
    // Go strings may hold bytes that are no UTF-8; its encoder replaces them.
    Ok(RawValue::from_string(String::from_utf8_lossy(&bytes).into_owned())?)
}

/// Reads a release's JSON.
///
/// # Errors
/// What is not a release.
pub fn from_json(bytes: &[u8]) -> Result<Release, CodecError> {
    let record: RecordIn<'_> = serde_json::from_slice(bytes)?;
    let config = match record.config {
        Some(config) => json::read(config.get().as_bytes(), Compat::Helm4)?.as_map().cloned(),
        None => None,
    };
    Ok(Release {
        name: record.name,
        info: record.info,
        chart: Arc::new(record.chart.unwrap_or_default()),
        config,
        manifest: record.manifest,
        hooks: record.hooks.unwrap_or_default(),
        version: record.version,
        namespace: record.namespace,
        apply_method: record.apply_method,
        labels: BTreeMap::new(),
    })
}

fn head_from_json(bytes: &[u8]) -> Result<Release, CodecError> {
    let head: RecordHead = serde_json::from_slice(bytes)?;
    Ok(Release {
        name: head.name,
        info: Info {
            first_deployed: head.info.first_deployed,
            last_deployed: head.info.last_deployed,
            deleted: head.info.deleted,
            description: head.info.description,
            status: head.info.status,
            rollback_revision: head.info.rollback_revision,
            ..Info::default()
        },
        chart: Arc::new(head.chart.map(ChartRecord::from).unwrap_or_default()),
        version: head.version,
        namespace: head.namespace,
        apply_method: head.apply_method,
        ..Release::default()
    })
}

/// Encodes a release: what stands under the record's `release` key.
///
/// # Errors
/// As [`to_json`].
pub fn encode(release: &Release, compat: Compat) -> Result<String, CodecError> {
    let json = to_json_of(release, compat)?;
    let mut gzip = GzEncoder::new(Vec::with_capacity(json.len() / 4), Compression::best());
    gzip.write_all(&json)?;
    Ok(STANDARD.encode(gzip.finish()?))
}

/// Decodes a record.
///
/// # Errors
/// What is not a record.
pub fn decode(data: &[u8]) -> Result<Release, CodecError> {
    from_json(&unpack(data)?)
}

/// Decodes the part of a record that lists need.
///
/// # Errors
/// What is not a record.
pub fn decode_head(data: &[u8]) -> Result<Release, CodecError> {
    head_from_json(&unpack(data)?)
}

/// base64, then gzip unless (in very old records) it is plain JSON.
fn unpack(data: &[u8]) -> Result<Vec<u8>, CodecError> {
    let bytes = STANDARD.decode(data)?;
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes);
    }
    let mut json = Vec::with_capacity(bytes.len().saturating_mul(6));
    GzDecoder::new(bytes.as_slice()).take(MAX_DECODED + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_DECODED {
        return Err(CodecError::TooLarge);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_as_gos_gzip_does() {
        let data = STANDARD.decode(encode(&Release::default(), Compat::Helm4).unwrap()).unwrap();
        assert_eq!(data[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
    }

    #[test]
    fn encoding_and_decoding_is_the_same_release() {
        let mut release = Release {
            name: "r".into(),
            namespace: "ns".into(),
            manifest: "---\na: <b>\n".into(),
            version: 3,
            apply_method: Some(ApplyMethod::ServerSide),
            hooks: vec![Hook { name: "h".into(), weight: -5, ..Hook::default() }],
            ..Release::default()
        };
        release.info.first_deployed = Time::parse("2026-11-23T08:42:07.123456789+01:00");
        release.set_status(Status::PendingUpgrade, "Preparing upgrade");
        let json = to_json(&release).unwrap();
        let back = decode(encode(&release, Compat::Helm4).unwrap().as_bytes()).unwrap();
        assert_eq!(to_json(&back).unwrap(), json);
        let head = decode_head(encode(&release, Compat::Helm4).unwrap().as_bytes()).unwrap();
        assert_eq!((head.version, head.info.status), (3, Status::PendingUpgrade));
    }

    #[test]
    fn empty_times_and_nulls_are_read() {
        let json = br#"{"name":"r","info":{"first_deployed":"2020-01-01T00:00:00Z","deleted":"","status":"odd"},
            "chart":{"metadata":{"name":"c","version":"1"},"lock":null,"templates":null,"files":null},
            "hooks":[{"name":"h","events":null,"last_run":{"started_at":"","completed_at":"","phase":""}}],"version":1}"#;
        let release = from_json(json).unwrap();
        assert_eq!(release.info.deleted, None);
        assert_eq!(release.info.status, Status::Unknown);
        assert_eq!(release.apply_method, None);
        assert_eq!(release.chart.name(), "c");
        assert!(release.hooks[0].events.is_empty());
    }

    #[test]
    fn helm3_has_empty_times_and_no_apply_method() {
        let release = Release {
            name: "r".into(),
            apply_method: Some(ApplyMethod::ServerSide),
            hooks: vec![Hook { name: "h".into(), ..Hook::default() }],
            ..Release::default()
        };
        let text = String::from_utf8(to_json_of(&release, Compat::Helm3).unwrap()).unwrap();
        assert!(text.contains(r#""deleted":"""#) && text.contains(r#""started_at":"""#), "{text}");
        assert!(!text.contains("apply_method") && !text.contains("modtime"), "{text}");
    }

    #[test]
    fn plain_json_of_old_records_is_read() {
        let data = STANDARD.encode(br#"{"name":"old","version":2}"#);
        assert_eq!(decode(data.as_bytes()).unwrap().name, "old");
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        assert!(decode(b"%%%").is_err());
        assert!(decode(STANDARD.encode([0x1f, 0x8b, 8, 0, 1]).as_bytes()).is_err());
        assert!(decode(STANDARD.encode(b"[1]").as_bytes()).is_err());
    }
}
