//! Reads a format text: directives with flags, widths, precisions, `*` and
//! argument indexes, and what Go writes for those that are wrong.

use super::print::Printer;
use super::scalar::Flags;
use super::utf8;
use crate::value::Value;

/// Go takes no width or precision beyond this.
const MAX_NUMBER: i64 = 1_000_000;

struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    /// The next operand.
    next: usize,
    /// An index was used somewhere: extra operands are not reported.
    reordered: bool,
    /// The index of this directive was valid.
    good_index: bool,
}

/// Prints the operands under a format text.
pub(super) fn print(printer: &mut Printer<'_>, format: &[u8], args: &[Value]) {
    let mut reader = Reader { format, at: 0, args, next: 0, reordered: false, good_index: true };
    while reader.at < format.len() && !printer.is_full() {
        let rest = &format[reader.at..];
        let plain = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
        printer.push(&rest[..plain]);
        reader.at += plain;
        if reader.at < format.len() {
            reader.at += 1;
            reader.directive(printer);
        }
    }
    if !reader.reordered && reader.next < args.len() {
        extra(printer, &args[reader.next..]);
    }
}

fn extra(printer: &mut Printer<'_>, args: &[Value]) {
    printer.flags = Flags::default();
    printer.push(b"%!(EXTRA ");
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.push(b", ");
        }
        if arg.is_nil() {
            printer.push(b"<nil>");
        } else {
            printer.push(arg.type_name(printer.compat).as_bytes());
            printer.push(b"=");
            printer.arg(arg, 'v');
        }
    }
    printer.push(b")");
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn eat(&mut self, b: u8) -> bool {
        let found = self.peek() == Some(b);
        self.at += usize::from(found);
        found
    }

    fn directive(&mut self, printer: &mut Printer<'_>) {
        self.good_index = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.eat(b'*') {
            self.star_width(&mut flags, printer);
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.good_index = false;
            }
        }
        // A point at the very end is no precision: it is taken as the verb.
        if self.at + 1 < self.format.len() && self.eat(b'.') {
            if after_index {
                self.good_index = false;
            }
            after_index = self.index();
            if self.eat(b'*') {
                self.star_precision(&mut flags, printer);
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        printer.flags = flags;
        if self.at >= self.format.len() {
            return printer.push(b"%!(NOVERB)");
        }
        let (verb, width) = utf8::decode(&self.format[self.at..]);
        self.at += width;
        self.verb(verb, printer);
    }

    fn verb(&mut self, verb: char, printer: &mut Printer<'_>) {
        if verb == '%' {
            return printer.push(b"%");
        }
        let problem: &[u8] = match self.args.get(self.next) {
            _ if !self.good_index => b"(BADINDEX)",
            None => b"(MISSING)",
            Some(arg) => {
                if matches!(verb, 'v' | 'w') {
                    let flags = &mut printer.flags;
                    flags.sharp_v = std::mem::take(&mut flags.sharp);
                    flags.plus_v = std::mem::take(&mut flags.plus);
                }
                printer.arg(arg, verb);
                self.next += 1;
                return;
            }
        };
        printer.push(b"%!");
        printer.push_char(verb);
        printer.push(problem);
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(b) = self.peek() {
            match b {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// A plain number; one that is too long swallows the rest of the format.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(b @ b'0'..=b'9') = self.peek() {
            let n = number.unwrap_or(0i64);
            if n > MAX_NUMBER {
                self.at = self.format.len();
                return None;
            }
            number = Some(n * 10 + i64::from(b - b'0'));
            self.at += 1;
        }
        number.and_then(|n| usize::try_from(n).ok())
    }

    /// An argument index such as `[3]`; tells whether one was there.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let close = if rest.len() < 3 { None } else { rest.iter().position(|&b| b == b']') };
        let Some(close) = close else {
            self.at += 1;
            self.good_index = false;
            return false;
        };
        let inside = &rest[1..close];
        self.at += close + 1;
        let number = (!inside.is_empty() && inside.iter().all(u8::is_ascii_digit)).then(|| {
            inside.iter().try_fold(0i64, |n, &b| if n > MAX_NUMBER { None } else { Some(n * 10 + i64::from(b - b'0')) })
        });
        let Some(Some(number)) = number else {
            self.good_index = false;
            return false;
        };
        match usize::try_from(number - 1) {
            Ok(index) if index < self.args.len() => self.next = index,
            _ => self.good_index = false,
        }
        true
    }

    /// The operand of a `*`, if it is an integer that Go accepts.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let named = if let Value::Object(object) = arg { object.underlying() } else { None };
        match named.as_ref().unwrap_or(arg) {
            Value::Int(n) if n.kind.is_unsigned() && n.value < 0 => None,
            Value::Int(n) if (-MAX_NUMBER..=MAX_NUMBER).contains(&n.value) => Some(n.value),
            _ => None,
        }
    }

    fn star_width(&mut self, flags: &mut Flags, printer: &mut Printer<'_>) {
        let width = self.star();
        if width.is_none() {
            printer.push(b"%!(BADWIDTH)");
        }
        if width.is_some_and(|w| w < 0) {
            flags.minus = true;
            flags.zero = false;
        }
        flags.width = width.and_then(|w| usize::try_from(w.unsigned_abs()).ok());
    }

    fn star_precision(&mut self, flags: &mut Flags, printer: &mut Printer<'_>) {
        flags.precision = self.star().and_then(|p| usize::try_from(p).ok());
        if flags.precision.is_none() {
            printer.push(b"%!(BADPREC)");
        }
    }
}
