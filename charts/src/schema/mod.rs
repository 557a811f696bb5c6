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

use std::cell::Cell;
use std::sync::Arc;

use templates_compat::{Compat, Map, Value};

use crate::chart::Chart;
use crate::error::go_errno;
use crate::parallel::{Crew, Reading};

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

/// Schemas that are being read; nothing comes of those that need others.
#[derive(Debug, Default)]
pub(crate) struct Prepared(Reading<Option<Compiled>>);

/// A schema that is ready to be checked against, or why it is none.
type Compiled = Result<(Vec<schema::Schema>, schema::Id), String>;

impl Prepared {
    /// Begins to read the schemas of a chart and its subcharts: before it is
    /// known which of them are needed, and with which values.
    pub(crate) fn of(chart: &Chart, compat: Compat, crew: &Crew) -> Self {
        let mut prepared = Prepared::default();
        prepared.add(chart, compat, crew);
        prepared
    }

    fn add(&mut self, chart: &Chart, compat: Compat, crew: &Crew) {
        if let Some(text) = chart.schema.as_ref().filter(|text| text.len() >= WORTH_POSTING) {
            self.0.begin(text, crew, move |text| alone(text, compat));
        }
        chart.dependencies.iter().for_each(|sub| self.add(sub, compat, crew));
    }

    fn take(&mut self, text: &Arc<[u8]>) -> Option<Compiled> {
        self.0.take(text).flatten()
    }
}

/// Smaller schemas, in bytes, are read sooner than handed over.
const WORTH_POSTING: usize = 2 << 10;

/// Reads a schema that refers to no other document; nothing if it does.
fn alone(text: &[u8], compat: Compat) -> Option<Compiled> {
    let nobody = Nobody::default();
    let compiled = compile(text, compat, &nobody);
    (!nobody.asked.into_inner()).then_some(compiled)
}

/// Has no documents.
#[derive(Default)]
struct Nobody {
    asked: Cell<bool>,
}

impl Resolver for Nobody {
    fn resolve(&self, _: &str) -> Result<Vec<u8>, String> {
        self.asked.set(true);
        Err(String::new())
    }
}

fn compile(text: &[u8], compat: Compat, resolver: &dyn Resolver) -> Compiled {
    compile::compile(OWN_ADDRESS, json::Node::parse(text, compat)?, compat, resolver)
}

/// Checks the values of a chart and its subcharts against their schemas. Gives
/// Helm's text of all problems, empty if there are none.
pub fn validate(chart: &Chart, values: &Map, compat: Compat, resolver: &dyn Resolver) -> String {
    validate_with(chart, values, compat, resolver, &mut Prepared::default())
}

/// The same, with schemas that were begun with before.
pub(crate) fn validate_with(
    chart: &Chart,
    values: &Map,
    compat: Compat,
    resolver: &dyn Resolver,
    prepared: &mut Prepared,
) -> String {
    let mut out = String::new();
    if let Some(schema) = &chart.schema
        && let compiled = prepared.take(schema).unwrap_or_else(|| compile(schema, compat, resolver))
        && let Err(text) = compiled.and_then(|compiled| check_against(values, &compiled, compat))
    {
        out.push_str(&format!("{}:\n{text}", chart.name()));
    }
    for sub in &chart.dependencies {
        match values.get(sub.name().as_bytes()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(own)) => out.push_str(&validate_with(sub, &own, compat, resolver, prepared)),
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
    check_against(values, &compile(schema, compat, resolver)?, compat)
}

fn check_against(
    values: &Map,
    (schemas, root): &(Vec<schema::Schema>, schema::Id),
    compat: Compat,
) -> Result<(), String> {
    let value = Value::Map(values.clone());
    let problems = templates_compat::with_room(|| check::check(schemas, *root, &value, compat));
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
