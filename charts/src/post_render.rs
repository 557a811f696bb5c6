//! What a post-renderer is given, and what becomes of its answer. Helm 3 hands
//! over the manifest as text, without hooks; Helm 4 all documents, each with
//! an annotation that says which file it is of.

use std::collections::BTreeMap;
use std::fmt;

use templates_compat::Compat;
use templates_compat::yaml::{KeptDocument, write_kept};

use crate::error::Error;
use crate::go_path::base;
use crate::manifest;

/// Changes manifests before they are sorted (Helm 4) or applied (Helm 3).
pub trait PostRenderer: fmt::Debug + Send + Sync {
    /// The manifests as they shall be.
    ///
    /// # Errors
    /// Helm's words.
    fn run(&self, manifests: &[u8]) -> Result<Vec<u8>, String>;
}

/// Says which file a document is of.
const FILE: &str = "postrenderer.helm.sh/postrender-filename";

/// Helm 4: rendered files, post-rendered together.
///
/// # Errors
/// A file that is no YAML, the post-renderer's, or an answer that is none.
pub fn files(
    files: &BTreeMap<String, Vec<u8>>,
    renderer: &dyn PostRenderer,
    compat: Compat,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let merged = merge(files, compat).map_err(|e| Error::render(format!("error merging manifests: {e}")))?;
    let answer = renderer.run(&merged).map_err(while_running)?;
    split(&answer).map_err(|e| Error::render(format!("error while parsing post rendered output: {e}")))
}

/// Helm 3: the manifest that was made.
///
/// # Errors
/// The post-renderer's.
pub fn manifest(text: &[u8], renderer: &dyn PostRenderer) -> Result<Vec<u8>, Error> {
    renderer.run(text).map_err(while_running)
}

fn while_running(error: String) -> Error {
    Error::render(format!("error while running post render on files: {error}"))
}

fn merge(files: &BTreeMap<String, Vec<u8>>, compat: Compat) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for (name, content) in files {
        if base(name).starts_with('_') || content.trim_ascii().is_empty() {
            continue;
        }
        for text in manifest::split(content, compat) {
            if text.trim_ascii().is_empty() {
                continue;
            }
            for mut document in parse(text).map_err(|e| format!("parsing {name}: {e}"))? {
                document.set_annotation(FILE, name);
                all.push(document);
            }
        }
    }
    Ok(write_kept(&all))
}

fn split(answer: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files: BTreeMap<String, Vec<KeptDocument>> = BTreeMap::new();
    for (i, mut document) in parse(answer).map_err(|e| format!("error parsing YAML: {e}"))?.into_iter().enumerate() {
        let name = document.annotation(FILE).filter(|name| !name.is_empty());
        document.clear_annotation(FILE);
        files.entry(name.unwrap_or_else(|| format!("generated-by-postrender-{i}.yaml"))).or_default().push(document);
    }
    Ok(files.into_iter().map(|(name, documents)| (name, write_kept(&documents))).collect())
}

/// kyaml's words for what is no object.
fn annotatable(document: &KeptDocument) -> Result<(), String> {
    match document.wrong_kind() {
        None => Ok(()),
        Some(kind) => {
            let text = String::from_utf8_lossy(&write_kept(std::slice::from_ref(document))).into_owned();
            Err(format!("wrong node kind: expected MappingNode but got {kind}: node contents:\n{text}"))
        }
    }
}

/// The documents of a stream; a `List` that is alone gives its items.
fn parse(stream: &[u8]) -> Result<Vec<KeptDocument>, String> {
    let stream = without_carriage_returns(stream);
    let parts = parts(&stream)?;
    let mut all = Vec::new();
    for part in &parts {
        let parsed = KeptDocument::parse(part).map_err(|e| format!("MalformedYAMLError: {e}"))?;
        let Some(document) = parsed else { continue };
        annotatable(&document)?;
        if parts.len() > 1 {
            all.push(document);
            continue;
        }
        match document.into_items() {
            Ok(items) => all.extend(items),
            Err(document) => all.push(*document),
        }
    }
    Ok(all)
}

fn without_carriage_returns(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => out.extend_from_slice(&[line, b"\n"].concat()),
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// Parts a stream at lines that begin with `---`, its first line aside.
fn parts(stream: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    for line in stream.split_inclusive(|b| *b == b'\n') {
        // The line break before it must not belong to another separator.
        if at > from && line.ends_with(b"\n") && line.starts_with(b"---") {
            let text = String::from_utf8_lossy(line);
            let after = text[3..].trim();
            if !after.is_empty() && !after.starts_with('#') {
                return Err(format!("invalid document separator: {}", text.trim()));
            }
            parts.push(&stream[from..at]);
            from = at + line.len();
        }
        at += line.len();
    }
    if !stream.is_empty() {
        parts.push(&stream[from..]);
    }
    Ok(parts)
}
