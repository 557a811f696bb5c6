//! Go strings: shared, immutable bytes.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A Go string: bytes that are usually, but not always, UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
    /// Most strings are names and short values: they need no memory elsewhere.
    Inline(u8, [u8; INLINE]),
}

/// The longest string that is kept in place: what fits beside the others.
const INLINE: usize = 22;

impl Str {
    /// A string that lives in the program; no allocation.
    pub const fn from_static(text: &'static str) -> Self {
        Str(Repr::Static(text.as_bytes()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The text, with U+FFFD for what is not UTF-8. For messages and for
    /// functions that are defined on text only.
    pub fn to_text(&self) -> Cow<'_, str> {
        // Faster than the lossy way alone, which looks at every character.
        match self.as_utf8() {
            Some(text) => Cow::Borrowed(text),
            None => String::from_utf8_lossy(self.as_bytes()),
        }
    }

    /// The text if it is UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl Repr {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Repr::Static(bytes) => bytes,
            Repr::Shared(bytes) => bytes,
            Repr::Inline(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
        }
    }

    /// The bytes in place, if they are few enough.
    #[inline]
    fn inline(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Repr::Inline(text.len() as u8, bytes))
    }
}

impl PartialEq for Repr {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}
impl Eq for Repr {}
impl PartialOrd for Repr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Repr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes().cmp(other.bytes())
    }
}
impl std::hash::Hash for Repr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl Default for Str {
    fn default() -> Self {
        Str::from_static("")
    }
}

impl Deref for Str {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for Str {
    fn from(s: &str) -> Self {
        Str::from(s.as_bytes())
    }
}
impl From<String> for Str {
    fn from(s: String) -> Self {
        Str::from(s.into_bytes())
    }
}
impl From<&[u8]> for Str {
    fn from(s: &[u8]) -> Self {
        Str(Repr::inline(s).unwrap_or_else(|| Repr::Shared(Arc::from(s))))
    }
}
impl From<Vec<u8>> for Str {
    fn from(s: Vec<u8>) -> Self {
        Str(Repr::inline(&s).unwrap_or_else(|| Repr::Shared(Arc::from(s))))
    }
}
impl From<Cow<'_, str>> for Str {
    fn from(s: Cow<'_, str>) -> Self {
        Str::from(s.as_ref())
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}
impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_length_are_themselves() {
        for length in 0..3 * INLINE {
            let text = "x".repeat(length);
            let all = [Str::from(text.as_str()), Str::from(text.clone()), Str::from(text.as_bytes().to_vec())];
            assert!(all.iter().all(|one| one.as_bytes() == text.as_bytes() && *one == all[0]), "{length}");
        }
        assert_eq!(size_of::<Str>(), 24);
        assert_eq!(size_of::<crate::Value>(), 24);
    }
}
