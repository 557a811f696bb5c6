//! The TOML lexer: states that give items one by one, so that an error of
//! the parser about an earlier item comes before one of the lexer.

use std::collections::VecDeque;

use crate::compat::Compat;
use crate::gofmt::quote::append_quoted_rune;
use crate::gofmt::unicode::is_letter;

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
enum State {
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
    input: &'t [u8],
    start: usize,
    pos: usize,
    line: usize,
    at_eof: bool,
    /// The present string has escapes.
    escaped: bool,
    state: State,
    stack: Vec<State>,
    items: VecDeque<Result<Item<'t>, LexError>>,
    compat: Compat,
}

/// An error item is in the queue: nothing after it counts.
struct Stop;

type Step = Result<State, Stop>;

const EOF: char = '\0';

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

    fn next(&mut self) -> Result<char, Stop> {
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

    fn backup(&mut self) {
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

    fn accept(&mut self, valid: char) -> Result<bool, Stop> {
        if self.next()? == valid {
            return Ok(true);
        }
        self.backup();
        Ok(false)
    }

    fn peek(&mut self) -> Result<char, Stop> {
        let c = self.next()?;
        self.backup();
        Ok(c)
    }

    fn ignore(&mut self) {
        self.start = self.pos;
    }

    fn skip_blanks(&mut self) -> Result<(), Stop> {
        while is_blank(self.next()?) {}
        self.backup();
        self.ignore();
        Ok(())
    }

    fn current(&self) -> &'t [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    fn current_text(&self) -> String {
        String::from_utf8_lossy(self.current()).into_owned()
    }

    // ---- items

    fn emit(&mut self, kind: Kind) {
        self.items.push_back(Ok(Item { kind, text: self.current(), line: self.line }));
        self.start = self.pos;
    }

    fn pop(&mut self) -> State {
        self.stack.pop().unwrap_or(State::Top)
    }

    fn emit_and_pop(&mut self, kind: Kind) -> Step {
        self.emit(kind);
        Ok(self.pop())
    }

    fn skip_to(&mut self, state: State) -> Step {
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
    fn error(&mut self, text: &str) -> Stop {
        if self.at_eof { self.error_previous_line(text) } else { self.fail(self.line, text) }
    }

    fn error_previous_line(&mut self, text: &str) -> Stop {
        self.fail(self.line.wrapping_sub(1), text)
    }

    /// All other errors: at the end one line up only after a newline.
    fn errorf(&mut self, text: &str) -> Stop {
        let after_newline = self.at_eof && self.pos >= 1 && self.input[self.pos - 1] == b'\n';
        self.fail(if after_newline { self.line - 1 } else { self.line }, text)
    }

    fn quoted(&self, c: char) -> String {
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

    fn value(&mut self) -> Step {
        let c = self.next()?;
        match c {
            _ if is_blank(c) => return self.skip_to(State::Value),
            '0'..='9' => return self.number_or_date(c),
            '[' => {
                self.ignore();
                self.emit(Kind::Array);
                return Ok(State::ArrayValue);
            }
            '{' => {
                self.ignore();
                self.emit(Kind::InlineTableStart);
                return Ok(State::InlineTableValue);
            }
            '"' => return self.string_start('"', State::String, State::MultilineString),
            '\'' => return self.string_start('\'', State::RawString, State::MultilineRawString),
            '.' => return Err(self.errorf("floats must start with a digit, not '.'")),
            'i' | 'n' => {
                let inf = self.accept('n')? && self.accept('f')?;
                if inf || (self.accept('a')? && self.accept('n')?) {
                    return self.emit_and_pop(Kind::Float);
                }
            }
            '-' | '+' => return self.signed_number(),
            _ => {}
        }
        if is_letter(c, self.compat) {
            self.backup();
            return self.bool();
        }
        if c == EOF {
            return Err(self.errorf("unexpected EOF; expected value"));
        }
        let text = format!("expected value but found {} instead", self.quoted(c));
        Err(if c == '\n' { self.error_previous_line(&text) } else { self.errorf(&text) })
    }

    fn string_start(&mut self, quote: char, single: State, multiline: State) -> Step {
        if self.accept(quote)? {
            if self.accept(quote)? {
                return self.skip_to(multiline);
            }
            self.backup();
        }
        self.skip_to(single)
    }

    fn bool(&mut self) -> Step {
        let from = self.pos;
        while is_letter(self.next()?, self.compat) {}
        self.backup();
        let word = &self.input[from..self.pos];
        if word == b"true" || word == b"false" {
            return self.emit_and_pop(Kind::Bool);
        }
        let word = crate::gofmt::quote::quote_text(word, self.compat);
        Err(self.errorf(&format!("expected value but found {word} instead")))
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
        if self.compat == Compat::Helm3 {
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
                } else if self.compat == Compat::Helm3 {
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

    // ---- strings

    /// Gives the string that ends before `quotes` quotation marks.
    fn end_string(&mut self, kind: Kind, quotes: usize) -> Step {
        self.pos -= quotes;
        self.emit(kind);
        self.pos += quotes;
        self.ignore();
        Ok(self.pop())
    }

    fn string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected '\"'")),
                '\n' | '\r' => return Err(self.error_previous_line("strings cannot contain newlines")),
                '\\' => self.escape()?,
                '"' => {
                    let kind = if self.escaped { Kind::EscapedStr } else { Kind::Str };
                    self.escaped = false;
                    return self.end_string(kind, 1);
                }
                _ => {}
            }
        }
    }

    fn raw_string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected \"'\"")),
                '\n' | '\r' => return Err(self.error_previous_line("strings cannot contain newlines")),
                '\'' => return self.end_string(Kind::RawStr, 1),
                _ => {}
            }
        }
    }

    fn multiline_string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected '\"\"\"'")),
                '\\' => {
                    if !is_newline(self.next()?) {
                        self.backup();
                        self.escape()?;
                    }
                }
                '"' if self.third_quote('"')? => {
                    let now = self.current();
                    if self.peek()? != '"' {
                        self.escaped = false;
                        return self.end_string(Kind::MultilineStr, 3);
                    }
                    if now.ends_with(b"\"\"\"\"\"") && !now.ends_with(b"\\\"\"\"\"\"") {
                        return Err(self.errorf("unexpected '\"\"\"\"\"\"'"));
                    }
                    self.backup();
                    self.backup();
                }
                _ => {}
            }
        }
    }

    fn multiline_raw_string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected \"'''\"")),
                '\'' if self.third_quote('\'')? => {
                    if self.peek()? != '\'' {
                        return self.end_string(Kind::RawMultilineStr, 3);
                    }
                    if self.current().ends_with(b"'''''") {
                        return Err(self.errorf("unexpected \"''''''\""));
                    }
                    self.backup();
                    self.backup();
                }
                _ => {}
            }
        }
    }

    /// After one quotation mark: whether two more follow.
    fn third_quote(&mut self, quote: char) -> Result<bool, Stop> {
        if self.accept(quote)? {
            if self.accept(quote)? {
                return Ok(true);
            }
            self.backup();
        }
        Ok(false)
    }

    fn escape(&mut self) -> Result<(), Stop> {
        self.escaped = true;
        let new_ones = self.compat == Compat::Helm4;
        let c = self.next()?;
        let (digits, word) = match c {
            'b' | 't' | 'n' | 'f' | 'r' | '"' | '\\' | ' ' | '\t' => return Ok(()),
            'e' if new_ones => return Ok(()),
            'x' if new_ones => (2, "two"),
            'u' => (4, "four"),
            'U' => (8, "eight"),
            _ => return Err(self.error(&format!("invalid escape in string '\\{c}'"))),
        };
        for _ in 0..digits {
            if !self.next()?.is_ascii_hexdigit() {
                let got = crate::gofmt::quote::quote_text(self.current(), self.compat);
                return Err(
                    self.errorf(&format!("expected {word} hexadecimal digits after '\\{c}', but got {got} instead"))
                );
            }
        }
        Ok(())
    }

    // ---- numbers and dates

    /// Moves on while characters are of this kind; gives the first other one.
    fn run(&mut self, of: fn(char) -> bool) -> Result<char, Stop> {
        loop {
            let c = self.next()?;
            if !of(c) {
                return Ok(c);
            }
        }
    }

    fn end_number(&mut self, kind: Kind) -> Step {
        self.backup();
        self.emit_and_pop(kind)
    }

    fn number_or_date(&mut self, first: char) -> Step {
        if first == '0' {
            let c = self.next()?;
            match c {
                '0'..='9' => {}
                '_' => return self.decimal(),
                '.' | 'e' | 'E' => return self.float(),
                'b' => return self.based("a binary", |c| matches!(c, '0' | '1')),
                'o' => return self.based("an octal", |c| matches!(c, '0'..='7')),
                'x' => return self.based("a hexadecimal", |c| c.is_ascii_hexdigit()),
                _ => return self.end_number(Kind::Integer),
            }
        }
        match self.run(|c| c.is_ascii_digit())? {
            '-' | ':' => self.datetime(),
            '_' => self.decimal(),
            '.' | 'e' | 'E' => self.float(),
            _ => self.end_number(Kind::Integer),
        }
    }

    fn based(&mut self, name: &str, digit: fn(char) -> bool) -> Step {
        let c = self.peek()?;
        if !digit(c) {
            let current = self.current_text();
            return Err(self.errorf(&format!("not {name} number: '{current}{c}'")));
        }
        loop {
            let c = self.next()?;
            if !digit(c) && c != '_' {
                return self.end_number(Kind::Integer);
            }
        }
    }

    fn decimal(&mut self) -> Step {
        match self.run(|c| c.is_ascii_digit() || c == '_')? {
            '.' | 'e' | 'E' => self.float(),
            _ => self.end_number(Kind::Integer),
        }
    }

    fn float(&mut self) -> Step {
        self.run(|c| c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | '+' | 'e' | 'E'))?;
        self.end_number(Kind::Float)
    }

    fn datetime(&mut self) -> Step {
        self.run(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 't' | ' ' | '.' | 'Z' | 'z' | '+'))?;
        self.backup();
        let text = self.current().trim_ascii();
        self.items.push_back(Ok(Item { kind: Kind::Datetime, text, line: self.line }));
        self.start = self.pos;
        Ok(self.pop())
    }

    fn signed_number(&mut self) -> Step {
        let c = self.next()?;
        let word = match c {
            'i' => Some(('n', 'f')),
            'n' => Some(('a', 'n')),
            _ => None,
        };
        if let Some((second, third)) = word {
            if !self.accept(second)? || !self.accept(third)? {
                let current = self.current_text();
                return Err(self.errorf(&format!("invalid float: '{current}'")));
            }
            return self.emit_and_pop(Kind::Float);
        }
        if c == '0' {
            let base = self.peek()?;
            if matches!(base, 'b' | 'o' | 'x') {
                let current = self.current_text();
                return Err(self.errorf(&format!("cannot use sign with non-decimal numbers: '{current}{base}'")));
            }
        }
        if c == '.' {
            return Err(self.errorf("floats must start with a digit, not '.'"));
        }
        if c.is_ascii_digit() {
            return self.decimal();
        }
        let c = self.quoted(c);
        Err(self.errorf(&format!("expected a digit but got {c}")))
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// A character of a key that needs no quotes.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn char_or_eof(c: char) -> String {
    if c == EOF { "end of file".to_owned() } else { format!("'{c}'") }
}
