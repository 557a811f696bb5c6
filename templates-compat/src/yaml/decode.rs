//! From the tree of a document to values: go-yaml's decoding into
//! `interface {}`, and sigs.k8s.io/yaml's change of keys and numbers on the
//! way to JSON. What JSON's decoder then says of Go types is in `fit`.

use std::collections::HashSet;

use super::go_syntax::{go_string, go_syntax};
use super::node::{Document, Node, NodeKind};
use super::resolve::{Resolved, resolve_plain, resolve_tagged};
use super::shape::Shape;
use super::token::Fail;
use crate::json::number;
use crate::value::Elem;
use crate::value::{Int, IntKind, List, Map, Str, Value};

/// How deep values may be nested, aliases followed. Go allows 10,000; a value
/// is walked and dropped recursively, and no chart comes near.
pub(super) const MAX_DEPTH: usize = 1000;

/// What a scalar or a collection is built for.
#[derive(Clone, Copy)]
pub(super) enum Want<'s> {
    /// A value of this shape.
    Build(&'s Shape),
    /// Nothing; only what a full read would complain about.
    Check,
}

/// How numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// All are `float64`, as after JSON.
    Float,
    /// As YAML has them: what `toYaml` writes again.
    Typed,
}

pub(super) struct Decoder<'d, 't> {
    nodes: &'d [Node<'t>],
    numbers: Numbers,
    strict: bool,
    /// Errors that do not end the decoding (strict mode only).
    pub(super) type_errors: Vec<String>,
    /// The first key that JSON cannot have.
    pub(super) key_error: Option<String>,
    /// The first number that JSON cannot have.
    pub(super) number_error: Option<f64>,
    decoded: u64,
    from_aliases: u64,
    active: Vec<u32>,
    depth: usize,
}

/// What a mapping's key is before it becomes a string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Str(Str),
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(u64),
    Null,
}

impl<'d, 't> Decoder<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, numbers: Numbers, strict: bool) -> Self {
        Decoder {
            nodes: &document.nodes,
            numbers,
            strict,
            type_errors: Vec::new(),
            key_error: None,
            number_error: None,
            decoded: 1,
            from_aliases: 0,
            active: Vec::new(),
            depth: 0,
        }
    }

    /// How many nodes have been decoded, aliases followed.
    pub(super) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Counts one step, and stops documents that are mostly aliases.
    fn count(&mut self) -> Result<(), Fail> {
        self.decoded += 1;
        if !self.active.is_empty() {
            self.from_aliases += 1;
        }
        if self.from_aliases > 100
            && self.decoded > 1000
            && self.from_aliases as f64 / self.decoded as f64 > allowed_alias_ratio(self.decoded)
        {
            return Err(Fail::new("document contains excessive aliasing"));
        }
        Ok(())
    }

    pub(super) fn value(&mut self, i: usize, want: Want<'_>) -> Result<Value, Fail> {
        self.count()?;
        let Some(node) = self.nodes.get(i) else { return Ok(Value::Nil) };
        match &node.kind {
            NodeKind::Scalar(text, implicit) => self.scalar(node.tag.as_deref(), text, *implicit, want),
            NodeKind::Alias(name, target) => {
                self.follow(i, name)?;
                let value = self.value(*target as usize, want);
                self.active.pop();
                self.depth -= 1;
                value
            }
            NodeKind::Sequence => self.nested(|d| d.sequence(i, want)),
            NodeKind::Mapping => self.nested(|d| {
                let mut seen = HashSet::new();
                if let Want::Check = want {
                    d.mapping(i, want, None, &mut seen)?;
                    return Ok(Value::Nil);
                }
                let map = Map::new();
                d.mapping(i, want, Some(&map), &mut seen)?;
                Ok(Value::Map(map))
            }),
        }
    }

    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Fail>) -> Result<T, Fail> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fail::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Enters an alias (leave it with `active.pop` and `depth -= 1`).
    fn follow(&mut self, i: usize, name: &[u8]) -> Result<(), Fail> {
        if self.active.contains(&(i as u32)) {
            let name = String::from_utf8_lossy(name);
            return Err(Fail::new(format!("anchor '{name}' value contains itself")));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fail::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.active.push(i as u32);
        Ok(())
    }

    fn sequence(&mut self, i: usize, want: Want<'_>) -> Result<Value, Fail> {
        let of = match want {
            Want::Build(Shape::List(of)) => Want::Build(of),
            Want::Build(_) => Want::Build(&Shape::Any),
            Want::Check => Want::Check,
        };
        let mut items = Vec::new();
        let end = self.nodes[i].end as usize;
        let mut child = i + 1;
        while child < end {
            let value = self.value(child, of)?;
            if let Want::Build(_) = want {
                items.push(value);
            }
            child = self.nodes[child].end as usize;
        }
        Ok(match want {
            Want::Build(_) => Value::List(List::new(Elem::Any, items)),
            Want::Check => Value::Nil,
        })
    }

    /// Decodes a mapping's entries into `map`, which a merge may have filled;
    /// there is none if nothing is built.
    fn mapping(&mut self, i: usize, want: Want<'_>, map: Option<&Map>, seen: &mut HashSet<Key>) -> Result<(), Fail> {
        let end = self.nodes[i].end as usize;
        let mut child = i + 1;
        while child < end {
            let key = child;
            let value = self.nodes[key].end as usize;
            child = self.nodes.get(value).map_or(end, |n| n.end as usize);
            if is_merge(&self.nodes[key]) {
                self.merge(value, want, map, seen)?;
                continue;
            }
            let key = match self.plain_key(key, map.is_some()) {
                Some(key) => {
                    self.count()?;
                    key
                }
                None => self.key(key)?,
            };
            if self.strict && seen.contains(&key) {
                let line = self.nodes[value].mark.line + 1;
                // The value is decoded all the same, for its own errors.
                self.value(value, Want::Check)?;
                self.type_errors.push(format!("line {line}: key {} already set in map", key.go_syntax()));
                continue;
            }
            let name = self.key_name(&key, value);
            let want = match want {
                Want::Check => Want::Check,
                Want::Build(shape) => match field_shape(shape, &name) {
                    // An unknown field must reach the check that refuses it.
                    Want::Check if self.strict => Want::Build(&Shape::Any),
                    wanted => wanted,
                },
            };
            let built = self.value(value, want)?;
            if let (Want::Build(_), Some(map)) = (want, map) {
                map.insert(name, built);
            }
            if self.strict {
                seen.insert(key);
            }
        }
        Ok(())
    }

    fn merge(&mut self, i: usize, want: Want<'_>, map: Option<&Map>, seen: &mut HashSet<Key>) -> Result<(), Fail> {
        const WANT_MAP: &str = "map merge requires map or sequence of maps as the value";
        let is_map = |d: &Self, i: usize| match &d.nodes[i].kind {
            NodeKind::Mapping => true,
            NodeKind::Alias(_, target) => matches!(d.nodes[*target as usize].kind, NodeKind::Mapping),
            _ => false,
        };
        if is_map(self, i) {
            return self.merge_one(i, want, map, seen);
        }
        if !matches!(self.nodes[i].kind, NodeKind::Sequence) {
            return Err(Fail::new(WANT_MAP));
        }
        let mut children = Vec::new();
        let mut child = i + 1;
        while child < self.nodes[i].end as usize {
            children.push(child);
            child = self.nodes[child].end as usize;
        }
        // Earlier ones win, so they come last.
        for child in children.into_iter().rev() {
            if !is_map(self, child) {
                return Err(Fail::new(WANT_MAP));
            }
            self.merge_one(child, want, map, seen)?;
        }
        Ok(())
    }

    fn merge_one(&mut self, i: usize, want: Want<'_>, map: Option<&Map>, seen: &mut HashSet<Key>) -> Result<(), Fail> {
        self.count()?;
        if let NodeKind::Alias(name, target) = &self.nodes[i].kind {
            self.follow(i, name)?;
            let result = self.count().and_then(|()| self.mapping(*target as usize, want, map, seen));
            self.active.pop();
            self.depth -= 1;
            return result;
        }
        self.nested(|d| d.mapping(i, want, map, seen))
    }

    fn resolve(&self, tag: Option<&[u8]>, text: &[u8], implicit: bool) -> Result<Resolved, Fail> {
        match tag {
            None if implicit => Ok(resolve_plain(text)),
            None => Ok(Resolved::Str),
            Some(tag) => resolve_tagged(tag, text).map_err(Fail::new),
        }
    }

    fn scalar(&mut self, tag: Option<&[u8]>, text: &[u8], implicit: bool, want: Want<'_>) -> Result<Value, Fail> {
        let resolved = self.resolve(tag, text, implicit)?;
        if let Resolved::Float(f) = resolved
            && !f.is_finite()
            && !matches!(want, Want::Build(Shape::Str))
        {
            self.number_error.get_or_insert(f);
        }
        let binary = tag == Some(BINARY);
        let decoded = if binary { Some(decode_binary(text)?) } else { None };
        let Want::Build(shape) = want else { return Ok(Value::Nil) };
        let string = || Value::Str(string_value(decoded.as_deref().unwrap_or(text)));
        if let (Shape::Str, false) = (shape, matches!(resolved, Resolved::Null)) {
            return Ok(match coerce_to_string(resolved) {
                Some(s) => Value::str(s),
                None => string(),
            });
        }
        Ok(match (resolved, self.numbers) {
            (Resolved::Str | Resolved::Timestamp, _) => string(),
            (Resolved::Null, _) => Value::Nil,
            (Resolved::Bool(b), _) => Value::Bool(b),
            (Resolved::Float(f), _) => Value::Float(f),
            (Resolved::Int(i), Numbers::Float) => Value::Float(i as f64),
            (Resolved::Uint(u), Numbers::Float) => Value::Float(u as f64),
            (Resolved::Int(i), Numbers::Typed) => Value::int(i),
            (Resolved::Uint(u), Numbers::Typed) => Value::Int(Int { value: u as i64, kind: IntKind::Uint64 }),
        })
    }

    /// The usual key, a string without tag or alias; its text only if wanted.
    fn plain_key(&self, i: usize, wanted: bool) -> Option<Key> {
        match &self.nodes[i] {
            Node { kind: NodeKind::Scalar(text, implicit), tag: None, .. }
                if !implicit || resolve_plain(text) == Resolved::Str =>
            {
                Some(Key::Str(if wanted || self.strict { Str::from(text.as_ref()) } else { Str::default() }))
            }
            _ => None,
        }
    }

    /// A key before it is made a string. Collections cannot be keys.
    fn key(&mut self, i: usize) -> Result<Key, Fail> {
        let mut at = i;
        let mut followed = 0;
        while let NodeKind::Alias(name, target) = &self.nodes[at].kind {
            self.count()?;
            self.follow(at, name)?;
            followed += 1;
            at = *target as usize;
        }
        let node = &self.nodes[at];
        let result = match &node.kind {
            NodeKind::Scalar(text, implicit) => {
                self.count().and_then(|()| self.scalar_key(node.tag.as_deref(), text, *implicit))
            }
            _ => {
                // Errors inside come first.
                self.value(at, Want::Check)
                    .and_then(|_| Err(Fail::new(format!("invalid map key: {}", go_syntax(self.nodes, at)))))
            }
        };
        for _ in 0..followed {
            self.active.pop();
            self.depth -= 1;
        }
        result
    }

    fn scalar_key(&self, tag: Option<&[u8]>, text: &[u8], implicit: bool) -> Result<Key, Fail> {
        Ok(match self.resolve(tag, text, implicit)? {
            Resolved::Str | Resolved::Timestamp if tag == Some(BINARY) => Key::Str(string_value(&decode_binary(text)?)),
            Resolved::Str | Resolved::Timestamp => Key::Str(Str::from(text)),
            Resolved::Null => Key::Null,
            Resolved::Bool(b) => Key::Bool(b),
            Resolved::Int(i) => Key::Int(i),
            Resolved::Uint(u) => Key::Uint(u),
            Resolved::Float(f) => Key::Float(f.to_bits()),
        })
    }

    fn key_name(&mut self, key: &Key, value: usize) -> Str {
        let kind = match key {
            Key::Str(s) => return s.clone(),
            Key::Bool(true) => return Str::from_static("true"),
            Key::Bool(false) => return Str::from_static("false"),
            Key::Int(i) => return Str::from(i.to_string()),
            Key::Float(bits) => {
                let text = number::general32(f64::from_bits(*bits));
                return match text.as_str() {
                    "+Inf" => Str::from_static(".inf"),
                    "-Inf" => Str::from_static("-.inf"),
                    "NaN" => Str::from_static(".nan"),
                    _ => Str::from(text),
                };
            }
            Key::Null => "%!s(<nil>)",
            Key::Uint(_) => "uint64",
        };
        if self.key_error.is_none() {
            let value = go_syntax(self.nodes, value);
            self.key_error =
                Some(format!("unsupported map key of type: {kind}, key: {}, value: {value}", key.go_syntax()));
        }
        Str::default()
    }
}

impl Key {
    /// As `%#v` prints it.
    fn go_syntax(&self) -> String {
        match self {
            Key::Str(s) => go_string(s),
            Key::Bool(b) => b.to_string(),
            Key::Int(i) => i.to_string(),
            Key::Uint(u) => format!("{u:#x}"),
            Key::Float(bits) => number::general(f64::from_bits(*bits)),
            Key::Null => "<nil>".to_owned(),
        }
    }
}

const BINARY: &[u8] = b"tag:yaml.org,2002:binary";

fn is_merge(node: &Node<'_>) -> bool {
    match &node.kind {
        NodeKind::Scalar(text, implicit) => {
            text.as_ref() == b"<<" && (*implicit || node.tag.as_deref() == Some(b"tag:yaml.org,2002:merge"))
        }
        _ => false,
    }
}

/// What a value under this key is wanted as.
fn field_shape<'s>(shape: &'s Shape, key: &[u8]) -> Want<'s> {
    match shape {
        Shape::Struct(s) => match s.field(key) {
            Some(field) => Want::Build(&field.shape),
            None => Want::Check,
        },
        Shape::Map(of) => Want::Build(of),
        _ => Want::Build(&Shape::Any),
    }
}

/// Where Go wants a string, numbers and booleans are written as one.
fn coerce_to_string(resolved: Resolved) -> Option<String> {
    match resolved {
        Resolved::Int(i) => Some(i.to_string()),
        Resolved::Uint(u) => Some(u.to_string()),
        Resolved::Float(f) => Some(number::general32(f)),
        Resolved::Bool(b) => Some(b.to_string()),
        Resolved::Str | Resolved::Null | Resolved::Timestamp => None,
    }
}

/// JSON makes U+FFFD of every byte that is not UTF-8.
fn string_value(bytes: &[u8]) -> Str {
    match std::str::from_utf8(bytes) {
        Ok(_) => Str::from(bytes),
        Err(_) => Str::from(crate::json::replace_invalid_utf8(bytes)),
    }
}

fn decode_binary(text: &[u8]) -> Result<Vec<u8>, Fail> {
    super::base64::decode(text).ok_or_else(|| Fail::new("!!binary value contains invalid base64 data"))
}

/// How much of a document may come from aliases: 99 % of a small one, 10 % of
/// a large one (Go's figures).
fn allowed_alias_ratio(decoded: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match decoded {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64),
    }
}
