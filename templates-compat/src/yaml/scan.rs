//! The scanner: text to tokens. Owns indentation, simple keys and the queue
//! of tokens; single tokens are read in `scan_scalar` and `scan_misc`.
//!
//! Follows libyaml's way of thinking (a token is held back while it may still
//! turn out to be a key), since its error texts follow from it.

use std::collections::VecDeque;

use super::chars::{at, is_blankz, is_breakz};
use super::input::Input;
use super::token::{Fail, Mark, Style, Tok, Token};

/// Go's limit of nested `[` and `{`.
const MAX_FLOW_LEVEL: usize = 10_000;
/// Go's limit of nested block collections.
const MAX_INDENTS: usize = 10_000;
/// A simple key's `:` must come within this many characters.
const MAX_SIMPLE_KEY: usize = 1024;

#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    index: usize,
    mark: Mark,
}

pub(super) struct Scanner<'t> {
    pub(super) text: &'t [u8],
    pub(super) pos: usize,
    line: usize,
    line_start: usize,
    /// Bytes minus characters between the line's start and `pos`.
    line_extra: usize,
    /// Bytes minus characters before `pos`.
    extra: usize,
    /// Reading past this byte gives `limit_error`.
    safe: usize,
    limit_error: &'static str,

    queue: VecDeque<Token<'t>>,
    /// How many tokens have left the queue.
    taken: usize,
    head_ready: bool,
    started: bool,
    ended: bool,

    pub(super) indent: isize,
    indents: Vec<isize>,
    pub(super) flow_level: usize,
    simple_keys: Vec<SimpleKey>,
    /// Number of the token that may be a key, and its place in `simple_keys`;
    /// in ascending order of the numbers.
    key_tokens: Vec<(usize, usize)>,
    pub(super) simple_key_allowed: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(input: &'t Input<'_>) -> Self {
        let (safe, limit_error) = input.limit.unwrap_or((usize::MAX / 2, ""));
        Scanner {
            text: &input.text,
            pos: 0,
            line: 0,
            line_start: 0,
            line_extra: 0,
            extra: 0,
            safe,
            limit_error,
            queue: VecDeque::with_capacity(8),
            taken: 0,
            head_ready: false,
            started: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_keys: Vec::new(),
            key_tokens: Vec::new(),
            simple_key_allowed: true,
        }
    }

    // ---- position

    pub(super) fn column(&self) -> usize {
        self.pos - self.line_start - self.line_extra
    }

    fn index(&self) -> usize {
        self.pos - self.extra
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { line: self.line as u32, column: self.column() as u32 }
    }

    pub(super) fn peek(&self) -> u8 {
        at(self.text, self.pos)
    }

    /// Moves over `n` bytes that hold no line break.
    pub(super) fn advance(&mut self, n: usize) {
        let end = (self.pos + n).min(self.text.len());
        let run = &self.text[self.pos..end];
        if !run.is_ascii() {
            let extra = super::chars::continuation_bytes(run);
            self.extra += extra;
            self.line_extra += extra;
        }
        self.pos = end;
    }

    /// Moves over a line break and gives what it stands for; nothing if there
    /// is none.
    pub(super) fn read_break(&mut self) -> &'static [u8] {
        let next = at(self.text, self.pos + 1);
        let (bytes, chars, out): (usize, usize, &'static [u8]) = match self.peek() {
            b'\r' if next == b'\n' => (2, 2, b"\n"),
            b'\r' | b'\n' => (1, 1, b"\n"),
            0xC2 if next == 0x85 => (2, 1, b"\n"),
            0xE2 if next == 0x80 && at(self.text, self.pos + 2) == 0xA8 => (3, 1, b"\xE2\x80\xA8"),
            0xE2 if next == 0x80 && at(self.text, self.pos + 2) == 0xA9 => (3, 1, b"\xE2\x80\xA9"),
            _ => return b"",
        };
        self.pos += bytes;
        self.extra += bytes - chars;
        self.line += 1;
        self.line_start = self.pos;
        self.line_extra = 0;
        out
    }

    /// Checks that `n` more characters can be read.
    pub(super) fn need(&self, n: usize) -> Result<(), Fail> {
        if self.pos + 4 * n <= self.safe { Ok(()) } else { self.need_slow(n) }
    }

    #[cold]
    fn need_slow(&self, n: usize) -> Result<(), Fail> {
        let rest = self.text.get(self.pos..self.safe.min(self.text.len())).unwrap_or_default();
        let chars = rest.len() - super::chars::continuation_bytes(rest);
        if chars >= n { Ok(()) } else { Err(Fail::new(self.limit_error)) }
    }

    // ---- errors

    #[cold]
    pub(super) fn error(&self, context: Mark, problem: &str) -> Fail {
        let line = if self.line != 0 { self.line + 1 } else { context.line as usize };
        Fail::at_line(line, problem)
    }

    // ---- the queue

    /// The next token; stays in the queue. `None` after the end.
    pub(super) fn head(&mut self) -> Result<Option<&Token<'t>>, Fail> {
        if self.ended {
            return Ok(None);
        }
        if !self.head_ready {
            self.fetch_more()?;
        }
        Ok(self.queue.front())
    }

    /// Takes the token that [`Self::head`] showed.
    pub(super) fn take(&mut self) -> Option<Token<'t>> {
        let token = self.queue.pop_front()?;
        self.head_ready = false;
        self.taken += 1;
        self.ended = matches!(token.tok, Tok::StreamEnd);
        Some(token)
    }

    fn push(&mut self, tok: Tok<'t>, start: Mark) {
        self.queue.push_back(Token { tok, start });
    }

    /// Puts a token before the one with this number. A number that has
    /// already left the queue puts it at the end, as in the original.
    fn insert(&mut self, number: usize, tok: Tok<'t>, start: Mark) {
        match number.checked_sub(self.taken) {
            Some(i) if i <= self.queue.len() => self.queue.insert(i, Token { tok, start }),
            _ => self.push(tok, start),
        }
    }

    fn fetch_more(&mut self) -> Result<(), Fail> {
        loop {
            if !self.queue.is_empty() {
                let Ok(i) = self.key_tokens.binary_search_by_key(&self.taken, |k| k.0) else { break };
                let key = self.key_tokens[i].1;
                if !self.is_key_valid(key)? {
                    break;
                }
            }
            self.fetch_next()?;
        }
        self.head_ready = true;
        Ok(())
    }

    fn fetch_next(&mut self) -> Result<(), Fail> {
        self.need(1)?;
        if !self.started {
            self.started = true;
            self.simple_keys.push(SimpleKey::default());
            self.push(Tok::StreamStart, Mark::default());
            return Ok(());
        }
        self.skip_to_token()?;
        self.unroll_indent(self.column() as isize);
        self.need(4)?;

        let b = self.peek();
        if b == 0 {
            return self.fetch_stream_end();
        }
        if self.column() == 0 {
            if b == b'%' {
                return self.fetch_directive();
            }
            if let Some(tok) = self.document_indicator() {
                return self.fetch_document_indicator(tok);
            }
        }
        let flow = self.flow_level > 0;
        let blank_follows = |s: &Self| is_blankz(s.text, s.pos + 1);
        match b {
            b'[' => self.fetch_flow_start(Tok::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Tok::FlowMappingStart),
            b']' => self.fetch_flow_end(Tok::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Tok::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if blank_follows(self) => self.fetch_block_entry(),
            b'?' if flow || blank_follows(self) => self.fetch_key(),
            b':' if flow || blank_follows(self) => self.fetch_value(),
            b'*' | b'&' | b'!' | b'\'' | b'"' => self.fetch_simple(b),
            b'|' | b'>' if !flow => self.fetch_block_scalar(b == b'|'),
            b'|' | b'>' | b'#' | b'%' | b'@' | b'`' | b'\t' => Err(self.cannot_start()),
            // In flow context the two were taken above.
            _ if is_breakz(self.text, self.pos) => Err(self.cannot_start()),
            _ => self.fetch_simple(b),
        }
    }

    fn cannot_start(&self) -> Fail {
        self.error(self.mark(), "found character that cannot start any token")
    }

    /// The document indicator at the present position, if there is one.
    pub(super) fn document_indicator(&self) -> Option<Tok<'t>> {
        let three = self.text.get(self.pos..self.pos + 3)?;
        let tok = match three {
            b"---" => Tok::DocumentStart,
            b"..." => Tok::DocumentEnd,
            _ => return None,
        };
        is_blankz(self.text, self.pos + 3).then_some(tok)
    }

    // ---- simple keys

    fn is_key_valid(&mut self, i: usize) -> Result<bool, Fail> {
        let (line, index) = (self.line, self.index());
        let Some(key) = self.simple_keys.get_mut(i) else { return Ok(false) };
        if !key.possible {
            return Ok(false);
        }
        if (key.mark.line as usize) < line || key.index + MAX_SIMPLE_KEY < index {
            if key.required {
                let mark = key.mark;
                return Err(self.error(mark, "could not find expected ':'"));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn save_simple_key(&mut self) -> Result<(), Fail> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let required = self.flow_level == 0 && self.indent == self.column() as isize;
        let token = self.taken + self.queue.len();
        let key = SimpleKey { possible: true, required, token, index: self.index(), mark: self.mark() };
        self.remove_simple_key()?;
        let last = self.simple_keys.len().saturating_sub(1);
        if let Some(slot) = self.simple_keys.last_mut() {
            *slot = key;
        }
        while self.key_tokens.last().is_some_and(|k| k.0 >= token) {
            self.key_tokens.pop();
        }
        // What has left the queue is never looked up again.
        if self.key_tokens.len() > 64 && self.key_tokens[0].0 < self.taken {
            let taken = self.taken;
            self.key_tokens.retain(|k| k.0 >= taken);
        }
        self.key_tokens.push((token, last));
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<(), Fail> {
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if key.possible {
            if key.required {
                let mark = key.mark;
                return Err(self.error(mark, "could not find expected ':'"));
            }
            key.possible = false;
            let token = key.token;
            self.forget_key_token(token);
        }
        Ok(())
    }

    fn forget_key_token(&mut self, token: usize) {
        if let Ok(i) = self.key_tokens.binary_search_by_key(&token, |k| k.0) {
            self.key_tokens.remove(i);
        }
    }

    // ---- indentation

    fn roll_indent(&mut self, column: usize, number: Option<usize>, tok: Tok<'t>, mark: Mark) -> Result<(), Fail> {
        if self.flow_level > 0 || self.indent >= column as isize {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        if self.indents.len() > MAX_INDENTS {
            let context = self.simple_keys.last().map(|k| k.mark).unwrap_or_default();
            return Err(self.error(context, &format!("exceeded max depth of {MAX_INDENTS}")));
        }
        match number {
            Some(n) => self.insert(n, tok, mark),
            None => self.push(tok, mark),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            let mark = self.mark();
            self.push(Tok::BlockEnd, mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // ---- the single kinds of tokens

    fn fetch_stream_end(&mut self) -> Result<(), Fail> {
        if self.column() != 0 {
            // Go forces a new line.
            self.line += 1;
            self.line_start = self.pos;
            self.line_extra = 0;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark();
        self.push(Tok::StreamEnd, mark);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Fail> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark();
        let tok = self.scan_directive()?;
        self.push(tok, mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, tok: Tok<'t>) -> Result<(), Fail> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark();
        self.pos += 3;
        self.push(tok, mark);
        Ok(())
    }

    fn fetch_flow_start(&mut self, tok: Tok<'t>) -> Result<(), Fail> {
        self.save_simple_key()?;
        let (mark, index, token) = (self.mark(), self.index(), self.taken + self.queue.len());
        self.simple_keys.push(SimpleKey { possible: false, required: false, token, index, mark });
        self.flow_level += 1;
        if self.flow_level > MAX_FLOW_LEVEL {
            return Err(self.error(mark, &format!("exceeded max depth of {MAX_FLOW_LEVEL}")));
        }
        self.simple_key_allowed = true;
        self.pos += 1;
        self.push(tok, mark);
        Ok(())
    }

    fn fetch_flow_end(&mut self, tok: Tok<'t>) -> Result<(), Fail> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            // The popped key's number may be the bracket's own (`[]`): then
            // the bracket is no longer looked at as a key. The original does so.
            if let Some(key) = self.simple_keys.pop() {
                self.forget_key_token(key.token);
            }
        }
        self.simple_key_allowed = false;
        let mark = self.mark();
        self.pos += 1;
        self.push(tok, mark);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Fail> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let mark = self.mark();
        self.pos += 1;
        self.push(Tok::FlowEntry, mark);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fail> {
        let mark = self.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error(mark, "block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.column(), None, Tok::BlockSequenceStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.pos += 1;
        self.push(Tok::BlockEntry, mark);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Fail> {
        let mark = self.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error(mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.column(), None, Tok::BlockMappingStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.pos += 1;
        self.push(Tok::Key, mark);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Fail> {
        let mark = self.mark();
        let last = self.simple_keys.len().saturating_sub(1);
        if self.is_key_valid(last)? {
            let key = self.simple_keys[last];
            self.insert(key.token, Tok::Key, key.mark);
            self.roll_indent(key.mark.column as usize, Some(key.token), Tok::BlockMappingStart, key.mark)?;
            self.simple_keys[last].possible = false;
            self.forget_key_token(key.token);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.error(mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(self.column(), None, Tok::BlockMappingStart, mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.pos += 1;
        self.push(Tok::Value, mark);
        Ok(())
    }

    /// A token that may be a simple key and that none can follow at once.
    fn fetch_simple(&mut self, first: u8) -> Result<(), Fail> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark();
        let tok = match first {
            b'*' | b'&' => self.scan_anchor(first == b'*')?,
            b'!' => self.scan_tag()?,
            b'\'' => Tok::Scalar(self.scan_single_quoted()?, Style::Quoted),
            b'"' => Tok::Scalar(self.scan_double_quoted()?, Style::Quoted),
            _ => Tok::Scalar(self.scan_plain()?, Style::Plain),
        };
        self.push(tok, mark);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Result<(), Fail> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let mark = self.mark();
        let text = self.scan_block_scalar(literal)?;
        self.push(Tok::Scalar(text, Style::Block), mark);
        Ok(())
    }

    /// Moves over blanks, comments and line breaks.
    fn skip_to_token(&mut self) -> Result<(), Fail> {
        loop {
            self.need(1)?;
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            while self.peek() == b' ' || (tabs && self.peek() == b'\t') {
                self.pos += 1;
            }
            self.need(1)?;
            if self.peek() == b'#' {
                self.skip_comment()?;
            }
            if self.read_break().is_empty() {
                return Ok(());
            }
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// Moves to the end of the line.
    pub(super) fn skip_comment(&mut self) -> Result<(), Fail> {
        self.advance(super::chars::line_length(self.text, self.pos));
        self.need(1)
    }
}
