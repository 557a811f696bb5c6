//! The contract between the evaluator and the template functions: a Go-like
//! signature and a plain Rust function behind it.
//!
//! The evaluator checks the number of arguments and converts each argument to
//! its parameter's type with Go's own error texts before it calls; so a
//! function gets exactly the kinds that its signature names.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::compat::Compat;
use crate::host::Host;
use crate::template::Trace;
use crate::value::Value;

/// What a parameter or result is declared as in Go.
///
/// A nil for a map or slice parameter arrives as the nil map or nil slice of
/// that type, for a pointer as [`Value::Nil`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// `interface {}`
    Any,
    /// `string`
    Str,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint32`
    Uint32,
    /// `float64`
    Float64,
    /// `[]interface {}`
    AnyList,
    /// `[]string`
    StrList,
    /// `[]int`
    IntList,
    /// `[]float64`
    FloatList,
    /// `[][]interface {}`
    AnyListList,
    /// `map[string]interface {}`
    Map,
    /// `map[string]string`
    StrMap,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `sprig.certificate`
    Certificate,
    /// `*semver.Version`
    Semver,
    /// `reflect.Value` (Go's own builtins such as `index`, `eq` and `len`)
    Reflect,
}

/// Why a function did not return a value.
#[derive(Debug, Clone)]
pub enum FuncError {
    /// The function returned an error; the evaluator wraps it as
    /// `error calling NAME: TEXT`.
    Error(String),
    /// The function panicked in Go; `text/template` catches it and shows
    /// `error calling NAME: TEXT` as well. Kept apart because a few callers
    /// (Helm's own recover) treat it differently.
    Panic(String),
    /// An execution error of a template that the evaluator itself ran for
    /// `include` or `tpl`.
    Exec(Box<Trace>),
}

/// The result of a call.
pub type FuncResult = Result<Value, FuncError>;

impl FuncError {
    /// An error value with this text.
    pub fn error(text: impl Into<String>) -> Self {
        FuncError::Error(text.into())
    }

    /// A Go panic with this text.
    pub fn panic(text: impl Into<String>) -> Self {
        FuncError::Panic(text.into())
    }
}

/// What a function may look at beside its arguments.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// Which Helm is reproduced.
    pub compat: Compat,
    /// `helm lint`: `required` and `fail` let everything pass.
    pub lint: bool,
    /// The world outside.
    pub host: &'a dyn Host,
    /// How many steps the render of the file may still take.
    pub(crate) steps: &'a AtomicU64,
}

impl Cx<'_> {
    /// Takes steps from what the render of the file may still take: for work
    /// that the size of arguments and result does not tell, about a step for
    /// each part of a value that is looked at.
    ///
    /// # Errors
    /// That there are not so many left.
    pub fn spend(&self, steps: u64) -> Result<(), FuncError> {
        // One thread has it at a time: where a stack ends, another goes on.
        match self.steps.load(Ordering::Relaxed).checked_sub(steps) {
            Some(left) => {
                self.steps.store(left, Ordering::Relaxed);
                Ok(())
            }
            None => Err(FuncError::error(TOO_MANY_STEPS)),
        }
    }
}

/// What the error says.
pub(crate) const TOO_MANY_STEPS: &str = "the template takes too many steps";

/// One entry of the function table.
#[derive(Clone, Copy)]
pub struct Func {
    /// The name in templates.
    pub name: &'static str,
    /// The declared parameters; with `variadic`, the last one is the slice's
    /// *element* type and may be given any number of times, also never.
    pub params: &'static [Param],
    /// Whether the last parameter repeats.
    pub variadic: bool,
    /// The declared result (decides between the static types `interface {}`
    /// and a concrete one in later error texts).
    pub result: Param,
    /// The body. `args` are checked and converted; it may take them out.
    pub call: fn(&Cx<'_>, &mut [Value]) -> FuncResult,
}

impl std::fmt::Debug for Func {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Func").field("name", &self.name).finish_non_exhaustive()
    }
}
