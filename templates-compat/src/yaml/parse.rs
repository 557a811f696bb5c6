//! The parser: tokens to events, with an explicit stack of states. Knows the
//! grammar, not what the scalars mean.

use std::borrow::Cow;

use super::scan::Scanner;
use super::token::{Fail, Mark, Style, Tok};

/// What a document is made of, in order.
#[derive(Debug)]
pub(super) enum Event<'t> {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'t [u8]),
    Scalar { text: Cow<'t, [u8]>, implicit: bool, props: Props<'t> },
    SequenceStart(Props<'t>),
    SequenceEnd,
    MappingStart(Props<'t>),
    MappingEnd,
}

/// Anchor and tag of a node.
#[derive(Debug, Default)]
pub(super) struct Props<'t> {
    pub(super) anchor: Option<&'t [u8]>,
    /// The tag in full (`tag:yaml.org,2002:str`); empty tags are none.
    pub(super) tag: Option<Box<[u8]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequenceEntryMappingKey,
    FlowSequenceEntryMappingValue,
    FlowSequenceEntryMappingEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    states: Vec<State>,
    marks: Vec<Mark>,
    tag_directives: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the last event started.
    pub(super) mark: Mark,
}

type Next<'t> = Result<Event<'t>, Fail>;

/// The kind of the next token, without what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    StreamStart,
    StreamEnd,
    Directive,
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
    Alias,
    Anchor,
    Tag,
    Scalar,
}

fn kind(tok: &Tok<'_>) -> Kind {
    match tok {
        Tok::StreamStart => Kind::StreamStart,
        Tok::StreamEnd => Kind::StreamEnd,
        Tok::VersionDirective(..) | Tok::TagDirective(_) => Kind::Directive,
        Tok::DocumentStart => Kind::DocumentStart,
        Tok::DocumentEnd => Kind::DocumentEnd,
        Tok::BlockSequenceStart => Kind::BlockSequenceStart,
        Tok::BlockMappingStart => Kind::BlockMappingStart,
        Tok::BlockEnd => Kind::BlockEnd,
        Tok::FlowSequenceStart => Kind::FlowSequenceStart,
        Tok::FlowSequenceEnd => Kind::FlowSequenceEnd,
        Tok::FlowMappingStart => Kind::FlowMappingStart,
        Tok::FlowMappingEnd => Kind::FlowMappingEnd,
        Tok::BlockEntry => Kind::BlockEntry,
        Tok::FlowEntry => Kind::FlowEntry,
        Tok::Key => Kind::Key,
        Tok::Value => Kind::Value,
        Tok::Alias(_) => Kind::Alias,
        Tok::Anchor(_) => Kind::Anchor,
        Tok::Tag(_) => Kind::Tag,
        Tok::Scalar(..) => Kind::Scalar,
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(scanner: Scanner<'t>) -> Self {
        Parser {
            scanner,
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tag_directives: Vec::new(),
            mark: Mark::default(),
        }
    }

    /// The next token's kind and place. After the end it is the end again.
    fn peek(&mut self) -> Result<(Kind, Mark), Fail> {
        Ok(match self.scanner.head()? {
            Some(token) => (kind(&token.tok), token.start),
            None => (Kind::StreamEnd, self.mark),
        })
    }

    fn skip(&mut self) {
        self.scanner.take();
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn error(&mut self, context: Mark, problem: &str, mark: Mark) -> Fail {
        let line = if mark.line != 0 { mark.line } else { context.line };
        Fail::at_line(line as usize, problem)
    }

    fn empty_scalar(&mut self, mark: Mark) -> Next<'t> {
        self.mark = mark;
        Ok(Event::Scalar { text: Cow::Borrowed(b""), implicit: true, props: Props::default() })
    }

    pub(super) fn next(&mut self) -> Next<'t> {
        match self.state {
            State::StreamStart => {
                self.peek()?;
                self.skip();
                self.state = State::ImplicitDocumentStart;
                Ok(Event::StreamStart)
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirstEntry => self.block_sequence_entry(true),
            State::BlockSequenceEntry => self.block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirstKey => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequenceEntryMappingKey => self.flow_sequence_mapping_key(),
            State::FlowSequenceEntryMappingValue => self.flow_sequence_mapping_value(),
            State::FlowSequenceEntryMappingEnd => {
                let (_, mark) = self.peek()?;
                self.state = State::FlowSequenceEntry;
                self.mark = mark;
                Ok(Event::MappingEnd)
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.flow_mapping_value(true),
            State::End => Ok(Event::StreamEnd),
        }
    }

    fn document_start(&mut self, implicit: bool) -> Next<'t> {
        let (mut kind, mut mark) = self.peek()?;
        if !implicit {
            while kind == Kind::DocumentEnd {
                self.skip();
                (kind, mark) = self.peek()?;
            }
        }
        self.mark = mark;
        if kind == Kind::StreamEnd {
            self.state = State::End;
            self.skip();
            return Ok(Event::StreamEnd);
        }
        if implicit && kind != Kind::Directive && kind != Kind::DocumentStart {
            self.process_directives()?;
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            return Ok(Event::DocumentStart);
        }
        self.process_directives()?;
        let (kind, mark) = self.peek()?;
        if kind != Kind::DocumentStart {
            return Err(self.error(Mark::default(), "did not find expected <document start>", mark));
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.skip();
        Ok(Event::DocumentStart)
    }

    fn process_directives(&mut self) -> Result<(), Fail> {
        let mut version_seen = false;
        loop {
            let (kind, mark) = self.peek()?;
            if kind != Kind::Directive {
                break;
            }
            match self.scanner.take().map(|t| t.tok) {
                Some(Tok::VersionDirective(major, minor)) => {
                    if version_seen {
                        return Err(self.error(Mark::default(), "found duplicate %YAML directive", mark));
                    }
                    if (major, minor) != (1, 1) {
                        return Err(self.error(Mark::default(), "found incompatible YAML document", mark));
                    }
                    version_seen = true;
                }
                Some(Tok::TagDirective(pair)) => {
                    if self.tag_directives.iter().any(|d| d.0 == pair.0) {
                        return Err(self.error(Mark::default(), "found duplicate %TAG directive", mark));
                    }
                    self.tag_directives.push(*pair);
                }
                _ => {}
            }
        }
        for (handle, prefix) in [(&b"!"[..], &b"!"[..]), (b"!!", b"tag:yaml.org,2002:")] {
            if !self.tag_directives.iter().any(|d| d.0 == handle) {
                self.tag_directives.push((handle.to_vec(), prefix.to_vec()));
            }
        }
        Ok(())
    }

    fn document_content(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        match kind {
            Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd => {
                self.pop_state();
                self.empty_scalar(mark)
            }
            _ => self.node(true, false),
        }
    }

    fn document_end(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if kind == Kind::DocumentEnd {
            self.skip();
        }
        self.tag_directives.clear();
        self.state = State::DocumentStart;
        self.mark = mark;
        Ok(Event::DocumentEnd)
    }

    /// Anchor and tag in either order; the place where they start.
    fn properties(&mut self) -> Result<(Props<'t>, Mark), Fail> {
        let (_, start) = self.peek()?;
        let mut anchor = None;
        let mut tag = None;
        loop {
            let (kind, mark) = self.peek()?;
            let wanted = (kind == Kind::Anchor && anchor.is_none()) || (kind == Kind::Tag && tag.is_none());
            if !wanted {
                break;
            }
            match self.scanner.take().map(|t| t.tok) {
                Some(Tok::Anchor(name)) => anchor = Some(name),
                Some(Tok::Tag(pair)) => tag = Some((*pair, mark)),
                _ => {}
            }
        }
        let mut full = None;
        if let Some(((handle, suffix), mark)) = tag {
            let text = if handle.is_empty() {
                suffix
            } else {
                let found = self.tag_directives.iter().find(|d| d.0 == handle);
                let text = found.map(|d| [&d.1[..], &suffix].concat()).unwrap_or_default();
                if text.is_empty() {
                    return Err(self.error(start, "found undefined tag handle", mark));
                }
                text
            };
            full = Some(text.into_boxed_slice()).filter(|t| !t.is_empty());
        }
        Ok((Props { anchor, tag: full }, start))
    }

    fn node(&mut self, block: bool, indentless: bool) -> Next<'t> {
        let (mut kind, mut mark) = self.peek()?;
        if kind == Kind::Alias {
            self.pop_state();
            self.mark = mark;
            return Ok(match self.scanner.take().map(|t| t.tok) {
                Some(Tok::Alias(name)) => Event::Alias(name),
                _ => Event::StreamEnd,
            });
        }
        let mut props = Props::default();
        let mut start = mark;
        if matches!(kind, Kind::Anchor | Kind::Tag) {
            (props, start) = self.properties()?;
            (kind, mark) = self.peek()?;
        }
        self.mark = start;
        match kind {
            Kind::BlockEntry if indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok(Event::SequenceStart(props))
            }
            Kind::Scalar => {
                self.pop_state();
                let Some(Tok::Scalar(text, style)) = self.scanner.take().map(|t| t.tok) else {
                    return Ok(Event::StreamEnd);
                };
                let implicit = match props.tag.as_deref() {
                    None => style == Style::Plain,
                    Some(tag) => tag == b"!",
                };
                Ok(Event::Scalar { text, implicit, props })
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                Ok(Event::SequenceStart(props))
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                Ok(Event::MappingStart(props))
            }
            Kind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirstEntry;
                Ok(Event::SequenceStart(props))
            }
            Kind::BlockMappingStart if block => {
                self.state = State::BlockMappingFirstKey;
                Ok(Event::MappingStart(props))
            }
            _ if props.anchor.is_some() || props.tag.is_some() => {
                self.pop_state();
                let implicit = props.tag.is_none();
                Ok(Event::Scalar { text: Cow::Borrowed(b""), implicit, props })
            }
            _ => Err(self.error(start, "did not find expected node content", mark)),
        }
    }

    /// Enters a collection: its first token gives the place for errors.
    fn enter(&mut self) -> Result<(), Fail> {
        let (_, mark) = self.peek()?;
        self.marks.push(mark);
        self.skip();
        Ok(())
    }

    /// Leaves a collection at its last token.
    fn leave(&mut self, mark: Mark) {
        self.pop_state();
        self.marks.pop();
        self.mark = mark;
        self.skip();
    }

    fn collection_error(&mut self, problem: &str, mark: Mark) -> Fail {
        let context = self.marks.pop().unwrap_or_default();
        self.error(context, problem, mark)
    }

    fn block_sequence_entry(&mut self, first: bool) -> Next<'t> {
        if first {
            self.enter()?;
        }
        let (kind, mark) = self.peek()?;
        match kind {
            Kind::BlockEntry => {
                self.skip();
                let (kind, _) = self.peek()?;
                if matches!(kind, Kind::BlockEntry | Kind::BlockEnd) {
                    self.state = State::BlockSequenceEntry;
                    return self.empty_scalar(mark);
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            Kind::BlockEnd => {
                self.leave(mark);
                Ok(Event::SequenceEnd)
            }
            _ => Err(self.collection_error("did not find expected '-' indicator", mark)),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if kind != Kind::BlockEntry {
            self.pop_state();
            self.mark = mark;
            return Ok(Event::SequenceEnd);
        }
        self.skip();
        let (kind, _) = self.peek()?;
        if matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd) {
            self.state = State::IndentlessSequenceEntry;
            return self.empty_scalar(mark);
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self, first: bool) -> Next<'t> {
        if first {
            self.enter()?;
        }
        let (kind, mark) = self.peek()?;
        match kind {
            Kind::Key => {
                self.skip();
                let (kind, _) = self.peek()?;
                if matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd) {
                    self.state = State::BlockMappingValue;
                    return self.empty_scalar(mark);
                }
                self.states.push(State::BlockMappingValue);
                self.node(true, true)
            }
            Kind::BlockEnd => {
                self.leave(mark);
                Ok(Event::MappingEnd)
            }
            _ => Err(self.collection_error("did not find expected key", mark)),
        }
    }

    fn block_mapping_value(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if kind == Kind::Value {
            self.skip();
            let (kind, _) = self.peek()?;
            if !matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd) {
                self.states.push(State::BlockMappingKey);
                return self.node(true, true);
            }
        }
        self.state = State::BlockMappingKey;
        self.empty_scalar(mark)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Next<'t> {
        if first {
            self.enter()?;
        }
        let (mut kind, mut mark) = self.peek()?;
        if kind != Kind::FlowSequenceEnd {
            if !first {
                if kind != Kind::FlowEntry {
                    return Err(self.collection_error("did not find expected ',' or ']'", mark));
                }
                self.skip();
                (kind, mark) = self.peek()?;
            }
            if kind == Kind::Key {
                self.state = State::FlowSequenceEntryMappingKey;
                self.skip();
                self.mark = mark;
                return Ok(Event::MappingStart(Props::default()));
            }
            if kind != Kind::FlowSequenceEnd {
                self.states.push(State::FlowSequenceEntry);
                return self.node(false, false);
            }
        }
        self.leave(mark);
        Ok(Event::SequenceEnd)
    }

    fn flow_sequence_mapping_key(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if !matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd) {
            self.states.push(State::FlowSequenceEntryMappingValue);
            return self.node(false, false);
        }
        self.skip();
        self.state = State::FlowSequenceEntryMappingValue;
        self.empty_scalar(mark)
    }

    fn flow_sequence_mapping_value(&mut self) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if kind == Kind::Value {
            self.skip();
            let (kind, _) = self.peek()?;
            if !matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceEntryMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequenceEntryMappingEnd;
        self.empty_scalar(mark)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Next<'t> {
        if first {
            self.enter()?;
        }
        let (mut kind, mut mark) = self.peek()?;
        if kind != Kind::FlowMappingEnd {
            if !first {
                if kind != Kind::FlowEntry {
                    return Err(self.collection_error("did not find expected ',' or '}'", mark));
                }
                self.skip();
                (kind, mark) = self.peek()?;
            }
            if kind == Kind::Key {
                self.skip();
                (kind, mark) = self.peek()?;
                if !matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd) {
                    self.states.push(State::FlowMappingValue);
                    return self.node(false, false);
                }
                self.state = State::FlowMappingValue;
                return self.empty_scalar(mark);
            }
            if kind != Kind::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.node(false, false);
            }
        }
        self.leave(mark);
        Ok(Event::MappingEnd)
    }

    fn flow_mapping_value(&mut self, empty: bool) -> Next<'t> {
        let (kind, mark) = self.peek()?;
        if !empty && kind == Kind::Value {
            self.skip();
            let (kind, mark) = self.peek()?;
            if !matches!(kind, Kind::FlowEntry | Kind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
            self.state = State::FlowMappingKey;
            return self.empty_scalar(mark);
        }
        self.state = State::FlowMappingKey;
        self.empty_scalar(mark)
    }
}
