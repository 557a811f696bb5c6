//! Which lines of a log a client wants: patterns that are matched here, so that
//! the others do not travel.
//!
//! Owns compiling the patterns and their limits.

use regex::bytes::{Regex, RegexBuilder};

use crate::protocol::{Error, logs::LogsRequest};

/// Longest compiled pattern, in bytes.
const COMPILED_MAX: usize = 1024 * 1024;

/// Patterns for lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    include: Option<Regex>,
    exclude: Option<Regex>,
}

impl Filter {
    /// The filter of a request.
    ///
    /// # Errors
    /// When a pattern is none, or too large.
    pub(super) fn new(request: &LogsRequest) -> Result<Self, Error> {
        let compile = |what: &str, pattern: &str| {
            if pattern.is_empty() {
                return Ok(None);
            }
            let built = RegexBuilder::new(pattern).size_limit(COMPILED_MAX).dfa_size_limit(COMPILED_MAX).build();
            built.map(Some).map_err(|error| Error::invalid(format!("{what} is no pattern: {error}")))
        };
        Ok(Filter { include: compile("include", &request.include)?, exclude: compile("exclude", &request.exclude)? })
    }

    /// Whether a line, without its timestamp and its end, is wanted.
    pub(super) fn wants(&self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.include.as_ref().is_none_or(|pattern| pattern.is_match(line))
            && !self.exclude.as_ref().is_some_and(|pattern| pattern.is_match(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_chosen_by_patterns() {
        let filter = |include: &str, exclude: &str| {
            let (include, exclude) = (include.to_owned(), exclude.to_owned());
            Filter::new(&LogsRequest { include, exclude, ..LogsRequest::default() })
        };
        let both = filter("^a", "z$").unwrap();
        let wanted: Vec<_> = ["ab\n", "az\n", "b\n", "a"].iter().map(|line| both.wants(line.as_bytes())).collect();
        assert_eq!(wanted, [true, false, false, true]);
        assert!(filter("", "").unwrap().wants(b"\xff"));
        assert!(filter("(", "").is_err());
        assert!(filter("(a{1000}){1000}", "").is_err());
    }
}
