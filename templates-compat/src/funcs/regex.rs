//! The regular expression functions. Those with `must` return an error for a
//! bad pattern where the others panic.

use std::cell::RefCell;
use std::sync::Arc;

use super::args::{check_len, text};
use crate::compat::Compat;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::regexp::{Regexp, SyntaxError, quote_meta};
use crate::value::{Elem, List, Value};

const STR: Param = Param::Str;

const fn func(
    name: &'static str,
    params: &'static [Param],
    result: Param,
    call: fn(&Cx<'_>, &mut [Value]) -> FuncResult,
) -> Func {
    Func { name, params, variadic: false, result, call }
}

pub(crate) const FUNCS: &[Func] = &[
    func("mustRegexFind", &[STR, STR], STR, |cx, args| find(&*must(cx, args)?, args)),
    func("mustRegexFindAll", &[STR, STR, Param::Int], Param::StrList, |cx, args| find_all(&*must(cx, args)?, args)),
    func("mustRegexMatch", &[STR, STR], Param::Bool, |cx, args| {
        Ok(Value::Bool(must(cx, args)?.is_match(bytes(args, 1))))
    }),
    func("mustRegexReplaceAll", &[STR, STR, STR], STR, |cx, args| replace(&*must(cx, args)?, args)),
    func("mustRegexReplaceAllLiteral", &[STR, STR, STR], STR, |cx, args| replace_literal(&*must(cx, args)?, args)),
    func("mustRegexSplit", &[STR, STR, Param::Int], Param::StrList, |cx, args| split(&*must(cx, args)?, args)),
    func("regexFind", &[STR, STR], STR, |cx, args| find(&*panicking(cx, args)?, args)),
    func("regexFindAll", &[STR, STR, Param::Int], Param::StrList, |cx, args| find_all(&*panicking(cx, args)?, args)),
    func("regexMatch", &[STR, STR], Param::Bool, |cx, args| {
        // The one that swallows what is wrong with the pattern.
        let matches = must(cx, args).is_ok_and(|regexp| regexp.is_match(bytes(args, 1)));
        Ok(Value::Bool(matches))
    }),
    func("regexQuoteMeta", &[STR], STR, |_, args| Ok(Value::str(quote_meta(bytes(args, 0))))),
    func("regexReplaceAll", &[STR, STR, STR], STR, |cx, args| replace(&*panicking(cx, args)?, args)),
    func("regexReplaceAllLiteral", &[STR, STR, STR], STR, |cx, args| replace_literal(&*panicking(cx, args)?, args)),
    func("regexSplit", &[STR, STR, Param::Int], Param::StrList, |cx, args| split(&*panicking(cx, args)?, args)),
];

fn bytes(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

fn int(args: &[Value], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(int)) => int.value,
        _ => 0,
    }
}

fn must(cx: &Cx<'_>, args: &[Value]) -> Result<Arc<Regexp>, FuncError> {
    compiled(bytes(args, 0), cx.compat).map_err(|e| FuncError::error(e.to_string()))
}

fn panicking(cx: &Cx<'_>, args: &[Value]) -> Result<Arc<Regexp>, FuncError> {
    let pattern = bytes(args, 0);
    compiled(pattern, cx.compat).map_err(|e| FuncError::panic(e.must_compile_text(pattern, cx.compat)))
}

/// How many patterns a thread remembers: those of one chart are few, and
/// compiling one takes longer than most searches.
const REMEMBERED: usize = 32;

/// The longest pattern that is remembered, in bytes.
const MAX_REMEMBERED_PATTERN: usize = 256;

/// Patterns that were compiled before, and which of them goes next.
#[derive(Default)]
struct Memory {
    patterns: Vec<(Box<[u8]>, Compat, Arc<Regexp>)>,
    next: usize,
}

thread_local! {
    /// Rendering has a thread of its own, so this ends with it.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

fn compiled(pattern: &[u8], compat: Compat) -> Result<Arc<Regexp>, SyntaxError> {
    MEMORY.with_borrow_mut(|memory| {
        let known = memory.patterns.iter().find(|(known, c, _)| **known == *pattern && *c == compat);
        if let Some((_, _, regexp)) = known {
            return Ok(regexp.clone());
        }
        let regexp = Arc::new(Regexp::compile(pattern, compat)?);
        if pattern.len() <= MAX_REMEMBERED_PATTERN && regexp.is_small() {
            let entry = (pattern.into(), compat, regexp.clone());
            let at = memory.next % REMEMBERED;
            match memory.patterns.get_mut(at) {
                Some(old) => *old = entry,
                None => memory.patterns.push(entry),
            }
            memory.next = at + 1;
        }
        Ok(regexp)
    })
}

fn find(regexp: &Regexp, args: &[Value]) -> FuncResult {
    Ok(Value::str(regexp.find(bytes(args, 1))))
}

fn find_all(regexp: &Regexp, args: &[Value]) -> FuncResult {
    Ok(strings(regexp.find_all(bytes(args, 1), int(args, 2))))
}

fn split(regexp: &Regexp, args: &[Value]) -> FuncResult {
    Ok(strings(regexp.split(bytes(args, 1), int(args, 2))))
}

fn strings(parts: Option<Vec<&[u8]>>) -> Value {
    match parts {
        Some(parts) => Value::strings(parts),
        None => Value::List(List::nil(Elem::String)),
    }
}

fn replace(regexp: &Regexp, args: &[Value]) -> FuncResult {
    checked(regexp.replace_all(bytes(args, 1), bytes(args, 2)))
}

fn replace_literal(regexp: &Regexp, args: &[Value]) -> FuncResult {
    checked(regexp.replace_all_literal(bytes(args, 1), bytes(args, 2)))
}

fn checked(out: Vec<u8>) -> FuncResult {
    check_len(Some(out.len()))?;
    text(out)
}
