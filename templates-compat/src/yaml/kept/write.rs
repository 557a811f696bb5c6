//! From a tree to text: yaml.v3's layout, with sequences that are not
//! indented in mappings, and comments where the tree has them.

use super::super::emit::{Emitter, Version};
use super::{Item, KeptDocument, Kind, Style};

/// A longer key is written with `? `.
const MAX_SIMPLE_KEY: usize = 128;

pub(super) fn stream(documents: &[KeptDocument]) -> Vec<u8> {
    let mut writer = Writer { to: Emitter::new(Version::V3), flow: 0 };
    for (i, document) in documents.iter().enumerate() {
        writer.document(document, i > 0);
    }
    writer.to.out
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    Value,
}

struct Writer {
    to: Emitter,
    /// How many flow collections are open.
    flow: usize,
}

impl Writer {
    fn document(&mut self, document: &KeptDocument, marked: bool) {
        self.to.indent = -1;
        if marked {
            self.to.write_indent();
            self.to.indicator(b"---", true, false, false);
            self.to.write_indent();
        }
        if !document.head.is_empty() {
            self.above(&document.head);
            self.to.put_break();
        }
        let root = &document.root;
        self.above(&root.head);
        self.node(root, Place::Root);
        self.beside(&root.line);
        self.below(&root.foot);
        self.to.indent = -1;
        self.to.foot_indent = 0;
        self.below(&document.foot);
        self.to.foot_indent = -1;
        self.to.write_indent();
    }

    fn above(&mut self, comment: &[u8]) {
        if !comment.is_empty() {
            self.to.write_indent();
            self.comment(comment);
        }
    }

    fn beside(&mut self, comment: &[u8]) {
        if !comment.is_empty() {
            if !self.to.whitespace {
                self.to.put(b' ');
            }
            self.comment(comment);
        }
    }

    /// What comes next at this indentation is parted by an empty line.
    fn below(&mut self, comment: &[u8]) {
        if !comment.is_empty() {
            self.above(comment);
            self.to.foot_indent = self.to.indent.max(0);
        }
    }

    fn comment(&mut self, comment: &[u8]) {
        for (i, line) in comment.split(|b| *b == b'\n').enumerate() {
            if line.is_empty() {
                // An empty line among others; at the end it is none.
                if i > 0 && !comment.ends_with(b"\n") {
                    self.to.put_break();
                }
                continue;
            }
            if i > 0 {
                self.to.write_indent();
            }
            self.to.out.extend_from_slice(line);
            self.to.column += line.len();
            self.to.indention = false;
            self.to.put_break();
        }
        self.to.whitespace = true;
    }

    fn node(&mut self, item: &Item, place: Place) {
        if let Some(anchor) = &item.anchor {
            self.to.indicator(&[b"&", anchor.as_slice()].concat(), true, false, false);
        }
        if let Some(tag) = &item.tag {
            self.to.indicator(tag, true, false, false);
        }
        match item.kind {
            Kind::Alias => self.to.indicator(&[b"*", item.text.as_slice()].concat(), true, false, false),
            Kind::Scalar => self.scalar(item, place == Place::Key),
            Kind::Sequence if self.is_flow(item) => self.flow_sequence(item),
            Kind::Mapping if self.is_flow(item) => self.flow_mapping(item),
            Kind::Sequence => self.sequence(item, place),
            Kind::Mapping => self.mapping(item),
        }
    }

    fn is_flow(&self, item: &Item) -> bool {
        self.flow > 0 || item.style == Style::Flow || item.children.is_empty()
    }

    fn sequence(&mut self, item: &Item, place: Place) {
        let is_value = matches!(place, Place::Value | Place::Key);
        let compact = is_value && (self.to.column == 0 || !self.to.indention);
        let outer = self.to.increase_indent(false, compact);
        for child in &item.children {
            self.above(&child.head);
            self.to.write_indent();
            self.to.indicator(b"-", true, false, true);
            self.node(child, Place::Item);
            self.beside(&child.line);
            self.below(&child.foot);
        }
        self.to.leave(outer);
    }

    fn mapping(&mut self, item: &Item) {
        let outer = self.to.increase_indent(false, false);
        for pair in item.children.chunks_exact(2) {
            let [key, value] = pair else { continue };
            self.above(&key.head);
            self.to.write_indent();
            let simple = self.is_simple(key);
            if simple {
                self.node(key, Place::Key);
                self.to.indicator(b":", false, false, false);
            } else {
                self.to.indicator(b"?", true, false, true);
                self.node(key, Place::Item);
                self.to.write_indent();
                self.to.indicator(b":", true, false, true);
            }
            let mut line = value.line.as_slice();
            if !key.line.is_empty() {
                let is_block = matches!(value.kind, Kind::Sequence | Kind::Mapping) && !self.is_flow(value);
                if is_block {
                    self.beside(&key.line);
                } else if line.is_empty() {
                    line = &key.line;
                }
            }
            // A block scalar has its comment in its first line.
            let in_header = value.kind == Kind::Scalar && self.is_block_scalar(value);
            if in_header {
                self.to.line_comment = line.to_vec();
            }
            self.above(&value.head);
            self.node(value, Place::Value);
            if !in_header {
                self.beside(line);
            }
            self.below(&value.foot);
            self.below(&key.foot);
        }
        self.to.leave(outer);
    }

    fn is_simple(&self, key: &Item) -> bool {
        let length = key.text.len() + key.anchor.as_ref().map_or(0, Vec::len) + key.tag.as_ref().map_or(0, Vec::len);
        let fits = match key.kind {
            Kind::Alias => true,
            Kind::Scalar => !self.to.analyze(&key.text).multiline,
            Kind::Sequence | Kind::Mapping => key.children.is_empty(),
        };
        fits && length <= MAX_SIMPLE_KEY
    }

    fn flow_sequence(&mut self, item: &Item) {
        self.flow_open(b"[");
        let outer = self.to.increase_indent(true, false);
        for (i, child) in item.children.iter().enumerate() {
            if i > 0 {
                self.to.indicator(b",", false, false, false);
            }
            self.node(child, Place::Item);
        }
        self.flow_close(b"]", outer);
    }

    fn flow_mapping(&mut self, item: &Item) {
        self.flow_open(b"{");
        let outer = self.to.increase_indent(true, false);
        for (i, pair) in item.children.chunks_exact(2).enumerate() {
            let [key, value] = pair else { continue };
            if i > 0 {
                self.to.indicator(b",", false, false, false);
            }
            if self.is_simple(key) {
                self.node(key, Place::Key);
                self.to.indicator(b":", false, false, false);
            } else {
                self.to.indicator(b"?", true, false, false);
                self.node(key, Place::Item);
                self.to.indicator(b":", true, false, false);
            }
            self.node(value, Place::Value);
        }
        self.flow_close(b"}", outer);
    }

    fn flow_open(&mut self, mark: &[u8]) {
        self.to.indicator(mark, true, true, false);
        self.flow += 1;
    }

    fn flow_close(&mut self, mark: &[u8], outer: i32) {
        self.flow -= 1;
        self.to.leave(outer);
        self.to.indicator(mark, false, false, false);
    }

    fn is_block_scalar(&self, item: &Item) -> bool {
        matches!(self.style(item, false), Style::Literal | Style::Folded)
    }

    /// How a text can be written, the nearer to how it was the better.
    fn style(&self, item: &Item, is_key: bool) -> Style {
        let text = &item.text;
        let analysis = self.to.analyze(text);
        let mut style = item.style;
        if style == Style::Plain && text.contains(&b'\n') {
            style = Style::Literal;
        }
        if is_key && analysis.multiline {
            style = Style::Double;
        }
        if style == Style::Plain {
            let in_flow = self.flow > 0;
            let marks = in_flow && text.iter().any(|b| b",?[]{}:".contains(b));
            if !analysis.plain || marks || text.is_empty() && (in_flow || is_key) {
                style = Style::Single;
            }
        }
        if style == Style::Single && !analysis.single_quoted {
            style = Style::Double;
        }
        if matches!(style, Style::Literal | Style::Folded) && (!analysis.block || self.flow > 0 || is_key) {
            style = Style::Double;
        }
        style
    }

    fn scalar(&mut self, item: &Item, is_key: bool) {
        let style = self.style(item, is_key);
        let outer = self.to.increase_indent(true, false);
        match style {
            Style::Plain => self.to.write_plain(&item.text, !is_key),
            Style::Single => self.to.write_single_quoted(&item.text, !is_key),
            Style::Literal => self.to.write_literal(&item.text),
            Style::Folded => self.folded(&item.text),
            Style::Double | Style::Flow => self.to.write_double_quoted(&item.text, !is_key),
        }
        self.to.leave(outer);
    }

    /// Lines of a folded block. Nothing is too long, so none is broken; each
    /// line break becomes two, the text's last one included.
    fn folded(&mut self, text: &[u8]) {
        self.to.block_header(b">", text);
        let doubles = !matches!(text.first(), None | Some(b' ' | b'\t' | b'\n' | b'\r' | 0));
        let (mut breaks, mut blank_start) = (true, true);
        for b in text {
            if *b == b'\n' {
                if !breaks && !blank_start && doubles {
                    self.to.put_break();
                }
                self.to.put_break();
                breaks = true;
                continue;
            }
            if breaks {
                self.to.write_indent();
                blank_start = matches!(b, b' ' | b'\t');
            }
            self.to.out.push(*b);
            self.to.column += usize::from(b & 0xC0 != 0x80);
            self.to.indention = false;
            breaks = false;
        }
    }
}
