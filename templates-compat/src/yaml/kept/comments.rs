//! Which comment belongs to which node: above the next, beside the one on its
//! line, below the one before.

use super::{Item, KeptDocument, Kind, Style};

/// A comment, and whether it has its line to itself.
#[derive(Debug)]
struct Comment {
    start: usize,
    end: usize,
    whole: bool,
}

/// The way to a node: at each level which child.
type Path = Vec<usize>;

/// A node that is not a block of others.
#[derive(Debug)]
struct Leaf {
    path: Path,
    start: usize,
    end: usize,
    /// A key whose value is not there, or not yet.
    is_open_key: bool,
}

pub(super) fn attach(document: &mut KeptDocument, source: &[u8]) {
    let mut opaque = Vec::new();
    opaque_ranges(&document.root, &mut opaque);
    let found = find(source, &opaque);
    if found.is_empty() {
        return;
    }
    let mut leaves = Vec::new();
    collect(&document.root, &mut Path::new(), &mut leaves);
    for comment in found.iter().filter(|comment| !comment.whole) {
        beside(document, &leaves, comment, source);
    }
    let mut rest = found.iter().filter(|comment| comment.whole).peekable();
    while let Some(first) = rest.next() {
        let before = leaves.partition_point(|leaf| leaf.start < first.start);
        let mut run = vec![first];
        while let Some(next) = rest.next_if(|next| leaves.partition_point(|leaf| leaf.start < next.start) == before) {
            run.push(next);
        }
        Run { document, leaves: &leaves, before, source }.place(&run);
    }
}

/// A text in which `#` means nothing: quoted, or a block (below its first
/// line).
struct Opaque {
    start: usize,
    end: usize,
    is_block: bool,
}

fn opaque_ranges(item: &Item, out: &mut Vec<Opaque>) {
    let (start, end) = (item.start, item.end);
    match (item.kind, item.style) {
        (Kind::Scalar, Style::Single | Style::Double) => out.push(Opaque { start, end, is_block: false }),
        (Kind::Scalar, Style::Literal | Style::Folded) => out.push(Opaque { start, end, is_block: true }),
        _ => {}
    }
    item.children.iter().for_each(|child| opaque_ranges(child, out));
}

fn find(source: &[u8], opaque: &[Opaque]) -> Vec<Comment> {
    let mut out = Vec::new();
    let mut ranges = opaque.iter().peekable();
    let mut at = 0;
    while at < source.len() {
        if let Some(range) = ranges.next_if(|range| range.start <= at) {
            let line = at + source[at..].iter().take_while(|b| **b != b'\n').count();
            if range.is_block
                && let Some(hash) = source[at..line].windows(2).position(|two| two == b" #")
            {
                out.push(Comment { start: at + hash + 1, end: line, whole: false });
            }
            at = range.end.max(at + 1);
            continue;
        }
        let begins = source[at] == b'#' && (at == 0 || source[at - 1].is_ascii_whitespace());
        if !begins {
            at += 1;
            continue;
        }
        let end = at + source[at..].iter().take_while(|b| **b != b'\n').count();
        let line = source[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        // After a lone dash it is above what follows.
        let whole = source[line..at].iter().all(|b| matches!(b, b' ' | b'\t' | b'-'));
        out.push(Comment { start: at, end: trimmed_end(source, at, end), whole });
        at = end;
    }
    out
}

fn trimmed_end(source: &[u8], start: usize, end: usize) -> usize {
    start + source[start..end].strip_suffix(b"\r").unwrap_or(&source[start..end]).len()
}

fn is_block(item: &Item) -> bool {
    matches!(item.kind, Kind::Mapping | Kind::Sequence) && item.style == Style::Plain && !item.children.is_empty()
}

fn collect(item: &Item, path: &mut Path, out: &mut Vec<Leaf>) {
    if !is_block(item) {
        out.push(Leaf { path: path.clone(), start: item.start, end: item.end.max(item.start), is_open_key: false });
        return;
    }
    for (i, child) in item.children.iter().enumerate() {
        path.push(i);
        collect(child, path, out);
        path.pop();
        if item.kind == Kind::Mapping && i % 2 == 0 {
            let value = &item.children[i + 1];
            if let Some(leaf) = out.last_mut() {
                leaf.is_open_key = is_block(value) || value.is_null() && value.text.is_empty();
            }
        } else if item.kind == Kind::Mapping
            && child.is_null()
            && child.text.is_empty()
            && let Some(leaf) = out.last_mut()
        {
            leaf.is_open_key = true;
        }
    }
}

fn at<'i>(root: &'i mut Item, path: &[usize]) -> &'i mut Item {
    path.iter().fold(root, |item, i| &mut item.children[*i])
}

fn look<'i>(root: &'i Item, path: &[usize]) -> &'i Item {
    path.iter().fold(root, |item, i| &item.children[*i])
}

fn add(to: &mut Vec<u8>, text: &[u8]) {
    if !to.is_empty() {
        to.push(b'\n');
    }
    to.extend_from_slice(text);
}

/// A comment behind something on its line.
fn beside(document: &mut KeptDocument, leaves: &[Leaf], comment: &Comment, source: &[u8]) {
    let before = leaves.partition_point(|leaf| leaf.start < comment.start);
    let Some(leaf) = before.checked_sub(1).map(|i| &leaves[i]) else { return };
    add(&mut at(&mut document.root, &leaf.path).line, &source[comment.start..comment.end]);
}

/// Comments with lines to themselves between two nodes.
struct Run<'a> {
    document: &'a mut KeptDocument,
    leaves: &'a [Leaf],
    /// How many nodes stand before.
    before: usize,
    source: &'a [u8],
}

impl Run<'_> {
    fn column(&self, at: usize) -> usize {
        at - self.source[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1)
    }

    fn line(&self, at: usize) -> usize {
        self.source[..at].iter().filter(|b| **b == b'\n').count()
    }

    fn place(mut self, run: &[&Comment]) {
        let previous = self.before.checked_sub(1).map(|i| &self.leaves[i]);
        // A block that is open at the previous node, innermost: how far it is
        // indented.
        let indent =
            previous.map_or(0, |leaf| self.innermost(leaf).map_or(0, |path| look(&self.document.root, &path).column));
        let foot_line = previous.map(|leaf| {
            let last = leaf.end.max(leaf.start + 1).min(self.source.len());
            // A block's end is already on the line below.
            self.line(last.saturating_sub(1).max(leaf.start)) + 1
        });
        let is_value = previous.is_some_and(|leaf| leaf.is_open_key);
        let next = self.leaves.get(self.before).map(|leaf| (self.line(leaf.start), self.entry_column(leaf)));
        let last_line = next.map_or_else(|| self.line(self.source.len()), |(line, _)| line);

        let mut text: Vec<u8> = Vec::new();
        let (mut column, mut start_line) = (0, 0);
        let mut fresh = true;
        let first_line = self.line(run[0].start);
        let mut first_empty = foot_line.is_none_or(|line| first_line <= line);
        let mut recent_empty = false;
        let mut line = first_line;
        let mut comments = run.iter().peekable();
        loop {
            let comment = comments.next_if(|comment| self.line(comment.start) == line);
            match comment {
                Some(comment) => {
                    let own = self.column(comment.start);
                    if !text.is_empty() && own < indent && own != column {
                        self.foot(&text, fresh.then_some(previous).flatten(), column);
                        (text, fresh) = (Vec::new(), false);
                    }
                    if text.is_empty() {
                        (column, start_line) = (own, line);
                    } else {
                        text.push(b'\n');
                    }
                    text.extend_from_slice(&self.source[comment.start..comment.end]);
                    recent_empty = false;
                }
                None if line >= last_line && next.is_some() => break,
                None => {
                    let ends = line >= last_line;
                    if !recent_empty && !text.is_empty() {
                        let below = Some(start_line) == foot_line && !is_value;
                        if first_empty && (below || column < indent) {
                            let target = (fresh && column >= indent).then_some(previous).flatten();
                            self.foot(&text, target, column);
                            (text, fresh) = (Vec::new(), false);
                        } else if !ends {
                            text.push(b'\n');
                        }
                    }
                    first_empty = false;
                    recent_empty = true;
                    if ends {
                        break;
                    }
                }
            }
            line += 1;
        }
        if let Some((_, next_column)) = next
            && !text.is_empty()
            && next_column < indent
            && next_column != column
        {
            self.foot(&text, fresh.then_some(previous).flatten(), column);
            text.clear();
        }
        if !text.is_empty() {
            self.head(&text);
        }
    }

    /// The innermost block that a node is in.
    fn innermost(&self, leaf: &Leaf) -> Option<Path> {
        let (_, parent) = leaf.path.split_last()?;
        Some(parent.to_vec())
    }

    /// The column at which a node's entry begins, its dash included.
    fn entry_column(&self, leaf: &Leaf) -> usize {
        let start = leaf.start - self.column(leaf.start);
        self.source[start..].iter().take_while(|b| **b == b' ').count()
    }

    /// Below: the node before, or the last entry of the block that is indented
    /// as the comment is.
    fn foot(&mut self, text: &[u8], target: Option<&Leaf>, column: usize) {
        let Some(previous) = self.before.checked_sub(1).map(|i| &self.leaves[i]) else { return self.head(text) };
        let path = match target {
            Some(leaf) => leaf.path.clone(),
            None => {
                let mut path = previous.path.clone();
                while path.len() > 1 && look(&self.document.root, &path[..path.len() - 1]).column > column {
                    path.pop();
                }
                path
            }
        };
        let path = self.owner(path);
        add(&mut at(&mut self.document.root, &path).foot, text);
    }

    /// In a mapping the key has what is below its value.
    fn owner(&self, mut path: Path) -> Path {
        if let Some((last, parent)) = path.split_last()
            && look(&self.document.root, parent).kind == Kind::Mapping
        {
            let key = last - last % 2;
            path.pop();
            path.push(key);
        }
        path
    }

    /// Above the next node, or at the end of the document.
    fn head(&mut self, text: &[u8]) {
        let Some(leaf) = self.leaves.get(self.before) else {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            add(&mut self.document.foot, text);
            return;
        };
        let mut text = text;
        if self.before == 0 {
            // What an empty line parts from the first node is the document's.
            if let Some(own) = text.strip_suffix(b"\n") {
                self.document.head = own.to_vec();
                return;
            }
            if let Some(gap) = text.windows(2).rposition(|two| two == b"\n\n") {
                self.document.head = text[..gap].to_vec();
                text = &text[gap + 2..];
            }
        }
        // An item's comment stands before its dash.
        let line = leaf.start - self.column(leaf.start);
        let mut path = leaf.path.clone();
        if self.source[line..leaf.start].contains(&b'-') {
            while let Some((0, parent)) = path.split_last() {
                let Some((_, outer)) = parent.split_last() else { break };
                if look(&self.document.root, outer).kind != Kind::Sequence {
                    break;
                }
                path.pop();
            }
        }
        add(&mut at(&mut self.document.root, &path).head, text);
    }
}
