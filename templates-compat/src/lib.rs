#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod apart;
pub mod cast;
pub mod compat;
pub mod func;
mod funcs;
pub mod gofmt;
pub mod gotime;
pub mod host;
pub mod json;
pub mod limits;
pub mod neturl;
mod pki;
pub mod regexp;
pub mod semver;
mod template;
pub mod toml;
pub mod value;
pub mod yaml;

pub use apart::Apart;
pub use compat::Compat;
pub use func::{Cx, Func, FuncError, FuncResult, Param};
pub use funcs::functions;
pub use host::{Host, LetPass, Seed, Seeded};
pub use template::{
    Error, Limits, Options, Parsed, TemplateSet, Trace, go_on, with_deep_stack, with_room, with_stack_of,
};
pub use value::{GoType, Int, IntKind, List, Map, Object, Str, Value};
