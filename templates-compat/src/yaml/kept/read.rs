//! From a text to its tree. The scanner gives texts and places; how things
//! were written is read off the text at those places.

use super::super::YamlError;
use super::super::input::Input;
use super::super::node::{Document, NodeKind};
use super::super::parse::Parser;
use super::super::scan::Scanner;
use super::super::token::{Fail, Mark};
use super::{Item, KeptDocument, Kind, MAX_DEPTH, Style, comments};

pub(super) fn document(text: &[u8]) -> Result<Option<KeptDocument>, YamlError> {
    let failed = |fail: Fail| YamlError::new(format!("yaml: {}", fail.0));
    let input = Input::new(text);
    let document = Document::parse(Parser::new(Scanner::new(&input))).map_err(failed)?;
    if document.nodes.is_empty() {
        return Ok(None);
    }
    let reader = Reader { document: &document, source: text, lines: line_starts(text) };
    let mut kept = KeptDocument { root: reader.item(0, 0)?, head: Vec::new(), foot: Vec::new() };
    if kept.root.is_null() {
        return Ok(None);
    }
    comments::attach(&mut kept, text);
    Ok(Some(kept))
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let after = text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
    std::iter::once(0).chain(after).collect()
}

struct Reader<'a, 't> {
    document: &'a Document<'t>,
    source: &'a [u8],
    lines: Vec<usize>,
}

impl Reader<'_, '_> {
    fn byte(&self, mark: Mark) -> usize {
        let Some(start) = self.lines.get(mark.line as usize) else { return self.source.len() };
        let rest = String::from_utf8_lossy(&self.source[*start..]);
        let ahead: usize = rest.chars().take(mark.column as usize).map(char::len_utf8).sum();
        (start + ahead).min(self.source.len())
    }

    fn item(&self, index: usize, depth: usize) -> Result<Item, YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::new(format!("document is nested deeper than {MAX_DEPTH}")));
        }
        let node = &self.document.nodes[index];
        let start = self.byte(node.mark);
        let (anchor, tag, content) = self.properties(start);
        let at = self.source.get(content).copied().unwrap_or_default();
        let (kind, text): (Kind, &[u8]) = match &node.kind {
            NodeKind::Scalar(text, _) => (Kind::Scalar, text),
            NodeKind::Alias(name, _) => (Kind::Alias, name),
            NodeKind::Sequence => (Kind::Sequence, b""),
            NodeKind::Mapping => (Kind::Mapping, b""),
        };
        let style = match (kind, at) {
            (Kind::Sequence, b'[') | (Kind::Mapping, b'{') => Style::Flow,
            (Kind::Scalar, b'\'') => Style::Single,
            (Kind::Scalar, b'"') => Style::Double,
            (Kind::Scalar, b'|') => Style::Literal,
            (Kind::Scalar, b'>') => Style::Folded,
            _ => Style::Plain,
        };
        let mut item = Item { start, column: node.mark.column as usize, ..Item::new(kind, style, text) };
        // What stands before the first key on its line belongs to that key.
        let block = matches!(kind, Kind::Sequence | Kind::Mapping) && style == Style::Plain;
        if !block || self.source[start..content].contains(&b'\n') {
            (item.anchor, item.tag) = (anchor, tag);
        }
        let mut child = index + 1;
        while child < node.end as usize {
            item.children.push(self.item(child, depth + 1)?);
            child = self.document.nodes[child].end as usize;
        }
        item.end = match (kind, style) {
            (Kind::Alias, _) => content + 1 + item.text.len(),
            (Kind::Scalar, Style::Single | Style::Double) => quoted_end(self.source, content),
            (Kind::Scalar, Style::Literal | Style::Folded) => block_end(self.source, content),
            (Kind::Scalar, _) => plain_end(self.source, content, &item.text),
            (_, Style::Flow) => self.flow_end(&item, content),
            _ => item.children.last().map_or(start, |last| last.end),
        };
        if block {
            // Properties stand on a line of their own: the block is below.
            let first = item.children.first();
            item.column = first.filter(|_| kind == Kind::Mapping).map_or(item.column, |first| first.column);
        }
        Ok(item)
    }

    /// Anchor and tag before a node, and where the node itself begins.
    fn properties(&self, start: usize) -> (Option<Vec<u8>>, Option<Vec<u8>>, usize) {
        let (mut anchor, mut tag, mut at) = (None, None, start);
        loop {
            let rest = &self.source[at..];
            let length = rest.iter().take_while(|b| !b.is_ascii_whitespace() && !b",[]{}".contains(b)).count();
            match rest.first() {
                Some(b'&') if anchor.is_none() => anchor = Some(rest[1..length].to_vec()),
                Some(b'!') if tag.is_none() => tag = Some(rest[..length].to_vec()).filter(|tag| tag != b"!"),
                _ => return (anchor, tag, at),
            }
            at += length;
            while let Some(b) = self.source.get(at) {
                if *b == b'#' {
                    at += self.source[at..].iter().take_while(|b| **b != b'\n').count();
                } else if b.is_ascii_whitespace() {
                    at += 1;
                } else {
                    break;
                }
            }
        }
    }

    /// The end of a flow collection: after what closes it, behind its last
    /// child.
    fn flow_end(&self, item: &Item, content: usize) -> usize {
        let closing = if item.kind == Kind::Mapping { b'}' } else { b']' };
        let from = item.children.last().map_or(content + 1, |last| last.end.max(content + 1));
        let mut at = from;
        while let Some(b) = self.source.get(at) {
            if *b == closing {
                return at + 1;
            }
            at += if *b == b'#' { self.source[at..].iter().take_while(|b| **b != b'\n').count() } else { 1 };
        }
        from
    }
}

fn quoted_end(source: &[u8], start: usize) -> usize {
    let quote = source[start];
    let mut at = start + 1;
    while let Some(b) = source.get(at) {
        match *b {
            b'\\' if quote == b'"' => at += 1,
            b if b == quote && quote == b'\'' && source.get(at + 1) == Some(&quote) => at += 1,
            b if b == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    source.len()
}

/// The end of a block scalar: before the first line that is not indented as
/// its first line is.
fn block_end(source: &[u8], start: usize) -> usize {
    let line_end = |at: usize| at + source[at..].iter().position(|b| *b == b'\n').map_or(source.len() - at, |n| n + 1);
    let indent_of = |line: &[u8]| line.iter().take_while(|b| **b == b' ').count();
    let line_start = source[..start].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let header: Vec<u8> = source[start..].iter().copied().take_while(|b| !b.is_ascii_whitespace()).collect();
    let mut at = line_end(start);
    let mut end = at;
    let outer = outer_column(&source[line_start..start]);
    let hint = header.iter().find(|b| b.is_ascii_digit()).map(|digit| outer + usize::from(digit - b'0'));
    let mut indent = hint;
    while at < source.len() {
        let next = line_end(at);
        let line = source[at..next].strip_suffix(b"\n").unwrap_or(&source[at..next]);
        if line.iter().all(|b| *b == b' ') {
            at = next;
            continue;
        }
        let own = indent_of(line);
        if own <= outer || own < *indent.get_or_insert(own) {
            break;
        }
        (at, end) = (next, next);
    }
    end
}

/// The column of what a block scalar belongs to, from what stands before it on
/// its line: that of its key, or of the dash that it follows.
fn outer_column(before: &[u8]) -> usize {
    let spaces = |at: usize| before[at..].iter().take_while(|b| **b == b' ').count();
    let (mut column, mut dash) = (spaces(0), None);
    while before[column..].starts_with(b"- ") {
        dash = Some(column);
        column += 2 + spaces(column + 2);
    }
    // Tags and anchors are its own.
    let words = before[column..].split(|b| *b == b' ').filter(|word| !word.is_empty());
    let has_key = words.into_iter().any(|word| !word.starts_with(b"&") && !word.starts_with(b"!"));
    match dash {
        Some(dash) if !has_key => dash,
        _ => column,
    }
}

/// The end of a plain scalar, whose lines may have been folded.
fn plain_end(source: &[u8], start: usize, text: &[u8]) -> usize {
    let mut at = start;
    for b in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        while source.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if source.get(at) != Some(b) {
            return at;
        }
        at += 1;
    }
    at
}
