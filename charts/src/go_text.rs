//! Go's `%q`, `%v` and `%t` for messages.

use templates_compat::{Compat, Value, gofmt};

/// Go's `%q` of a string.
pub(crate) fn quote(text: &str, compat: Compat) -> String {
    gofmt::quote::quote_text(text.as_bytes(), compat)
}

/// Go's `%q` of a rune.
pub(crate) fn quote_rune(c: char, compat: Compat) -> String {
    let mut out = Vec::new();
    gofmt::quote::append_quoted_rune(&mut out, c, false, compat);
    String::from_utf8_lossy(&out).into_owned()
}

/// Go's `%v`.
pub(crate) fn verb_v(value: &Value, compat: Compat) -> String {
    format(b"%v", value, compat)
}

/// Go's `%t`: only a boolean has one.
pub(crate) fn verb_t(value: &Value, compat: Compat) -> String {
    format(b"%t", value, compat)
}

/// One value in one format. What cannot be printed (nested beyond all sense)
/// is left out: these texts are messages.
fn format(format: &[u8], value: &Value, compat: Compat) -> String {
    let text = gofmt::sprintf(format, std::slice::from_ref(value), compat).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}
