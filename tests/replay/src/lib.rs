//! One function for each fuzz target: it takes any bytes, and what it asserts
//! holds for all of them.
//!
//! Knows nothing of a fuzzer: `fuzz` calls it with what libFuzzer makes up,
//! this crate's test with the inputs that are kept in `fuzz/seeds`.

#![allow(clippy::panic, reason = "what fuzz targets do when something does not hold")]

pub mod archive;
mod nowhere;
pub mod release;
pub mod template;
pub mod text;
pub mod values;
pub mod yaml;

/// The body of a target.
pub type Body = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Body); 6] = [
    ("archive", archive::archive),
    ("release", release::release),
    ("template", template::template),
    ("text", text::text),
    ("values", values::values),
    ("yaml", yaml::yaml),
];
