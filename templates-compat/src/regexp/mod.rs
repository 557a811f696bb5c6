//! Go's regular expressions: its syntax and error texts, and the results of
//! its functions. The matching itself is the `regex` crates' work: both find
//! the leftmost match, earlier alternatives first.

mod class;
mod factor;
mod matcher;
mod names;
mod parse;

use std::borrow::Cow;

use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input};

use crate::compat::Compat;
use crate::gofmt::quote::{can_backquote, quote_text};
use crate::gofmt::{unicode, utf8};
use crate::limits::MAX_TEXT_BYTES;
use matcher::Matcher;

/// Why a pattern is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// `[b-a]`, `\p{Nope}`
    InvalidCharRange,
    /// `\8`
    InvalidEscape,
    /// `(?P<n`
    InvalidNamedCapture,
    /// `(?k)`
    InvalidPerlOp,
    /// `a**`
    InvalidRepeatOp,
    /// `a{1001}`
    InvalidRepeatSize,
    /// Bytes that are no text.
    InvalidUtf8,
    /// `[a`
    MissingBracket,
    /// `(a`
    MissingParen,
    /// `*a`
    MissingRepeatArgument,
    /// `\`
    TrailingBackslash,
    /// `a)`
    UnexpectedParen,
    /// Groups in groups in groups.
    NestingDepth,
    /// More than can be compiled.
    Large,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Code::InvalidCharRange => "invalid character class range",
            Code::InvalidEscape => "invalid escape sequence",
            Code::InvalidNamedCapture => "invalid named capture",
            Code::InvalidPerlOp => "invalid or unsupported Perl syntax",
            Code::InvalidRepeatOp => "invalid nested repetition operator",
            Code::InvalidRepeatSize => "invalid repeat count",
            Code::InvalidUtf8 => "invalid UTF-8",
            Code::MissingBracket => "missing closing ]",
            Code::MissingParen => "missing closing )",
            Code::MissingRepeatArgument => "missing argument to repetition operator",
            Code::TrailingBackslash => "trailing backslash at end of expression",
            Code::UnexpectedParen => "unexpected )",
            Code::NestingDepth => "expression nests too deeply",
            Code::Large => "expression too large",
        }
    }
}

/// A pattern that Go refuses; `Display` is Go's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub code: Code,
    /// The part of the pattern that is.
    pub part: Vec<u8>,
}

impl SyntaxError {
    fn new(code: Code, part: &[u8]) -> SyntaxError {
        SyntaxError { code, part: part.to_vec() }
    }

    /// The text of the panic of Go's `MustCompile`.
    pub fn must_compile_text(&self, pattern: &[u8], compat: Compat) -> String {
        let quoted = if can_backquote(pattern) {
            format!("`{}`", String::from_utf8_lossy(pattern))
        } else {
            quote_text(pattern, compat)
        };
        format!("regexp: Compile({quoted}): {self}")
    }
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.code.text(), String::from_utf8_lossy(&self.part))
    }
}

impl std::error::Error for SyntaxError {}

/// A compiled pattern.
#[derive(Debug)]
pub struct Regexp {
    matcher: Matcher,
    group_names: Vec<Option<String>>,
    empty_pattern: bool,
    compat: Compat,
}

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What Go says against it.
    pub fn compile(pattern: &[u8], compat: Compat) -> Result<Regexp, SyntaxError> {
        let parsed = parse::parse(pattern, compat)?;
        let matcher = Matcher::new(parsed.hir, parsed.size).ok_or_else(|| SyntaxError::new(Code::Large, pattern))?;
        Ok(Regexp { matcher, group_names: parsed.group_names, empty_pattern: pattern.is_empty(), compat })
    }

    /// Whether it takes little memory to keep it.
    pub(crate) fn is_small(&self) -> bool {
        self.matcher.is_small()
    }

    /// Whether it matches anywhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        let text = Text::new(text);
        self.matcher.for_text(&text.utf8).is_some_and(|matcher| matcher.is_match(text.utf8.as_ref()))
    }

    /// The leftmost match; empty if there is none.
    pub fn find<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        self.all_matches(text, Some(1)).first().and_then(|&(start, end)| text.get(start..end)).unwrap_or_default()
    }

    /// `FindAllString`: at most `n` matches, all with a negative `n`; none at
    /// all is Go's nil.
    pub fn find_all<'t>(&self, text: &'t [u8], n: i64) -> Option<Vec<&'t [u8]>> {
        let found = self.all_matches(text, usize::try_from(n).ok());
        if found.is_empty() {
            return None;
        }
        Some(found.into_iter().map(|(start, end)| text.get(start..end).unwrap_or_default()).collect())
    }

    /// `Split`: at most `n` parts, all with a negative `n`; none is Go's nil.
    pub fn split<'t>(&self, text: &'t [u8], n: i64) -> Option<Vec<&'t [u8]>> {
        if n == 0 {
            return None;
        }
        if !self.empty_pattern && text.is_empty() {
            return Some(vec![text]);
        }
        let limit = usize::try_from(n).ok();
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for (match_start, match_end) in self.all_matches(text, limit) {
            if limit.is_some_and(|limit| parts.len() + 1 == limit) {
                break;
            }
            end = match_start;
            // An empty match at the very front splits nothing off.
            if match_end != 0 {
                parts.push(text.get(begin..end).unwrap_or_default());
            }
            begin = match_end;
        }
        if end != text.len() {
            parts.push(text.get(begin..).unwrap_or_default());
        }
        Some(parts)
    }

    /// `ReplaceAllString`: `$1` and `${name}` in the replacement stand for
    /// what the groups matched.
    pub fn replace_all(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        let template = Template::parse(replacement, self);
        self.replace_with(text, |out, groups| template.expand(out, groups))
    }

    /// `ReplaceAllLiteralString`: the replacement as it is.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace_with(text, |out, _| out.extend_from_slice(replacement))
    }

    fn replace_with<'t>(&self, text: &'t [u8], replace: impl Fn(&mut Vec<u8>, &dyn Fn(usize) -> &'t [u8])) -> Vec<u8> {
        let source = Text::new(text);
        let Some(matcher) = self.matcher.for_text(&source.utf8) else { return text.to_vec() };
        let mut captures = matcher.create_captures();
        let mut out = Vec::with_capacity(text.len());
        let (mut last_end, mut at) = (0, 0);
        while at <= source.utf8.len() {
            search(matcher, &source, at, &mut captures);
            let Some(found) = captures.get_match() else { break };
            let (start, end) = (source.offset(found.start()), source.offset(found.end()));
            out.extend_from_slice(text.get(last_end..start).unwrap_or_default());
            // An empty match right after a match does not count.
            if end > last_end || start == 0 {
                let group = |index: usize| match captures.get_group(index) {
                    Some(span) => text.get(source.offset(span.start)..source.offset(span.end)).unwrap_or_default(),
                    None => &[],
                };
                replace(&mut out, &group);
            }
            if out.len() > MAX_TEXT_BYTES {
                break;
            }
            last_end = end;
            at = found.end().max(source.after_char(at));
        }
        out.extend_from_slice(text.get(last_end..).unwrap_or_default());
        out
    }

    fn all_matches(&self, text: &[u8], limit: Option<usize>) -> Vec<(usize, usize)> {
        let source = Text::new(text);
        let Some(matcher) = self.matcher.for_text(&source.utf8) else { return Vec::new() };
        let mut captures = matcher.create_captures();
        let mut matches = Vec::new();
        let (mut at, mut previous_end) = (0, None);
        while at <= source.utf8.len() && limit.is_none_or(|limit| matches.len() < limit) {
            search(matcher, &source, at, &mut captures);
            let Some(found) = captures.get_match() else { break };
            let mut accepted = true;
            if found.end() == at {
                // Empty: not accepted right after the previous match.
                accepted = previous_end != Some(found.start());
                at = source.after_char(at);
            } else {
                at = found.end();
            }
            previous_end = Some(found.end());
            if accepted {
                matches.push((source.offset(found.start()), source.offset(found.end())));
            }
        }
        matches
    }

    fn group_named(&self, name: &str) -> Option<usize> {
        self.group_names.iter().position(|known| known.as_deref() == Some(name))
    }
}

fn search(matcher: &meta::Regex, source: &Text<'_>, at: usize, captures: &mut Captures) {
    let input = Input::new(source.utf8.as_ref()).range(at..).anchored(Anchored::No);
    matcher.captures(input, captures);
}

/// A text as Go's matcher sees it: every byte that is not UTF-8 is a U+FFFD.
struct Text<'t> {
    utf8: Cow<'t, [u8]>,
    /// Where the replaced bytes are in `utf8`; each made it two longer.
    replaced: Vec<usize>,
}

impl<'t> Text<'t> {
    fn new(text: &'t [u8]) -> Text<'t> {
        if std::str::from_utf8(text).is_ok() {
            return Text { utf8: Cow::Borrowed(text), replaced: Vec::new() };
        }
        let (mut out, mut replaced) = (Vec::with_capacity(text.len() + 16), Vec::new());
        for (c, width) in utf8::runes(text) {
            if c == utf8::RUNE_ERROR && width == 1 {
                replaced.push(out.len());
            }
            utf8::push(&mut out, c);
        }
        Text { utf8: Cow::Owned(out), replaced }
    }

    /// The offset in the original text.
    fn offset(&self, at: usize) -> usize {
        at - 2 * self.replaced.partition_point(|position| *position < at)
    }

    /// Past the character at `at`; past the end, beyond the text.
    fn after_char(&self, at: usize) -> usize {
        at + utf8::decode(self.utf8.get(at..).unwrap_or_default()).1.max(1)
    }
}

/// A replacement, taken apart.
struct Template<'r> {
    pieces: Vec<Piece<'r>>,
}

enum Piece<'r> {
    Text(&'r [u8]),
    Group(usize),
}

impl<'r> Template<'r> {
    fn parse(text: &'r [u8], regexp: &Regexp) -> Template<'r> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.iter().position(|b| *b == b'$') {
            let (before, after) = (&rest[..dollar], &rest[dollar + 1..]);
            pieces.push(Piece::Text(before));
            rest = match after.strip_prefix(b"$") {
                Some(after) => {
                    pieces.push(Piece::Text(b"$"));
                    after
                }
                None => match reference(after, regexp.compat) {
                    Some((name, length)) => {
                        pieces.extend(group_index(name, regexp).map(Piece::Group));
                        after.get(length..).unwrap_or_default()
                    }
                    None => {
                        pieces.push(Piece::Text(b"$"));
                        after
                    }
                },
            };
        }
        pieces.push(Piece::Text(rest));
        Template { pieces }
    }

    fn expand<'t>(&self, out: &mut Vec<u8>, group: &dyn Fn(usize) -> &'t [u8]) {
        for piece in &self.pieces {
            out.extend_from_slice(match piece {
                Piece::Text(text) => text,
                Piece::Group(index) => group(*index),
            });
        }
    }
}

/// The name after a dollar and how long it is with its braces.
fn reference(text: &[u8], compat: Compat) -> Option<(&str, usize)> {
    let braced = text.first() == Some(&b'{');
    let start = usize::from(braced);
    let mut end = start;
    for (c, width) in utf8::runes(text.get(start..)?) {
        let part = c == '_' || unicode::is_letter(c, compat) || unicode::is_digit(c, compat);
        if !part || width == 1 && c == utf8::RUNE_ERROR {
            break;
        }
        end += width;
    }
    let name = std::str::from_utf8(text.get(start..end)?).ok()?;
    if name.is_empty() || braced && text.get(end) != Some(&b'}') {
        return None;
    }
    Some((name, end + usize::from(braced)))
}

fn group_index(name: &str, regexp: &Regexp) -> Option<usize> {
    let number = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if number {
        // Go stops counting where no pattern has so many groups.
        return name.parse().ok().filter(|index: &usize| *index < regexp.group_names.len());
    }
    regexp.group_named(name)
}

/// `QuoteMeta`: the text as a pattern for itself.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    for &b in text {
        if b"\\.+*?()|[]{}^$".contains(&b) {
            out.push(b'\\');
        }
        out.push(b);
    }
    out
}

#[cfg(test)]
mod tests;
