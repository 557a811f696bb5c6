//! The emitter: how scalars and collections are laid out, as yaml.v2 and
//! yaml.v3 do it. What is written, and in which order, is its callers'.

use super::chars::{is_break, is_printable, width};
use super::resolve::{Resolved, is_base60, resolve_plain};

/// Whose layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// yaml.v2: folds at 80 columns, does not indent sequences in mappings.
    V2,
    /// yaml.v3: no folding, indented sequences, tabs in block scalars.
    V3,
}

const BEST_WIDTH: usize = 80;
const INDENT: i32 = 2;
/// A longer key is written with `? `.
const MAX_SIMPLE_KEY: usize = 128;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What a text allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Analysis {
    pub(super) multiline: bool,
    pub(super) plain: bool,
    pub(super) single_quoted: bool,
    pub(super) block: bool,
}

pub(super) struct Emitter {
    pub(super) out: Vec<u8>,
    version: Version,
    pub(super) column: usize,
    pub(super) indent: i32,
    pub(super) whitespace: bool,
    pub(super) indention: bool,
    /// Where a comment below something was written: what comes next at this
    /// indentation is parted from it. Nowhere if negative.
    pub(super) foot_indent: i32,
    /// The comment for the first line of the next block scalar.
    pub(super) line_comment: Vec<u8>,
}

/// Bytes that need no thought anywhere in a plain scalar but at its start.
static PLAIN: [bool; 256] = plain_table();

const fn plain_table() -> [bool; 256] {
    let mut t = [false; 256];
    let mut i = 0usize;
    while i < 256 {
        let b = i as u8;
        t[i] = b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'.' | b'/' | b'+' | b'=' | b'(' | b')' | b';' | b'$' | b'^' | b'~' | b'<' | b'-');
        i += 1;
    }
    t
}

impl Emitter {
    pub(super) fn new(version: Version) -> Self {
        Emitter {
            out: Vec::with_capacity(256),
            version,
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            foot_indent: -1,
            line_comment: Vec::new(),
        }
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The end of the document: the last line is complete.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.indent = -1;
        self.write_indent();
        self.out
    }

    // ---- collections

    pub(super) fn empty_mapping(&mut self) {
        self.indicator(b"{", true, true, false);
        self.indicator(b"}", false, false, false);
    }

    pub(super) fn empty_sequence(&mut self) {
        self.indicator(b"[", true, true, false);
        self.indicator(b"]", false, false, false);
    }

    /// Goes one level in; gives what [`Self::leave`] needs.
    pub(super) fn enter_mapping(&mut self) -> i32 {
        self.increase_indent(false, false)
    }

    /// `in_mapping`: the sequence is a mapping's value.
    pub(super) fn enter_sequence(&mut self, in_mapping: bool) -> i32 {
        let indentless = self.version == Version::V2 && in_mapping && !self.indention;
        self.increase_indent(false, indentless)
    }

    pub(super) fn leave(&mut self, outer: i32) {
        self.indent = outer;
    }

    pub(super) fn increase_indent(&mut self, flow: bool, indentless: bool) -> i32 {
        let outer = self.indent;
        if outer < 0 {
            self.indent = if flow { INDENT } else { 0 };
        } else if !indentless {
            self.indent += INDENT;
        }
        outer
    }

    /// `- `
    pub(super) fn sequence_item(&mut self) {
        self.write_indent();
        self.indicator(b"-", true, false, true);
    }

    /// A key and its `:`.
    pub(super) fn key(&mut self, text: &[u8]) {
        self.write_indent();
        let analysis = self.analyze(text);
        if !analysis.multiline && text.len() <= MAX_SIMPLE_KEY {
            self.string(text, analysis, true);
            self.indicator(b":", false, false, false);
        } else {
            self.indicator(b"?", true, false, true);
            self.string(text, analysis, false);
            self.write_indent();
            self.indicator(b":", true, false, true);
        }
    }

    // ---- scalars

    /// A word or number that stands for itself.
    pub(super) fn word(&mut self, text: &[u8]) {
        if !self.whitespace {
            self.put(b' ');
        }
        self.out.extend_from_slice(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// A string that is no key.
    pub(super) fn value_string(&mut self, text: &[u8]) {
        let analysis = self.analyze(text);
        self.string(text, analysis, false);
    }

    /// Bytes that are no text, as `!!binary`, in lines of 70.
    pub(super) fn binary(&mut self, bytes: &[u8]) {
        const LINE: usize = 70;
        let encoded = super::base64::encode(bytes);
        let mut text = Vec::with_capacity(encoded.len() + encoded.len() / LINE + 1);
        for line in encoded.as_bytes().chunks(LINE) {
            text.extend_from_slice(line);
            if encoded.len() >= LINE {
                text.push(b'\n');
            }
        }
        self.word(b"!!binary");
        let outer = self.increase_indent(true, false);
        if text.contains(&b'\n') {
            self.write_literal(&text);
        } else {
            self.word(&text);
        }
        self.indent = outer;
    }

    fn string(&mut self, text: &[u8], analysis: Analysis, simple_key: bool) {
        let style = self.select_style(text, analysis, simple_key);
        let outer = self.increase_indent(true, false);
        match style {
            Style::Plain => self.write_plain(text, !simple_key),
            Style::SingleQuoted => self.write_single_quoted(text, !simple_key),
            Style::DoubleQuoted => self.write_double_quoted(text, !simple_key),
            Style::Literal => self.write_literal(text),
        }
        self.indent = outer;
    }

    /// Whether a plain text would be read as a string again.
    fn is_plain_string(&self, text: &[u8]) -> bool {
        match self.version {
            Version::V2 => resolve_plain(text) == Resolved::Str && !is_base60(text),
            // yaml.v3 resolves fewer words, but quotes the old ones all the
            // same; so the difference does not show.
            Version::V3 => resolve_plain(text) == Resolved::Str && !is_base60(text),
        }
    }

    fn select_style(&self, text: &[u8], analysis: Analysis, simple_key: bool) -> Style {
        let mut style = if text.contains(&b'\n') {
            Style::Literal
        } else if self.is_plain_string(text) {
            Style::Plain
        } else {
            Style::DoubleQuoted
        };
        if simple_key && analysis.multiline {
            style = Style::DoubleQuoted;
        }
        if style == Style::Plain && (!analysis.plain || (text.is_empty() && simple_key)) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !analysis.single_quoted {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!analysis.block || simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }

    pub(super) fn analyze(&self, text: &[u8]) -> Analysis {
        let simple = Analysis { multiline: false, plain: true, single_quoted: true, block: true };
        let Some(first) = text.first() else { return Analysis { block: false, ..simple } };
        if (first.is_ascii_alphanumeric() || *first == b'/') && text.iter().all(|b| PLAIN[*b as usize]) {
            return simple;
        }
        self.analyze_slowly(text)
    }

    fn analyze_slowly(&self, text: &[u8]) -> Analysis {
        let mut indicators = text.starts_with(b"---") || text.starts_with(b"...");
        let (mut line_breaks, mut special, mut tabs) = (false, false, false);
        let (mut space_break, mut break_space) = (false, false);
        let (mut edge, mut trailing_space) = (false, false);
        let mut previous = b'x';
        let mut preceded_by_blank = true;
        let mut i = 0;
        while let Some(&b) = text.get(i) {
            let w = width(b);
            let last = i + w >= text.len();
            let blank_follows = last || matches!(text[i + w], b' ' | b'\t');
            indicators |= match b {
                b'#' => preceded_by_blank,
                b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
                | b'`' => i == 0,
                b'?' | b'-' => i == 0 && blank_follows,
                b':' => blank_follows,
                _ => false,
            };
            let line_break = is_break(text, i);
            if b == b'\t' && self.version == Version::V3 {
                tabs = true;
            } else if !is_printable(text, i) {
                special = true;
            }
            if b == b' ' {
                edge |= i == 0 || last;
                trailing_space |= last;
                break_space |= previous == b'\n';
                previous = b' ';
            } else if line_break {
                line_breaks = true;
                edge |= i == 0 || last;
                space_break |= previous == b' ';
                previous = b'\n';
            } else {
                previous = b'x';
            }
            preceded_by_blank = line_break || matches!(b, b' ' | b'\t' | 0);
            i += w;
        }
        let quotes_only = space_break || special;
        Analysis {
            multiline: line_breaks,
            plain: !(edge || break_space || quotes_only || tabs || line_breaks || indicators),
            single_quoted: !(break_space || quotes_only || tabs),
            block: !(trailing_space || quotes_only),
        }
    }

    // ---- writing

    pub(super) fn put(&mut self, b: u8) {
        self.out.push(b);
        self.column += 1;
    }

    pub(super) fn put_break(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
        if self.version == Version::V3 {
            self.indention = true;
        }
    }

    /// Writes the character at `i`; the position after it.
    fn write_char(&mut self, text: &[u8], i: usize) -> usize {
        let end = (i + width(text[i])).min(text.len());
        self.out.extend_from_slice(&text[i..end]);
        self.column += 1;
        end
    }

    /// Writes the line break at `i`; the position after it.
    fn write_break(&mut self, text: &[u8], i: usize) -> usize {
        if text[i] == b'\n' {
            self.put_break();
            return i + 1;
        }
        let end = self.write_char(text, i);
        self.column = 0;
        end
    }

    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent >= 0 {
            if self.foot_indent as usize == indent {
                self.put_break();
            }
            self.foot_indent = -1;
        }
        while self.column < indent {
            self.put(b' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    pub(super) fn indicator(&mut self, text: &[u8], need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(b' ');
        }
        self.out.extend_from_slice(text);
        self.column += text.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn is_too_wide(&self) -> bool {
        self.version == Version::V2 && self.column > BEST_WIDTH
    }

    pub(super) fn write_plain(&mut self, text: &[u8], allow_breaks: bool) {
        if !self.whitespace && (self.version == Version::V2 || !text.is_empty()) {
            self.put(b' ');
        }
        // No line breaks here: such a text is never plain.
        self.write_folded(text, allow_breaks, false);
        if self.version == Version::V2 || !text.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    pub(super) fn write_single_quoted(&mut self, text: &[u8], allow_breaks: bool) {
        self.indicator(b"'", true, false, false);
        self.write_folded(text, allow_breaks, true);
        self.indicator(b"'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// Text with folding at spaces, inside single quotes if `quoted`.
    fn write_folded(&mut self, text: &[u8], allow_breaks: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut i = 0;
        while i < text.len() {
            let b = text[i];
            if b == b' ' {
                let inside = !quoted || (i > 0 && i < text.len() - 1);
                let single = text.get(i + 1) != Some(&b' ');
                if allow_breaks && !spaces && self.is_too_wide() && inside && single {
                    self.write_indent();
                    i += 1;
                } else {
                    i = self.write_char(text, i);
                }
                spaces = true;
            } else if is_break(text, i) {
                if !breaks && b == b'\n' {
                    self.put_break();
                }
                i = self.write_break(text, i);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && b == b'\'' {
                    self.put(b'\'');
                }
                i = self.write_char(text, i);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    pub(super) fn write_double_quoted(&mut self, text: &[u8], allow_breaks: bool) {
        self.indicator(b"\"", true, false, false);
        // go-yaml looks for a byte order mark at the text's start only, and
        // then escapes every character.
        let escape_all = text.starts_with(b"\xEF\xBB\xBF");
        let mut spaces = false;
        let mut i = 0;
        while i < text.len() {
            let b = text[i];
            if escape_all || b == b'"' || b == b'\\' || !is_printable(text, i) || is_break(text, i) {
                i = self.write_escape(text, i);
                spaces = false;
            } else if b == b' ' {
                if allow_breaks && !spaces && self.is_too_wide() && i > 0 && i < text.len() - 1 {
                    self.write_indent();
                    if text[i + 1] == b' ' {
                        self.put(b'\\');
                    }
                    i += 1;
                } else {
                    i = self.write_char(text, i);
                }
                spaces = true;
            } else {
                i = self.write_char(text, i);
                spaces = false;
            }
        }
        self.indicator(b"\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_escape(&mut self, text: &[u8], i: usize) -> usize {
        let end = (i + width(text[i])).min(text.len());
        let c = std::str::from_utf8(&text[i..end]).ok().and_then(|s| s.chars().next()).unwrap_or('\u{FFFD}');
        let short = match c as u32 {
            0x00 => '0',
            0x07 => 'a',
            0x08 => 'b',
            0x09 => 't',
            0x0A => 'n',
            0x0B => 'v',
            0x0C => 'f',
            0x0D => 'r',
            0x1B => 'e',
            0x22 => '"',
            0x5C => '\\',
            0x85 => 'N',
            0xA0 => '_',
            0x2028 => 'L',
            0x2029 => 'P',
            _ => ' ',
        };
        let escaped = match c as u32 {
            _ if short != ' ' => format!("\\{short}"),
            v @ 0..=0xFF => format!("\\x{v:02X}"),
            v @ 0..=0xFFFF => format!("\\u{v:04X}"),
            v => format!("\\U{v:08X}"),
        };
        self.out.extend_from_slice(escaped.as_bytes());
        self.column += escaped.len();
        end
    }

    pub(super) fn write_literal(&mut self, text: &[u8]) {
        self.block_header(b"|", text);
        self.indention = true;
        self.whitespace = true;
        self.write_block(text);
    }

    /// The first line of a block scalar: its mark, hints, and comment.
    pub(super) fn block_header(&mut self, mark: &[u8], text: &[u8]) {
        self.indicator(mark, true, false, false);
        if text.first() == Some(&b' ') || is_break(text, 0) {
            self.indicator(b"2", false, false, false);
        }
        let chomp: &[u8] = match last_breaks(text) {
            0 => b"-",
            1 => b"",
            _ => b"+",
        };
        if !chomp.is_empty() {
            self.indicator(chomp, false, false, false);
        }
        if !self.line_comment.is_empty() {
            self.put(b' ');
            let comment = std::mem::take(&mut self.line_comment);
            self.out.extend_from_slice(&comment);
        }
        self.put_break();
        self.whitespace = true;
    }

    fn write_block(&mut self, text: &[u8]) {
        let mut breaks = true;
        let mut i = 0;
        while i < text.len() {
            if is_break(text, i) {
                i = self.write_break(text, i);
                self.indention = true;
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent();
            }
            let start = i;
            while i < text.len() && !is_break(text, i) {
                i += 1;
            }
            let run = &text[start..i];
            self.out.extend_from_slice(run);
            self.column += run.len() - super::chars::continuation_bytes(run);
            self.indention = false;
            breaks = false;
        }
    }
}

/// How many line breaks end a text: 0, 1, or 2 for more; a text that is one
/// line break counts as more.
fn last_breaks(text: &[u8]) -> usize {
    let start_of_last = |end: usize| {
        let mut i = end.saturating_sub(1);
        while i > 0 && text[i] & 0xC0 == 0x80 {
            i -= 1;
        }
        i
    };
    let last = start_of_last(text.len());
    if !is_break(text, last) {
        return 0;
    }
    if last == 0 || is_break(text, start_of_last(last)) { 2 } else { 1 }
}
