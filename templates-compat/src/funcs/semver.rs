//! `semver` and `semverCompare`.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::semver::{Constraints, SemverError, SemverObject, Version};
use crate::value::Value;

pub(crate) const FUNCS: &[Func] = &[
    Func { name: "semver", params: &[Param::Str], variadic: false, result: Param::Semver, call: semver },
    Func {
        name: "semverCompare",
        params: &[Param::Str, Param::Str],
        variadic: false,
        result: Param::Bool,
        call: semver_compare,
    },
];

fn bytes(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

fn error(error: SemverError) -> FuncError {
    FuncError::error(error.to_string())
}

fn semver(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    Version::parse(bytes(args, 0), cx.compat).map(SemverObject::pointer).map_err(error)
}

fn semver_compare(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let constraints = Constraints::parse(bytes(args, 0), cx.compat).map_err(error)?;
    let version = Version::parse(bytes(args, 1), cx.compat).map_err(error)?;
    Ok(Value::Bool(constraints.check(&version)))
}
