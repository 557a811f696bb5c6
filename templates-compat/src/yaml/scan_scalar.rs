//! Reads scalars: plain, quoted and block. A scalar that stands in the text
//! as it is meant is borrowed; only folding and escapes copy.

use std::borrow::Cow;

use super::chars::{
    BLANKZ, CLASS, COLON, FLOW, HIGH, at, hex, is, is_blank, is_blankz, is_break, is_breakz, line_length,
};
use super::scan::Scanner;
use super::token::{Fail, Mark};

/// What stands between two pieces of text: line breaks to fold.
#[derive(Default)]
struct Breaks {
    first: &'static [u8],
    more: Vec<u8>,
}

impl Breaks {
    fn clear(&mut self) {
        self.first = b"";
        self.more.clear();
    }

    /// One line break is a space, more are one less; LS and PS stay.
    fn fold_into(&mut self, out: &mut Vec<u8>) {
        if self.first.first() == Some(&b'\n') {
            if self.more.is_empty() {
                out.push(b' ');
            } else {
                out.extend_from_slice(&self.more);
            }
        } else {
            out.extend_from_slice(self.first);
            out.extend_from_slice(&self.more);
        }
        self.clear();
    }
}

impl<'t> Scanner<'t> {
    pub(super) fn scan_plain(&mut self) -> Result<Cow<'t, [u8]>, Fail> {
        let start = self.mark();
        let indent = self.indent + 1;
        let mut owned: Option<Vec<u8>> = None;
        let mut piece = self.pos;
        let mut end = self.pos;
        let mut breaks = Breaks::default();
        let mut on_new_line = false;
        loop {
            self.need(4)?;
            if (self.column() == 0 && self.document_indicator().is_some()) || self.peek() == b'#' {
                break;
            }
            let run = self.plain_run();
            if run > 0 {
                if on_new_line {
                    let out = owned.get_or_insert_default();
                    out.extend_from_slice(&self.text[piece..end]);
                    breaks.fold_into(out);
                    piece = self.pos;
                    on_new_line = false;
                }
                self.advance(run);
                end = self.pos;
                self.need(2)?;
            }
            if !is_blank(self.text, self.pos) && !is_break(self.text, self.pos) {
                break;
            }
            loop {
                self.need(1)?;
                if is_blank(self.text, self.pos) {
                    if on_new_line && (self.column() as isize) < indent && self.peek() == b'\t' {
                        return Err(self.error(start, "found a tab character that violates indentation"));
                    }
                    self.pos += 1;
                    continue;
                }
                let line_break = self.read_break();
                if line_break.is_empty() {
                    break;
                }
                if on_new_line {
                    breaks.more.extend_from_slice(line_break);
                } else {
                    breaks.first = line_break;
                    on_new_line = true;
                }
            }
            if self.flow_level == 0 && (self.column() as isize) < indent {
                break;
            }
        }
        if on_new_line {
            self.simple_key_allowed = true;
        }
        let last = &self.text[piece..end];
        Ok(match owned {
            None => Cow::Borrowed(last),
            Some(mut out) => {
                out.extend_from_slice(last);
                Cow::Owned(out)
            }
        })
    }

    /// How many bytes from here belong to a plain scalar without a blank.
    fn plain_run(&self) -> usize {
        let stop = if self.flow_level > 0 { BLANKZ | COLON | FLOW } else { BLANKZ | COLON };
        let text = self.text;
        let mut i = self.pos;
        while let Some(b) = text.get(i) {
            let class = CLASS[*b as usize];
            if class & stop != 0 {
                if class & COLON == 0 || is_blankz(text, i + 1) {
                    break;
                }
            } else if class & HIGH != 0 && is_break(text, i) {
                break;
            }
            i += 1;
        }
        i - self.pos
    }

    pub(super) fn scan_single_quoted(&mut self) -> Result<Cow<'t, [u8]>, Fail> {
        self.scan_quoted(b'\'')
    }

    pub(super) fn scan_double_quoted(&mut self) -> Result<Cow<'t, [u8]>, Fail> {
        self.scan_quoted(b'"')
    }

    fn scan_quoted(&mut self, quote: u8) -> Result<Cow<'t, [u8]>, Fail> {
        let start = self.mark();
        self.pos += 1;
        // `piece` is where the part begins that is not yet in `owned`; blanks
        // on one line stay part of it.
        let mut owned: Option<Vec<u8>> = None;
        let mut piece = self.pos;
        let mut breaks = Breaks::default();
        loop {
            self.need(4)?;
            if self.column() == 0 && self.document_indicator().is_some() {
                return Err(self.error(start, "found unexpected document indicator"));
            }
            if self.peek() == 0 {
                return Err(self.error(start, "found unexpected end of stream"));
            }
            let mut on_new_line = false;
            // Characters that are neither blanks nor breaks.
            loop {
                self.advance(self.quoted_run(quote));
                self.need(2)?;
                let b = self.peek();
                if b == quote && quote == b'\'' && at(self.text, self.pos + 1) == b'\'' {
                    let out = owned.get_or_insert_default();
                    out.extend_from_slice(&self.text[piece..=self.pos]);
                    self.pos += 2;
                    piece = self.pos;
                } else if b == b'\\' && quote == b'"' {
                    let out = owned.get_or_insert_default();
                    out.extend_from_slice(&self.text[piece..self.pos]);
                    if is_break(self.text, self.pos + 1) {
                        self.need(3)?;
                        self.pos += 1;
                        self.read_break();
                        on_new_line = true;
                        piece = self.pos;
                        break;
                    }
                    self.scan_escape(out, start)?;
                    piece = self.pos;
                } else {
                    break;
                }
            }
            self.need(1)?;
            if self.peek() == quote {
                break;
            }
            let end = self.pos;
            let was_escaped = on_new_line;
            self.quoted_blanks(&mut breaks, &mut on_new_line)?;
            if on_new_line {
                let out = owned.get_or_insert_default();
                if !was_escaped {
                    out.extend_from_slice(&self.text[piece..end]);
                }
                breaks.fold_into(out);
                piece = self.pos;
            }
        }
        let last = &self.text[piece..self.pos];
        self.pos += 1;
        Ok(match owned {
            None => Cow::Borrowed(last),
            Some(mut out) => {
                out.extend_from_slice(last);
                Cow::Owned(out)
            }
        })
    }

    /// Moves over blanks and line breaks inside quotes.
    fn quoted_blanks(&mut self, breaks: &mut Breaks, on_new_line: &mut bool) -> Result<(), Fail> {
        loop {
            self.need(1)?;
            if is_blank(self.text, self.pos) {
                self.pos += 1;
                continue;
            }
            let line_break = self.read_break();
            if line_break.is_empty() {
                return Ok(());
            }
            if *on_new_line {
                breaks.more.extend_from_slice(line_break);
            } else {
                breaks.first = line_break;
                *on_new_line = true;
            }
        }
    }

    fn quoted_run(&self, quote: u8) -> usize {
        let mut i = self.pos;
        while let Some(b) = self.text.get(i) {
            let stops = *b == quote || *b == b'\\' && quote == b'"' || is(*b, BLANKZ);
            if stops || (is(*b, HIGH) && is_break(self.text, i)) {
                break;
            }
            i += 1;
        }
        i - self.pos
    }

    fn scan_escape(&mut self, out: &mut Vec<u8>, start: Mark) -> Result<(), Fail> {
        let escape = at(self.text, self.pos + 1);
        let digits = match escape {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let plain: &[u8] = match escape {
            b'0' => b"\0",
            b'a' => b"\x07",
            b'b' => b"\x08",
            b't' | b'\t' => b"\t",
            b'n' => b"\n",
            b'v' => b"\x0B",
            b'f' => b"\x0C",
            b'r' => b"\r",
            b'e' => b"\x1B",
            b' ' => b" ",
            b'"' => b"\"",
            b'\'' => b"'",
            b'\\' => b"\\",
            b'N' => "\u{85}".as_bytes(),
            b'_' => "\u{A0}".as_bytes(),
            b'L' => "\u{2028}".as_bytes(),
            b'P' => "\u{2029}".as_bytes(),
            _ if digits > 0 => b"",
            _ => return Err(self.error(start, "found unknown escape character")),
        };
        self.pos += 2;
        if digits == 0 {
            out.extend_from_slice(plain);
            return Ok(());
        }
        self.need(digits)?;
        let mut value: u32 = 0;
        for k in 0..digits {
            let Some(digit) = hex(at(self.text, self.pos + k)) else {
                return Err(self.error(start, "did not find expected hexdecimal number"));
            };
            value = (value << 4) | digit;
        }
        let Some(c) = char::from_u32(value) else {
            return Err(self.error(start, "found invalid Unicode character escape code"));
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.pos += digits;
        Ok(())
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<Cow<'t, [u8]>, Fail> {
        let start = self.mark();
        self.pos += 1;
        let (chomp, increment) = self.block_header(start)?;
        let mut indent = match increment {
            0 => 0,
            n if self.indent >= 0 => self.indent as usize + n,
            n => n,
        };
        let mut out: Vec<u8> = Vec::new();
        let mut leading_break: &[u8] = b"";
        let mut trailing: Vec<u8> = Vec::new();
        self.block_breaks(&mut indent, &mut trailing, start)?;
        self.need(1)?;
        let mut leading_blank = false;
        while self.column() == indent && self.peek() != 0 {
            let blank = is_blank(self.text, self.pos);
            if !literal && !leading_blank && !blank && leading_break.first() == Some(&b'\n') {
                if trailing.is_empty() {
                    out.push(b' ');
                }
            } else {
                out.extend_from_slice(leading_break);
            }
            out.append(&mut trailing);
            leading_blank = blank;
            let from = self.pos;
            let end = from + line_length(self.text, from);
            self.advance(end - from);
            out.extend_from_slice(&self.text[from..end]);
            self.need(2)?;
            leading_break = self.read_break();
            self.block_breaks(&mut indent, &mut trailing, start)?;
        }
        if chomp != Chomp::Strip {
            out.extend_from_slice(leading_break);
        }
        if chomp == Chomp::Keep {
            out.append(&mut trailing);
        }
        Ok(Cow::Owned(out))
    }

    /// `|2-  # comment` up to and with the line break.
    fn block_header(&mut self, start: Mark) -> Result<(Chomp, usize), Fail> {
        let mut chomp = Chomp::Clip;
        let mut increment = 0;
        self.need(1)?;
        // The two indicators may come in either order, each at most once.
        let mut seen_chomp = false;
        let mut seen_indent = false;
        loop {
            let b = self.peek();
            if !seen_chomp && matches!(b, b'+' | b'-') {
                chomp = if b == b'+' { Chomp::Keep } else { Chomp::Strip };
                seen_chomp = true;
            } else if !seen_indent && b.is_ascii_digit() {
                if b == b'0' {
                    return Err(self.error(start, "found an indentation indicator equal to 0"));
                }
                increment = usize::from(b - b'0');
                seen_indent = true;
            } else {
                break;
            }
            self.pos += 1;
            self.need(1)?;
        }
        while is_blank(self.text, self.pos) {
            self.pos += 1;
        }
        self.need(1)?;
        if self.peek() == b'#' {
            self.skip_comment()?;
        }
        if !is_breakz(self.text, self.pos) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        self.read_break();
        Ok((chomp, increment))
    }

    /// Moves over indentation and empty lines; finds the indentation out if
    /// it is still 0.
    fn block_breaks(&mut self, indent: &mut usize, breaks: &mut Vec<u8>, start: Mark) -> Result<(), Fail> {
        let mut widest = 0;
        loop {
            self.need(1)?;
            while (*indent == 0 || self.column() < *indent) && self.peek() == b' ' {
                self.pos += 1;
            }
            self.need(1)?;
            widest = widest.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.peek() == b'\t' {
                return Err(self.error(start, "found a tab character where an indentation space is expected"));
            }
            let line_break = self.read_break();
            if line_break.is_empty() {
                break;
            }
            breaks.extend_from_slice(line_break);
        }
        if *indent == 0 {
            *indent = widest.max((self.indent + 1).max(1) as usize);
        }
        Ok(())
    }
}

/// What becomes of the line breaks at a block scalar's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Clip,
    Strip,
    Keep,
}
