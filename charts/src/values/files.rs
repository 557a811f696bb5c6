//! The values options of the commands, in Helm's order of precedence.

use std::io::Read;
use std::path::Path;

use templates_compat::{Compat, Map, Value, json, yaml};

use super::set::{SetKind, parse_into};
use super::tables::merge_maps;
use crate::error::{Error, go_errno};

/// Gives the content of a values file or of a `--set-file` path, which may
/// also be `-` or an address.
pub type FileReader<'a> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'a;

/// What the user gave, each kind in the order given.
#[derive(Debug, Clone, Default)]
pub struct ValueOptions {
    /// `-f`/`--values`
    pub files: Vec<String>,
    /// `--set-json`
    pub set_json: Vec<String>,
    /// `--set`
    pub set: Vec<String>,
    /// `--set-string`
    pub set_string: Vec<String>,
    /// `--set-file`
    pub set_file: Vec<String>,
    /// `--set-literal`
    pub set_literal: Vec<String>,
}

impl ValueOptions {
    /// All of them in one map; later kinds win over earlier ones.
    ///
    /// # Errors
    /// Helm's texts: `failed to parse FILE: …`, `failed parsing --set data: …`.
    pub fn merge(&self, read: &mut FileReader<'_>, compat: Compat) -> Result<Map, Error> {
        let mut base = Map::new();
        for path in &self.files {
            let content = read(path).map_err(Error::values)?;
            let values =
                load_values(&content, compat).map_err(|e| Error::values(format!("failed to parse {path}: {e}")))?;
            base = if base.is_empty() { values } else { merge_maps(&base, &values) };
        }
        for text in &self.set_json {
            base = set_json(base, text, compat)?;
        }
        for text in &self.set {
            set(text, &base, SetKind::Set, "--set", compat)?;
        }
        for text in &self.set_string {
            set(text, &base, SetKind::String, "--set-string", compat)?;
        }
        for text in &self.set_file {
            let mut value_of = |path: &str| read(path).map(Value::str);
            set(text, &base, SetKind::File(&mut value_of), "--set-file", compat)?;
        }
        for text in &self.set_literal {
            set(text, &base, SetKind::Literal, "--set-literal", compat)?;
        }
        Ok(base)
    }
}

fn set(text: &str, base: &Map, kind: SetKind<'_>, option: &str, compat: Compat) -> Result<(), Error> {
    parse_into(text, base, kind, compat).map_err(|e| Error::values(format!("failed parsing {option} data: {e}")))
}

/// Helm 4 also takes a whole JSON object.
fn set_json(base: Map, text: &str, compat: Compat) -> Result<Map, Error> {
    let trimmed = text.trim();
    if compat.set_json_takes_objects() && trimmed.starts_with('{') {
        return match json::read(trimmed.as_bytes(), compat) {
            Ok(Value::Map(values)) => Ok(merge_maps(&base, &values)),
            _ => Err(Error::values(format!("failed parsing --set-json data JSON: {text}"))),
        };
    }
    parse_into(text, &base, SetKind::Json, compat)
        .map_err(|_| Error::values(format!("failed parsing --set-json data {text}")))?;
    Ok(base)
}

/// Reads a values file. Helm 4 merges all documents of it; Helm 3 reads the
/// first.
///
/// # Errors
/// The YAML reader's text; Helm 4 puts `cannot unmarshal yaml document: `
/// before it.
pub fn load_values(content: &[u8], compat: Compat) -> Result<Map, String> {
    let read = |document: &[u8]| yaml::read_map(document, compat).map(Option::unwrap_or_default);
    if !compat.values_have_documents() {
        return read(content).map_err(|e| e.to_string());
    }
    let mut values: Option<Map> = None;
    for document in yaml::documents(content) {
        let document = document.map_err(|e| format!("error reading yaml document: {e}"))?;
        let next = read(&document).map_err(|e| format!("cannot unmarshal yaml document: {e}"))?;
        values = Some(values.map_or_else(|| next.clone(), |values| merge_maps(&values, &next)));
    }
    Ok(values.unwrap_or_default())
}

/// Reads a local file, or the standard input for `-`.
///
/// # Errors
/// `open PATH: no such file or directory` and the like.
pub fn read_local(path: &str) -> Result<Vec<u8>, String> {
    if path.trim() == "-" {
        let mut content = Vec::new();
        std::io::stdin().read_to_end(&mut content).map_err(|e| e.to_string())?;
        return Ok(content);
    }
    let problem = |e: std::io::Error| {
        let operation = if e.kind() == std::io::ErrorKind::IsADirectory { "read" } else { "open" };
        format!("{operation} {path}: {}", go_errno(&e))
    };
    std::fs::read(Path::new(path)).map_err(problem)
}
