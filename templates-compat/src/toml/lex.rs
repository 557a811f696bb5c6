//! The TOML lexer: states that give items one by one, so that an error of
//! the parser about an earlier item comes before one of the lexer.

use std::collections::VecDeque;

use crate::compat::Compat;
use crate::gofmt::quote::append_quoted_rune;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Eof,
    Text,
    Str,
    /// With escapes.
    EscapedStr,
    RawStr,
    MultilineStr,
    RawMultilineStr,
    Bool,
    Integer,
    Float,
    Datetime,
    Array,
    ArrayEnd,
    TableStart,
    TableEnd,
    ArrayTableStart,
    ArrayTableEnd,
    KeyStart,
    KeyEnd,
    CommentStart,
    InlineTableStart,
    InlineTableEnd,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t [u8],
    pub(super) line: usize,
}

/// The line and the text of an error.
#[derive(Debug, Clone)]
pub(super) struct LexError {
    pub(super) line: usize,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Top,
    TopEnd,
    TableStart,
    TableEnd,
    ArrayTableEnd,
    TableNameStart,
    TableNameEnd,
    BareName,
    QuotedName,
    KeyStart,
    KeyNameStart,
    KeyEnd,
    Value,
    ArrayValue,
    ArrayValueEnd,
    InlineTableValue,
    InlineTableValueEnd,
    String,
    MultilineString,
    RawString,
    MultilineRawString,
    Comment,
}

pub(super) struct Lexer<'t> {
    pub(super) input: &'t [u8],
    pub(super) start: usize,
    pub(super) pos: usize,
    pub(super) line: usize,
    at_eof: bool,
    /// The present string has escapes.
    pub(super) escaped: bool,
    state: State,
    stack: Vec<State>,
    pub(super) items: VecDeque<Result<Item<'t>, LexError>>,
    pub(super) compat: Compat,
}

/// An error item is in the queue: nothing after it counts.
pub(super) struct Stop;

pub(super) type Step = Result<State, Stop>;

pub(super) const EOF: char = '\0';

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t [u8], compat: Compat) -> Self {
        Lexer {
            input,
            start: 0,
            pos: 0,
            line: 1,
            at_eof: false,
            escaped: false,
            state: State::Top,
            stack: Vec::new(),
            items: VecDeque::new(),
            compat,
        }
    }

    /// The next item. After the end and after an error it is the end.
    pub(super) fn next_item(&mut self) -> Result<Item<'t>, LexError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            if self.at_eof && matches!(self.state, State::Top) && self.start >= self.input.len() {
                self.emit(Kind::Eof);
                continue;
            }
            if let Ok(state) = self.step() {
                self.state = state;
            }
        }
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Top => self.top(),
            State::TopEnd => self.top_end(),
            State::TableStart => self.table_start(),
            State::TableEnd => {
                self.emit(Kind::TableEnd);
                Ok(State::TopEnd)
            }
            State::ArrayTableEnd => self.array_table_end(),
            State::TableNameStart => self.table_name_start(),
            State::TableNameEnd => self.table_name_end(),
            State::BareName => self.bare_name(),
            State::QuotedName => self.quoted_name(),
            State::KeyStart => self.key_start(),
            State::KeyNameStart => self.key_name_start(),
            State::KeyEnd => self.key_end(),
            State::Value => self.value(),
            State::ArrayValue => self.array_value(),
            State::ArrayValueEnd => self.array_value_end(),
            State::InlineTableValue => self.inline_table_value(),
            State::InlineTableValueEnd => self.inline_table_value_end(),
            State::String => self.string(),
            State::MultilineString => self.multiline_string(),
            State::RawString => self.raw_string(),
            State::MultilineRawString => self.multiline_raw_string(),
            State::Comment => self.comment(),
        }
    }

    // ---- characters

    pub(super) fn next(&mut self) -> Result<char, Stop> {
        let Some(&b) = self.input.get(self.pos) else {
            self.at_eof = true;
            return Ok(EOF);
        };
        if b == b'\n' {
            self.line += 1;
        }
        let (c, width) = crate::gofmt::utf8::decode(&self.input[self.pos..]);
        if c == '\u{FFFD}' && width == 1 {
            return Err(self.error(&format!("invalid UTF-8 byte: 0x{b:02x}")));
        }
        let lone_cr = c == '\r' && self.input.get(self.pos + 1) != Some(&b'\n');
        let control = (c as u32) < 0x20 && !matches!(c, '\t' | '\r' | '\n') || c == '\x7f';
        if control || lone_cr {
            let text = format!("TOML files cannot contain control characters: '0x{:02x}'", c as u32);
            let line = self.line;
            return Err(self.fail(line, &text));
        }
        self.pos += width;
        Ok(c)
    }

    pub(super) fn backup(&mut self) {
        if self.at_eof {
            self.at_eof = false;
            return;
        }
        let mut pos = self.pos.saturating_sub(1);
        while pos > 0 && self.input[pos] & 0xC0 == 0x80 {
            pos -= 1;
        }
        self.pos = pos;
        if self.input.get(pos) == Some(&b'\n') {
            self.line -= 1;
        }
    }

    pub(super) fn accept(&mut self, valid: char) -> Result<bool, Stop> {
        if self.next()? == valid {
            return Ok(true);
        }
        self.backup();
        Ok(false)
    }

    pub(super) fn peek(&mut self) -> Result<char, Stop> {
        let c = self.next()?;
        self.backup();
        Ok(c)
    }

    pub(super) fn ignore(&mut self) {
        self.start = self.pos;
    }

    fn skip_blanks(&mut self) -> Result<(), Stop> {
        while is_blank(self.next()?) {}
        self.backup();
        self.ignore();
        Ok(())
    }

    pub(super) fn current(&self) -> &'t [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    pub(super) fn current_text(&self) -> String {
        String::from_utf8_lossy(self.current()).into_owned()
    }

    // ---- items

    pub(super) fn emit(&mut self, kind: Kind) {
        self.items.push_back(Ok(Item { kind, text: self.current(), line: self.line }));
        self.start = self.pos;
    }

    pub(super) fn pop(&mut self) -> State {
        self.stack.pop().unwrap_or(State::Top)
    }

    pub(super) fn emit_and_pop(&mut self, kind: Kind) -> Step {
        self.emit(kind);
        Ok(self.pop())
    }

    pub(super) fn skip_to(&mut self, state: State) -> Step {
        self.ignore();
        Ok(state)
    }

    fn comment_then(&mut self, state: State) -> Step {
        self.stack.push(state);
        self.ignore();
        self.emit(Kind::CommentStart);
        Ok(State::Comment)
    }

    fn fail(&mut self, line: usize, text: &str) -> Stop {
        self.items.push_back(Err(LexError { line, text: text.to_owned() }));
        Stop
    }

    /// The library's own kinds of errors: at the end one line up.
    pub(super) fn error(&mut self, text: &str) -> Stop {
        if self.at_eof { self.error_previous_line(text) } else { self.fail(self.line, text) }
    }

    pub(super) fn error_previous_line(&mut self, text: &str) -> Stop {
        self.fail(self.line.wrapping_sub(1), text)
    }

    /// All other errors: at the end one line up only after a newline.
    pub(super) fn errorf(&mut self, text: &str) -> Stop {
        let after_newline = self.at_eof && self.pos >= 1 && self.input[self.pos - 1] == b'\n';
        self.fail(if after_newline { self.line - 1 } else { self.line }, text)
    }

    pub(super) fn quoted(&self, c: char) -> String {
        let mut out = Vec::new();
        append_quoted_rune(&mut out, c, false, self.compat);
        String::from_utf8_lossy(&out).into_owned()
    }

    // ---- states

    fn top(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) || is_newline(c) => self.skip_to(State::Top),
            '#' => self.comment_then(State::Top),
            '[' => Ok(State::TableStart),
            EOF => {
                self.emit(Kind::Eof);
                Ok(State::Top)
            }
            _ => {
                self.backup();
                self.stack.push(State::TopEnd);
                Ok(State::KeyStart)
            }
        }
    }

    fn top_end(&mut self) -> Step {
        let c = self.next()?;
        match c {
            '#' => self.comment_then(State::Top),
            _ if is_blank(c) => Ok(State::TopEnd),
            _ if is_newline(c) => self.skip_to(State::Top),
            EOF => {
                self.ignore();
                self.emit(Kind::Eof);
                Ok(State::Top)
            }
            _ => {
                let c = self.quoted(c);
                Err(self.errorf(&format!(
                    "expected a top-level item to end with a newline, comment, or EOF, but got {c} instead"
                )))
            }
        }
    }

    fn table_start(&mut self) -> Step {
        if self.peek()? == '[' {
            self.next()?;
            self.emit(Kind::ArrayTableStart);
            self.stack.push(State::ArrayTableEnd);
        } else {
            self.emit(Kind::TableStart);
            self.stack.push(State::TableEnd);
        }
        Ok(State::TableNameStart)
    }

    fn array_table_end(&mut self) -> Step {
        let c = self.next()?;
        if c != ']' {
            let c = self.quoted(c);
            return Err(self.errorf(&format!("expected end of table array name delimiter ']', but got {c} instead")));
        }
        self.emit(Kind::ArrayTableEnd);
        Ok(State::TopEnd)
    }

    fn table_name_start(&mut self) -> Step {
        self.skip_blanks()?;
        match self.peek()? {
            ']' | EOF => Err(self.errorf("unexpected end of table name (table names cannot be empty)")),
            '.' => Err(self.errorf("unexpected table separator (table names cannot be empty)")),
            '"' | '\'' => {
                self.ignore();
                self.stack.push(State::TableNameEnd);
                Ok(State::QuotedName)
            }
            _ => {
                self.stack.push(State::TableNameEnd);
                Ok(State::BareName)
            }
        }
    }

    fn table_name_end(&mut self) -> Step {
        self.skip_blanks()?;
        match self.next()? {
            '.' => self.skip_to(State::TableNameStart),
            ']' => Ok(self.pop()),
            c => {
                let c = self.quoted(c);
                Err(self.errorf(&format!("expected '.' or ']' to end table name, but got {c} instead")))
            }
        }
    }

    fn bare_name(&mut self) -> Step {
        while is_bare(self.next()?) {}
        self.backup();
        self.emit_and_pop(Kind::Text)
    }

    fn quoted_name(&mut self) -> Step {
        let c = self.next()?;
        self.ignore();
        Ok(if c == '"' { State::String } else { State::RawString })
    }

    fn key_start(&mut self) -> Step {
        self.skip_blanks()?;
        match self.peek()? {
            '=' | EOF => Err(self.errorf("unexpected '=': key name appears blank")),
            '.' => Err(self.errorf("unexpected '.': keys cannot start with a '.'")),
            _ => {
                self.emit(Kind::KeyStart);
                Ok(State::KeyNameStart)
            }
        }
    }

    fn key_name_start(&mut self) -> Step {
        self.skip_blanks()?;
        match self.peek()? {
            '=' | EOF => Err(self.errorf("unexpected '='")),
            '.' => Err(self.errorf("unexpected '.'")),
            '"' | '\'' => {
                self.ignore();
                self.stack.push(State::KeyEnd);
                Ok(State::QuotedName)
            }
            _ => {
                self.stack.push(State::KeyEnd);
                Ok(State::BareName)
            }
        }
    }

    fn key_end(&mut self) -> Step {
        self.skip_blanks()?;
        match self.next()? {
            EOF => Err(self.errorf("unexpected EOF; expected key separator '='")),
            '.' => self.skip_to(State::KeyNameStart),
            '=' => {
                self.emit(Kind::KeyEnd);
                self.skip_to(State::Value)
            }
            c => {
                let text = format!("expected '.' or '=', but got {} instead", self.quoted(c));
                Err(if c == '\n' { self.error_previous_line(&text) } else { self.errorf(&text) })
            }
        }
    }

    fn array_value(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) || is_newline(c) => self.skip_to(State::ArrayValue),
            '#' => self.comment_then(State::ArrayValue),
            ',' => Err(self.errorf("unexpected comma")),
            ']' => {
                self.ignore();
                self.emit_and_pop(Kind::ArrayEnd)
            }
            _ => {
                self.backup();
                self.stack.push(State::ArrayValueEnd);
                Ok(State::Value)
            }
        }
    }

    fn array_value_end(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) || is_newline(c) => self.skip_to(State::ArrayValueEnd),
            '#' => self.comment_then(State::ArrayValueEnd),
            ',' => self.skip_to(State::ArrayValue),
            ']' => {
                self.ignore();
                self.emit_and_pop(Kind::ArrayEnd)
            }
            _ => {
                let c = char_or_eof(c);
                Err(self.errorf(&format!("expected a comma (',') or array terminator (']'), but got {c}")))
            }
        }
    }

    /// Before TOML 1.1 an inline table stood on one line.
    fn inline_newline(&mut self, state: State) -> Step {
        if !self.compat.has_toml_1_1() {
            return Err(self.error_previous_line("newlines not allowed within inline tables"));
        }
        self.skip_to(state)
    }

    fn inline_table_value(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) => self.skip_to(State::InlineTableValue),
            _ if is_newline(c) => self.inline_newline(State::InlineTableValue),
            '#' => self.comment_then(State::InlineTableValue),
            ',' => Err(self.errorf("unexpected comma")),
            '}' => {
                self.ignore();
                self.emit_and_pop(Kind::InlineTableEnd)
            }
            _ => {
                self.backup();
                self.stack.push(State::InlineTableValueEnd);
                Ok(State::KeyStart)
            }
        }
    }

    fn inline_table_value_end(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) => self.skip_to(State::InlineTableValueEnd),
            _ if is_newline(c) => self.inline_newline(State::InlineTableValueEnd),
            '#' => self.comment_then(State::InlineTableValueEnd),
            ',' => {
                self.ignore();
                self.skip_blanks()?;
                if self.peek()? != '}' {
                    Ok(State::InlineTableValue)
                } else if !self.compat.has_toml_1_1() {
                    Err(self.errorf("trailing comma not allowed in inline tables"))
                } else {
                    Ok(State::InlineTableValueEnd)
                }
            }
            '}' => {
                self.ignore();
                self.emit_and_pop(Kind::InlineTableEnd)
            }
            _ => {
                let c = char_or_eof(c);
                Err(self.errorf(&format!("expected a comma or an inline table terminator '}}', but got {c} instead")))
            }
        }
    }

    fn comment(&mut self) -> Step {
        loop {
            let c = self.next()?;
            if is_newline(c) || c == EOF {
                self.backup();
                return self.emit_and_pop(Kind::Text);
            }
        }
    }
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// A character of a key that needs no quotes.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn char_or_eof(c: char) -> String {
    if c == EOF { "end of file".to_owned() } else { format!("'{c}'") }
}
