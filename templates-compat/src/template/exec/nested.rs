//! `include` and `tpl`: templates run by a function, their text its result.

use std::collections::HashMap;
use std::sync::Arc;

use super::val::Val;
use super::{Exec, Frame, State};
use crate::func::FuncError;
use crate::gofmt::quote;
use crate::template::ast::Tree;
use crate::template::error::Trace;
use crate::template::{NO_VALUE, ROOT_NAME, without_no_value};
use crate::value::{Str, Value};

/// How often `include` may be under way for one name.
const MAX_INCLUDES: u32 = 1000;

/// The templates that `tpl` has added to the set, for as long as it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The text that runs: the template named [`ROOT_NAME`].
    root: Option<Arc<Tree>>,
    definitions: Option<Arc<Layer>>,
}

/// The definitions of one text of `tpl`, before those of the text around it.
#[derive(Debug)]
struct Layer {
    trees: HashMap<Str, Arc<Tree>>,
    outer: Option<Arc<Layer>>,
}

impl Scope {
    pub(super) fn lookup(&self, name: &[u8]) -> Option<Arc<Tree>> {
        if name == ROOT_NAME.as_bytes() {
            return self.root.clone();
        }
        let mut layer = self.definitions.as_ref();
        while let Some(here) = layer {
            if let Some(tree) = here.trees.get(name) {
                return Some(tree.clone());
            }
            layer = here.outer.as_ref();
        }
        None
    }
}

impl<'e> State<'e> {
    pub(super) fn include(&mut self, frame: &mut Frame<'_>, name: &Str, data: Value) -> Result<Value, FuncError> {
        let count = self.included.entry(name.clone()).or_insert(0);
        if *count > MAX_INCLUDES {
            return Err(FuncError::error(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        *count += 1;
        let result = match self.lookup(name) {
            Some(tree) => self.run_nested(frame, &tree, data),
            None => Err(self.no_template(name)),
        };
        if let Some(count) = self.included.get_mut(name) {
            *count -= 1;
        }
        match result {
            Ok(text) => {
                let value = Value::Str(Str::from(text.as_slice()));
                self.recycle(text);
                Ok(value)
            }
            Err(trace) => Err(FuncError::Exec(trace)),
        }
    }

    pub(super) fn tpl(&mut self, frame: &mut Frame<'_>, text: &Str, data: Value) -> Result<Value, FuncError> {
        if memchr::memmem::find(text, b"{{").is_none() && memchr::memmem::find(text, NO_VALUE).is_none() {
            return Ok(Value::Str(text.clone()));
        }
        let quoted = || quote::quote_text(text, self.cx.compat);
        let parsed = self.set.parse_tpl(text).map_err(|error| {
            let mut trace = Trace::new(error);
            trace.wrap(format!("cannot parse template {}: ", quoted()));
            FuncError::Exec(Box::new(trace))
        })?;
        let mut inner = Scope { root: None, definitions: self.scope.definitions.clone() };
        let mut trees = HashMap::new();
        for tree in parsed.0.iter() {
            if tree.name == ROOT_NAME {
                inner.root = Some(tree.clone());
            } else if !(tree.is_blank && self.lookup(&tree.name).is_some()) {
                trees.insert(tree.name.clone(), tree.clone());
            }
        }
        if !trees.is_empty() {
            inner.definitions = Some(Arc::new(Layer { trees, outer: inner.definitions.take() }));
        }
        let Some(root) = inner.root.clone() else {
            return Ok(Value::Str(Str::default()));
        };
        let outer = std::mem::replace(&mut self.scope, inner);
        let result = self.run_nested(frame, &root, data);
        self.scope = outer;
        match result {
            Ok(text) => Ok(Value::Str(Str::from(without_no_value(text)))),
            Err(mut trace) => {
                let quoted = quote::quote_text(text, self.cx.compat);
                trace.wrap(format!("error during tpl function execution for {quoted}: "));
                Err(FuncError::Exec(trace))
            }
        }
    }

    /// Runs a template into a buffer of its own.
    fn run_nested(&mut self, frame: &mut Frame<'_>, tree: &Tree, data: Value) -> Exec<Vec<u8>> {
        let buffer = self.buffers.pop().unwrap_or_default();
        let outer = std::mem::replace(&mut self.out, buffer);
        let result = self.with_room(frame, |state, _| state.run(tree, Val::concrete(data)));
        let text = std::mem::replace(&mut self.out, outer);
        result.map(|()| text)
    }

    /// Keeps a buffer for the next include.
    fn recycle(&mut self, mut buffer: Vec<u8>) {
        const SPARE: usize = 16;
        if self.buffers.len() < SPARE {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }
}
