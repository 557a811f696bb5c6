//! `*semver.Version` as templates see it: its methods.

use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::Version;
use crate::compat::Compat;
use crate::func::{Cx, FuncError, FuncResult, Param};
use crate::value::{Elem, GoType, Int, IntKind, List, Method, Object, Value};

/// A version in a template.
#[derive(Debug, Clone)]
pub struct SemverObject {
    /// The version.
    pub version: Version,
    /// Whether this is a `*semver.Version` (what `semver` returns) or a plain
    /// struct (what `IncMajor` and its like return), which has fewer methods.
    pub pointer: bool,
}

impl SemverObject {
    /// The value that `semver` returns.
    pub fn pointer(version: Version) -> Value {
        Value::Object(Arc::new(SemverObject { version, pointer: true }))
    }

    fn plain(version: Version) -> Value {
        Value::Object(Arc::new(SemverObject { version, pointer: false }))
    }
}

/// The body of a method.
type Body = fn(&Cx<'_>, &Version, &[Value]) -> FuncResult;

impl Object for SemverObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed(if self.pointer { "*semver.Version" } else { "semver.Version" })
    }

    fn kind(&self) -> GoType {
        if self.pointer { GoType::Ptr } else { GoType::Struct }
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        match name {
            b"Original" | b"Compare" | b"Equal" | b"LessThan" | b"LessThanEqual" | b"GreaterThan"
            | b"GreaterThanEqual"
                if !self.pointer =>
            {
                None
            }
            _ => method(name),
        }
    }

    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        self.version.printed_fields()
    }

    fn to_go_string(&self) -> Option<String> {
        Some(self.version.to_string())
    }

    fn to_json_value(&self) -> Option<Value> {
        Some(Value::str(self.version.to_string()))
    }

    fn deep_copy(&self) -> Option<Value> {
        Some(Value::Object(Arc::new(SemverObject { version: Version::default(), pointer: self.pointer })))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Wraps a body as the evaluator wants it.
macro_rules! method {
    ($params:expr, $result:expr, $body:expr) => {
        Method {
            params: $params,
            variadic: false,
            result: $result,
            call: |cx, receiver, args| {
                let body: Body = $body;
                match receiver.as_any().downcast_ref::<SemverObject>() {
                    Some(object) => body(cx, &object.version, args),
                    None => Err(FuncError::panic("not a semver.Version")),
                }
            },
        }
    };
}

fn method(name: &[u8]) -> Option<Method> {
    Some(match name {
        b"Major" => method!(&[], Param::Any, |_, v, _| Ok(uint64(v.major()))),
        b"Minor" => method!(&[], Param::Any, |_, v, _| Ok(uint64(v.minor()))),
        b"Patch" => method!(&[], Param::Any, |_, v, _| Ok(uint64(v.patch()))),
        b"Prerelease" => method!(&[], Param::Str, |_, v, _| Ok(Value::str(v.prerelease()))),
        b"Metadata" => method!(&[], Param::Str, |_, v, _| Ok(Value::str(v.metadata()))),
        b"Original" => method!(&[], Param::Str, |_, v, _| Ok(Value::str(v.original()))),
        b"String" => method!(&[], Param::Str, |_, v, _| Ok(Value::str(v.to_string()))),
        b"Value" => method!(&[], Param::Any, |_, v, _| Ok(Value::str(v.to_string()))),
        b"MarshalText" => method!(&[], Param::Any, |_, v, _| Ok(bytes(&v.to_string()))),
        b"MarshalJSON" => method!(&[], Param::Any, |_, v, _| Ok(bytes(&format!("\"{v}\"")))),
        b"IncPatch" => method!(&[], Param::Semver, |cx, v, _| plain(v.inc_patch(cx.compat))),
        b"IncMinor" => method!(&[], Param::Semver, |cx, v, _| plain(v.inc_minor(cx.compat))),
        b"IncMajor" => method!(&[], Param::Semver, |cx, v, _| plain(v.inc_major(cx.compat))),
        b"SetPrerelease" => method!(&[Param::Str], Param::Semver, |_, v, args| {
            let next = v.with_prerelease(text(args)).map_err(|e| FuncError::error(e.to_string()))?;
            Ok(SemverObject::plain(next))
        }),
        b"SetMetadata" => method!(&[Param::Str], Param::Semver, |_, v, args| {
            let next = v.with_metadata(text(args)).map_err(|e| FuncError::error(e.to_string()))?;
            Ok(SemverObject::plain(next))
        }),
        b"Compare" => {
            method!(&[Param::Semver], Param::Int, |_, v, args| Ok(Value::int(order(v, args)? as i64)))
        }
        b"Equal" => method!(&[Param::Semver], Param::Bool, |_, v, args| match args.first() {
            Some(Value::Nil) => Ok(Value::Bool(false)),
            _ => Ok(Value::Bool(order(v, args)? == Ordering::Equal)),
        }),
        b"LessThan" => {
            method!(&[Param::Semver], Param::Bool, |_, v, args| Ok(Value::Bool(order(v, args)?.is_lt())))
        }
        b"LessThanEqual" => {
            method!(&[Param::Semver], Param::Bool, |_, v, args| Ok(Value::Bool(order(v, args)?.is_le())))
        }
        b"GreaterThan" => {
            method!(&[Param::Semver], Param::Bool, |_, v, args| Ok(Value::Bool(order(v, args)?.is_gt())))
        }
        b"GreaterThanEqual" => {
            method!(&[Param::Semver], Param::Bool, |_, v, args| Ok(Value::Bool(order(v, args)?.is_ge())))
        }
        _ => return None,
    })
}

fn uint64(number: u64) -> Value {
    Value::Int(Int { value: number as i64, kind: IntKind::Uint64 })
}

fn bytes(text: &str) -> Value {
    let items = text.bytes().map(|b| Value::Int(Int { value: i64::from(b), kind: IntKind::Uint8 })).collect();
    Value::List(List::new(Elem::Byte, items))
}

fn plain(next: Result<Version, String>) -> FuncResult {
    next.map(SemverObject::plain).map_err(FuncError::Panic)
}

fn text(args: &[Value]) -> &[u8] {
    args.first().and_then(Value::as_bytes).unwrap_or_default()
}

/// The order against the one argument; Go's panic when that is nil.
fn order(version: &Version, args: &[Value]) -> Result<Ordering, FuncError> {
    let other = match args.first() {
        Some(Value::Object(object)) => object.as_any().downcast_ref::<SemverObject>(),
        _ => None,
    };
    match other {
        Some(other) => Ok(version.compare(&other.version)),
        None => Err(FuncError::panic("runtime error: invalid memory address or nil pointer dereference")),
    }
}
