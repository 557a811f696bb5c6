//! The parsed template: what is executed, and what error messages quote.
//! Function names, field names and constants are resolved already.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::names::Vocabulary;
use super::nesting;
use super::outline::Ends;
use super::parser::{self, Failure};
use crate::compat::Compat;
use crate::func::Func;
use crate::value::{Str, Value};

/// A byte offset in the source text.
pub(crate) type Pos = usize;

/// A text with the name it was parsed under.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: Arc<[u8]>,
    pub(crate) compat: Compat,
    /// Where the lists of nodes end, if the text was only read over.
    pub(crate) ends: Option<Ends>,
    /// What all its trees share, once there is one.
    pub(crate) words: Mutex<Option<Box<Vocabulary>>>,
}

impl Source {
    /// A text, with what was found when it was read over.
    pub(crate) fn new(name: &str, text: Arc<[u8]>, compat: Compat, ends: Option<Ends>) -> Self {
        Source { name: name.to_owned(), text, compat, ends, words: Mutex::default() }
    }

    /// A stretch of the text.
    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// A stretch of the source text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: Pos,
    pub(crate) end: Pos,
}

/// One template: a file's body or a definition in it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Str,
    pub(crate) source: Arc<Source>,
    pub(crate) root: List,
    /// Whether it holds nothing but space.
    pub(crate) is_blank: bool,
}

/// A sequence of nodes that is parsed when it is needed first.
#[derive(Debug)]
pub(crate) struct List {
    block: OnceLock<Block>,
    /// Where its text begins.
    start: u32,
}

impl List {
    /// A list that is parsed.
    pub(crate) fn of(block: Block) -> Self {
        List { block: OnceLock::from(block), start: 0 }
    }

    /// A list in a text that was read over.
    pub(crate) fn at(start: u32) -> Self {
        List { block: OnceLock::new(), start }
    }

    /// The nodes.
    ///
    /// # Errors
    /// That the stack has no room for parsing them here.
    pub(crate) fn get(&self, source: &Arc<Source>) -> Result<&Block, Failure> {
        match self.block.get() {
            Some(block) => Ok(block),
            None => {
                let block = parser::parse_list(source, self.start as usize)?;
                Ok(self.block.get_or_init(|| block))
            }
        }
    }
}

/// A sequence of nodes.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) nodes: Vec<Node>,
}

/// Text or an action.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Span),
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Invoke>),
    Break,
    Continue,
}

/// `if`, `with` or `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) else_list: Option<List>,
}

/// `{{template "name" pipe}}`, also what `block` leaves in its place.
#[derive(Debug)]
pub(crate) struct Invoke {
    pub(crate) pos: Pos,
    pub(crate) name: Str,
    pub(crate) pipe: Option<Pipe>,
}

/// A pipeline, with the variables it sets.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    pub(crate) is_assign: bool,
    pub(crate) decl: Vec<Variable>,
    pub(crate) cmds: Vec<Command>,
}

/// One stage of a pipeline. There is always a first argument.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: Pos,
    pub(crate) first: Arg,
    pub(crate) rest: Vec<Arg>,
}

/// An operand.
#[derive(Debug)]
pub(crate) enum Arg {
    Bool(Pos, bool),
    Dot(Pos),
    Nil(Pos),
    Number(Box<Number>),
    Str(Box<StrConst>),
    Field(Field),
    Variable(Variable),
    Chain(Box<Chain>),
    Ident(Ident),
    Pipe(Box<Pipe>),
}

impl Arg {
    /// Where it stands.
    pub(crate) fn pos(&self) -> Pos {
        match self {
            Arg::Bool(pos, _) | Arg::Dot(pos) | Arg::Nil(pos) => *pos,
            Arg::Number(n) => n.pos,
            Arg::Str(s) => s.pos,
            Arg::Field(f) => f.pos,
            Arg::Variable(v) => v.pos,
            Arg::Chain(c) => c.pos,
            Arg::Ident(i) => i.pos,
            Arg::Pipe(p) => p.pos,
        }
    }
}

/// `.A.B`; the position is that of the second name, if there is one.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) pos: Pos,
    pub(crate) idents: Box<[Str]>,
}

/// `$x.A.B`.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) pos: Pos,
    /// The name, `$` included.
    pub(crate) name: Str,
    /// The name's number within the source; `$` is 0.
    pub(crate) symbol: u32,
    pub(crate) fields: Box<[Str]>,
}

/// `(pipeline).A.B`.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) pos: Pos,
    pub(crate) node: Arg,
    pub(crate) fields: Box<[Str]>,
}

/// A function's name.
#[derive(Debug)]
pub(crate) struct Ident {
    pub(crate) pos: Pos,
    pub(crate) func: &'static Func,
    pub(crate) special: Special,
}

/// Functions that the evaluator runs itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    No,
    And,
    Or,
    Call,
    Include,
    Len,
    Tpl,
    /// Makes keys, or is slow on purpose: costs many steps.
    Slow,
}

/// A string constant.
#[derive(Debug)]
pub(crate) struct StrConst {
    pub(crate) pos: Pos,
    /// With its quotes, as written.
    pub(crate) quoted: Span,
    pub(crate) value: Value,
}

/// A number constant under all the types that can represent it.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) pos: Pos,
    pub(crate) text: Span,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
    /// What it is where no type is asked for; nothing if it overflows `int`.
    pub(crate) ideal: Option<Value>,
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.nodes.iter().any(|node| !matches!(node, Node::Text(_))) {
            nesting::drop_deep(nesting::Part::Nodes(std::mem::take(&mut self.nodes)));
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let nested = |arg: &Arg| matches!(arg, Arg::Pipe(_) | Arg::Chain(_));
        if self.cmds.iter().any(|cmd| nested(&cmd.first) || cmd.rest.iter().any(nested)) {
            nesting::drop_deep(nesting::Part::Commands(std::mem::take(&mut self.cmds)));
        }
    }
}
