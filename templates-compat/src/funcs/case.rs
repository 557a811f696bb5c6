//! Sprig's functions that change letter case, or split words by it. The word
//! rules of `snakecase`, `kebabcase` and `camelcase` are those of the library
//! that Sprig uses (xstrings 1.5).

use super::args::{bytes, fixed, take_str, text};
use crate::compat::Compat;
use crate::func::{Cx, Func, FuncResult, Param};
use crate::gofmt::{unicode, utf8};
use crate::value::Value;

const STR: &[Param] = &[Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("upper", STR, Param::Str, upper),
    fixed("lower", STR, Param::Str, lower),
    fixed("title", STR, Param::Str, title),
    fixed("untitle", STR, Param::Str, untitle),
    fixed("swapcase", STR, Param::Str, swapcase),
    fixed("snakecase", STR, Param::Str, |cx, a| text(separated(bytes(a, 0), '_', cx.compat))),
    fixed("kebabcase", STR, Param::Str, |cx, a| text(separated(bytes(a, 0), '-', cx.compat))),
    fixed("camelcase", STR, Param::Str, |cx, a| text(pascal(bytes(a, 0), cx.compat))),
];

fn upper(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = take_str(args, 0);
    if s.is_ascii() {
        let same = !s.iter().any(u8::is_ascii_lowercase);
        return Ok(if same { Value::Str(s) } else { Value::str(s.to_ascii_uppercase()) });
    }
    text(utf8::map(&s, |c| unicode::to_upper(c, cx.compat)))
}

fn lower(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = take_str(args, 0);
    if s.is_ascii() {
        let same = !s.iter().any(u8::is_ascii_uppercase);
        return Ok(if same { Value::Str(s) } else { Value::str(s.to_ascii_lowercase()) });
    }
    text(utf8::map(&s, |c| unicode::to_lower(c, cx.compat)))
}

/// What `strings.Title` takes as the end of a word.
fn separates(c: char, compat: Compat) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && c != '_';
    }
    !unicode::is_letter(c, compat) && !unicode::is_digit(c, compat) && unicode::is_space(c)
}

fn title(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = bytes(args, 0);
    let mut out = Vec::with_capacity(s.len());
    let mut at_start = true;
    for (c, _) in utf8::runes(s) {
        utf8::push(&mut out, if at_start { unicode::to_title(c, cx.compat) } else { c });
        at_start = separates(c, cx.compat);
    }
    text(out)
}

fn untitle(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = bytes(args, 0);
    let mut out = Vec::with_capacity(s.len());
    let mut at_start = true;
    for (c, _) in utf8::runes(s) {
        let space = unicode::is_space(c);
        utf8::push(&mut out, if at_start && !space { unicode::to_lower(c, cx.compat) } else { c });
        at_start = space;
    }
    text(out)
}

fn swapcase(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = bytes(args, 0);
    let mut out = Vec::with_capacity(s.len());
    let mut at_start = true;
    for (c, _) in utf8::runes(s) {
        let swapped = if unicode::is_upper(c, cx.compat) || unicode::is_title(c) {
            at_start = false;
            unicode::to_lower(c, cx.compat)
        } else if unicode::is_lower(c, cx.compat) {
            if std::mem::take(&mut at_start) {
                unicode::to_title(c, cx.compat)
            } else {
                unicode::to_upper(c, cx.compat)
            }
        } else {
            at_start = unicode::is_space(c);
            c
        };
        utf8::push(&mut out, swapped);
    }
    text(out)
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || unicode::is_space(c)
}

/// Words joined with a capital at each start; leading connectors stay.
fn pascal(s: &[u8], compat: Compat) -> Vec<u8> {
    let runes: Vec<char> = utf8::runes(s).map(|(c, _)| c).collect();
    let mut out = Vec::with_capacity(s.len());
    let lead = runes.iter().take_while(|&&c| is_connector(c)).count();
    runes[..lead].iter().for_each(|&c| utf8::push(&mut out, c));
    let Some((&first, rest)) = runes[lead..].split_first() else { return out_of_connectors(out, &runes) };
    // A word in capitals is lowered behind its first letter.
    let mut in_capitals = unicode::is_upper(first, compat);
    let mut previous = unicode::to_upper(first, compat);
    for &c in rest {
        let mut c = c;
        match (is_connector(c), is_connector(previous)) {
            (true, true) => {
                utf8::push(&mut out, previous);
                previous = c;
                continue;
            }
            (false, true) => {
                in_capitals = unicode::is_upper(c, compat);
                c = unicode::to_upper(c, compat);
            }
            (_, false) => {
                if in_capitals {
                    if unicode::is_upper(c, compat) {
                        c = unicode::to_lower(c, compat);
                    } else {
                        in_capitals = false;
                    }
                }
                utf8::push(&mut out, previous);
            }
        }
        previous = c;
    }
    utf8::push(&mut out, previous);
    out
}

/// A text of connectors only shows the last one twice.
fn out_of_connectors(mut out: Vec<u8>, runes: &[char]) -> Vec<u8> {
    if let Some(&last) = runes.last() {
        utf8::push(&mut out, last);
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing valid follows.
    Invalid,
    Number,
    /// Capitals, or one capital and what follows it.
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// A letter, but not a Chinese character.
fn is_alphabet(c: char, compat: Compat) -> bool {
    unicode::is_letter(c, compat)
        && !matches!(c,
            '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4D85}' | '\u{20000}'..='\u{2B81D}')
}

/// The words of a text, one after the other.
struct Words<'a> {
    rest: &'a [u8],
    compat: Compat,
}

impl<'a> Words<'a> {
    /// The first valid rune from an offset, and the offset behind it.
    fn valid(&self, mut at: usize) -> Option<(char, usize)> {
        loop {
            let (c, width) = utf8::decode(&self.rest[at..]);
            if width == 0 {
                return None;
            }
            at += width;
            if c != utf8::RUNE_ERROR {
                return Some((c, at));
            }
        }
    }

    /// The offset behind the runes for which the class holds. Bytes that are
    /// no text go with the rune before them.
    fn run(&self, mut at: usize, class: impl Fn(char) -> bool) -> usize {
        while at < self.rest.len() {
            match self.valid(at) {
                Some((c, end)) if class(c) => at = end,
                Some(_) => break,
                None => at = self.rest.len(),
            }
        }
        at
    }

    fn next(&mut self) -> (Kind, &'a [u8]) {
        let compat = self.compat;
        let Some((first, end)) = self.valid(0) else { return (Kind::Invalid, std::mem::take(&mut self.rest)) };
        let upper = |c| unicode::is_upper(c, compat);
        let small = |c| is_alphabet(c, compat) && !unicode::is_upper(c, compat);
        let (kind, end) = if is_connector(first) {
            (Kind::Connector, self.run(end, is_connector))
        } else if unicode::is_punct(first, compat) {
            (Kind::Punctuation, self.run(end, |c| unicode::is_punct(c, compat)))
        } else if upper(first) {
            (Kind::Upper, self.capitals(end))
        } else if is_alphabet(first, compat) {
            (Kind::Alphabet, self.run(end, small))
        } else if unicode::is_number(first, compat) {
            (Kind::Number, self.run(end, |c| unicode::is_number(c, compat)))
        } else {
            let other = |c| {
                !is_connector(c)
                    && !is_alphabet(c, compat)
                    && !unicode::is_number(c, compat)
                    && !unicode::is_punct(c, compat)
            };
            (Kind::Other, self.run(end, other))
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (kind, word)
    }

    /// Behind a first capital: more capitals, or small letters. Of
    /// `HTTPStatus` the first word is `HTTP`.
    fn capitals(&self, at: usize) -> usize {
        let compat = self.compat;
        let upper = |c| unicode::is_upper(c, compat);
        match self.valid(at) {
            Some((c, _)) if upper(c) => {
                let mut last = at;
                let mut end = at;
                while let Some((c, next)) = self.valid(end)
                    && upper(c)
                {
                    last = end;
                    end = next;
                }
                match self.valid(end) {
                    Some((c, _)) if is_alphabet(c, compat) => last,
                    Some(_) => end,
                    None => self.rest.len(),
                }
            }
            Some((c, end)) if is_alphabet(c, compat) => self.run(end, |c| is_alphabet(c, compat) && !upper(c)),
            Some(_) => at,
            None => self.rest.len(),
        }
    }
}

/// The state of writing words with a connector between them.
struct Separated<'a> {
    out: Vec<u8>,
    words: Words<'a>,
    connector: char,
}

impl<'a> Separated<'a> {
    fn write(&mut self, kind: Kind, word: &[u8]) {
        if kind != Kind::Upper && kind != Kind::Connector {
            return self.out.extend_from_slice(word);
        }
        for (c, _) in utf8::runes(word) {
            let c = if is_connector(c) {
                self.connector
            } else if unicode::is_upper(c, self.words.compat) {
                unicode::to_lower(c, self.words.compat)
            } else {
                c
            };
            utf8::push(&mut self.out, c);
        }
    }

    fn connect(&mut self) {
        utf8::push(&mut self.out, self.connector);
    }

    /// Writes letters and numbers that belong to a number before them.
    fn follow_number(&mut self, mut kind: Kind, mut word: &'a [u8]) -> (Kind, &'a [u8]) {
        while matches!(kind, Kind::Alphabet | Kind::Number) {
            self.write(kind, word);
            (kind, word) = self.words.next();
        }
        (kind, word)
    }
}

/// Words in small letters with a connector between them.
fn separated(s: &[u8], connector: char, compat: Compat) -> Vec<u8> {
    if s.is_empty() {
        return Vec::new();
    }
    let mut w = Separated { out: Vec::with_capacity(s.len() + 8), words: Words { rest: s, compat }, connector };
    let (mut kind, mut word) = w.words.next();
    while !w.words.rest.is_empty() {
        if kind != Kind::Connector {
            w.write(kind, word);
        }
        let (previous, before) = (kind, word);
        (kind, word) = w.words.next();
        match previous {
            Kind::Number => {
                (kind, word) = w.follow_number(kind, word);
                if !matches!(kind, Kind::Invalid | Kind::Punctuation | Kind::Connector) {
                    w.connect();
                }
            }
            Kind::Connector => w.write(previous, before),
            Kind::Punctuation => {}
            _ if kind != Kind::Number => {
                if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                    w.connect();
                }
            }
            // A number at the very end belongs to the word before it.
            _ if w.words.rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word) = w.words.next();
                if kind == Kind::Alphabet {
                    // Small letters behind a number: the number starts a word.
                    w.connect();
                    w.write(Kind::Number, number);
                    (kind, word) = w.follow_number(kind, word);
                    if !matches!(kind, Kind::Invalid | Kind::Punctuation | Kind::Connector) {
                        w.connect();
                    }
                } else {
                    w.write(Kind::Number, number);
                    if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                        w.connect();
                    }
                }
            }
        }
    }
    w.write(kind, word);
    w.out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snakes() {
        for (from, to) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO PATH", "go_path"),
            ("GO-PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("", ""),
        ] {
            assert_eq!(separated(from.as_bytes(), '_', Compat::Helm4), to.as_bytes(), "{from}");
        }
    }

    #[test]
    fn camels() {
        for (from, to) in [
            ("some_words", "SomeWords"),
            ("_complex__case_", "_Complex_Case_"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("some words", "SomeWords"),
            ("x", "X"),
        ] {
            assert_eq!(pascal(from.as_bytes(), Compat::Helm4), to.as_bytes(), "{from}");
        }
    }
}
