//! Values as Go's `%#v` prints them, for the errors that show a key.

use super::node::{Node, NodeKind};
use super::resolve::{Resolved, resolve_plain, resolve_tagged};
use crate::compat::Compat;
use crate::gofmt::quote::quote_text;
use crate::json::number;

/// No error text is longer: an alias could make it endless.
const MAX_TEXT: usize = 1 << 16;
const MAX_DEPTH: usize = 100;

/// A node as the value that go-yaml makes of it.
pub(super) fn go_syntax(nodes: &[Node<'_>], i: usize) -> String {
    let mut out = String::new();
    print(nodes, i, 0, true, &mut out);
    out
}

fn print(nodes: &[Node<'_>], i: usize, depth: usize, top: bool, out: &mut String) {
    if depth > MAX_DEPTH || out.len() > MAX_TEXT {
        out.push_str("...");
        return;
    }
    let Some(node) = nodes.get(i) else { return };
    match &node.kind {
        NodeKind::Alias(_, target) => print(nodes, *target as usize, depth + 1, top, out),
        NodeKind::Scalar(text, implicit) => {
            let resolved = match node.tag.as_deref() {
                None if *implicit => resolve_plain(text),
                None => Resolved::Str,
                Some(tag) => resolve_tagged(tag, text).unwrap_or(Resolved::Str),
            };
            out.push_str(&match resolved {
                Resolved::Str | Resolved::Timestamp => go_string(text),
                Resolved::Null if top => "<nil>".to_owned(),
                Resolved::Null => "interface {}(nil)".to_owned(),
                Resolved::Bool(b) => b.to_string(),
                Resolved::Int(n) => n.to_string(),
                Resolved::Uint(n) => format!("{n:#x}"),
                Resolved::Float(f) => number::general(f),
            });
        }
        NodeKind::Sequence => {
            out.push_str("[]interface {}{");
            let mut child = i + 1;
            while child < node.end as usize {
                if child > i + 1 {
                    out.push_str(", ");
                }
                print(nodes, child, depth + 1, false, out);
                child = nodes[child].end as usize;
            }
            out.push('}');
        }
        NodeKind::Mapping => {
            let mut entries: Vec<(String, usize)> = Vec::new();
            let mut child = i + 1;
            while child < node.end as usize {
                let value = nodes[child].end as usize;
                let mut key = String::new();
                print(nodes, child, depth + 1, false, &mut key);
                entries.retain(|e| e.0 != key);
                entries.push((key, value));
                child = nodes.get(value).map_or(usize::MAX, |n| n.end as usize);
            }
            // Go puts nil first; different types stand in no certain order.
            entries.sort_by_key(|e| (e.0 != "interface {}(nil)", e.0.clone()));
            out.push_str("map[interface {}]interface {}{");
            for (n, (key, value)) in entries.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push(':');
                print(nodes, *value, depth + 1, false, out);
            }
            out.push('}');
        }
    }
}

/// `strconv.Quote`
pub(super) fn go_string(bytes: &[u8]) -> String {
    quote_text(bytes, Compat::Helm4)
}
