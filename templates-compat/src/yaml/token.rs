//! What the scanner gives: tokens, where they start, and its errors.

use std::borrow::Cow;

/// Why a text is not YAML: the text after `yaml: `.
#[derive(Debug)]
pub(super) struct Fail(pub(super) Box<str>);

impl Fail {
    pub(super) fn new(text: impl Into<Box<str>>) -> Self {
        Fail(text.into())
    }

    /// Lines count from 0; 0 is not shown.
    pub(super) fn at_line(line: usize, text: &str) -> Self {
        if line == 0 { Fail::new(text) } else { Fail(format!("line {line}: {text}").into()) }
    }
}

/// Where something starts; both count from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

#[derive(Debug)]
pub(super) enum Tok<'t> {
    StreamStart,
    StreamEnd,
    VersionDirective(u8, u8),
    TagDirective(Box<(Vec<u8>, Vec<u8>)>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t [u8]),
    Anchor(&'t [u8]),
    /// Handle and suffix.
    Tag(Box<(Vec<u8>, Vec<u8>)>),
    Scalar(Cow<'t, [u8]>, Style),
}

#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) tok: Tok<'t>,
    pub(super) start: Mark,
}
