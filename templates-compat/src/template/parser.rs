//! From tokens to trees, with Go's look-ahead, limits and complaints.

use std::sync::Arc;

use super::ast::{
    Arg, Block, Branch, Chain, Command, Field, Ident, Invoke, List, Node, Pipe, Pos, Source, Span, StrConst, Tree,
    Variable,
};
use super::lexer::{Kind, Lexer, Token};
use super::names::{self, Vocabulary};
use super::{number, stack};
use crate::compat::Compat;
use crate::gofmt::quote;
use crate::value::{Str, Value};

/// How deeply parentheses and control structures may nest; Go's own limit
/// for parentheses.
const MAX_DEPTH: usize = 10_000;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Go's message.
    Parse(String),
    /// There was no room on the stack for that much nesting.
    Stack,
}

type Parsed<T> = Result<T, Failure>;

/// Parses a text: its own tree and those of its definitions.
pub(super) fn parse(source: &Arc<Source>) -> Parsed<Vec<Arc<Tree>>> {
    let mut words = source.words.lock();
    let words = words.get_or_insert_default();
    let mut shared = Shared::new(source, words, 0);
    let mut parser = Parser::new(&mut shared, Str::from(source.name.as_str()));
    let root = parser.parse_all()?;
    parser.add(root)?;
    Ok(shared.trees.into_iter().map(Arc::new).collect())
}

/// Parses one list of a text that was read over, but not the lists in it.
pub(super) fn parse_list(source: &Arc<Source>, start: usize) -> Parsed<Block> {
    let mut words = source.words.lock();
    let words = words.get_or_insert_default();
    let mut shared = Shared::new(source, words, start);
    let mut parser = Parser::new(&mut shared, Str::default());
    // Only a text's own tree has no action that ends it.
    if start == 0 { parser.parse_all() } else { parser.item_list().map(|(block, _)| block) }
}

/// What the parsers of a file and of the definitions in it share.
struct Shared<'t> {
    source: &'t Arc<Source>,
    lexer: Lexer<'t>,
    compat: Compat,
    words: &'t mut Vocabulary,
    trees: Vec<Tree>,
    /// Nesting of control structures and parentheses.
    depth: usize,
}

/// The parts of what is not complete yet, innermost last. Each list takes its
/// own from here when it is complete, and then just fits them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    nodes: Vec<Node>,
    commands: Vec<Command>,
    args: Vec<Arg>,
    idents: Vec<Str>,
}

impl Parts {
    fn clear(&mut self) {
        self.nodes.clear();
        self.commands.clear();
        self.args.clear();
        self.idents.clear();
    }
}

impl<'t> Shared<'t> {
    fn new(source: &'t Arc<Source>, words: &'t mut Vocabulary, start: usize) -> Self {
        let mut lexer = Lexer::new(&source.text, source.compat);
        lexer.jump(start);
        // What is left is of a text that was none.
        words.parts.clear();
        Shared { source, lexer, compat: source.compat, words, trees: Vec::new(), depth: 0 }
    }
}

/// The parser of one tree: it has its own look-ahead and variables.
struct Parser<'s, 't> {
    shared: &'s mut Shared<'t>,
    name: Str,
    tokens: [Token; 3],
    peeked: usize,
    /// The numbers of the names of the variables that are known here.
    vars: Vec<u32>,
    range_depth: usize,
    action_line: usize,
    paren_depth: usize,
}

/// A node, or one of the two words that end a list.
enum Item {
    Node(Node),
    End,
    Else,
}

/// How an item list ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    End,
    Else,
}

impl Stop {
    fn text(self) -> &'static str {
        match self {
            Stop::End => "{{end}}",
            Stop::Else => "{{else}}",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl<'s, 't> Parser<'s, 't> {
    fn new(shared: &'s mut Shared<'t>, name: Str) -> Self {
        let range_depth = usize::from(shared.source.ends.is_some());
        Parser {
            shared,
            name,
            tokens: [Token::NONE, Token::NONE, Token::NONE],
            peeked: 0,
            vars: vec![0],
            // In a text that was read over, loops are where they must be.
            range_depth,
            action_line: 0,
            paren_depth: 0,
        }
    }

    fn next(&mut self) -> Token {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.shared.lexer.next_token();
        }
        self.tokens[self.peeked]
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn backup2(&mut self, first: Token) {
        self.tokens[1] = first;
        self.peeked = 2;
    }

    fn backup3(&mut self, first: Token, second: Token) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        if self.peeked > 0 {
            return self.tokens[self.peeked - 1];
        }
        self.peeked = 1;
        self.tokens[0] = self.shared.lexer.next_token();
        self.tokens[0]
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn text(&self, token: &Token) -> &[u8] {
        self.shared.source.text.get(token.start..token.end).unwrap_or_default()
    }

    fn quote(&self, text: &[u8]) -> String {
        quote::quote_text(text, self.shared.compat)
    }

    fn error<T>(&self, message: impl AsRef<str>) -> Parsed<T> {
        let (file, line) = (&self.shared.source.name, self.tokens[0].line);
        Err(Failure::Parse(format!("template: {file}:{line}: {}", message.as_ref())))
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        let shown = token.describe(&self.shared.source.text, self.shared.lexer.complaint(), self.shared.compat);
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {shown} in {context}"));
        }
        let mut extra = String::new();
        if self.action_line != 0 && self.action_line != token.line {
            extra = format!(" in action started at {}:{}", self.shared.source.name, self.action_line);
            if shown.ends_with(" action") {
                extra.drain(.." in action".len());
            }
        }
        self.error(format!("{shown}{extra}"))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    /// One more level of nesting; [`Parser::leave`] takes it back.
    fn enter(&mut self) -> Parsed<()> {
        self.shared.depth += 1;
        if self.shared.depth > 2 * MAX_DEPTH {
            return self.error("max nesting depth exceeded");
        }
        if stack::exhausted() { Err(Failure::Stack) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.shared.depth -= 1;
    }

    /// Adds this parser's tree to those of the file.
    fn add(&mut self, root: Block) -> Parsed<()> {
        let source = self.shared.source;
        let is_blank = is_empty(source, &root);
        let tree = Tree { name: self.name.clone(), source: source.clone(), root: List::of(root), is_blank };
        match self.shared.trees.iter_mut().find(|old| old.name == tree.name) {
            None => self.shared.trees.push(tree),
            Some(old) if old.is_blank => *old = tree,
            Some(_) if is_blank => {}
            Some(_) => {
                let message = format!("template: multiple definition of template {}", self.quote(&self.name));
                return self.error(message);
            }
        }
        Ok(())
    }

    fn parse_all(&mut self) -> Parsed<Block> {
        let first = self.shared.words.parts.nodes.len();
        self.peek();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    Parser::new(&mut *self.shared, Str::default()).parse_definition()?;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => self.shared.words.parts.nodes.push(node),
                Item::End => return self.error("unexpected {{end}}"),
                Item::Else => return self.error("unexpected {{else}}"),
            }
        }
        Ok(self.block_from(first))
    }

    fn parse_definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(&token, CONTEXT);
        }
        self.name = self.unquote(&token)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        if self.skipped_list()?.is_some() {
            return Ok(());
        }
        let (root, stop) = self.item_list()?;
        if stop != Stop::End {
            return self.error(format!("unexpected {} in {CONTEXT}", stop.text()));
        }
        self.add(root)
    }

    fn unquote(&self, token: &Token) -> Parsed<Str> {
        match quote::unquote(self.text(token)) {
            Some(text) => Ok(Str::from(&*text)),
            None => self.error("invalid syntax"),
        }
    }

    fn item_list(&mut self) -> Parsed<(Block, Stop)> {
        let first = self.shared.words.parts.nodes.len();
        self.peek_non_space();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => self.shared.words.parts.nodes.push(node),
                Item::End => return Ok((self.block_from(first), Stop::End)),
                Item::Else => return Ok((self.block_from(first), Stop::Else)),
            }
        }
        self.error("unexpected EOF")
    }

    /// A list inside of what is parsed: in a text that was read over, only
    /// where it is.
    fn list(&mut self) -> Parsed<(List, Stop)> {
        match self.skipped_list()? {
            Some(skipped) => Ok(skipped),
            None => self.item_list().map(|(block, stop)| (List::of(block), stop)),
        }
    }

    /// Moves over the list that begins here and the action that ends it, in a
    /// text that was read over.
    fn skipped_list(&mut self) -> Parsed<Option<(List, Stop)>> {
        let Some(ends) = &self.shared.source.ends else { return Ok(None) };
        let start = self.shared.lexer.position();
        let Some(end) = ends.of(start) else { return self.error("unexpected EOF") };
        self.shared.lexer.jump(end);
        let stop = match self.text_or_action()? {
            Item::Else => Stop::Else,
            _ => Stop::End,
        };
        Ok(Some((List::at(u32::try_from(start).unwrap_or(u32::MAX)), stop)))
    }

    /// The nodes that were read since there were `first` of them.
    fn block_from(&mut self, first: usize) -> Block {
        Block { nodes: take(&mut self.shared.words.parts.nodes, first) }
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(Span { start: token.start, end: token.end }))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let item = self.action();
                self.action_line = 0;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block_control()?,
            Kind::Break => self.loop_control(Node::Break, "{{break}}")?,
            Kind::Continue => self.loop_control(Node::Continue, "{{continue}}")?,
            Kind::Else => return self.else_control(),
            Kind::End => return self.expect(Kind::RightDelim, "end").map(|_| Item::End),
            Kind::If => self.control(Control::If)?,
            Kind::Range => self.control(Control::Range)?,
            Kind::Template => self.template_control()?,
            Kind::With => self.control(Control::With)?,
            _ => {
                self.backup();
                self.peek();
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn loop_control(&mut self, node: Node, word: &str) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, word);
        }
        if self.range_depth == 0 {
            return self.error(format!("{word} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn else_control(&mut self) -> Parsed<Item> {
        // `else if` and `else with` leave their word for the caller to find.
        if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Item::Else)
    }

    fn control(&mut self, control: Control) -> Parsed<Node> {
        self.enter()?;
        let vars = self.vars.len();
        let branch = Box::new(self.branch(control)?);
        self.vars.truncate(vars);
        self.leave();
        Ok(match control {
            Control::If => Node::If(branch),
            Control::With => Node::With(branch),
            Control::Range => Node::Range(branch),
        })
    }

    fn branch(&mut self, control: Control) -> Parsed<Branch> {
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.range_depth += usize::from(control == Control::Range);
        let (list, stop) = self.list()?;
        self.range_depth -= usize::from(control == Control::Range);
        if stop == Stop::End {
            return Ok(Branch { pipe, list, else_list: None });
        }
        // `{{else if x}}` is `{{else}}{{if x}}` with one `{{end}}` for both.
        // Their word is the next token; behind another `else` none was read.
        let word = if self.peeked > 0 { self.peek().kind } else { Kind::RightDelim };
        let else_list = match (control, word) {
            (Control::If, Kind::If) | (Control::With, Kind::With) => {
                self.next();
                List::of(Block { nodes: vec![self.control(control)?] })
            }
            _ => {
                let (else_list, stop) = self.list()?;
                if stop != Stop::End {
                    return self.error(format!("expected end; found {}", stop.text()));
                }
                else_list
            }
        };
        Ok(Branch { pipe, list, else_list: Some(else_list) })
    }

    fn block_control(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        self.enter()?;
        let mut block = Parser::new(&mut *self.shared, name.clone());
        let (root, stop) = block.item_list()?;
        if stop == Stop::End {
            block.add(root)?;
        } else {
            return self.error(format!("unexpected {} in {CONTEXT}", stop.text()));
        }
        self.leave();
        Ok(Node::Template(Box::new(Invoke { pos: token.start, name, pipe: Some(pipe) })))
    }

    fn template_control(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Node::Template(Box::new(Invoke { pos: token.start, name, pipe })))
    }

    fn template_name(&self, token: &Token, context: &str) -> Parsed<Str> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquote(token),
            _ => self.unexpected(token, context),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().start;
        let mut pipe = Pipe { pos, is_assign: false, decl: Vec::new(), cmds: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        let first = self.shared.words.parts.commands.len();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    self.shared.words.parts.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        pipe.cmds = take(&mut self.shared.words.parts.commands, first);
        if pipe.cmds.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (stage, command) in pipe.cmds.iter().enumerate().skip(1) {
            if matches!(command.first, Arg::Bool(..) | Arg::Dot(_) | Arg::Nil(_) | Arg::Number(_) | Arg::Str(_)) {
                return self.error(format!("non executable command in pipeline stage {}", stage + 1));
            }
        }
        Ok(pipe)
    }

    /// Reads one `$x :=`, `$x =` or `$x,`; true if another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<bool> {
        let name = self.peek_non_space();
        if name.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        // A space is a token, so up to three must be put back.
        let after = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && self.text(&next) == b",";
        if comma || matches!(next.kind, Kind::Assign | Kind::Declare) {
            if !comma {
                pipe.is_assign = next.kind == Kind::Assign;
            }
            self.next_non_space();
            let variable = self.variable(&name);
            self.vars.push(variable.symbol);
            pipe.decl.push(variable);
            if !comma {
                return Ok(false);
            }
            if context == "range" && pipe.decl.len() < 2 {
                return match self.peek_non_space().kind {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => self.error("range can only initialize variables"),
                };
            }
            return self.error(format!("too many declarations in {context}"));
        }
        if after.kind == Kind::Space {
            self.backup3(name, after);
        } else {
            self.backup2(name);
        }
        Ok(false)
    }

    fn variable(&mut self, token: &Token) -> Variable {
        const DOLLAR: Str = Str::from_static("$");
        let text = self.shared.source.text.get(token.start..token.end).unwrap_or_default();
        let symbols = &mut self.shared.words.symbols;
        let (name, symbol) = match symbols.get_key_value(text) {
            _ if text == b"$" => (DOLLAR, 0),
            Some((name, symbol)) => (name.clone(), *symbol),
            None => {
                let (name, symbol) = (Str::from(text), symbols.len() as u32 + 1);
                symbols.insert(name.clone(), symbol);
                (name, symbol)
            }
        };
        Variable { pos: token.start, name, symbol, fields: Box::default() }
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().start;
        let mut first = None;
        let start = self.shared.words.parts.args.len();
        loop {
            self.peek_non_space();
            match (self.operand()?, &first) {
                (Some(arg), None) => first = Some(arg),
                (Some(arg), Some(_)) => self.shared.words.parts.args.push(arg),
                (None, _) => {}
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        let rest = take(&mut self.shared.words.parts.args, start);
        match first {
            Some(first) => Ok(Command { pos, first, rest }),
            None => self.error("empty command"),
        }
    }

    fn operand(&mut self) -> Parsed<Option<Arg>> {
        let Some((term, token)) = self.term()? else {
            return Ok(None);
        };
        let first = self.shared.words.parts.idents.len();
        if token.kind == Kind::Field {
            self.field_name(&token);
        }
        let next = self.peek();
        let is_chain = next.kind == Kind::Field;
        while self.peek().kind == Kind::Field {
            let field = self.next();
            self.field_name(&field);
        }
        let idents: Box<[Str]> = take(&mut self.shared.words.parts.idents, first).into();
        let pos = next.start;
        Ok(Some(match term {
            Arg::Field(field) => Arg::Field(Field { pos: if is_chain { pos } else { field.pos }, idents }),
            term if !is_chain => term,
            Arg::Variable(variable) => Arg::Variable(Variable { pos, fields: idents, ..variable }),
            Arg::Bool(..) | Arg::Str(_) | Arg::Number(_) | Arg::Nil(_) | Arg::Dot(_) => {
                let quoted = self.quote(self.text(&token));
                return self.error(format!("unexpected . after term {quoted}"));
            }
            node => Arg::Chain(Box::new(Chain { pos, node, fields: idents })),
        }))
    }

    /// Takes a `.Name` to those of the operand that is being read.
    fn field_name(&mut self, token: &Token) {
        let name = self.shared.source.text.get(token.start + 1..token.end).unwrap_or_default();
        self.shared.words.parts.idents.push(Str::from(name));
    }

    /// An operand without the names behind it; of a field without the first
    /// one, too.
    fn term(&mut self) -> Parsed<Option<(Arg, Token)>> {
        let token = self.next_non_space();
        let pos = token.start;
        let arg = match token.kind {
            Kind::Identifier => Arg::Ident(self.identifier(&token)?),
            Kind::Dot => Arg::Dot(pos),
            Kind::Nil => Arg::Nil(pos),
            Kind::Variable => {
                let variable = self.variable(&token);
                // What was declared before a list is not known when that is
                // parsed; but it was checked.
                if self.shared.source.ends.is_none() && !self.vars.contains(&variable.symbol) {
                    let quoted = self.quote(&variable.name);
                    return self.error(format!("undefined variable {quoted}"));
                }
                Arg::Variable(variable)
            }
            Kind::Field => Arg::Field(Field { pos, idents: Box::default() }),
            Kind::Bool => Arg::Bool(pos, self.text(&token) == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => Arg::Number(Box::new(self.number(&token)?)),
            Kind::LeftParen => Arg::Pipe(Box::new(self.parenthesized(pos)?)),
            Kind::String | Kind::RawString => {
                let value = Value::Str(self.unquote(&token)?);
                Arg::Str(Box::new(StrConst { pos, quoted: Span { start: pos, end: token.end }, value }))
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some((arg, token)))
    }

    fn parenthesized(&mut self, _pos: Pos) -> Parsed<Pipe> {
        if self.paren_depth >= MAX_DEPTH {
            return self.error("max expression depth exceeded");
        }
        self.enter()?;
        self.paren_depth += 1;
        let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
        self.paren_depth -= 1;
        self.leave();
        Ok(pipe)
    }

    fn number(&self, token: &Token) -> Parsed<super::ast::Number> {
        let span = Span { start: token.start, end: token.end };
        match number::read(self.shared.source, token.start, span, token.kind, self.shared.compat) {
            Ok(number) => Ok(number),
            Err(message) => self.error(message),
        }
    }

    fn identifier(&mut self, token: &Token) -> Parsed<Ident> {
        let name = self.shared.source.text.get(token.start..token.end).unwrap_or_default();
        match names::function(name, self.shared.compat) {
            Some((func, special)) => Ok(Ident { pos: token.start, func, special }),
            None => {
                let quoted = self.quote(name);
                self.error(format!("function {quoted} not defined"))
            }
        }
    }
}

/// The items from `first` on, in a list that just fits them.
fn take<T>(items: &mut Vec<T>, first: usize) -> Vec<T> {
    if items.len() == first { Vec::new() } else { items.drain(first..).collect() }
}

/// Whether a tree holds nothing but space.
fn is_empty(source: &Source, root: &Block) -> bool {
    root.nodes.iter().all(|node| matches!(node, Node::Text(span) if is_blank(source.slice(*span))))
}

/// Whether a text is nothing but space.
pub(super) fn is_blank(text: &[u8]) -> bool {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim_start().is_empty(),
        Err(_) => false,
    }
}
