//! What the lexer asks about characters.

use crate::compat::Compat;
use crate::gofmt::unicode;

/// Whether the character may stand in a name: Go's letters and digits and
/// the underscore.
pub(super) fn is_alphanumeric(rune: char, compat: Compat) -> bool {
    if rune.is_ascii() {
        return rune == '_' || rune.is_ascii_alphanumeric();
    }
    unicode::is_letter(rune, compat) || unicode::is_digit(rune, compat)
}

/// The character as Go's `%#U` shows it: `U+0041 'A'`.
pub(super) fn code_point(rune: char, compat: Compat) -> String {
    let code = format!("U+{:04X}", u32::from(rune));
    if unicode::is_print(rune, compat) { format!("{code} '{rune}'") } else { code }
}
