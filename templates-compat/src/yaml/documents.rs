//! Splits a stream at its `---` lines before anything is parsed, as the
//! reader of Kubernetes' API machinery does.

use std::borrow::Cow;

use super::YamlError;

/// The documents of a stream; see [`documents`].
#[derive(Debug, Clone)]
pub struct Documents<'a> {
    rest: &'a [u8],
}

/// Splits a stream into its documents at lines that start with `---`; the
/// parts are not parsed. A part ends with a newline even if the stream does
/// not. A `---` before anything else stays in its part.
///
/// # Errors
/// A part is an error if something other than a comment stands after `---`.
pub fn documents(bytes: &[u8]) -> Documents<'_> {
    Documents { rest: bytes }
}

impl<'a> Iterator for Documents<'a> {
    type Item = Result<Cow<'a, [u8]>, YamlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let line = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..=end]);
            if let Some(after) = line.strip_prefix(b"---") {
                // Go trims Unicode's spaces here; in bytes these are enough.
                let after = String::from_utf8_lossy(after);
                let after = after.trim();
                if !after.is_empty() && !after.starts_with('#') {
                    return Some(Err(YamlError::new(format!("invalid Yaml document separator: {after}"))));
                }
                if at > 0 {
                    self.rest = &bytes[at + line.len()..];
                    return Some(Ok(Cow::Borrowed(&bytes[..at])));
                }
            }
            at += line.len();
        }
        match bytes.last() {
            None => None,
            Some(b'\n') => Some(Ok(Cow::Borrowed(bytes))),
            Some(_) => Some(Ok(Cow::Owned([bytes, b"\n"].concat()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::documents;

    fn parts(text: &str) -> Vec<String> {
        documents(text.as_bytes())
            .map(|d| d.map_or_else(|e| format!("! {e}"), |d| String::from_utf8_lossy(&d).into_owned()))
            .collect()
    }

    #[test]
    fn separators_are_dropped_except_the_first() {
        assert_eq!(parts("a: 1\n---\nb: 2"), ["a: 1\n", "b: 2\n"]);
        assert_eq!(parts("---\na: 1\n--- # c\n"), ["---\na: 1\n"]);
        assert_eq!(parts("---\n---\na: 1\n"), ["---\n", "a: 1\n"]);
        assert_eq!(parts(""), [""; 0]);
    }

    #[test]
    fn text_after_a_separator_is_an_error() {
        assert_eq!(parts("a: 1\n--- b\nc: 1\n"), ["! invalid Yaml document separator: b"]);
    }
}
