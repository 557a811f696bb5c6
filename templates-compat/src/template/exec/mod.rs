//! Executing trees: control structures, variables, output, limits.

mod call;
mod eval;
mod methods;
mod nested;
mod val;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use val::Val;
pub(crate) use val::is_true;

use super::ast::{Arg, Block, Branch, Command, Invoke, List, Node, Pipe, Pos, Tree};
use super::error::Trace;
use super::parser::Failure;
use super::print::Printer;
use super::{ROOT_NAME, TemplateSet, stack};
use crate::func::{Cx, FuncError, TOO_MANY_STEPS};
use crate::gofmt::{self, quote};
use crate::host::Host;
use crate::value::{GoType, Int, Str, Value};

/// What the error says where the stack ends.
const NO_STACK: &str = "exceeded the stack: the templates nest too deeply";

/// What a new stack costs, in steps.
const THREAD_STEPS: usize = 10_000;

type Exec<T> = Result<T, Box<Trace>>;

/// Executes the template `name`.
pub(super) fn execute(set: &TemplateSet, name: &str, root: &Value, host: &dyn Host) -> Exec<Vec<u8>> {
    let steps = AtomicU64::new(set.options.limits.steps);
    let mut state = State {
        set,
        cx: Cx { compat: set.options.compat, lint: set.options.lint, host, steps: &steps },
        scope: nested::Scope::default(),
        out: Vec::new(),
        vars: Vec::new(),
        args: Vec::new(),
        buffers: Vec::new(),
        included: HashMap::new(),
        written: set.options.limits.output,
    };
    let Some(tree) = state.lookup(name.as_bytes()) else {
        return Err(state.no_template(name.as_bytes()));
    };
    state.run(&tree, Val::concrete(root.clone()))?;
    Ok(state.out)
}

/// One execution of one file.
struct State<'e> {
    set: &'e TemplateSet,
    cx: Cx<'e>,
    /// The definitions that `tpl` added for now.
    scope: nested::Scope,
    out: Vec<u8>,
    /// All templates' variables, innermost last, by the number of their name.
    vars: Vec<(u32, Val)>,
    /// Arguments of the calls that are being prepared.
    args: Vec<Value>,
    /// Spare output buffers of finished includes.
    buffers: Vec<Vec<u8>>,
    /// How often each name is being included at the moment.
    included: HashMap<Str, u32>,
    written: usize,
}

/// The execution of one template.
struct Frame<'t> {
    tree: &'t Tree,
    /// The node that an error would be reported at.
    node: NodeRef<'t>,
    /// Where this template's variables begin.
    base: usize,
    /// How many `template` actions stand above.
    depth: usize,
}

/// A node that errors can be reported at.
#[derive(Clone, Copy)]
enum NodeRef<'t> {
    None,
    Pipe(&'t Pipe),
    Command(&'t Command),
    Arg(&'t Arg),
    Invoke(&'t Invoke),
}

impl NodeRef<'_> {
    fn pos(self) -> Pos {
        match self {
            NodeRef::None => 0,
            NodeRef::Pipe(pipe) => pipe.pos,
            NodeRef::Command(command) => command.pos,
            NodeRef::Arg(arg) => arg.pos(),
            NodeRef::Invoke(invoke) => invoke.pos,
        }
    }
}

/// How the execution of a block ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// One round of a range.
struct Round {
    index: Value,
    elem: Val,
}

impl<'e> State<'e> {
    /// Executes a tree with its own variables.
    fn run(&mut self, tree: &Tree, dot: Val) -> Exec<()> {
        self.run_at(tree, dot, 0)
    }

    fn run_at(&mut self, tree: &Tree, dot: Val, depth: usize) -> Exec<()> {
        let base = self.vars.len();
        self.vars.push((0, dot.clone()));
        let mut frame = Frame { tree, node: NodeRef::None, base, depth };
        let done = self.list(&frame, &tree.root).and_then(|root| self.walk(&mut frame, &dot, root));
        self.vars.truncate(base);
        done.map(|_| ())
    }

    /// The nodes of a list.
    fn list<'t>(&self, frame: &Frame<'t>, list: &'t List) -> Exec<&'t Block> {
        list.get(&frame.tree.source).map_err(|failure| match failure {
            Failure::Stack => self.error(frame, NO_STACK),
            Failure::Parse(text) => Box::new(Trace::new(text)),
        })
    }

    fn walk<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, block: &'t Block) -> Exec<Flow> {
        self.spend(frame, block.nodes.len())?;
        for node in &block.nodes {
            let flow = match node {
                Node::Text(span) => {
                    let tree = frame.tree;
                    self.write(frame, tree.source.slice(*span))?;
                    Flow::Next
                }
                Node::Action(pipe) => {
                    self.action(frame, dot, pipe)?;
                    Flow::Next
                }
                Node::If(branch) => self.with_room(frame, |s, frame| s.walk_if_or_with(frame, dot, branch, false))?,
                Node::With(branch) => self.with_room(frame, |s, frame| s.walk_if_or_with(frame, dot, branch, true))?,
                Node::Range(branch) => self.with_room(frame, |s, frame| s.walk_range(frame, dot, branch))?,
                Node::Template(invoke) => {
                    self.walk_template(frame, dot, invoke)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn action<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, pipe: &'t Pipe) -> Exec<()> {
        let val = self.eval_pipeline(frame, dot, pipe)?;
        if pipe.decl.is_empty() {
            self.print(frame, &val)?;
        }
        Ok(())
    }

    fn print(&mut self, frame: &Frame<'_>, val: &Val) -> Exec<()> {
        match &val.value {
            Value::Str(text) => self.write(frame, text),
            Value::Nil => self.write(frame, super::NO_VALUE),
            Value::Object(object)
                if val.addressable
                    && let Some(text) = object.to_go_string_by_pointer() =>
            {
                self.write(frame, text.as_bytes())
            }
            value => {
                let before = self.out.len();
                match gofmt::append_action(&mut self.out, value, self.cx.compat) {
                    Ok(()) => self.account(frame, self.out.len() - before),
                    Err(error) => Err(self.func_error(frame, "", error)),
                }
            }
        }
    }

    fn write(&mut self, frame: &Frame<'_>, text: &[u8]) -> Exec<()> {
        self.account(frame, text.len())?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    /// Takes bytes of output from the budget.
    fn account(&mut self, frame: &Frame<'_>, bytes: usize) -> Exec<()> {
        match self.written.checked_sub(bytes) {
            Some(left) => {
                self.written = left;
                Ok(())
            }
            None => Err(self.error(frame, "the output is too large")),
        }
    }

    /// Takes steps from the budget.
    fn spend(&mut self, frame: &Frame<'_>, steps: usize) -> Exec<()> {
        self.cx.spend(steps as u64).map_err(|_| self.error(frame, TOO_MANY_STEPS))
    }

    fn walk_if_or_with<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, branch: &'t Branch, with: bool) -> Exec<Flow> {
        let mark = self.vars.len();
        let val = self.eval_pipeline(frame, dot, &branch.pipe)?;
        let flow = if is_true(&val.value) {
            let list = self.list(frame, &branch.list)?;
            self.walk(frame, if with { &val } else { dot }, list)
        } else if let Some(else_list) = &branch.else_list {
            let else_list = self.list(frame, else_list)?;
            self.walk(frame, dot, else_list)
        } else {
            Ok(Flow::Next)
        };
        self.vars.truncate(mark);
        flow
    }

    /// Goes a level deeper. Where the stack ends the rest runs on a larger one,
    /// which costs as much as many steps.
    #[inline]
    fn with_room<'t, R: Send>(
        &mut self,
        frame: &mut Frame<'t>,
        f: impl FnOnce(&mut Self, &mut Frame<'t>) -> Exec<R> + Send,
    ) -> Exec<R> {
        if !stack::exhausted() {
            return f(self, frame);
        }
        self.spend(frame, THREAD_STEPS)?;
        match stack::go_on(|| f(&mut *self, &mut *frame)) {
            Some(done) => done,
            None => Err(self.error(frame, NO_STACK)),
        }
    }

    fn walk_range<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, branch: &'t Branch) -> Exec<Flow> {
        let outer = self.vars.len();
        let flow = self.range(frame, dot, branch);
        self.vars.truncate(outer);
        flow
    }

    fn range<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, branch: &'t Branch) -> Exec<Flow> {
        let val = self.eval_pipeline(frame, dot, &branch.pipe)?;
        let ran = match &val.value {
            Value::Int(int) => {
                if branch.pipe.decl.len() > 1 {
                    let shown = self.show(frame, &val.value)?;
                    return Err(self.error(frame, format!("can't use {shown} to iterate over more than one variable")));
                }
                self.range_int(frame, branch, *int)?
            }
            Value::List(list) => {
                let elem = list.elem();
                let rounds = list.iter().enumerate().map(|(i, v)| Round {
                    index: Value::int(i64::try_from(i).unwrap_or(i64::MAX)),
                    elem: Val::element(elem, v.clone()),
                });
                self.rounds(frame, branch, rounds)?
            }
            Value::Map(map) => {
                let map_type = map.map_type();
                let rounds = map
                    .snapshot()
                    .into_iter()
                    .map(|(k, v)| Round { index: Value::Str(k), elem: Val::entry(map_type, v) });
                self.rounds(frame, branch, rounds)?
            }
            Value::Object(object) if object.kind() == GoType::Map => {
                let rounds = object
                    .map_entries()
                    .into_iter()
                    .map(|(k, v)| Round { index: Value::Str(k), elem: Val::concrete(v) });
                self.rounds(frame, branch, rounds)?
            }
            Value::Nil => false,
            other => {
                let shown = self.show(frame, other)?;
                return Err(self.error(frame, format!("range can't iterate over {shown}")));
            }
        };
        match &branch.else_list {
            Some(else_list) if !ran => {
                let else_list = self.list(frame, else_list)?;
                self.walk(frame, dot, else_list)
            }
            _ => Ok(Flow::Next),
        }
    }

    fn range_int<'t>(&mut self, frame: &mut Frame<'t>, branch: &'t Branch, int: Int) -> Exec<bool> {
        let kind = int.kind;
        let round = |value: i64| Round { index: Value::Nil, elem: Val::concrete(Value::Int(Int { value, kind })) };
        if kind.is_unsigned() {
            return self.rounds(frame, branch, (0..int.as_u64()).map(|n| round(n as i64)));
        }
        self.rounds(frame, branch, (0..int.value).map(round))
    }

    /// Runs the body for each round; tells whether there was one.
    fn rounds<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        branch: &'t Branch,
        rounds: impl Iterator<Item = Round>,
    ) -> Exec<bool> {
        let mark = self.vars.len();
        let mut ran = false;
        for round in rounds {
            ran = true;
            self.spend(frame, 1)?;
            self.set_range_variables(frame, &branch.pipe, &round)?;
            let list = self.list(frame, &branch.list)?;
            let flow = self.walk(frame, &round.elem, list)?;
            self.vars.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    fn set_range_variables(&mut self, frame: &Frame<'_>, pipe: &Pipe, round: &Round) -> Exec<()> {
        let index = || Val::concrete(round.index.clone());
        if pipe.is_assign {
            // With two variables the index comes first, one takes the element.
            match pipe.decl.as_slice() {
                [one] => self.set_var(frame, one.symbol, &one.name, round.elem.clone())?,
                [first, second] => {
                    self.set_var(frame, first.symbol, &first.name, index())?;
                    self.set_var(frame, second.symbol, &second.name, round.elem.clone())?;
                }
                _ => {}
            }
            return Ok(());
        }
        let top = self.vars.len();
        if let Some(slot) = pipe.decl.last().and_then(|_| self.vars.get_mut(top.wrapping_sub(1))) {
            slot.1 = round.elem.clone();
        }
        if pipe.decl.len() > 1
            && let Some(slot) = self.vars.get_mut(top.wrapping_sub(2))
        {
            slot.1 = index();
        }
        Ok(())
    }

    /// Overwrites the innermost variable of this name.
    fn set_var(&mut self, frame: &Frame<'_>, symbol: u32, name: &Str, val: Val) -> Exec<()> {
        match self.vars.get_mut(frame.base..).and_then(|vars| vars.iter_mut().rev().find(|v| v.0 == symbol)) {
            Some(slot) => {
                slot.1 = val;
                Ok(())
            }
            None => Err(self.error(frame, format!("undefined variable: {name}"))),
        }
    }

    fn walk_template<'t>(&mut self, frame: &mut Frame<'t>, dot: &Val, invoke: &'t Invoke) -> Exec<()> {
        frame.node = NodeRef::Invoke(invoke);
        let Some(tree) = self.lookup(&invoke.name) else {
            let quoted = quote::quote_text(&invoke.name, self.cx.compat);
            return Err(self.error(frame, format!("template {quoted} not defined")));
        };
        let limit = self.set.options.limits.template_depth;
        if frame.depth >= limit {
            return Err(self.error(frame, format!("exceeded maximum template depth ({limit})")));
        }
        self.spend(frame, 1)?;
        let dot = match &invoke.pipe {
            Some(pipe) => self.eval_pipeline(frame, dot, pipe)?,
            None => Val::INVALID,
        };
        self.with_room(frame, |state, frame| state.run_at(&tree, dot, frame.depth + 1))
    }

    fn lookup(&self, name: &[u8]) -> Option<Arc<Tree>> {
        self.scope.lookup(name).or_else(|| self.set.trees.get(name).cloned())
    }

    fn no_template(&self, name: &[u8]) -> Box<Trace> {
        let compat = self.cx.compat;
        let (name, root) = (quote::quote_text(name, compat), quote::quote_text(ROOT_NAME.as_bytes(), compat));
        Box::new(Trace::new(format!("template: no template {name} associated with template {root}")))
    }

    /// A value as `%v` shows it.
    fn show(&self, frame: &Frame<'_>, value: &Value) -> Exec<String> {
        match gofmt::sprint(std::slice::from_ref(value), self.cx.compat) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Err(error) => Err(self.func_error(frame, "", error)),
        }
    }

    /// An error at the frame's present node.
    fn error(&self, frame: &Frame<'_>, message: impl AsRef<str>) -> Box<Trace> {
        Box::new(Trace::new(format!("{}{}", self.place(frame), message.as_ref())))
    }

    /// What a function's error becomes. The name is empty for what is no call.
    fn func_error(&self, frame: &Frame<'_>, name: &str, error: FuncError) -> Box<Trace> {
        let mut prefix = self.place(frame);
        if !name.is_empty() {
            prefix.push_str(&format!("error calling {name}: "));
        }
        let mut trace = match error {
            FuncError::Error(text) | FuncError::Panic(text) => Box::new(Trace::new(text)),
            FuncError::Exec(trace) => trace,
        };
        trace.wrap(prefix);
        trace
    }

    /// Where an error happened, as Go words it.
    fn place(&self, frame: &Frame<'_>) -> String {
        let source = &*frame.tree.source;
        let before = source.text.get(..frame.node.pos()).unwrap_or_default();
        let column = before.iter().rev().take_while(|&&b| b != b'\n').count();
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let mut printer = Printer { source, compat: self.cx.compat, out: Vec::new() };
        match frame.node {
            NodeRef::None => {}
            NodeRef::Pipe(pipe) => printer.pipe(pipe),
            NodeRef::Command(command) => printer.command(command),
            NodeRef::Arg(arg) => printer.arg(arg),
            NodeRef::Invoke(invoke) => printer.invoke(invoke),
        }
        let node = String::from_utf8_lossy(&printer.out);
        let name = quote::quote_text(&frame.tree.name, self.cx.compat);
        format!("template: {}:{line}:{column}: executing {name} at <{node}>: ", source.name)
    }
}
