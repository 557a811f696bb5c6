//! From template text to tokens, with Go's positions, lines and complaints.

use super::chars;
use crate::compat::Compat;
use crate::gofmt::{quote, utf8};

/// The kinds of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    /// A printable ASCII character that means nothing else, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    // The keywords.
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    fn keyword(word: &[u8]) -> Option<Kind> {
        if !may_be_keyword(word) {
            return None;
        }
        Some(match word {
            b"." => Kind::Dot,
            b"block" => Kind::Block,
            b"break" => Kind::Break,
            b"continue" => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Kind::Block
                | Kind::Break
                | Kind::Continue
                | Kind::Dot
                | Kind::Define
                | Kind::Else
                | Kind::End
                | Kind::If
                | Kind::Nil
                | Kind::Range
                | Kind::Template
                | Kind::With
        )
    }
}

/// Whether a word is worth a comparison with the keywords: most are not.
#[inline]
pub(super) fn may_be_keyword(word: &[u8]) -> bool {
    let known = b"bcdeinrtw.";
    word.len() <= b"continue".len() && word.first().is_some_and(|first| known.contains(first))
}

/// A token: its kind, where it stands, and the number of its first line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
}

impl Token {
    /// What stands in a token slot before anything was read.
    pub(super) const NONE: Token = Token { kind: Kind::Error, start: 0, end: 0, line: 0 };

    /// The token as error messages show it; an error token shows the
    /// complaint of the lexer.
    pub(super) fn describe(&self, text: &[u8], complaint: &str, compat: Compat) -> String {
        let val = text.get(self.start..self.end).unwrap_or_default();
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => complaint.to_owned(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(val)),
            _ if val.len() > 10 => {
                let start = val.get(..utf8::offset_of_rune(val, 10)).unwrap_or(val);
                format!("{}...", quote::quote_text(start, compat))
            }
            _ => quote::quote_text(val, compat),
        }
    }
}

pub(super) const LEFT_DELIM: &[u8; 2] = b"{{";
pub(super) const RIGHT_DELIM: &[u8] = b"}}";
pub(super) const LEFT_COMMENT: &[u8] = b"/*";
pub(super) const RIGHT_COMMENT: &[u8; 2] = b"*/";
/// The marker and the space beside it.
const TRIM_MARKER_LEN: usize = 2;

/// The reader of one text. After an error token it is of no more use.
pub(super) struct Lexer<'t> {
    input: &'t [u8],
    pos: usize,
    start: usize,
    /// Set once the end was read; then nothing can be put back any more.
    at_eof: bool,
    paren_depth: usize,
    line: usize,
    start_line: usize,
    inside_action: bool,
    compat: Compat,
    /// What is wrong, once an error token was given.
    complaint: String,
}

/// The next state, or a token.
enum Step {
    Emit(Token),
    Text,
    LeftDelim,
    Comment,
    RightDelim,
    InsideAction,
    Space,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t [u8], compat: Compat) -> Self {
        Lexer {
            input,
            pos: 0,
            start: 0,
            at_eof: false,
            paren_depth: 0,
            line: 1,
            start_line: 1,
            inside_action: false,
            compat,
            complaint: String::new(),
        }
    }

    /// What is wrong, once an error token was given.
    pub(super) fn complaint(&self) -> &str {
        &self.complaint
    }

    /// The next token.
    pub(super) fn next_token(&mut self) -> Token {
        let mut step = if self.inside_action { Step::InsideAction } else { Step::Text };
        loop {
            step = match step {
                Step::Emit(token) => return token,
                Step::Text => self.lex_text(),
                Step::LeftDelim => self.lex_left_delim(),
                Step::Comment => self.lex_comment(),
                Step::RightDelim => self.lex_right_delim(),
                Step::InsideAction => self.lex_inside_action(),
                Step::Space => self.lex_space(),
            };
        }
    }

    /// Where the next token will be looked for.
    pub(super) fn position(&self) -> usize {
        self.pos
    }

    /// Goes on elsewhere, outside of actions. Lines are not counted on the
    /// way: nothing is wrong with a text of which parts are left out.
    pub(super) fn jump(&mut self, to: usize) {
        (self.pos, self.start, self.inside_action) = (to, to, false);
    }

    fn rest(&self, at: usize) -> &'t [u8] {
        self.input.get(at..).unwrap_or_default()
    }

    #[inline]
    fn next(&mut self) -> Option<char> {
        // Templates are ASCII but for a few texts.
        match self.input.get(self.pos) {
            Some(&byte) if byte.is_ascii() => {
                self.pos += 1;
                self.line += usize::from(byte == b'\n');
                Some(char::from(byte))
            }
            _ => self.next_wide(),
        }
    }

    #[cold]
    fn next_wide(&mut self) -> Option<char> {
        let (rune, width) = utf8::decode(self.rest(self.pos));
        if width == 0 {
            self.at_eof = true;
            return None;
        }
        self.pos += width;
        Some(rune)
    }

    #[inline]
    fn backup(&mut self) {
        if self.at_eof {
            return;
        }
        match self.pos.checked_sub(1).and_then(|last| self.input.get(last)) {
            Some(&byte) if byte.is_ascii() => {
                self.pos -= 1;
                self.line -= usize::from(byte == b'\n');
            }
            _ => self.backup_wide(),
        }
    }

    #[cold]
    fn backup_wide(&mut self) {
        let (_, width) = utf8::decode_last(self.input.get(..self.pos).unwrap_or_default());
        self.pos -= width;
    }

    fn peek(&mut self) -> Option<char> {
        if let Some(&byte) = self.input.get(self.pos)
            && byte.is_ascii()
        {
            return Some(char::from(byte));
        }
        let rune = self.next();
        self.backup();
        rune
    }

    /// Moves over the letters and digits that are ASCII.
    fn skip_word(&mut self) {
        self.pos += chars::word_length(self.rest(self.pos));
    }

    /// Moves over a name, and gives what stands behind it.
    #[inline]
    fn skip_name(&mut self) -> Option<char> {
        self.skip_word();
        match self.input.get(self.pos) {
            Some(&byte) if byte.is_ascii() => Some(char::from(byte)),
            _ => self.skip_wide_name(),
        }
    }

    #[cold]
    fn skip_wide_name(&mut self) -> Option<char> {
        let mut rune = self.next();
        while rune.is_some_and(|r| self.is_alphanumeric(r)) {
            rune = self.next();
        }
        self.backup();
        rune
    }

    fn is_alphanumeric(&self, rune: char) -> bool {
        chars::is_alphanumeric(rune, self.compat)
    }

    fn accept(&mut self, valid: &str) -> bool {
        if self.next().is_some_and(|r| valid.contains(r)) {
            return true;
        }
        self.backup();
        false
    }

    fn accept_run(&mut self, valid: &str) {
        while self.next().is_some_and(|r| valid.contains(r)) {}
        self.backup();
    }

    fn this_token(&mut self, kind: Kind) -> Token {
        let token = Token { kind, start: self.start, end: self.pos, line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        token
    }

    fn emit(&mut self, kind: Kind) -> Step {
        Step::Emit(self.this_token(kind))
    }

    fn count_lines(&mut self) {
        let skipped = self.input.get(self.start..self.pos).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', skipped).count();
    }

    fn ignore(&mut self) {
        self.count_lines();
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn error(&mut self, message: impl Into<String>) -> Step {
        let token = Token { kind: Kind::Error, start: self.start, end: self.start, line: self.start_line };
        self.complaint = message.into();
        self.input = b"";
        self.start = 0;
        self.pos = 0;
        Step::Emit(token)
    }

    fn this_text(&self) -> &'t [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    fn lex_text(&mut self) -> Step {
        let Some(found) = find(self.rest(self.pos), LEFT_DELIM) else {
            self.pos = self.input.len();
            if self.pos > self.start {
                self.count_lines();
                return self.emit(Kind::Text);
            }
            return self.emit(Kind::Eof);
        };
        if found > 0 {
            self.pos += found;
            let trimmed = if has_left_trim_marker(self.rest(self.pos + LEFT_DELIM.len())) {
                let text = self.this_text();
                text.len() - text.trim_ascii_end_spaces()
            } else {
                0
            };
            self.pos -= trimmed;
            self.count_lines();
            let token = self.this_token(Kind::Text);
            self.pos += trimmed;
            self.ignore();
            if token.end > token.start {
                return Step::Emit(token);
            }
        }
        Step::LeftDelim
    }

    fn lex_left_delim(&mut self) -> Step {
        self.pos += LEFT_DELIM.len();
        let after_marker = if has_left_trim_marker(self.rest(self.pos)) { TRIM_MARKER_LEN } else { 0 };
        if self.rest(self.pos + after_marker).starts_with(LEFT_COMMENT) {
            self.pos += after_marker;
            self.ignore();
            return Step::Comment;
        }
        let token = self.this_token(Kind::LeftDelim);
        self.inside_action = true;
        self.pos += after_marker;
        self.ignore();
        self.paren_depth = 0;
        Step::Emit(token)
    }

    fn lex_comment(&mut self) -> Step {
        self.pos += LEFT_COMMENT.len();
        let Some(found) = find(self.rest(self.pos), RIGHT_COMMENT) else {
            return self.error("unclosed comment");
        };
        self.pos += found + RIGHT_COMMENT.len();
        let Some(trim) = self.at_right_delim() else {
            return self.error("comment ends before closing delimiter");
        };
        self.count_lines();
        self.this_token(Kind::Text);
        if trim {
            self.pos += TRIM_MARKER_LEN;
        }
        self.pos += RIGHT_DELIM.len();
        if trim {
            self.pos += left_trim_length(self.rest(self.pos));
        }
        self.ignore();
        Step::Text
    }

    /// Whether the text here is a right delimiter, and whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest(self.pos);
        if has_right_trim_marker(rest) && rest.get(TRIM_MARKER_LEN..).unwrap_or_default().starts_with(RIGHT_DELIM) {
            return Some(true);
        }
        rest.starts_with(RIGHT_DELIM).then_some(false)
    }

    fn lex_right_delim(&mut self) -> Step {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.pos += TRIM_MARKER_LEN;
            self.ignore();
        }
        self.pos += RIGHT_DELIM.len();
        let token = self.this_token(Kind::RightDelim);
        if trim {
            self.pos += left_trim_length(self.rest(self.pos));
            self.ignore();
        }
        self.inside_action = false;
        Step::Emit(token)
    }

    fn lex_inside_action(&mut self) -> Step {
        if self.at_right_delim().is_some() {
            return if self.paren_depth == 0 { Step::RightDelim } else { self.error("unclosed left paren") };
        }
        let Some(rune) = self.next() else {
            return self.error("unclosed action");
        };
        match rune {
            r if is_space(r) => {
                self.backup();
                Step::Space
            }
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.lex_quote('"', Kind::String, "unterminated quoted string"),
            '\'' => self.lex_quote('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.lex_raw_quote(),
            '$' => self.lex_field_or_variable(Kind::Variable),
            '.' if self.rest(self.pos).first().is_some_and(|b| !b.is_ascii_digit()) => {
                self.lex_field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.backup();
                self.lex_number()
            }
            r if self.is_alphanumeric(r) => {
                self.backup();
                self.lex_identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.emit(Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            r if r.is_ascii_graphic() => self.emit(Kind::Char),
            r => self.error(format!("unrecognized character in action: {}", chars::code_point(r, self.compat))),
        }
    }

    fn lex_space(&mut self) -> Step {
        let run = self.rest(self.pos).iter().take_while(|b| is_space_byte(**b));
        let (spaces, lines) = run.fold((0usize, 0usize), |(n, lines), b| (n + 1, lines + usize::from(*b == b'\n')));
        self.pos += spaces;
        self.line += lines;
        // The last space may belong to a closing delimiter that trims.
        let last = self.rest(self.pos.saturating_sub(1));
        if has_right_trim_marker(last) && last.get(TRIM_MARKER_LEN..).unwrap_or_default().starts_with(RIGHT_DELIM) {
            self.backup();
            if spaces == 1 {
                return Step::RightDelim;
            }
        }
        self.emit(Kind::Space)
    }

    fn lex_identifier(&mut self) -> Step {
        let rune = self.skip_name();
        if !self.at_terminator() {
            return self.bad_character(rune);
        }
        let word = self.this_text();
        match Kind::keyword(word) {
            Some(kind) => self.emit(kind),
            None if word.first() == Some(&b'.') => self.emit(Kind::Field),
            None if word == b"true" || word == b"false" => self.emit(Kind::Bool),
            None => self.emit(Kind::Identifier),
        }
    }

    fn lex_field_or_variable(&mut self, kind: Kind) -> Step {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { Kind::Variable } else { Kind::Dot });
        }
        let rune = self.skip_name();
        if !self.at_terminator() {
            return self.bad_character(rune);
        }
        self.emit(kind)
    }

    fn bad_character(&mut self, rune: Option<char>) -> Step {
        let shown = rune.map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), |r| chars::code_point(r, self.compat));
        self.error(format!("bad character {shown}"))
    }

    /// Whether what follows may end a word.
    fn at_terminator(&mut self) -> bool {
        match self.input.get(self.pos) {
            Some(b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(b'}') => self.rest(self.pos).starts_with(RIGHT_DELIM),
            Some(&byte) => is_space_byte(byte),
            // The end was seen: nothing is put back behind it.
            None => self.peek().is_none(),
        }
    }

    fn lex_quote(&mut self, quote: char, kind: Kind, unterminated: &str) -> Step {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                Some('\\') | None | Some('\n') => return self.error(unterminated),
                Some(r) if r == quote => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn lex_raw_quote(&mut self) -> Step {
        loop {
            match self.next() {
                None => return self.error("unterminated raw quoted string"),
                Some('`') => return self.emit(Kind::RawString),
                Some(_) => {}
            }
        }
    }

    fn lex_number(&mut self) -> Step {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || self.this_text().last() != Some(&b'i') {
                return self.bad_number();
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
    }

    fn bad_number(&mut self) -> Step {
        let message = format!("bad number syntax: {}", quote::quote_text(self.this_text(), self.compat));
        self.error(message)
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEX: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEX;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = if digits == DECIMAL {
            "eE"
        } else if digits == HEX {
            "pP"
        } else {
            ""
        };
        if !exponent.is_empty() && self.accept(exponent) {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(|r| self.is_alphanumeric(r)) {
            self.next();
            return false;
        }
        true
    }
}

fn is_space(rune: char) -> bool {
    matches!(rune, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn is_space_byte(byte: u8) -> bool {
    is_space(char::from(byte))
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space_byte(*space))
}

pub(super) fn has_right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space_byte(*space))
}

fn left_trim_length(text: &[u8]) -> usize {
    text.iter().take_while(|&&b| is_space_byte(b)).count()
}

trait TrimEnd {
    fn trim_ascii_end_spaces(&self) -> usize;
}

impl TrimEnd for [u8] {
    /// The length without the spaces that a trim marker takes away.
    fn trim_ascii_end_spaces(&self) -> usize {
        self.iter().rposition(|&b| !is_space_byte(b)).map_or(0, |at| at + 1)
    }
}

/// Where the two bytes stand together first. A search made for longer texts
/// takes longer to prepare than the text here is.
pub(super) fn find(text: &[u8], what: &[u8; 2]) -> Option<usize> {
    memchr::memchr_iter(what[0], text).find(|at| text.get(at + 1) == Some(&what[1]))
}
