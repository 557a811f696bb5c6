//! Reads anchors, aliases, tags and directives.

use super::chars::{at, hex, is_alpha, is_blank, is_blankz, is_breakz};
use super::scan::Scanner;
use super::token::{Fail, Mark, Tok};

impl<'t> Scanner<'t> {
    /// Moves over letters, digits, `_` and `-`.
    fn scan_word(&mut self) -> Result<&'t [u8], Fail> {
        let start = self.pos;
        self.need(1)?;
        while is_alpha(self.peek()) {
            self.pos += 1;
        }
        self.need(1)?;
        Ok(&self.text[start..self.pos])
    }

    fn skip_blanks(&mut self) -> Result<(), Fail> {
        self.need(1)?;
        while is_blank(self.text, self.pos) {
            self.pos += 1;
        }
        self.need(1)
    }

    pub(super) fn scan_anchor(&mut self, alias: bool) -> Result<Tok<'t>, Fail> {
        let start = self.mark();
        self.pos += 1;
        let name = self.scan_word()?;
        let ends = is_blankz(self.text, self.pos)
            || matches!(self.peek(), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            return Err(self.error(start, "did not find expected alphabetic or numeric character"));
        }
        Ok(if alias { Tok::Alias(name) } else { Tok::Anchor(name) })
    }

    pub(super) fn scan_tag(&mut self) -> Result<Tok<'t>, Fail> {
        let start = self.mark();
        self.need(2)?;
        let mut handle: Vec<u8> = Vec::new();
        let mut suffix;
        if at(self.text, self.pos + 1) == b'<' {
            self.pos += 2;
            suffix = self.scan_tag_uri(&[], start)?;
            if self.peek() != b'>' {
                return Err(self.error(start, "did not find the expected '>'"));
            }
            self.pos += 1;
        } else {
            handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.first() == Some(&b'!') && handle.last() == Some(&b'!') {
                suffix = self.scan_tag_uri(&[], start)?;
            } else {
                suffix = self.scan_tag_uri(&handle, start)?;
                handle = vec![b'!'];
                if suffix.is_empty() {
                    std::mem::swap(&mut handle, &mut suffix);
                }
            }
        }
        self.need(1)?;
        if !is_blankz(self.text, self.pos) {
            return Err(self.error(start, "did not find expected whitespace or line break"));
        }
        Ok(Tok::Tag(Box::new((handle, suffix))))
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Result<Vec<u8>, Fail> {
        self.need(1)?;
        if self.peek() != b'!' {
            return Err(self.error(start, "did not find expected '!'"));
        }
        self.pos += 1;
        let mut handle = vec![b'!'];
        handle.extend_from_slice(self.scan_word()?);
        if self.peek() == b'!' {
            handle.push(b'!');
            self.pos += 1;
        } else if directive && handle != b"!" {
            return Err(self.error(start, "did not find expected '!'"));
        }
        Ok(handle)
    }

    /// `head` is what was taken for a handle and is none; its `!` is dropped.
    fn scan_tag_uri(&mut self, head: &[u8], start: Mark) -> Result<Vec<u8>, Fail> {
        let mut uri = head.get(1..).unwrap_or_default().to_vec();
        let mut any = !head.is_empty();
        self.need(1)?;
        loop {
            let b = self.peek();
            if b == b'%' {
                self.scan_uri_escape(&mut uri, start)?;
            } else if is_alpha(b)
                || matches!(b, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.' | b'!')
                || matches!(b, b'~' | b'*' | b'\'' | b'(' | b')' | b'[' | b']')
            {
                uri.push(b);
                self.pos += 1;
            } else {
                break;
            }
            any = true;
            self.need(1)?;
        }
        if !any {
            return Err(self.error(start, "did not find expected tag URI"));
        }
        Ok(uri)
    }

    /// One character as `%XX`, of as many bytes as its first one says.
    fn scan_uri_escape(&mut self, uri: &mut Vec<u8>, start: Mark) -> Result<(), Fail> {
        let mut left = None;
        loop {
            self.need(3)?;
            let digits = (hex(at(self.text, self.pos + 1)), hex(at(self.text, self.pos + 2)));
            let (b'%', (Some(high), Some(low))) = (self.peek(), digits) else {
                return Err(self.error(start, "did not find URI escaped octet"));
            };
            let octet = (high << 4 | low) as u8;
            let more = match left {
                None => match octet {
                    0..=0x7F => 0,
                    0xC0..=0xDF => 1,
                    0xE0..=0xEF => 2,
                    0xF0..=0xF7 => 3,
                    _ => return Err(self.error(start, "found an incorrect leading UTF-8 octet")),
                },
                Some(_) if octet & 0xC0 != 0x80 => {
                    return Err(self.error(start, "found an incorrect trailing UTF-8 octet"));
                }
                Some(n) => n - 1,
            };
            uri.push(octet);
            self.pos += 3;
            if more == 0 {
                return Ok(());
            }
            left = Some(more);
        }
    }

    pub(super) fn scan_directive(&mut self) -> Result<Tok<'t>, Fail> {
        let start = self.mark();
        self.pos += 1;
        let name = self.scan_word()?;
        if name.is_empty() {
            return Err(self.error(start, "could not find expected directive name"));
        }
        if !is_blankz(self.text, self.pos) {
            return Err(self.error(start, "found unexpected non-alphabetical character"));
        }
        let tok = match name {
            b"YAML" => {
                self.skip_blanks()?;
                let major = self.scan_version_number(start)?;
                if self.peek() != b'.' {
                    return Err(self.error(start, "did not find expected digit or '.' character"));
                }
                self.pos += 1;
                Tok::VersionDirective(major, self.scan_version_number(start)?)
            }
            b"TAG" => {
                self.skip_blanks()?;
                let handle = self.scan_tag_handle(true, start)?;
                self.need(1)?;
                if !is_blank(self.text, self.pos) {
                    return Err(self.error(start, "did not find expected whitespace"));
                }
                self.skip_blanks()?;
                let prefix = self.scan_tag_uri(&[], start)?;
                self.need(1)?;
                if !is_blankz(self.text, self.pos) {
                    return Err(self.error(start, "did not find expected whitespace or line break"));
                }
                Tok::TagDirective(Box::new((handle, prefix)))
            }
            _ => return Err(self.error(start, "found unknown directive name")),
        };
        self.skip_blanks()?;
        if self.peek() == b'#' {
            self.skip_comment()?;
        }
        if !is_breakz(self.text, self.pos) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        self.read_break();
        Ok(tok)
    }

    fn scan_version_number(&mut self, start: Mark) -> Result<u8, Fail> {
        let from = self.pos;
        let mut value = 0;
        self.need(1)?;
        while self.peek().is_ascii_digit() {
            if self.pos - from == 2 {
                return Err(self.error(start, "found extremely long version number"));
            }
            value = value * 10 + (self.peek() - b'0');
            self.pos += 1;
            self.need(1)?;
        }
        if self.pos == from {
            return Err(self.error(start, "did not find expected version number"));
        }
        Ok(value)
    }
}
