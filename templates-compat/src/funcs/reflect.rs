//! Types and equality as Go's reflection sees them.

use std::collections::HashSet;
use std::sync::Arc;

use super::args::{bytes, fixed, take};
use crate::func::{Cx, Func, FuncError, Param};
use crate::limits::MAX_DEPTH;
use crate::value::Value;

const ANY: &[Param] = &[Param::Any];
const STR_ANY: &[Param] = &[Param::Str, Param::Any];

pub(crate) const FUNCS: &[Func] = &[
    fixed("typeOf", ANY, Param::Str, |cx, a| Ok(Value::str(take(a, 0).type_name(cx.compat)))),
    fixed("typeIs", STR_ANY, Param::Bool, |cx, a| {
        let name = take(a, 1).type_name(cx.compat);
        Ok(Value::Bool(bytes(a, 0) == name.as_bytes()))
    }),
    fixed("typeIsLike", STR_ANY, Param::Bool, |cx, a| {
        let name = take(a, 1).type_name(cx.compat);
        let wanted = bytes(a, 0);
        Ok(Value::Bool(wanted == name.as_bytes() || name.as_bytes().strip_prefix(b"*") == Some(wanted)))
    }),
    fixed("kindOf", ANY, Param::Str, |_, a| Ok(Value::str(take(a, 0).kind().name()))),
    fixed("kindIs", STR_ANY, Param::Bool, |_, a| {
        let kind = take(a, 1).kind();
        Ok(Value::Bool(bytes(a, 0) == kind.name().as_bytes()))
    }),
    fixed("deepEqual", &[Param::Any, Param::Any], Param::Bool, |cx, a| {
        Ok(Value::Bool(deep_equal(cx, &take(a, 0), &take(a, 1))?))
    }),
];

/// `reflect.DeepEqual`: same Go type and same content.
pub(super) fn deep_equal(cx: &Cx<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    let mut comparison = Comparison { cx, seen: HashSet::new(), stopped: None };
    let equal = comparison.equal(a, b, 0);
    comparison.stopped.map_or(Ok(equal), Err)
}

struct Comparison<'c> {
    cx: &'c Cx<'c>,
    /// Pairs of maps that are being, or have been, compared. As in Go they
    /// are taken as equal when they come up again: so a map that holds itself
    /// ends, and shared parts are not compared over and over.
    seen: HashSet<(usize, usize)>,
    /// Why it was given up.
    stopped: Option<FuncError>,
}

/// How much text is compared in the time of one step.
const TEXT_OF_A_STEP: usize = 1024;

/// Pairs nearer to the top than this are not remembered: most values are flat.
const REMEMBER_FROM: usize = 6;

impl Comparison<'_> {
    fn equal(&mut self, a: &Value, b: &Value, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return true;
        }
        let text = if let Value::Str(text) = a { text.len() / TEXT_OF_A_STEP } else { 0 };
        if let Err(error) = self.cx.spend(1 + text as u64) {
            self.stopped = Some(error);
            return false;
        }
        match (a, b) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Complex(a), Value::Complex(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                let alike = a.elem() == b.elem() && a.len() == b.len() && a.is_nil() == b.is_nil();
                alike && {
                    let (a, b) = (a.as_slice(), b.as_slice());
                    let pair = (a.as_ptr().addr(), b.as_ptr().addr());
                    // The very same slice is equal even where it holds a NaN.
                    a.is_empty()
                        || pair.0 == pair.1
                        || self.known(pair, depth)
                        || a.iter().zip(b).all(|(a, b)| self.equal(a, b, depth + 1))
                }
            }
            (Value::Map(a), Value::Map(b)) => {
                let alike = a.map_type() == b.map_type() && a.len() == b.len();
                alike
                    && (a.is_same(b)
                        || self.known((a.address(), b.address()), depth)
                        || a.snapshot().iter().all(|(key, a)| b.get(key).is_some_and(|b| self.equal(a, &b, depth + 1))))
            }
            (Value::Object(a), Value::Object(b)) => {
                Arc::ptr_eq(a, b)
                    || a.type_name(Default::default()) == b.type_name(Default::default())
                        && a.to_go_string() == b.to_go_string()
                        && {
                            let (a, b) = (a.fields(), b.fields());
                            a.len() == b.len() && a.iter().zip(&b).all(|((_, a), (_, b))| self.equal(a, b, depth + 1))
                        }
            }
            _ => false,
        }
    }

    fn known(&mut self, pair: (usize, usize), depth: usize) -> bool {
        depth >= REMEMBER_FROM && !self.seen.insert(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, seeded};
    use super::*;
    use crate::value::{Int, IntKind, Map};

    fn deep_equal(a: &Value, b: &Value) -> bool {
        let result = call(FUNCS, "deepEqual", &[a.clone(), b.clone()], &seeded(1));
        matches!(result, Ok(Value::Bool(true)))
    }

    #[test]
    fn equality() {
        let one = Value::int(1);
        assert!(!deep_equal(&one, &Value::Int(Int { value: 1, kind: IntKind::Int64 })));
        assert!(!deep_equal(&one, &Value::Float(1.0)));
        assert!(deep_equal(&Value::list(vec![one.clone()]), &Value::list(vec![one.clone()])));
        assert!(!deep_equal(&Value::list(vec![Value::str("a")]), &Value::strings(["a"])));
        assert!(!deep_equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
    }

    #[test]
    fn maps_that_hold_themselves() {
        let make = || {
            let map = Map::new();
            map.insert("self", Value::Map(map.clone()));
            Value::Map(map)
        };
        assert!(deep_equal(&make(), &make()));
    }
}
