//! Go's `text/template` as Helm configures it: parsing a chart's templates
//! into one set and executing them by name.
//!
//! Owns the language and its error texts. Which files are parsed, in which
//! order and with what data is the chart's business.

mod ast;
mod chars;
mod error;
mod exec;
mod lexer;
mod names;
mod nesting;
mod number;
mod outline;
mod parser;
mod print;
mod stack;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

pub(crate) use error::warn;
pub use error::{Error, Trace};
pub(crate) use exec::is_true;
pub use stack::{go_on, with_deep_stack, with_room, with_stack_of};

use crate::compat::Compat;
use crate::host::Host;
use crate::value::{Str, Value};
use ast::{List, Source, Tree};
use parser::Failure;

/// What Go prints for a missing value and Helm takes out again.
const NO_VALUE: &[u8] = b"<no value>";

/// The name of Helm's root template, which `tpl` gives to its texts.
const ROOT_NAME: &str = "gotpl";

/// How many texts of `tpl` a set remembers in parsed form.
const TPL_CACHE_ENTRIES: usize = 4096;

/// The longest text of `tpl` that is remembered, in bytes.
const TPL_CACHE_TEXT: usize = 256 << 10;

/// How templates are executed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which Helm is reproduced.
    pub compat: Compat,
    /// Fail where a key is missing (`helm lint --strict`, `missingkey=error`).
    pub strict: bool,
    /// `required` and `fail` let everything pass (`helm lint`).
    pub lint: bool,
    /// What one render may use.
    pub limits: Limits,
}

/// What one render may use; far above what any chart needs.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that all templates, includes and functions of one file may make.
    pub output: usize,
    /// Steps of evaluation: nodes, calls, rounds of loops, and bytes made.
    pub steps: u64,
    /// How deeply `template` may nest; Go's own limit.
    pub template_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { output: 1 << 30, steps: 500_000_000, template_depth: 100_000 }
    }
}

/// A parsed text, to be added to any number of sets.
#[derive(Debug, Clone)]
pub struct Parsed(Arc<[Arc<Tree>]>);

impl Parsed {
    /// Checks a text and takes it under a name. Its parts are parsed when they
    /// run first.
    ///
    /// # Errors
    /// Go's parse error, worded as Helm does.
    pub fn new(name: &str, text: &[u8], compat: Compat) -> Result<Self, Error> {
        Parsed::of_shared(name, Arc::from(text), compat)
    }

    /// Takes a text that others keep, too: it is not copied.
    ///
    /// # Errors
    /// As [`Parsed::new`].
    pub fn of_shared(name: &str, text: Arc<[u8]>, compat: Compat) -> Result<Self, Error> {
        if let Some(parsed) = Parsed::read_over(name, &text, compat) {
            return Ok(parsed);
        }
        Parsed::parse(name, text, compat).map_err(|go| Error::parse(name, go))
    }

    /// Parses all of a text now, also what may never run.
    ///
    /// # Errors
    /// As [`Parsed::new`].
    pub fn at_once(name: &str, text: &[u8], compat: Compat) -> Result<Self, Error> {
        Parsed::parse(name, Arc::from(text), compat).map_err(|go| Error::parse(name, go))
    }

    /// Reads over a text; what stands in it is parsed when it runs.
    fn read_over(name: &str, text: &Arc<[u8]>, compat: Compat) -> Option<Self> {
        let outline = outline::outline(name, text, compat)?;
        let source = Arc::new(Source::new(name, Arc::clone(text), compat, Some(outline.ends)));
        let tree = |name: Str, start: u32, is_blank: bool| {
            Arc::new(Tree { name, source: Arc::clone(&source), root: List::at(start), is_blank })
        };
        let definitions = outline.definitions.into_iter().map(|found| tree(found.name, found.start, found.is_blank));
        Some(Parsed(definitions.chain([tree(Str::from(name), 0, outline.is_blank)]).collect()))
    }

    fn parse(name: &str, text: Arc<[u8]>, compat: Compat) -> Result<Self, String> {
        let source = Arc::new(Source::new(name, text, compat, None));
        let parsed = stack::with_shallow_stack(|| parser::parse(&source));
        let parsed = match parsed {
            Err(Failure::Stack) => with_deep_stack(|| parser::parse(&source)),
            other => other,
        };
        // All of it is parsed: its words are not needed again.
        *source.words.lock() = None;
        match parsed {
            Ok(trees) => Ok(Parsed(trees.into())),
            Err(Failure::Parse(text)) => Err(text),
            Err(Failure::Stack) => Err(format!("template: {name}:1: max nesting depth exceeded")),
        }
    }
}

/// The templates of one chart with its subcharts, which see each other.
#[derive(Debug)]
pub struct TemplateSet {
    options: Options,
    trees: HashMap<Str, Arc<Tree>>,
    /// What `tpl` parsed already: the same few texts come again and again.
    tpl_cache: Mutex<HashMap<Str, Parsed>>,
}

impl TemplateSet {
    /// An empty set.
    pub fn new(options: Options) -> Self {
        TemplateSet { options, trees: HashMap::new(), tpl_cache: Mutex::default() }
    }

    /// Parses a file and adds its body and its definitions. A later
    /// definition replaces an earlier one unless it is blank.
    ///
    /// # Errors
    /// Go's parse error, worded as Helm does.
    pub fn parse(&mut self, name: &str, text: &[u8]) -> Result<(), Error> {
        self.add(&Parsed::new(name, text, self.options.compat)?);
        Ok(())
    }

    /// Adds what was parsed before, for the same Helm.
    pub fn add(&mut self, parsed: &Parsed) {
        for tree in parsed.0.iter() {
            if !(tree.is_blank && self.trees.contains_key(&tree.name)) {
                self.trees.insert(tree.name.clone(), tree.clone());
            }
        }
    }

    /// Whether a template of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.trees.contains_key(name.as_bytes())
    }

    /// Executes a template with `root` as its dot and gives its text, without
    /// `<no value>`.
    ///
    /// # Errors
    /// Go's execution error, worded as Helm does.
    pub fn render(&self, name: &str, root: &Value, host: &dyn Host) -> Result<Vec<u8>, Error> {
        self.execute(name, root, host).map(without_no_value)
    }

    /// Executes a template as Go does: `<no value>` stays.
    ///
    /// # Errors
    /// As [`TemplateSet::render`].
    pub fn execute(&self, name: &str, root: &Value, host: &dyn Host) -> Result<Vec<u8>, Error> {
        let rendered = with_room(|| exec::execute(self, name, root, host));
        rendered.map_err(|trace| Error::exec(name, &trace, self.options.compat))
    }

    /// The parsed form of a text given to `tpl`.
    fn parse_tpl(&self, text: &Str) -> Result<Parsed, String> {
        if let Some(parsed) = self.tpl_cache.lock().get(text) {
            return Ok(parsed.clone());
        }
        let parsed = Parsed::parse(ROOT_NAME, Arc::from(&**text), self.options.compat)?;
        let mut cache = self.tpl_cache.lock();
        if cache.len() < TPL_CACHE_ENTRIES && text.len() <= TPL_CACHE_TEXT {
            cache.insert(text.clone(), parsed.clone());
        }
        Ok(parsed)
    }
}

/// The text with every `<no value>` taken out, as Helm does to finished files
/// and to the results of `tpl`.
fn without_no_value(text: Vec<u8>) -> Vec<u8> {
    static FINDER: LazyLock<memchr::memmem::Finder<'static>> = LazyLock::new(|| memchr::memmem::Finder::new(NO_VALUE));
    let finder = &*FINDER;
    if finder.find(&text).is_none() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in finder.find_iter(&text) {
        out.extend_from_slice(&text[from..at]);
        from = at + NO_VALUE.len();
    }
    out.extend_from_slice(&text[from..]);
    out
}
