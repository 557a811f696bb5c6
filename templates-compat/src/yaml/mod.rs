//! YAML as Helm's libraries read and write it: YAML 1.1 words, a detour
//! through JSON, byte-exact output and error texts.
//!
//! Owns scanning, resolving and emitting. Does not own the JSON rules
//! ([`crate::json`]) or what a chart's files mean.

mod base64;
mod chars;
mod decode;
mod documents;
mod emit;
mod fit;
mod go_syntax;
mod input;
mod kept;
mod keys;
mod node;
mod parse;
mod pretty;
mod reads_back;
mod resolve;
mod scan;
mod scan_misc;
mod scan_scalar;
mod shape;
mod timestamp;
mod token;
mod write;

#[cfg(test)]
mod tests;

pub use documents::{Documents, documents};
pub use kept::{KeptDocument, write_kept};
pub use reads_back::{reads_back, reads_back_pretty};
pub use shape::{Field, Shape, StructShape};

use std::fmt;

use self::decode::{Decoder, Numbers, Want};
use self::input::Input;
use self::node::Document;
use self::parse::Parser;
use self::scan::Scanner;
use self::token::Fail;
use crate::compat::Compat;
use crate::json::{JsonError, number};
use crate::value::{List, Map, Value};

/// Why a text could not be read; displays as Go's error text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    text: String,
    panics: bool,
    limit: bool,
    parts: usize,
}

impl YamlError {
    fn new(text: impl Into<String>) -> Self {
        YamlError { text: text.into(), panics: false, limit: false, parts: 0 }
    }

    fn panic(text: impl Into<String>) -> Self {
        YamlError { text: text.into(), panics: true, limit: false, parts: 0 }
    }

    fn too_large() -> Self {
        let text = format!("result is larger than {} bytes", crate::limits::MAX_TEXT_BYTES);
        YamlError { text, panics: false, limit: true, parts: 0 }
    }

    /// The error of a writer that had come so far.
    fn after(mut self, parts: usize) -> Self {
        self.parts = parts;
        self
    }

    /// About how much a writer had done before the error: bytes written, or
    /// values looked at.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Whether a limit of ours was met: Go has no such error.
    pub fn is_limit(&self) -> bool {
        self.limit
    }

    /// Whether Go's library panics here instead of returning an error.
    pub fn is_panic(&self) -> bool {
        self.panics
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for YamlError {}

/// Reads the first document into an `interface {}`; all numbers are `float64`.
///
/// # Errors
/// `error converting YAML to JSON: …` or `error unmarshaling JSON: …`.
pub fn read(bytes: &[u8], compat: Compat) -> Result<Value, YamlError> {
    decode(bytes, &Shape::Any, compat)
}

/// Like [`read`], but a key that a mapping has twice is an error.
///
/// # Errors
/// As [`read`], and `… key "x" already set in map`.
pub fn read_strict(bytes: &[u8], compat: Compat) -> Result<Value, YamlError> {
    decode_strict(bytes, &Shape::Any, compat)
}

/// Reads the first document into a `map[string]interface {}`. An empty
/// document is `None` (Go: the map stays as it was, or becomes nil).
///
/// # Errors
/// As [`read`], and `json: cannot unmarshal … into Go value of type
/// map[string]interface {}` for another kind of document.
pub fn read_map(bytes: &[u8], compat: Compat) -> Result<Option<Map>, YamlError> {
    read_map_counted(bytes, compat, &mut 0)
}

/// [`read_map`], and how many nodes were read, aliases followed.
pub(crate) fn read_map_counted(bytes: &[u8], compat: Compat, nodes: &mut u64) -> Result<Option<Map>, YamlError> {
    const ANY: Shape = Shape::Any;
    Ok(decode_as(bytes, &Shape::Map(&ANY), compat, false, nodes)?.as_map().cloned())
}

/// Reads the first document into a `[]interface {}`.
///
/// # Errors
/// As [`read_map`], for lists.
pub fn read_list(bytes: &[u8], compat: Compat) -> Result<Option<List>, YamlError> {
    read_list_counted(bytes, compat, &mut 0)
}

/// [`read_list`], and how many nodes were read, aliases followed.
pub(crate) fn read_list_counted(bytes: &[u8], compat: Compat, nodes: &mut u64) -> Result<Option<List>, YamlError> {
    const ANY: Shape = Shape::Any;
    Ok(decode_as(bytes, &Shape::List(&ANY), compat, false, nodes)?.as_list().cloned())
}

/// Reads every document of a stream into a map (Helm 4 merges them into one).
///
/// # Errors
/// The first document's that cannot be read; as [`read_map`] and
/// [`documents`].
pub fn read_all_documents(bytes: &[u8], compat: Compat) -> Result<Vec<Map>, YamlError> {
    documents(bytes).map(|d| Ok(read_map(&d?, compat)?.unwrap_or_default())).collect()
}

/// Reads the first document into a Go type. The whole text is checked; only
/// what `shape` names is built (a struct becomes a map with the fields that
/// the text has, under their JSON names).
///
/// # Errors
/// As [`read`], with Go's texts for what does not fit `shape`.
pub fn decode(bytes: &[u8], shape: &Shape, compat: Compat) -> Result<Value, YamlError> {
    decode_as(bytes, shape, compat, false, &mut 0)
}

/// Like [`decode`], but duplicate keys and unknown fields are errors.
///
/// # Errors
/// As [`decode`].
pub fn decode_strict(bytes: &[u8], shape: &Shape, compat: Compat) -> Result<Value, YamlError> {
    decode_as(bytes, shape, compat, true, &mut 0)
}

fn decode_as(bytes: &[u8], shape: &Shape, compat: Compat, strict: bool, nodes: &mut u64) -> Result<Value, YamlError> {
    let converting = |text: &str| YamlError::new(format!("error converting YAML to JSON: {text}"));
    let yaml = |fail: Fail| converting(&format!("yaml: {}", fail.0));
    let input = Input::new(bytes);
    let document = Document::parse(Parser::new(Scanner::new(&input))).map_err(yaml)?;
    if document.nodes.is_empty() {
        return Ok(Value::Nil);
    }
    let mut decoder = Decoder::new(&document, Numbers::Float, strict);
    let value = decoder.value(0, Want::Build(shape)).map_err(yaml);
    *nodes = decoder.decoded();
    let value = value?;
    if !decoder.type_errors.is_empty() {
        let lines = decoder.type_errors.join("\n  ");
        return Err(converting(&format!("yaml: unmarshal errors:\n  {lines}")));
    }
    if let Some(text) = decoder.key_error {
        return Err(converting(&text));
    }
    if let Some(f) = decoder.number_error {
        return Err(converting(&format!("json: unsupported value: {}", number::general(f))));
    }
    fit::fit(value, shape, strict, compat)
        .map_err(|text| YamlError::new(format!("error unmarshaling JSON: while decoding JSON: {text}")))
}

/// Writes as `toYaml` does (through JSON), with the last newline kept.
///
/// # Errors
/// `error marshaling into JSON: …` for what JSON cannot say (NaN, Inf).
pub fn write(value: &Value, compat: Compat) -> Result<Vec<u8>, YamlError> {
    write::write(value, compat)
}

/// Writes as `toYamlPretty` does: yaml.v3, indent 2, not through JSON, with
/// the last newline kept.
///
/// # Errors
/// What yaml.v3 cannot write.
pub fn write_pretty(value: &Value, compat: Compat) -> Result<Vec<u8>, YamlError> {
    let _ = compat;
    pretty::write(value)
}

/// What Helm looks at in each rendered document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata`, if it is there.
    pub metadata: Option<HeadMetadata>,
}

/// The part of `metadata` that Helm looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadMetadata {
    /// `metadata.name`
    pub name: String,
    /// `metadata.annotations`, in key order; none and empty are told apart.
    pub annotations: Option<Vec<(String, String)>>,
}

/// Parses the whole document, reports what a full read would report, and
/// keeps only the [`Head`].
///
/// # Errors
/// As [`decode`] into Helm's `SimpleHead`.
pub fn head(bytes: &[u8], compat: Compat) -> Result<Head, YamlError> {
    const ANNOTATIONS: Shape = Shape::Map(&Shape::Str);
    const METADATA: StructShape = StructShape {
        name: "",
        full_name: "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }",
        fields: &[
            Field { json: "name", pointer: false, shape: Shape::Str },
            Field { json: "annotations", pointer: false, shape: ANNOTATIONS },
        ],
    };
    const HEAD: StructShape = StructShape {
        name: "SimpleHead",
        full_name: "util.SimpleHead",
        fields: &[
            Field { json: "apiVersion", pointer: false, shape: Shape::Str },
            Field { json: "kind", pointer: false, shape: Shape::Str },
            Field { json: "metadata", pointer: true, shape: Shape::Struct(&METADATA) },
        ],
    };
    const OLD_HEAD: StructShape = StructShape { full_name: "releaseutil.SimpleHead", ..HEAD };
    let shape = match compat.has_versioned_packages() {
        false => &Shape::Struct(&OLD_HEAD),
        true => &Shape::Struct(&HEAD),
    };
    let value = decode(bytes, shape, compat)?;
    let Some(map) = value.as_map() else { return Ok(Head::default()) };
    let metadata = map.get(b"metadata").and_then(|m| m.as_map().cloned()).map(|m| HeadMetadata {
        name: text_of(&m, b"name"),
        annotations: m.get(b"annotations").and_then(|a| a.as_map().cloned()).map(|a| {
            a.snapshot()
                .into_iter()
                .map(|(k, v)| {
                    (k.to_text().into_owned(), String::from_utf8_lossy(v.as_bytes().unwrap_or_default()).into_owned())
                })
                .collect()
        }),
    });
    Ok(Head { api_version: text_of(map, b"apiVersion"), kind: text_of(map, b"kind"), metadata })
}

fn text_of(map: &Map, key: &[u8]) -> String {
    match map.get(key) {
        Some(Value::Str(s)) => s.to_text().into_owned(),
        _ => String::new(),
    }
}

/// Standard base64, for `[]byte` in JSON.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    base64::encode(bytes)
}

impl From<JsonError> for YamlError {
    fn from(e: JsonError) -> Self {
        YamlError { limit: e.is_limit(), parts: e.parts(), ..YamlError::new(e.to_string()) }
    }
}
