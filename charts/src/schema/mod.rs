//! `values.schema.json`: whether values fit it, in the words of the validator
//! that both Helms use.
//!
//! Own evaluation, because what is found first, what hides what, and how
//! findings are grouped shows in the messages. Reads nothing by itself: what
//! a schema refers to comes through a [`Resolver`].

mod check;
mod compare;
mod compile;
mod draft;
mod format;
mod json;
mod meta;
mod plain;
mod report;
#[allow(clippy::module_inception)]
mod schema;
mod uri;

use templates_compat::{Compat, Map, Value};

use crate::chart::Chart;
use crate::error::go_errno;

/// The address that a chart's own schema has.
const OWN_ADDRESS: &str = "file:///values.schema.json";

/// Gives the documents that a schema refers to by address.
pub trait Resolver {
    /// The JSON document at an absolute address (`file:`, `http:`, `https:`,
    /// `urn:`).
    ///
    /// # Errors
    /// Why it cannot be had, in Go's words.
    fn resolve(&self, address: &str) -> Result<Vec<u8>, String>;
}

/// Reads local files only.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalResolver;

impl Resolver for LocalResolver {
    fn resolve(&self, address: &str) -> Result<Vec<u8>, String> {
        let Some(rest) = address.strip_prefix("file://") else {
            return Err(format!("no URLLoader registered for {address:?}"));
        };
        let path = rest.find('/').map_or("", |slash| &rest[slash..]);
        std::fs::read(path).map_err(|e| format!("open {path}: {}", go_errno(&e)))
    }
}

/// Checks the values of a chart and its subcharts against their schemas. Gives
/// Helm's text of all problems, empty if there are none.
pub fn validate(chart: &Chart, values: &Map, compat: Compat, resolver: &dyn Resolver) -> String {
    let mut out = String::new();
    if let Some(schema) = &chart.schema
        && let Err(text) = validate_single(values, schema, compat, resolver)
    {
        out.push_str(&format!("{}:\n{text}", chart.name()));
    }
    for sub in &chart.dependencies {
        match values.get(sub.name().as_bytes()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(own)) => out.push_str(&validate(sub, &own, compat, resolver)),
            Some(other) => {
                let got = other.type_name(compat);
                let name = sub.name();
                out.push_str(&format!("{name}:\ninvalid type for values: expected object (map), got {got}\n"));
            }
        }
    }
    out
}

/// Checks values against one schema.
///
/// # Errors
/// The findings, a line each (and an empty one at the end), or why the schema
/// is none.
pub fn validate_single(values: &Map, schema: &[u8], compat: Compat, resolver: &dyn Resolver) -> Result<(), String> {
    let doc = json::Node::parse(schema, compat)?;
    let (schemas, root) = compile::compile(OWN_ADDRESS, doc, compat, resolver)?;
    let value = Value::Map(values.clone());
    let problems = templates_compat::with_deep_stack(|| check::check(&schemas, root, &value, compat));
    if problems.is_empty() {
        return Ok(());
    }
    let words = report::Words { compat };
    let mut text = String::new();
    for problem in &problems {
        words.write(problem, 1, &mut text);
    }
    Err(format!("{}\n", text.trim_start_matches('\n')))
}
