//! A first look at a text: whether it is a template, and where its parts end.
//!
//! Most of a chart's templates never run: they stand in branches that are not
//! taken, or in definitions that nobody includes. So a text is first only read
//! over, without making anything of it; the trees of what runs are made when
//! it runs ([`super::ast::Body`]).
//!
//! This knows the usual subset of the language and is never wrong about it:
//! what it takes, the parser takes, too. About everything else it says nothing,
//! and the parser, which knows all and has the words for what is wrong, reads
//! the whole text at once.

use super::chars::word_length;
use super::lexer::{LEFT_COMMENT, LEFT_DELIM, RIGHT_COMMENT, RIGHT_DELIM, find, has_right_trim_marker, is_space_byte};
use super::parser::is_blank;
use crate::compat::Compat;
use crate::funcs;
use crate::gofmt::quote;
use crate::value::Str;

/// How deeply control structures and parentheses may nest here. The parser
/// goes deeper.
const MAX_DEPTH: usize = 200;

/// The longest number whose digits certainly fit its types.
const MAX_DIGITS: usize = 15;

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The definitions, in their order.
    pub(super) definitions: Vec<Sketch>,
    /// Whether the text has nothing but space and definitions.
    pub(super) is_blank: bool,
    pub(super) ends: Ends,
}

/// A definition that was not parsed.
#[derive(Debug)]
pub(super) struct Sketch {
    pub(super) name: Str,
    /// Where its text begins.
    pub(super) start: u32,
    pub(super) is_blank: bool,
}

/// For each list of nodes between two actions where it begins, and where the
/// action begins that ends it.
#[derive(Debug, Default)]
pub(super) struct Ends(Vec<(u32, u32)>);

impl Ends {
    /// The end of the list that begins here.
    pub(super) fn of(&self, start: usize) -> Option<usize> {
        let start = u32::try_from(start).ok()?;
        let at = self.0.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        self.0.get(at).map(|(_, end)| *end as usize)
    }
}

/// Reads over a text that is to be parsed under this name.
pub(super) fn outline(name: &str, text: &[u8], compat: Compat) -> Option<Outline> {
    u32::try_from(text.len()).ok()?;
    let mut scan = Scan {
        text,
        pos: 0,
        compat,
        frames: Vec::new(),
        tree: Current::default(),
        file: None,
        found: Outline::default(),
    };
    scan.all()?;
    let twice = |at: usize, sketch: &Sketch| {
        sketch.name == *name || scan.found.definitions.iter().take(at).any(|before| before.name == sketch.name)
    };
    if scan.found.definitions.iter().enumerate().any(|(at, sketch)| twice(at, sketch)) {
        return None;
    }
    scan.found.is_blank = scan.tree.is_blank;
    Some(scan.found)
}

/// What is known of the tree that is being read.
struct Current<'t> {
    vars: Vec<&'t [u8]>,
    is_blank: bool,
    /// How many bodies of `range` are open.
    ranges: usize,
}

impl Default for Current<'_> {
    fn default() -> Self {
        Current { vars: Vec::new(), is_blank: true, ranges: 0 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Define,
    If,
    With,
    Range,
}

/// An open control structure or definition.
struct Frame {
    control: Control,
    /// How many variables there were before it.
    vars: usize,
    /// The list that is open, by its number among the ends.
    list: usize,
    in_else: bool,
}

struct Scan<'t> {
    text: &'t [u8],
    pos: usize,
    compat: Compat,
    frames: Vec<Frame>,
    tree: Current<'t>,
    /// The file's own tree while a definition is read.
    file: Option<Current<'t>>,
    found: Outline,
}

/// Whether an operand can be called, or stand behind a `|`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Executable,
    Constant,
}

impl<'t> Scan<'t> {
    fn all(&mut self) -> Option<()> {
        loop {
            let rest = self.rest();
            let Some(found) = find(rest, LEFT_DELIM) else {
                self.see_text(rest);
                return self.frames.is_empty().then_some(());
            };
            self.see_text(rest.get(..found)?);
            let open = self.pos + found;
            self.pos = open + LEFT_DELIM.len();
            if matches!(self.rest(), [b'-', space, ..] if is_space_byte(*space)) {
                self.pos += 2;
            }
            if self.rest().starts_with(LEFT_COMMENT) {
                self.comment()?;
            } else {
                self.action(open)?;
            }
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// The next byte; zero at the end, which is no part of the subset.
    #[inline]
    fn byte(&self) -> u8 {
        self.text.get(self.pos).copied().unwrap_or_default()
    }

    fn see_text(&mut self, text: &[u8]) {
        if self.tree.is_blank && !is_blank(text) {
            self.tree.is_blank = false;
        }
    }

    fn comment(&mut self) -> Option<()> {
        self.pos += LEFT_COMMENT.len();
        self.pos += find(self.rest(), RIGHT_COMMENT)? + RIGHT_COMMENT.len();
        if has_right_trim_marker(self.rest()) {
            self.pos += 1;
            return self.trimming_delim();
        }
        self.delim()
    }

    /// `}}`
    fn delim(&mut self) -> Option<()> {
        self.rest().starts_with(RIGHT_DELIM).then(|| self.pos += RIGHT_DELIM.len())
    }

    /// `-}}` and the space behind it, where there was space before it.
    fn trimming_delim(&mut self) -> Option<()> {
        if !self.rest().starts_with(b"-}}") {
            return None;
        }
        self.pos += 3;
        self.spaces();
        Some(())
    }

    /// Moves over space; tells whether there was any.
    #[inline]
    fn spaces(&mut self) -> bool {
        let before = self.pos;
        while is_space_byte(self.byte()) {
            self.pos += 1;
        }
        self.pos > before
    }

    /// The end of an action that has nothing more in it.
    fn end_of_action(&mut self) -> Option<()> {
        match self.spaces() {
            true if self.byte() == b'-' => self.trimming_delim(),
            _ => self.delim(),
        }
    }

    fn action(&mut self, open: usize) -> Option<()> {
        self.spaces();
        let first = self.pos;
        if is_letter(self.byte()) {
            match self.word()? {
                b"if" => return self.control(Control::If),
                b"with" => return self.control(Control::With),
                b"range" => return self.control(Control::Range),
                b"else" => return self.else_action(open),
                b"end" => return self.end_action(open),
                b"define" => return self.define(),
                b"template" => return self.template(),
                b"break" | b"continue" => {
                    self.tree.is_blank = false;
                    self.end_of_action()?;
                    return (self.tree.ranges > 0).then_some(());
                }
                _ => self.pos = first,
            }
        }
        self.tree.is_blank = false;
        self.pipeline(false, false, 0)
    }

    fn control(&mut self, control: Control) -> Option<()> {
        if self.frames.len() >= MAX_DEPTH {
            return None;
        }
        self.tree.is_blank = false;
        let vars = self.tree.vars.len();
        self.pipeline(false, control == Control::Range, 0)?;
        self.tree.ranges += usize::from(control == Control::Range);
        let list = self.open_list();
        self.frames.push(Frame { control, vars, list, in_else: false });
        Some(())
    }

    fn open_list(&mut self) -> usize {
        // The length of the text fits.
        self.found.ends.0.push((self.pos as u32, 0));
        self.found.ends.0.len() - 1
    }

    fn close_list(&mut self, list: usize, end: usize) {
        if let Some(entry) = self.found.ends.0.get_mut(list) {
            entry.1 = end as u32;
        }
    }

    fn else_action(&mut self, open: usize) -> Option<()> {
        let mut frame = self.frames.pop()?;
        if frame.in_else || frame.control == Control::Define {
            return None;
        }
        self.close_list(frame.list, open);
        self.tree.ranges -= usize::from(frame.control == Control::Range);
        let before = self.pos;
        if self.spaces() && is_letter(self.byte()) {
            match (frame.control, self.word()?) {
                (Control::If, b"if") | (Control::With, b"with") => self.pipeline(false, false, 0)?,
                _ => return None,
            }
        } else {
            self.pos = before;
            self.end_of_action()?;
            frame.in_else = true;
        }
        frame.list = self.open_list();
        self.frames.push(frame);
        Some(())
    }

    fn end_action(&mut self, open: usize) -> Option<()> {
        let frame = self.frames.pop()?;
        self.close_list(frame.list, open);
        self.end_of_action()?;
        if frame.control == Control::Define {
            let tree = std::mem::replace(&mut self.tree, self.file.take()?);
            self.found.definitions.last_mut()?.is_blank = tree.is_blank;
            return Some(());
        }
        self.tree.vars.truncate(frame.vars);
        self.tree.ranges -= usize::from(frame.control == Control::Range && !frame.in_else);
        Some(())
    }

    fn define(&mut self) -> Option<()> {
        if !self.frames.is_empty() {
            return None;
        }
        let name = self.name()?;
        self.end_of_action()?;
        self.file = Some(std::mem::take(&mut self.tree));
        let list = self.open_list();
        self.frames.push(Frame { control: Control::Define, vars: 0, list, in_else: false });
        self.found.definitions.push(Sketch { name, start: self.pos as u32, is_blank: true });
        Some(())
    }

    fn template(&mut self) -> Option<()> {
        self.tree.is_blank = false;
        self.name()?;
        if !is_space_byte(self.byte()) {
            return self.delim();
        }
        let before = self.pos;
        if self.end_of_action().is_some() {
            return Some(());
        }
        self.pos = before;
        self.pipeline(false, false, 0)
    }

    /// The name behind `define` and `template`.
    fn name(&mut self) -> Option<Str> {
        self.spaces();
        let start = self.pos;
        match self.byte() {
            b'"' => self.quoted()?,
            b'`' => self.raw_quoted()?,
            _ => return None,
        }
        let name = quote::unquote(self.text.get(start..self.pos)?)?;
        Some(Str::from(&*name))
    }

    /// A pipeline and what ends it: the delimiter, or a closing parenthesis.
    fn pipeline(&mut self, paren: bool, range: bool, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.spaces();
        if self.byte() == b'$' {
            self.declaration(range)?;
        }
        let (mut stage, mut operands) = (0, 0);
        loop {
            let spaced = self.spaces();
            match self.byte() {
                b'|' if operands > 0 => {
                    self.pos += 1;
                    (stage, operands) = (stage + 1, 0);
                }
                b')' if paren && operands > 0 => {
                    self.pos += 1;
                    return Some(());
                }
                b'}' if !paren && operands > 0 => return self.delim(),
                b'-' if !paren && operands > 0 && spaced && self.rest().starts_with(b"-}}") => {
                    return self.trimming_delim();
                }
                _ if operands > 0 && !spaced => return None,
                _ => {
                    let operand = self.operand(depth)?;
                    if operands == 0 && stage > 0 && operand == Operand::Constant {
                        return None;
                    }
                    operands += 1;
                }
            }
        }
    }

    /// `$x :=` or `$x =`, with `range` also `$x, $y :=`, if it is one.
    fn declaration(&mut self, range: bool) -> Option<()> {
        let start = self.pos;
        let first = self.variable()?;
        self.spaces();
        match self.byte() {
            b':' | b'=' => self.assigned(first),
            b',' if range => {
                self.pos += 1;
                self.spaces();
                let second = self.variable()?;
                self.spaces();
                self.tree.vars.push(self.declared(first)?);
                self.assigned(second)
            }
            b',' => None,
            _ => {
                self.pos = start;
                Some(())
            }
        }
    }

    /// A name that can be declared.
    fn declared(&self, name: &'t [u8]) -> Option<&'t [u8]> {
        (name.len() > 1).then_some(name)
    }

    fn assigned(&mut self, name: &'t [u8]) -> Option<()> {
        match self.rest() {
            [b':', b'=', ..] => self.pos += 2,
            [b'=', ..] => self.pos += 1,
            _ => return None,
        }
        self.tree.vars.push(self.declared(name)?);
        Some(())
    }

    /// `$` or `$name`, the dollar included.
    fn variable(&mut self) -> Option<&'t [u8]> {
        if self.byte() != b'$' {
            return None;
        }
        let start = self.pos;
        self.pos += 1;
        self.letters_and_digits();
        self.terminated()?;
        self.text.get(start..self.pos)
    }

    fn operand(&mut self, depth: usize) -> Option<Operand> {
        match self.byte() {
            b'.' => {
                self.pos += 1;
                if !is_letter(self.byte()) {
                    self.terminated()?;
                    return Some(Operand::Constant);
                }
                self.pos -= 1;
            }
            b'$' => {
                let name = self.variable()?;
                if name.len() > 1 && !self.tree.vars.iter().rev().any(|known| *known == name) {
                    return None;
                }
            }
            b'(' => {
                self.pos += 1;
                self.pipeline(true, false, depth + 1)?;
            }
            b'"' => return self.quoted().map(|()| Operand::Constant),
            b'`' => return self.raw_quoted().map(|()| Operand::Constant),
            b'-' | b'0'..=b'9' => return self.number().map(|()| Operand::Constant),
            byte if is_letter(byte) => match self.word()? {
                b"true" | b"false" | b"nil" => return Some(Operand::Constant),
                b"block" | b"break" | b"continue" | b"define" | b"else" | b"end" | b"if" | b"range" | b"template"
                | b"with" => return None,
                name => {
                    funcs::find(name, self.compat)?;
                }
            },
            _ => return None,
        }
        while self.byte() == b'.' {
            self.pos += 1;
            if !is_letter(self.byte()) {
                return None;
            }
            self.word()?;
        }
        Some(Operand::Executable)
    }

    #[inline]
    fn letters_and_digits(&mut self) {
        self.pos += word_length(self.rest());
    }

    /// A word and the check of what stands behind it.
    fn word(&mut self) -> Option<&'t [u8]> {
        let start = self.pos;
        self.letters_and_digits();
        self.terminated()?;
        self.text.get(start..self.pos)
    }

    /// Whether a word may end here.
    #[inline]
    fn terminated(&self) -> Option<()> {
        match self.byte() {
            b'.' | b',' | b'|' | b':' | b')' | b'(' => Some(()),
            b'}' => self.rest().starts_with(RIGHT_DELIM).then_some(()),
            byte => is_space_byte(byte).then_some(()),
        }
    }

    fn quoted(&mut self) -> Option<()> {
        loop {
            self.pos += 1;
            match self.byte() {
                b'"' => break,
                b'\\' => {
                    self.pos += 1;
                    if !matches!(self.byte(), b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'"') {
                        return None;
                    }
                }
                b'\n' | 0 => return None,
                _ => {}
            }
        }
        self.pos += 1;
        Some(())
    }

    fn raw_quoted(&mut self) -> Option<()> {
        self.pos += 1;
        self.pos += memchr::memchr(b'`', self.rest())? + 1;
        Some(())
    }

    /// A decimal number that is small enough for all its types.
    fn number(&mut self) -> Option<()> {
        self.pos += usize::from(self.byte() == b'-');
        let whole = self.digits();
        let leading_zero = whole.len() > 1 && whole.first() == Some(&b'0');
        if whole.is_empty() || whole.len() > MAX_DIGITS || leading_zero {
            return None;
        }
        if self.byte() == b'.' {
            self.pos += 1;
            let fraction = self.digits();
            if fraction.is_empty() || fraction.len() > MAX_DIGITS {
                return None;
            }
        }
        Some(())
    }

    fn digits(&mut self) -> &'t [u8] {
        let start = self.pos;
        while self.byte().is_ascii_digit() {
            self.pos += 1;
        }
        self.text.get(start..self.pos).unwrap_or_default()
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::template::ast::Source;
    use crate::template::parser;

    /// Everything that is taken.
    const TEXT: &str = r#"
{{- /* about */ -}}
{{/* more */}}
{{- define "web.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- if contains $name .Release.Name }}{{ .Release.Name }}{{- else if eq 1 -2 1.5 -}}x{{ else }}{{ $name = "y" }}{{ end }}
{{- end }}
{{ define `blank` }}
{{ end -}}
{{ range $i, $e := .Values.list -}}
{{ if and (not $e) (eq (len "a\n\"b") 0) nil true }}{{ continue }}{{ else }}{{break}}{{ end -}}
{{- range $one := (list 1 2).x -}}{{ . }}{{ else }}{{ $i }}{{ end }}
{{- end }}
{{ with $w := .a.b }}{{ $w.c.d }}{{ else with $.x }}{{ $ }}{{ end }}
{{ template "web.name" . }}{{ template "blank" }}{{ include "web.name" $ | nindent 4 }}{{ `raw
text` | quote }}{{ ($v := .x) }}{{ $v }} end
"#;

    fn eager(text: &[u8], compat: Compat) -> Option<Vec<(String, bool)>> {
        let source = Arc::new(Source::new("file", Arc::from(text), compat, None));
        let trees = crate::template::stack::with_shallow_stack(|| parser::parse(&source)).ok()?;
        Some(trees.iter().map(|tree| (tree.name.to_text().into_owned(), tree.is_blank)).collect())
    }

    /// What is taken is what the parser takes, with the same parts.
    fn check(text: &[u8]) -> bool {
        let compat = Compat::Helm4;
        let Some(found) = outline("file", text, compat) else { return false };
        let mut parts: Vec<(String, bool)> =
            found.definitions.iter().map(|found| (found.name.to_text().into_owned(), found.is_blank)).collect();
        parts.push(("file".to_owned(), found.is_blank));
        assert_eq!(Some(parts), eager(text, compat), "{}", String::from_utf8_lossy(text));
        true
    }

    #[test]
    fn the_usual_is_taken() {
        assert!(check(TEXT.as_bytes()));
        assert!(check(b""));
        assert!(check(b"{{/* only this */}}"));
        assert!(check("é{{ \"é\" }}".as_bytes()));
    }

    #[test]
    fn what_is_taken_is_right() {
        let text = TEXT.as_bytes();
        let mut taken = 0;
        for at in 0..text.len() {
            taken += usize::from(check(&text[..at]));
            taken += usize::from(check(&text[at..]));
            let without = [&text[..at], &text[at + 1..]].concat();
            taken += usize::from(check(&without));
            for other in b" \n{}()|.,:=$-/*\"`'\\+0aeif_\x00\x0b\xc3" {
                let mut other_text = text.to_vec();
                other_text[at] = *other;
                taken += usize::from(check(&other_text));
                let inserted = [&text[..at], &[*other], &text[at..]].concat();
                taken += usize::from(check(&inserted));
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn the_rest_is_left_to_the_parser() {
        for text in [
            "{{ block \"a\" . }}{{ end }}",
            "{{ define \"file\" }}{{ end }}",
            "{{ define \"a\" }}{{ end }}{{ define \"a\" }}x{{ end }}",
            "{{ 010 }}",
            "{{ 'a' }}",
            "{{ $x }}",
            "{{ nothing }}",
            "{{ if . }}",
            "{{ end }}",
            "{{ else }}",
            "{{ break }}",
            "{{ range . }}{{ else }}{{ break }}{{ end }}",
            "{{ . | 1 }}",
            "{{ \"\\x41\" }}",
            "{{ . }",
            "{{ .x -3 }}{{ -}}",
            "{{/* a */ }}",
        ] {
            assert!(outline("file", text.as_bytes(), Compat::Helm4).is_none(), "{text}");
        }
    }
}
