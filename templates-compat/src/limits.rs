//! How far a template may make a value grow. Go has no such limits: it would
//! swell until the machine has no memory left, or end the process.

/// The longest text that one function makes, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// The longest list that one function makes.
pub const MAX_LIST_ITEMS: usize = 1 << 20;

/// How deep maps and lists may be nested where a function walks them.
pub const MAX_DEPTH: usize = 2_000;
