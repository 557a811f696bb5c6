//! The tree of one document: a flat list in document order, each node
//! knowing where its subtree ends. Keeps where each node started.

use std::borrow::Cow;
use std::collections::HashMap;

use super::parse::{Event, Parser, Props};
use super::token::{Fail, Mark};

#[derive(Debug)]
pub(super) enum NodeKind<'t> {
    /// The text, and whether its type follows from it (plain, or tag `!`).
    Scalar(Cow<'t, [u8]>, bool),
    Sequence,
    /// Keys and values take turns.
    Mapping,
    /// The name and the node it stands for.
    Alias(&'t [u8], u32),
}

#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) kind: NodeKind<'t>,
    pub(super) tag: Option<Box<[u8]>>,
    /// The index after the last node of this subtree.
    pub(super) end: u32,
    pub(super) mark: Mark,
}

/// The first document; no nodes if the stream is empty.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

/// How many nodes a document may have: far more than the largest manifests.
const MAX_NODES: usize = 1 << 22;

impl<'t> Document<'t> {
    /// Reads the first document, and the token after it, as Go does.
    pub(super) fn parse(mut parser: Parser<'t>) -> Result<Self, Fail> {
        let mut nodes: Vec<Node<'t>> = Vec::new();
        let mut open: Vec<u32> = Vec::new();
        let mut anchors: HashMap<&'t [u8], u32> = HashMap::new();
        parser.next()?;
        if matches!(parser.next()?, Event::StreamEnd) {
            return Ok(Document { nodes });
        }
        loop {
            let event = parser.next()?;
            let mark = parser.mark;
            if nodes.len() >= MAX_NODES {
                return Err(Fail::new("document has too many nodes"));
            }
            let this = nodes.len() as u32;
            let mut add = |kind, props: Props<'t>| {
                if let Some(name) = props.anchor {
                    anchors.insert(name, this);
                }
                nodes.push(Node { kind, tag: props.tag, end: this + 1, mark });
            };
            match event {
                Event::Scalar { text, implicit, props } => add(NodeKind::Scalar(text, implicit), props),
                Event::Alias(name) => {
                    let Some(target) = anchors.get(name).copied() else {
                        let name = String::from_utf8_lossy(name);
                        return Err(Fail::new(format!("unknown anchor '{name}' referenced")));
                    };
                    nodes.push(Node { kind: NodeKind::Alias(name, target), tag: None, end: this + 1, mark });
                }
                Event::SequenceStart(props) => {
                    add(NodeKind::Sequence, props);
                    open.push(this);
                }
                Event::MappingStart(props) => {
                    add(NodeKind::Mapping, props);
                    open.push(this);
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(start) = open.pop() {
                        nodes[start as usize].end = this;
                    }
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd => {
                    return Ok(Document { nodes });
                }
            }
        }
    }
}
