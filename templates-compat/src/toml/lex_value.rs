//! The states of the TOML lexer that read single values: strings, numbers,
//! dates, booleans.

use super::lex::{EOF, Item, Kind, Lexer, State, Step, Stop, is_blank, is_newline};
use crate::gofmt::quote::quote_text;
use crate::gofmt::unicode::is_letter;

impl Lexer<'_> {
    pub(super) fn value(&mut self) -> Step {
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
        let word = quote_text(word, self.compat);
        Err(self.errorf(&format!("expected value but found {word} instead")))
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

    pub(super) fn string(&mut self) -> Step {
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

    pub(super) fn raw_string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected \"'\"")),
                '\n' | '\r' => return Err(self.error_previous_line("strings cannot contain newlines")),
                '\'' => return self.end_string(Kind::RawStr, 1),
                _ => {}
            }
        }
    }

    pub(super) fn multiline_string(&mut self) -> Step {
        loop {
            match self.next()? {
                EOF => return Err(self.errorf("unexpected EOF; expected '\"\"\"'")),
                '\\' => {
                    let escapes_newline = is_newline(self.next()?);
                    if !escapes_newline {
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

    pub(super) fn multiline_raw_string(&mut self) -> Step {
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
        let new_ones = self.compat.has_toml_1_1();
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
                let got = quote_text(self.current(), self.compat);
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
