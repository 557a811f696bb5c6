//! Character classes and escapes of Go's regular expressions.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::parse::{Literal, Parser};
use super::{Code, SyntaxError, names};

/// The last code point.
const MAX_RUNE: u32 = 0x10_FFFF;

/// Inclusive ranges of ASCII characters.
type Ranges = &'static [(char, char)];

/// `[:name:]` and its ranges.
const POSIX: &[(&[u8], Ranges)] = &[
    (b"alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    (b"alpha", &[('A', 'Z'), ('a', 'z')]),
    (b"ascii", &[('\0', '\x7f')]),
    (b"blank", &[('\t', '\t'), (' ', ' ')]),
    (b"cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    (b"digit", DIGIT),
    (b"graph", &[('!', '~')]),
    (b"lower", &[('a', 'z')]),
    (b"print", &[(' ', '~')]),
    (b"punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    (b"space", &[('\t', '\r'), (' ', ' ')]),
    (b"upper", &[('A', 'Z')]),
    (b"word", WORD),
    (b"xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

const DIGIT: Ranges = &[('0', '9')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
/// Without the vertical tab, unlike `[:space:]`.
const SPACE: Ranges = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];

type Step<T> = Result<T, SyntaxError>;

/// Adds a range of code points; those that no text can hold are left out.
pub(super) fn add_range(class: &mut ClassUnicode, low: u32, high: u32, fold: bool) {
    let low = char::from_u32(low).unwrap_or('\u{e000}');
    let high = char::from_u32(high).unwrap_or('\u{d7ff}');
    if low <= high {
        class.union(&folded(ClassUnicode::new([ClassUnicodeRange::new(low, high)]), fold));
    }
}

/// With all that is the same letter in another case, if asked for.
fn folded(mut class: ClassUnicode, fold: bool) -> ClassUnicode {
    if fold {
        // Fails only when the tables are not compiled in; they are.
        let _ = class.try_case_fold_simple();
    }
    class
}

/// The least of the characters that differ from this one in case only.
pub(super) fn least_fold(c: u32) -> u32 {
    let mut class = ClassUnicode::empty();
    add_range(&mut class, c, c, true);
    class.iter().map(|range| u32::from(range.start())).min().unwrap_or(c)
}

/// A class that Go turns into a character: of one, or of the two cases of a
/// letter that has no third.
pub(super) fn as_literal(class: &ClassUnicode) -> Option<Literal> {
    let mut ranges = class.iter();
    let (first, second) = (ranges.next()?, ranges.next());
    let single = |range: &ClassUnicodeRange| range.start() == range.end();
    let rune = u32::from(first.start());
    match second {
        None if single(first) => Some(Literal { rune, fold_case: false }),
        Some(second) if single(first) && single(second) && ranges.next().is_none() => {
            let one = ClassUnicode::new([ClassUnicodeRange::new(first.start(), first.start())]);
            (folded(one, true) == *class).then_some(Literal { rune, fold_case: true })
        }
        _ => None,
    }
}

fn from_ranges(ranges: Ranges, negated: bool, fold: bool) -> ClassUnicode {
    let ranges = ranges.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high));
    let mut class = folded(ClassUnicode::new(ranges), fold);
    if negated {
        class.negate();
    }
    class
}

impl Parser<'_> {
    /// `[…]`
    pub(super) fn bracket_class(&mut self) -> Step<ClassUnicode> {
        let start = self.at;
        self.at += 1;
        let negated = self.rest().first() == Some(&b'^');
        if negated {
            self.at += 1;
        }
        let mut class = ClassUnicode::empty();
        let mut first = true;
        while first || self.rest().first() != Some(&b']') {
            first = false;
            if let Some(part) = self.posix_class()? {
                class.union(&part);
            } else if let Some(part) = self.unicode_class()? {
                class.union(&part);
            } else if let Some(part) = self.perl_class()? {
                class.union(&part);
            } else {
                self.range(start, &mut class)?;
            }
        }
        self.at += 1;
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// One character, or two with a hyphen between them.
    fn range(&mut self, class_start: usize, class: &mut ClassUnicode) -> Step<()> {
        let start = self.at;
        let low = self.class_char(class_start)?;
        let mut high = low;
        // A hyphen before the bracket is only a hyphen.
        if matches!(self.rest(), [b'-', after, ..] if *after != b']') {
            self.at += 1;
            high = self.class_char(class_start)?;
            if high < low {
                return Err(SyntaxError::new(Code::InvalidCharRange, self.since(start)));
            }
        }
        add_range(class, low, high, self.flags.fold_case);
        Ok(())
    }

    fn class_char(&mut self, class_start: usize) -> Step<u32> {
        if self.rest().first() == Some(&b'\\') {
            return self.escape();
        }
        match self.next_char()? {
            Some(c) => Ok(u32::from(c)),
            None => {
                let class = self.pattern.get(class_start..).unwrap_or_default();
                Err(SyntaxError::new(Code::MissingBracket, class))
            }
        }
    }

    /// `[:alnum:]`, if one begins here.
    fn posix_class(&mut self) -> Step<Option<ClassUnicode>> {
        let rest = self.rest();
        let Some(inside) = rest.strip_prefix(b"[:") else { return Ok(None) };
        let Some(length) = inside.windows(2).position(|w| w == b":]") else { return Ok(None) };
        let start = self.at;
        self.at += length + 4;
        let name = inside.get(..length).unwrap_or_default();
        let (negated, name) = match name.strip_prefix(b"^") {
            Some(name) => (true, name),
            None => (false, name),
        };
        match POSIX.iter().find(|(known, _)| *known == name) {
            Some((_, ranges)) => Ok(Some(from_ranges(ranges, negated, self.flags.fold_case))),
            None => Err(SyntaxError::new(Code::InvalidCharRange, self.since(start))),
        }
    }

    /// `\d` and its like, if one begins here.
    pub(super) fn perl_class(&mut self) -> Step<Option<ClassUnicode>> {
        let [b'\\', letter, ..] = self.rest() else { return Ok(None) };
        let ranges = match letter.to_ascii_lowercase() {
            b'd' => DIGIT,
            b's' => SPACE,
            b'w' => WORD,
            _ => return Ok(None),
        };
        let class = from_ranges(ranges, letter.is_ascii_uppercase(), self.flags.fold_case);
        self.at += 2;
        Ok(Some(class))
    }

    /// `\pL` and `\p{Greek}`, if one begins here.
    pub(super) fn unicode_class(&mut self) -> Step<Option<ClassUnicode>> {
        let start = self.at;
        let [b'\\', letter @ (b'p' | b'P'), ..] = self.rest() else { return Ok(None) };
        let mut negated = *letter == b'P';
        self.at += 2;
        let error = |text: &[u8]| Err(SyntaxError::new(Code::InvalidCharRange, text));
        let name = match self.next_char()? {
            Some('{') => {
                let rest = self.rest();
                let all = self.pattern.get(start..).unwrap_or_default();
                let Some(length) = rest.iter().position(|b| *b == b'}') else {
                    return match std::str::from_utf8(all) {
                        Ok(_) => error(all),
                        Err(e) => Err(invalid_utf8(all, e)),
                    };
                };
                self.at += length + 1;
                let name = rest.get(..length).unwrap_or_default();
                std::str::from_utf8(name).map_err(|e| invalid_utf8(name, e))?.to_string()
            }
            Some(c) => c.to_string(),
            None => String::new(),
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => &name,
        };
        let Some(class) = names::class(name, self.compat) else {
            return error(self.since(start));
        };
        let mut class = folded(class, self.flags.fold_case);
        if negated {
            class.negate();
        }
        Ok(Some(class))
    }

    /// A backslash and what stands for one character.
    pub(super) fn escape(&mut self) -> Step<u32> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.next_char()? else {
            return Err(SyntaxError::new(Code::TrailingBackslash, b""));
        };
        let simple = match c {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => self.hex_escape()?,
            // A digit alone would be a backreference, except zero.
            '1'..='7' if !matches!(self.rest(), [b'0'..=b'7', ..]) => None,
            '0'..='7' => Some(self.octal_escape(u32::from(c) - u32::from('0'))),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        simple.ok_or_else(|| SyntaxError::new(Code::InvalidEscape, self.since(start)))
    }

    fn octal_escape(&mut self, first: u32) -> u32 {
        let mut value = first;
        for _ in 0..2 {
            let [digit @ b'0'..=b'7', ..] = self.rest() else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.at += 1;
        }
        value
    }

    /// What follows `\x`: two digits, or any number in braces.
    fn hex_escape(&mut self) -> Step<Option<u32>> {
        let Some(first) = self.next_char()? else { return Ok(None) };
        if first != '{' {
            let second = self.next_char()?.and_then(|c| c.to_digit(16));
            return Ok(first.to_digit(16).zip(second).map(|(high, low)| high * 16 + low));
        }
        let (mut value, mut digits) = (0, 0);
        while let Some(c) = self.next_char()? {
            if c == '}' {
                return Ok((digits > 0).then_some(value));
            }
            let Some(digit) = c.to_digit(16) else { return Ok(None) };
            value = value * 16 + digit;
            if value > MAX_RUNE {
                return Ok(None);
            }
            digits += 1;
        }
        Ok(None)
    }
}

fn invalid_utf8(text: &[u8], error: std::str::Utf8Error) -> SyntaxError {
    SyntaxError::new(Code::InvalidUtf8, text.get(error.valid_up_to()..).unwrap_or_default())
}
