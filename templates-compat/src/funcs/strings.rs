//! Sprig's functions that cut, join, search, repeat and indent text. Letter
//! case is in `case`, line breaking in `wrap`.

use memchr::memmem;

use super::args::{Body, bytes, check_len, fixed, int, take, take_str, text, variadic};
use crate::compat::Compat;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::{self, unicode, utf8};
use crate::limits::MAX_LIST_ITEMS;
use crate::value::{Elem, Map, MapType, Str, Value};

const STR: &[Param] = &[Param::Str];
const STR_STR: &[Param] = &[Param::Str, Param::Str];
const INT_STR: &[Param] = &[Param::Int, Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("hello", &[], Param::Str, |_, _| Ok(Value::Str(Str::from_static("Hello!")))),
    fixed("abbrev", INT_STR, Param::Str, abbrev),
    fixed("abbrevboth", &[Param::Int, Param::Int, Param::Str], Param::Str, abbrevboth),
    variadic("cat", &[Param::Any], Param::Str, cat),
    fixed("contains", STR_STR, Param::Bool, |_, a| Ok(Value::Bool(memmem::find(bytes(a, 1), bytes(a, 0)).is_some()))),
    fixed("hasPrefix", STR_STR, Param::Bool, |_, a| Ok(Value::Bool(bytes(a, 1).starts_with(bytes(a, 0))))),
    fixed("hasSuffix", STR_STR, Param::Bool, |_, a| Ok(Value::Bool(bytes(a, 1).ends_with(bytes(a, 0))))),
    fixed("indent", INT_STR, Param::Str, |_, a| text(indented(int(a, 0), bytes(a, 1), false)?)),
    fixed("nindent", INT_STR, Param::Str, |_, a| text(indented(int(a, 0), bytes(a, 1), true)?)),
    fixed("initials", STR, Param::Str, initials),
    fixed("join", &[Param::Str, Param::Any], Param::Str, join),
    fixed("nospace", STR, Param::Str, nospace),
    fixed("plural", &[Param::Str, Param::Str, Param::Int], Param::Str, |_, a| {
        let chosen = usize::from(int(a, 2) != 1);
        Ok(take(a, chosen))
    }),
    variadic("quote", &[Param::Any], Param::Str, quote),
    variadic("squote", &[Param::Any], Param::Str, squote),
    fixed("repeat", INT_STR, Param::Str, repeat),
    fixed("replace", &[Param::Str, Param::Str, Param::Str], Param::Str, replace),
    fixed("split", STR_STR, Param::StrMap, |_, a| numbered(split_text(bytes(a, 1), bytes(a, 0), -1)?)),
    fixed("splitn", &[Param::Str, Param::Int, Param::Str], Param::StrMap, |_, a| {
        numbered(split_text(bytes(a, 2), bytes(a, 0), int(a, 1))?)
    }),
    fixed("splitList", STR_STR, Param::StrList, |_, a| Ok(Value::strings(split_text(bytes(a, 1), bytes(a, 0), -1)?))),
    fixed("substr", &[Param::Int, Param::Int, Param::Str], Param::Str, substr),
    fixed("toString", &[Param::Any], Param::Str, |cx, a| Ok(Value::Str(string_of(take(a, 0), cx.compat)?))),
    fixed("toStrings", &[Param::Any], Param::StrList, |cx, a| Ok(Value::strings(strings_of(take(a, 0), cx.compat)?))),
    fixed("trim", STR, Param::Str, |_, a| {
        trimmed(a, 0, |s| trim_right(trim_left(s, unicode::is_space), unicode::is_space))
    }),
    fixed("trimAll", STR_STR, Param::Str, TRIM_ALL),
    fixed("trimall", STR_STR, Param::Str, TRIM_ALL),
    fixed("trimPrefix", STR_STR, Param::Str, |_, a| {
        let prefix = take_str(a, 0);
        trimmed(a, 1, |s| s.strip_prefix(prefix.as_bytes()).unwrap_or(s))
    }),
    fixed("trimSuffix", STR_STR, Param::Str, |_, a| {
        let suffix = take_str(a, 0);
        trimmed(a, 1, |s| s.strip_suffix(suffix.as_bytes()).unwrap_or(s))
    }),
    fixed("trunc", INT_STR, Param::Str, trunc),
];

/// What Sprig takes as the text of a value: the text itself, bytes as text,
/// everything else as `%v` prints it.
pub(super) fn string_of(value: Value, compat: Compat) -> Result<Str, FuncError> {
    match value {
        Value::Str(s) => Ok(s),
        Value::List(l) if l.elem() == Elem::Byte => Ok(Str::from(gofmt::list_bytes(&l))),
        Value::Bool(true) => Ok(Str::from_static("true")),
        Value::Bool(false) => Ok(Str::from_static("false")),
        other => {
            let mut out = Vec::new();
            gofmt::append_value(&mut out, &other, compat)?;
            Ok(Str::from(out))
        }
    }
}

/// What Sprig takes as the texts of a value: those of a list's elements
/// without the nils, else the one text of the value itself.
pub(super) fn strings_of(value: Value, compat: Compat) -> Result<Vec<Str>, FuncError> {
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(l) => {
            let mut total = 0usize;
            let mut texts = Vec::with_capacity(l.len());
            for item in l.iter().filter(|v| !v.is_nil()) {
                let text = string_of(item.clone(), compat)?;
                // One large element can stand in a list any number of times.
                total = check_len(total.checked_add(text.len()))?;
                texts.push(text);
            }
            Ok(texts)
        }
        other => Ok(vec![string_of(other, compat)?]),
    }
}

/// Cuts a text; where nothing goes, the very string stays.
fn trimmed(args: &mut [Value], index: usize, cut: impl FnOnce(&[u8]) -> &[u8]) -> FuncResult {
    let s = take_str(args, index);
    let rest = cut(s.as_bytes());
    if rest.len() == s.len() { Ok(Value::Str(s)) } else { Ok(Value::str(rest)) }
}

fn trim_left(mut s: &[u8], goes: impl Fn(char) -> bool) -> &[u8] {
    while let (c, width @ 1..) = utf8::decode(s)
        && goes(c)
    {
        s = &s[width..];
    }
    s
}

fn trim_right(mut s: &[u8], goes: impl Fn(char) -> bool) -> &[u8] {
    while let (c, width @ 1..) = utf8::decode_last(s)
        && goes(c)
    {
        s = &s[..s.len() - width];
    }
    s
}

const TRIM_ALL: Body = |_, a| {
    let set: Vec<char> = utf8::runes(bytes(a, 0)).map(|(c, _)| c).collect();
    trimmed(a, 1, |s| trim_right(trim_left(s, |c| set.contains(&c)), |c| set.contains(&c)))
};

/// Go's text for a slice expression that does not fit.
fn out_of_range(range: std::fmt::Arguments<'_>) -> FuncError {
    FuncError::panic(format!("runtime error: slice bounds out of range {range}"))
}

fn substr(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (start, end) = (int(args, 0), int(args, 1));
    let s = take_str(args, 2);
    let len = s.len() as i64;
    let (from, to) = if start < 0 {
        match end {
            ..0 => return Err(out_of_range(format_args!("[:{end}]"))),
            end if end > len => return Err(out_of_range(format_args!("[:{end}] with length {len}"))),
            end => (0, end),
        }
    } else {
        let to = if end < 0 || end > len { len } else { end };
        if start > to {
            return Err(out_of_range(format_args!("[{start}:{to}]")));
        }
        (start, to)
    };
    Ok(Value::str(s.get(from as usize..to as usize).unwrap_or_default()))
}

fn trunc(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let count = int(args, 0);
    trimmed(args, 1, |s| {
        let len = s.len() as i64;
        match count {
            ..0 if len.saturating_add(count) > 0 => s.get((len + count) as usize..).unwrap_or(s),
            0.. if len > count => s.get(..count as usize).unwrap_or(s),
            _ => s,
        }
    })
}

/// Cuts to `width` bytes with three dots; `offset` is the left edge.
fn abbreviate(s: &[u8], offset: i64, width: i64) -> Vec<u8> {
    const DOTS: &[u8] = b"...";
    let len = s.len() as i64;
    if s.is_empty() || width < 4 {
        return Vec::new();
    }
    if len <= width {
        return s.to_vec();
    }
    let kept = (width - 3) as usize;
    let offset = offset.min(len);
    let offset = if len.saturating_sub(offset) < width - 3 { len - (width - 3) } else { offset };
    if offset <= 4 {
        return [&s[..kept], DOTS].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < len {
        return [DOTS, &abbreviate(&s[offset as usize..], 0, width - 3)].concat();
    }
    [DOTS, &s[s.len() - kept..]].concat()
}

fn abbrev(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let width = int(args, 0);
    if width < 4 {
        return Ok(take(args, 1));
    }
    text(abbreviate(bytes(args, 1), 0, width))
}

fn abbrevboth(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (left, right) = (int(args, 0), int(args, 1));
    if right < 4 || left > 0 && right < 7 {
        return Ok(take(args, 2));
    }
    text(abbreviate(bytes(args, 2), left, right))
}

fn cat(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut out = Vec::new();
    let mut first = true;
    for arg in args.iter().filter(|a| !a.is_nil()) {
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        gofmt::append_value(&mut out, arg, cx.compat)?;
        check_len(Some(out.len()))?;
    }
    text(out)
}

fn quote(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut out = Vec::new();
    for arg in args.iter_mut().filter(|a| !a.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        let s = string_of(std::mem::take(arg), cx.compat)?;
        gofmt::quote::append_quoted(&mut out, &s, false, cx.compat);
        check_len(Some(out.len()))?;
    }
    text(out)
}

fn squote(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut out = Vec::new();
    for arg in args.iter().filter(|a| !a.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.push(b'\'');
        gofmt::append_value(&mut out, arg, cx.compat)?;
        out.push(b'\'');
        check_len(Some(out.len()))?;
    }
    text(out)
}

/// Go's refusal of a negative count.
fn repeat_count(count: i64) -> Result<usize, FuncError> {
    usize::try_from(count).map_err(|_| FuncError::panic("strings: negative Repeat count"))
}

fn indented(spaces: i64, s: &[u8], newline: bool) -> Result<Vec<u8>, FuncError> {
    let spaces = repeat_count(spaces)?;
    let lines = 1 + memchr::memchr_iter(b'\n', s).count();
    let len = check_len(lines.checked_mul(spaces).and_then(|n| n.checked_add(s.len() + 1)))?;
    let mut out = Vec::with_capacity(len);
    if newline {
        out.push(b'\n');
    }
    for (i, line) in s.split(|&b| b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(line);
    }
    Ok(out)
}

fn repeat(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let count = repeat_count(int(args, 0))?;
    let s = bytes(args, 1);
    check_len(s.len().checked_mul(count))?;
    text(s.repeat(if s.is_empty() { 0 } else { count }))
}

fn replace(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (old, new) = (take_str(args, 0), take_str(args, 1));
    let source = take_str(args, 2);
    if old == new {
        return Ok(Value::Str(source));
    }
    let count = if old.is_empty() { utf8::count(&source) + 1 } else { memmem::find_iter(&source, &old[..]).count() };
    if count == 0 {
        return Ok(Value::Str(source));
    }
    let len = check_len(new.len().checked_mul(count).and_then(|n| n.checked_add(source.len())))?;
    let mut out = Vec::with_capacity(len - (count * old.len()).min(len));
    if old.is_empty() {
        // Before each rune and at the end.
        let mut rest = &source[..];
        for (_, width) in utf8::runes(&source) {
            out.extend_from_slice(&new);
            out.extend_from_slice(&rest[..width]);
            rest = &rest[width..];
        }
        out.extend_from_slice(&new);
    } else {
        let mut from = 0;
        for at in memmem::find_iter(&source, &old[..]) {
            out.extend_from_slice(&source[from..at]);
            out.extend_from_slice(&new);
            from = at + old.len();
        }
        out.extend_from_slice(&source[from..]);
    }
    text(out)
}

/// `strings.SplitN`: an empty separator splits into runes; a negative count
/// has no limit, nought gives nothing.
pub(super) fn split_text<'a>(s: &'a [u8], sep: &[u8], count: i64) -> Result<Vec<&'a [u8]>, FuncError> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = s;
    if limit == 0 || sep.is_empty() && s.is_empty() {
        return Ok(parts);
    }
    while parts.len() < limit - 1 {
        if parts.len() >= MAX_LIST_ITEMS {
            return Err(too_many());
        }
        let (part, after) = if sep.is_empty() {
            let (_, width) = utf8::decode(rest);
            if width == rest.len() {
                break;
            }
            rest.split_at(width)
        } else {
            let Some(at) = memmem::find(rest, sep) else { break };
            (&rest[..at], &rest[at + sep.len()..])
        };
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    Ok(parts)
}

/// The error of a list that would grow past the limit.
pub(super) fn too_many() -> FuncError {
    FuncError::error(format!("result has more than {MAX_LIST_ITEMS} items"))
}

/// The parts as a map with the keys `_0`, `_1` and so on.
fn numbered(parts: Vec<&[u8]>) -> FuncResult {
    let map = Map::of_type(MapType::String);
    for (i, part) in parts.into_iter().enumerate() {
        map.insert(format!("_{i}"), Value::str(part));
    }
    Ok(Value::Map(map))
}

fn join(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let sep = take_str(args, 0);
    let list = take(args, 1);
    let parts = strings_of(list, cx.compat)?;
    if let [only] = parts.as_slice() {
        return Ok(Value::Str(only.clone()));
    }
    let total = parts.iter().try_fold(0usize, |n, p| n.checked_add(p.len() + sep.len()));
    let mut out = Vec::with_capacity(check_len(total)?);
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(&sep);
        }
        out.extend_from_slice(part);
    }
    text(out)
}

/// The library behind `initials` and `nospace` takes each byte for a rune.
fn bytes_as_runes(s: &[u8]) -> impl Iterator<Item = char> + '_ {
    s.iter().map(|&b| char::from(b))
}

fn initials(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut out = Vec::new();
    let mut gap = true;
    for c in bytes_as_runes(bytes(args, 0)) {
        let space = unicode::is_space(c);
        if !space && gap {
            utf8::push(&mut out, c);
        }
        gap = space;
    }
    text(out)
}

fn nospace(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let s = take_str(args, 0);
    if !bytes_as_runes(&s).any(unicode::is_space) {
        return Ok(Value::Str(s));
    }
    // Bytes beyond ASCII become two, each time.
    check_len(s.len().checked_mul(2))?;
    let mut out = Vec::with_capacity(s.len());
    bytes_as_runes(&s).filter(|&c| !unicode::is_space(c)).for_each(|c| utf8::push(&mut out, c));
    text(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        let split = |s: &str, sep: &str, n| -> Vec<String> {
            let parts = split_text(s.as_bytes(), sep.as_bytes(), n).unwrap();
            parts.into_iter().map(|p| String::from_utf8(p.to_vec()).unwrap()).collect()
        };
        assert_eq!(split("a,b,c", ",", -1), ["a", "b", "c"]);
        assert_eq!(split("a,b,c", ",", 2), ["a", "b,c"]);
        assert_eq!(split("a,b", ",", 1), ["a,b"]);
        assert_eq!(split("aé", "", -1), ["a", "é"]);
        assert_eq!(split("abc", "", 2), ["a", "bc"]);
        assert_eq!(split("", ",", -1), [""]);
        assert!(split("", "", -1).is_empty());
        assert!(split("a", ",", 0).is_empty());
    }

    #[test]
    fn indents() {
        assert_eq!(indented(2, b"a\nb\n", true).unwrap(), b"\n  a\n  b\n  ");
        assert!(matches!(indented(-1, b"", false), Err(FuncError::Panic(_))));
        assert!(matches!(indented(i64::MAX, b"a\n", false), Err(FuncError::Error(_))));
    }

    #[test]
    fn abbreviations() {
        assert_eq!(abbreviate(b"Hello world", 0, 8), b"Hello...");
        assert_eq!(abbreviate(b"1234 5678 9123", 5, 10), b"...5678...");
        assert_eq!(abbreviate(b"1234 5678 9123", 9, 10), b"...78 9123");
        assert_eq!(abbreviate(b"abc", i64::MIN, 9), b"abc");
    }
}
