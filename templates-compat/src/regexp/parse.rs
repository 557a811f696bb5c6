//! Reads Go's regular expression syntax and says what Go says when it is
//! wrong. The result is the matcher's own tree; what a class or an escape
//! means is in `class`.
//!
//! There is no recursion: groups are kept on a stack.

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

use super::{Code, SyntaxError};
use crate::compat::Compat;
use crate::gofmt::utf8;

/// The greatest depth of nodes that Go takes.
const MAX_HEIGHT: u32 = 1000;

/// The greatest count in braces, nested ones multiplied.
const MAX_REPEAT: u64 = 1000;

/// The greatest number of instructions that Go would make.
const MAX_SIZE: u64 = (128 << 20) / 40;

/// What `(?ims-U)` switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// A parsed pattern.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// The names of the groups; the whole match is group 0.
    pub(super) group_names: Vec<Option<String>>,
    /// Instructions, as Go counts them.
    pub(super) size: u64,
}

/// One node with what Go's limits look at.
pub(super) struct Node {
    hir: Hir,
    /// Instructions.
    size: u64,
    height: u32,
    /// The greatest product of nested counts in braces.
    repeats: u64,
    /// A plain character: neighbours become one node in Go.
    pub(super) literal: Option<Literal>,
    /// One character of some class, a plain one or a dot.
    pub(super) one_char: bool,
}

/// A character as Go's own tree has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Literal {
    /// The character, in whatever case comes first if case does not matter.
    pub(super) rune: u32,
    pub(super) fold_case: bool,
}

impl Node {
    /// The node of one character.
    pub(super) fn of(literal: Literal) -> Node {
        let mut class = ClassUnicode::empty();
        super::class::add_range(&mut class, literal.rune, literal.rune, literal.fold_case);
        let mut buffer = [0; 4];
        let single = class.iter().count() == 1 && class.iter().all(|r| r.start() == r.end());
        let hir = match char::from_u32(literal.rune).filter(|_| single) {
            Some(c) => Hir::literal(c.encode_utf8(&mut buffer).as_bytes()),
            None => Hir::class(Class::Unicode(class)),
        };
        Node { hir, size: 1, height: 1, repeats: 1, literal: Some(literal), one_char: true }
    }
}

/// An open group.
struct Group {
    /// The flags to return to at its end.
    flags: Flags,
    /// Its number if it captures.
    capture: Option<u32>,
    /// The sequences that are complete.
    alternatives: Vec<Vec<Node>>,
    /// The nodes since the last `|`.
    sequence: Vec<Node>,
}

pub(super) struct Parser<'p> {
    pub(super) pattern: &'p [u8],
    /// Where we are.
    pub(super) at: usize,
    pub(super) flags: Flags,
    pub(super) compat: Compat,
    group: Group,
    /// The groups around it, outermost first.
    outer: Vec<Group>,
    group_names: Vec<Option<String>>,
}

type Step<T> = Result<T, SyntaxError>;

impl Group {
    fn open(flags: Flags, capture: Option<u32>) -> Group {
        Group { flags, capture, alternatives: Vec::new(), sequence: Vec::new() }
    }

    fn end_sequence(&mut self) {
        self.alternatives.push(std::mem::take(&mut self.sequence));
    }
}

/// Reads a whole pattern.
pub(super) fn parse(pattern: &[u8], compat: Compat) -> Step<Parsed> {
    let mut parser = Parser {
        pattern,
        at: 0,
        flags: Flags::default(),
        compat,
        group: Group::open(Flags::default(), None),
        outer: Vec::new(),
        group_names: vec![None],
    };
    // Where the previous step's repetition began, if it was one.
    let mut last_repeat = None;
    while parser.at < pattern.len() {
        last_repeat = parser.step(last_repeat)?;
    }
    if !parser.outer.is_empty() {
        return Err(SyntaxError::new(Code::MissingParen, pattern));
    }
    parser.group.end_sequence();
    let node = alternation(std::mem::take(&mut parser.group.alternatives), compat);
    parser.check(&node)?;
    Ok(Parsed { hir: node.hir, group_names: parser.group_names, size: node.size })
}

impl<'p> Parser<'p> {
    /// What is not read yet.
    pub(super) fn rest(&self) -> &'p [u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    /// The pattern's text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'p [u8] {
        self.pattern.get(start..self.at).unwrap_or_default()
    }

    /// The next character; at the end, one that no pattern can hold.
    pub(super) fn next_char(&mut self) -> Step<Option<char>> {
        match utf8::decode(self.rest()) {
            (_, 0) => Ok(None),
            (char::REPLACEMENT_CHARACTER, 1) => Err(SyntaxError::new(Code::InvalidUtf8, self.rest())),
            (c, size) => {
                self.at += size;
                Ok(Some(c))
            }
        }
    }

    /// Reads one element; gives its start if it was a repetition.
    fn step(&mut self, last_repeat: Option<usize>) -> Step<Option<usize>> {
        let start = self.at;
        match self.rest() {
            [b'(', b'?', ..] => self.perl_group()?,
            [b'(', ..] => {
                self.at += 1;
                self.open_capture(None);
            }
            [b'|', ..] => {
                self.at += 1;
                self.group.end_sequence();
            }
            [b')', ..] => {
                self.at += 1;
                self.close_group()?;
            }
            [b'^', ..] => self.look(1, if self.flags.multi_line { Look::StartLF } else { Look::Start })?,
            [b'$', ..] => self.look(1, if self.flags.multi_line { Look::EndLF } else { Look::End })?,
            [b'.', ..] => {
                self.at += 1;
                let mut class = ClassUnicode::empty();
                if !self.flags.dot_newline {
                    class.push(ClassUnicodeRange::new('\n', '\n'));
                }
                class.negate();
                self.push_class(class)?;
            }
            [b'[', ..] => {
                let class = self.bracket_class()?;
                self.push_class(class)?;
            }
            [b'*', ..] => return self.repeat(start, 1, 0, None, false, last_repeat),
            [b'+', ..] => return self.repeat(start, 1, 1, None, false, last_repeat),
            [b'?', ..] => return self.repeat(start, 1, 0, Some(1), false, last_repeat),
            [b'{', ..] => return self.brace(start, last_repeat),
            [b'\\', ..] => self.backslash()?,
            _ => {
                if let Some(c) = self.next_char()? {
                    self.push_char(u32::from(c))?;
                }
            }
        }
        Ok(None)
    }

    fn backslash(&mut self) -> Step<()> {
        match self.rest() {
            [_, b'A', ..] => return self.look(2, Look::Start),
            [_, b'z', ..] => return self.look(2, Look::End),
            [_, b'b', ..] => return self.look(2, Look::WordAscii),
            [_, b'B', ..] => return self.look(2, Look::WordAsciiNegate),
            [_, b'C', ..] => return Err(SyntaxError::new(Code::InvalidEscape, b"\\C")),
            [_, b'Q', ..] => {
                self.at += 2;
                return self.quoted();
            }
            _ => {}
        }
        if let Some(class) = self.unicode_class()? {
            return self.push_class(class);
        }
        if let Some(class) = self.perl_class()? {
            return self.push_class(class);
        }
        let c = self.escape()?;
        self.push_char(c)
    }

    /// The literal text after `\Q`, up to `\E` or the end.
    fn quoted(&mut self) -> Step<()> {
        let rest = self.rest();
        let length = rest.windows(2).position(|w| w == b"\\E").unwrap_or(rest.len());
        let end = self.at + length;
        while self.at < end {
            // Seen from inside: an invalid character's error shows no more
            // than the quoted text.
            let (c, size) = utf8::decode(self.rest());
            if c == char::REPLACEMENT_CHARACTER && size == 1 {
                let text = self.pattern.get(self.at..end).unwrap_or_default();
                return Err(SyntaxError::new(Code::InvalidUtf8, text));
            }
            self.at += size;
            self.push_char(u32::from(c))?;
        }
        self.at = self.pattern.len().min(end + 2);
        Ok(())
    }

    fn open_capture(&mut self, name: Option<String>) {
        let number = self.group_names.len() as u32;
        self.group_names.push(name);
        self.open_group(Some(number));
    }

    fn open_group(&mut self, capture: Option<u32>) {
        let group = Group::open(self.flags, capture);
        self.outer.push(std::mem::replace(&mut self.group, group));
    }

    fn close_group(&mut self) -> Step<()> {
        let Some(outer) = self.outer.pop() else {
            return Err(SyntaxError::new(Code::UnexpectedParen, self.pattern));
        };
        self.group.end_sequence();
        let group = std::mem::replace(&mut self.group, outer);
        self.flags = group.flags;
        let mut node = alternation(group.alternatives, self.compat);
        self.check(&node)?;
        if let Some(index) = group.capture {
            let hir = Hir::capture(Capture { index, name: None, sub: Box::new(node.hir) });
            node = Node { hir, size: node.size + 2, height: node.height + 1, literal: None, one_char: false, ..node };
        }
        self.push(node)
    }

    /// `(?:`, `(?i)`, `(?i:`, `(?P<name>` and `(?<name>`.
    fn perl_group(&mut self) -> Step<()> {
        let start = self.at;
        let rest = self.rest();
        let name_at = match rest {
            [_, _, b'P', b'<', _, ..] => 4,
            [_, _, b'<', _, ..] => 3,
            _ => return self.flag_group(start),
        };
        let Some(end) = rest.iter().position(|b| *b == b'>') else {
            check_utf8(rest)?;
            return Err(SyntaxError::new(Code::InvalidNamedCapture, rest));
        };
        let name = rest.get(name_at..end).unwrap_or_default();
        check_utf8(name)?;
        self.at = start + end + 1;
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            return Err(SyntaxError::new(Code::InvalidNamedCapture, self.since(start)));
        }
        self.open_capture(Some(String::from_utf8_lossy(name).into_owned()));
        Ok(())
    }

    fn flag_group(&mut self, start: usize) -> Step<()> {
        self.at += 2;
        let mut flags = self.flags;
        let (mut setting, mut saw_flag) = (true, false);
        while let Some(c) = self.next_char()? {
            match c {
                'i' => flags.fold_case = setting,
                'm' => flags.multi_line = setting,
                's' => flags.dot_newline = setting,
                'U' => flags.swap_greed = setting,
                '-' if setting => {
                    setting = false;
                    saw_flag = false;
                    continue;
                }
                ':' | ')' if setting || saw_flag => {
                    if c == ':' {
                        self.open_group(None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(SyntaxError::new(Code::InvalidPerlOp, self.since(start)))
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else is a literal brace.
    fn brace(&mut self, start: usize, last_repeat: Option<usize>) -> Step<Option<usize>> {
        let Some((min, max, length)) = counts(self.rest()) else {
            self.at += 1;
            self.push_char(u32::from('{'))?;
            return Ok(None);
        };
        let too_big = |n: u64| n > MAX_REPEAT;
        if too_big(min) || max.is_some_and(too_big) || max.is_some_and(|max| min > max) {
            self.at += length;
            return Err(SyntaxError::new(Code::InvalidRepeatSize, self.since(start)));
        }
        self.repeat(start, length, min as u32, max.map(|n| n as u32), true, last_repeat)
    }

    /// Repeats the last node. `length` is that of the operator.
    fn repeat(
        &mut self,
        start: usize,
        length: usize,
        min: u32,
        max: Option<u32>,
        counted: bool,
        last_repeat: Option<usize>,
    ) -> Step<Option<usize>> {
        self.at += length;
        let mut greedy = !self.flags.swap_greed;
        if self.rest().first() == Some(&b'?') {
            self.at += 1;
            greedy = !greedy;
        }
        if let Some(previous) = last_repeat {
            return Err(SyntaxError::new(Code::InvalidRepeatOp, self.since(previous)));
        }
        let Some(sub) = self.group.sequence.pop() else {
            return Err(SyntaxError::new(Code::MissingRepeatArgument, self.since(start)));
        };
        let (low, high) = (u64::from(min), max.map(u64::from));
        let size = match high {
            None if low == 0 => 2 + sub.size,
            None => 1 + low * sub.size,
            Some(_) if !counted => 1 + sub.size,
            Some(high) => high * sub.size + (high - low),
        };
        let repeats = match high {
            _ if !counted => sub.repeats,
            Some(0) => 1,
            _ => sub.repeats.saturating_mul(high.unwrap_or(low).max(1)),
        };
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub.hir) });
        let node = Node { hir, size: size.max(1), height: sub.height + 1, repeats, literal: None, one_char: false };
        self.check(&node)?;
        if counted && (min >= 2 || max.is_some_and(|max| max >= 2)) && repeats > MAX_REPEAT {
            return Err(SyntaxError::new(Code::InvalidRepeatSize, self.since(start)));
        }
        self.group.sequence.push(node);
        Ok(Some(start))
    }

    fn look(&mut self, length: usize, look: Look) -> Step<()> {
        self.at += length;
        self.push(Node { hir: Hir::look(look), size: 1, height: 1, repeats: 1, literal: None, one_char: false })
    }

    /// A character, which may be none that a text can hold.
    fn push_char(&mut self, c: u32) -> Step<()> {
        let fold_case = self.flags.fold_case;
        let rune = if fold_case { super::class::least_fold(c) } else { c };
        self.push(Node::of(Literal { rune, fold_case }))
    }

    fn push_class(&mut self, class: ClassUnicode) -> Step<()> {
        let literal = super::class::as_literal(&class);
        let hir = Hir::class(Class::Unicode(class));
        self.push(Node { hir, size: 1, height: 1, repeats: 1, literal, one_char: true })
    }

    fn push(&mut self, node: Node) -> Step<()> {
        self.check(&node)?;
        self.group.sequence.push(node);
        Ok(())
    }

    fn check(&self, node: &Node) -> Step<()> {
        if node.size > MAX_SIZE {
            return Err(SyntaxError::new(Code::Large, self.pattern));
        }
        if node.height > MAX_HEIGHT {
            return Err(SyntaxError::new(Code::NestingDepth, self.pattern));
        }
        Ok(())
    }
}

fn concatenation(mut nodes: Vec<Node>) -> Node {
    if nodes.len() == 1
        && let Some(node) = nodes.pop()
    {
        return node;
    }
    let literal = !nodes.is_empty() && nodes.iter().all(|n| n.literal.is_some());
    let inner = nodes.iter().map(|n| n.height).max().unwrap_or(0);
    Node {
        size: nodes.iter().map(|n| n.size).sum::<u64>().max(1),
        height: if literal { 1 } else { inner + 1 },
        repeats: nodes.iter().map(|n| n.repeats).max().unwrap_or(1),
        literal: None,
        one_char: false,
        hir: Hir::concat(nodes.into_iter().map(|n| n.hir).collect()),
    }
}

fn alternation(mut sequences: Vec<Vec<Node>>, compat: Compat) -> Node {
    if compat.factors_alternations() && sequences.len() > 1 {
        super::factor::merge_characters(&mut sequences);
        super::factor::confuse_cases(&mut sequences, 0);
    }
    let mut nodes: Vec<Node> = sequences.into_iter().map(concatenation).collect();
    if nodes.len() == 1
        && let Some(node) = nodes.pop()
    {
        return node;
    }
    let inner = nodes.iter().map(|n| n.height).max().unwrap_or(0);
    let between = nodes.len().saturating_sub(1) as u64;
    Node {
        size: (nodes.iter().map(|n| n.size).sum::<u64>() + between).max(1),
        height: inner + 1,
        repeats: nodes.iter().map(|n| n.repeats).max().unwrap_or(1),
        literal: None,
        one_char: false,
        hir: Hir::alternation(nodes.into_iter().map(|n| n.hir).collect()),
    }
}

fn check_utf8(text: &[u8]) -> Step<()> {
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(e) => Err(SyntaxError::new(Code::InvalidUtf8, text.get(e.valid_up_to()..).unwrap_or_default())),
    }
}

/// The numbers in braces and the whole's length.
fn counts(text: &[u8]) -> Option<(u64, Option<u64>, usize)> {
    let rest = text.strip_prefix(b"{")?;
    let (min, rest) = count(rest)?;
    let (max, rest) = match rest {
        [b',', b'}', ..] => (None, &rest[1..]),
        [b',', rest @ ..] => {
            let (max, rest) = count(rest)?;
            (Some(max), rest)
        }
        _ => (Some(min), rest),
    };
    let rest = rest.strip_prefix(b"}")?;
    Some((min, max, text.len() - rest.len()))
}

/// Digits without a leading zero; numbers past all limits stay there.
fn count(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if length == 0 || length > 1 && digits.starts_with(b"0") {
        return None;
    }
    let number = digits.iter().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    Some((number, rest))
}
