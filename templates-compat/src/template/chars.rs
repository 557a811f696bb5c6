//! What the lexer asks about characters.

use crate::compat::Compat;
use crate::gofmt::unicode;

/// The letters, digits and the underscore of ASCII.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// How many bytes the text begins with that are letters and digits of ASCII.
#[inline]
pub(super) fn word_length(text: &[u8]) -> usize {
    text.iter().position(|byte| !WORD[usize::from(*byte)]).unwrap_or(text.len())
}

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
