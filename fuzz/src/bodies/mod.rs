//! One function a target: it takes any bytes, and what it asserts holds for
//! all of them.

pub mod archive;
pub mod release;
pub mod template;
pub mod text;
pub mod values;
pub mod yaml;
