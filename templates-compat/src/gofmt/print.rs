//! Prints one value under a verb: which verbs its kind takes, how lists,
//! maps and structs are walked, and what stands for a verb that does not fit.

use std::collections::BTreeMap;

use super::scalar::{Base, DECIMAL, Flags, HEX, Magnitude};
use super::{too_large, utf8};
use crate::compat::Compat;
use crate::func::FuncError;
use crate::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use crate::value::{Elem, GoType, Int, List, Map, Object, Str, Value};

/// Where in a value the printer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// An operand itself.
    Top,
    /// What an action prints: of a pointer, what it points to.
    Target,
    /// Within a list, map or struct.
    Inside,
}

/// The state of one call of a printing function.
pub(super) struct Printer<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    pub(super) compat: Compat,
    pub(super) flags: Flags,
    /// A bad verb is being reported: methods are not called.
    reporting: bool,
    /// What has been printed as an address, kept alive, with its number.
    pointees: BTreeMap<usize, (u64, Value)>,
    depth: usize,
    too_deep: bool,
}

/// Where Go's heap begins.
const FIRST_ADDRESS: u64 = 0xc0_0000_0000;

/// How far apart two things lie.
const ADDRESS_STEP: u64 = 16;

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, compat: Compat) -> Self {
        let limit = out.len().saturating_add(MAX_TEXT_BYTES);
        Printer {
            out,
            limit,
            compat,
            flags: Flags::default(),
            reporting: false,
            pointees: BTreeMap::new(),
            depth: 0,
            too_deep: false,
        }
    }

    pub(super) fn finish(self) -> Result<(), FuncError> {
        if self.too_deep {
            return Err(FuncError::error(format!("value is nested deeper than {MAX_DEPTH}")));
        }
        if self.out.len() > self.limit { Err(too_large()) } else { Ok(()) }
    }

    /// Whether it makes no sense to go on.
    pub(super) fn is_full(&self) -> bool {
        self.too_deep || self.out.len() > self.limit
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    pub(super) fn push_char(&mut self, c: char) {
        utf8::push(self.out, c);
    }

    /// Prints an operand.
    pub(super) fn arg(&mut self, value: &Value, verb: char) {
        match verb {
            _ if self.is_full() => {}
            'T' if !value.is_nil() => self.flags.string(self.out, value.type_name(self.compat).as_bytes()),
            _ if value.is_nil() => match verb {
                'T' | 'v' => self.flags.pad(self.out, b"<nil>"),
                _ => self.bad_verb(value, verb),
            },
            'p' => match value {
                Value::List(_) | Value::Map(_) => self.pointer(value, verb),
                Value::Object(o) if matches!(o.kind(), GoType::Ptr | GoType::Map) => self.pointer(value, verb),
                _ => self.bad_verb(value, verb),
            },
            _ => self.value(value, verb, At::Top),
        }
    }

    /// Prints what an action shows of an object.
    pub(super) fn target(&mut self, value: &Value) {
        self.value(value, 'v', At::Target);
    }

    fn value(&mut self, value: &Value, verb: char, at: At) {
        if self.is_full() {
            return;
        }
        match value {
            Value::Nil if self.flags.sharp_v => self.push(b"interface {}(nil)"),
            Value::Nil => self.push(b"<nil>"),
            Value::Bool(b) => match verb {
                't' | 'v' => self.flags.pad(self.out, if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(n) => {
                if !self.integer(*n, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Float(v) => {
                if !self.float(*v, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Complex(c) => {
                if !self.complex(c.0, c.1, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Str(s) => {
                if !self.string(s.as_bytes(), verb) {
                    self.bad_verb(value, verb);
                }
            }
            // Bytes as an operand have no methods to ask for.
            Value::List(l) if l.elem() == Elem::Byte && at == At::Top => self.nested(|p| p.list(l, verb, at)),
            // No template value is an error that `%w` could wrap.
            _ if verb == 'w' && !self.reporting => self.bad_verb(value, verb),
            Value::List(l) => self.nested(|p| p.list(l, verb, at)),
            Value::Map(m) => self.nested(|p| p.map(m, verb)),
            Value::Object(o) => self.nested(|p| p.object(value, o.as_ref(), verb, at)),
        }
    }

    fn nested(&mut self, print: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            self.too_deep = true;
            return;
        }
        self.depth += 1;
        print(self);
        self.depth -= 1;
    }

    /// `%!verb(type=value)`
    fn bad_verb(&mut self, value: &Value, verb: char) {
        let before = std::mem::replace(&mut self.reporting, true);
        self.push(b"%!");
        self.push_char(verb);
        self.push(b"(");
        if value.is_nil() {
            self.push(b"<nil>");
        } else {
            self.push(value.type_name(self.compat).as_bytes());
            self.push(b"=");
            self.value(value, 'v', At::Top);
        }
        self.push(b")");
        self.reporting = before;
    }

    fn integer(&mut self, n: Int, verb: char) -> bool {
        let signed = !n.kind.is_unsigned();
        let negative = signed && n.value < 0;
        let bits = n.as_u64();
        let magnitude = Magnitude { negative, value: if negative { n.value.unsigned_abs() } else { bits } };
        let base = match verb {
            'v' if self.flags.sharp_v && !signed => {
                let flags = Flags { sharp: true, ..self.flags };
                flags.integer(self.out, magnitude, HEX);
                return true;
            }
            'v' | 'd' => DECIMAL,
            'b' => Base { radix: 2, ..DECIMAL },
            'o' => Base { radix: 8, ..DECIMAL },
            'O' => Base { radix: 8, octal_prefix: true, ..DECIMAL },
            'x' => HEX,
            'X' => Base { upper: true, ..HEX },
            'c' => {
                self.flags.rune(self.out, bits);
                return true;
            }
            'q' => {
                self.flags.quoted_rune(self.out, bits, self.compat);
                return true;
            }
            'U' => {
                self.flags.unicode(self.out, bits, self.compat);
                return true;
            }
            _ => return false,
        };
        self.flags.integer(self.out, magnitude, base);
        true
    }

    fn float(&mut self, v: f64, verb: char) -> bool {
        let (format, precision) = match verb {
            'v' => (b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb as u8, None),
            'f' | 'e' | 'E' => (verb as u8, Some(6)),
            'F' => (b'f', Some(6)),
            _ => return false,
        };
        self.flags.float(self.out, v, format, precision);
        true
    }

    fn complex(&mut self, real: f64, imaginary: f64, verb: char) -> bool {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return false;
        }
        let plus = self.flags.plus;
        self.push(b"(");
        self.float(real, verb);
        self.flags.plus = true; // The imaginary part always has a sign.
        self.float(imaginary, verb);
        self.push(b"i)");
        self.flags.plus = plus;
        true
    }

    fn string(&mut self, text: &[u8], verb: char) -> bool {
        match verb {
            'v' if self.flags.sharp_v => self.flags.quoted(self.out, text, self.compat),
            'v' | 's' => self.flags.string(self.out, text),
            'x' => self.flags.hex_bytes(self.out, text, false),
            'X' => self.flags.hex_bytes(self.out, text, true),
            'q' => self.flags.quoted(self.out, text, self.compat),
            _ => return false,
        }
        true
    }

    fn list(&mut self, list: &List, verb: char, at: At) {
        let bytes = list.elem() == Elem::Byte;
        if bytes && matches!(verb, 's' | 'q' | 'x' | 'X') {
            self.string(&list_bytes(list), verb);
            return;
        }
        if self.flags.sharp_v {
            // Only an operand itself is called by the alias.
            let name = if bytes && at == At::Top && matches!(verb, 'v' | 'd') {
                "[]byte".into()
            } else {
                Value::List(list.clone()).type_name(self.compat)
            };
            self.push(name.as_bytes());
            if list.is_nil() {
                return self.push(b"(nil)");
            }
        }
        self.sequence(b"[", b"]", list.iter(), |p, item| p.value(item, verb, At::Inside));
    }

    /// Items between brackets, or between braces in Go syntax.
    fn sequence<T>(
        &mut self,
        open: &[u8],
        close: &[u8],
        items: impl Iterator<Item = T>,
        mut print: impl FnMut(&mut Self, T),
    ) {
        let (open, between, close): (&[u8], &[u8], &[u8]) =
            if self.flags.sharp_v { (b"{", b", ", b"}") } else { (open, b" ", close) };
        self.push(open);
        for (i, item) in items.enumerate() {
            if self.is_full() {
                return;
            }
            if i > 0 {
                self.push(between);
            }
            print(self, item);
        }
        self.push(close);
    }

    fn map(&mut self, map: &Map, verb: char) {
        if self.flags.sharp_v {
            let name = map.map_type().name(self.compat);
            self.push(name.as_bytes());
            if map.is_nil() {
                return self.push(b"(nil)");
            }
        }
        // A copy of the entries: a map that holds itself is locked only once.
        self.entries(map.snapshot(), verb);
    }

    fn entries(&mut self, entries: Vec<(Str, Value)>, verb: char) {
        self.sequence(b"map[", b"]", entries.into_iter(), |p, (key, item)| {
            let key = Value::Str(key);
            p.value(&key, verb, At::Inside);
            p.push(b":");
            p.value(&item, verb, At::Inside);
        });
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, at: At) {
        if !self.reporting {
            if self.flags.sharp_v {
                if let Some(text) = object.to_go_syntax() {
                    return self.flags.string(self.out, text.as_bytes());
                }
            } else if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
                && let Some(text) = object.to_go_string()
            {
                self.string(text.as_bytes(), verb);
                return;
            }
        }
        if let Some(plain) = object.underlying() {
            return self.underlying(value, &plain, verb, at);
        }
        let kind = object.kind();
        if kind == GoType::Ptr {
            if at == At::Inside {
                return self.pointer(value, verb);
            }
            if at == At::Top {
                self.push(b"&");
            }
        }
        if self.flags.sharp_v {
            let name = object.type_name(self.compat);
            self.push(name.trim_start_matches('*').as_bytes());
        }
        if kind == GoType::Map {
            return self.entries(object.map_entries(), verb);
        }
        let named = self.flags.plus_v || self.flags.sharp_v;
        self.sequence(b"{", b"}", object.printed_fields().into_iter(), |p, (name, field)| {
            if named {
                p.push(name.as_bytes());
                p.push(b":");
            }
            p.value(&field, verb, At::Inside);
        });
    }

    /// A named type prints as the plain one behind it, but for a bad verb.
    fn underlying(&mut self, value: &Value, plain: &Value, verb: char, at: At) {
        let fits = match plain {
            Value::Int(n) => self.integer(*n, verb),
            Value::Float(v) => self.float(*v, verb),
            Value::Str(s) => self.string(s.as_bytes(), verb),
            other => {
                self.value(other, verb, at);
                true
            }
        };
        if !fits {
            self.bad_verb(value, verb);
        }
    }

    /// An address.
    fn pointer(&mut self, value: &Value, verb: char) {
        let address = self.address(value);
        let n = Magnitude { negative: false, value: address };
        match verb {
            'v' if self.flags.sharp_v => {
                self.push(b"(");
                self.push(value.type_name(self.compat).as_bytes());
                self.push(b")(");
                if address == 0 {
                    self.push(b"nil");
                } else {
                    Flags { sharp: true, ..self.flags }.integer(self.out, n, HEX);
                }
                self.push(b")");
            }
            'v' if address == 0 => self.flags.pad(self.out, b"<nil>"),
            'v' | 'p' => Flags { sharp: !self.flags.sharp, ..self.flags }.integer(self.out, n, HEX),
            'b' | 'o' | 'd' | 'x' | 'X' => {
                let int = Int { value: address as i64, kind: crate::value::IntKind::Uint64 };
                self.integer(int, verb);
            }
            _ => self.bad_verb(value, verb),
        }
    }

    /// Go's addresses differ from run to run. Ours are counted in each text,
    /// so that the same render gives the same bytes.
    fn address(&mut self, value: &Value) -> u64 {
        let key = match value {
            Value::Map(m) if !m.is_nil() => m.address(),
            Value::List(l) if !l.is_nil() => l.as_slice().as_ptr().addr(),
            Value::Object(o) if !o.is_nil() => std::sync::Arc::as_ptr(o).addr(),
            _ => return 0,
        };
        let next = FIRST_ADDRESS + self.pointees.len() as u64 * ADDRESS_STEP;
        self.pointees.entry(key).or_insert_with(|| (next, value.clone())).0
    }
}

/// The bytes of a `[]byte`.
pub(crate) fn list_bytes(list: &List) -> Vec<u8> {
    list.iter().map(|v| if let Value::Int(n) = v { n.value as u8 } else { 0 }).collect()
}
