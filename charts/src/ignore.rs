//! `.helmignore`: which files of a folder are not part of the chart. Its rules
//! look like Git's but are Helm's own: the first matching rule decides, and a
//! negated rule ignores everything that it does not match.

use crate::error::Error;
use crate::go_path::{base, match_path};

/// The file's name.
pub const FILE_NAME: &str = ".helmignore";

/// A list of rules.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    negate: bool,
    only_dirs: bool,
    /// Compare with the last element only, not the whole path.
    base_only: bool,
    /// What can be said of a name without reading the pattern as one.
    shape: Shape,
}

/// Most rules name one file, or all with one suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No character of the pattern means anything else.
    Literal,
    /// One star, and then literally what is left.
    Suffix,
    /// So many bytes stand literally at its beginning.
    Prefix(usize),
}

impl Shape {
    fn of(pattern: &str) -> Shape {
        let special = |text: &str| text.find(['*', '?', '[', '\\']);
        match (special(pattern), pattern.strip_prefix('*')) {
            (None, _) => Shape::Literal,
            (Some(_), Some(rest)) if special(rest).is_none() && !rest.contains('/') => Shape::Suffix,
            (Some(at), _) => Shape::Prefix(at),
        }
    }
}

impl Rule {
    fn fits(&self, subject: &str) -> bool {
        match self.shape {
            Shape::Literal => self.pattern == subject,
            // The star stops at a slash, and after it none can follow.
            Shape::Suffix => {
                let rest = subject.strip_suffix(&self.pattern[1..]);
                rest.is_some_and(|rest| !rest.contains('/'))
            }
            Shape::Prefix(length) => {
                subject.as_bytes().starts_with(&self.pattern.as_bytes()[..length])
                    && match_path(&self.pattern, subject).unwrap_or(false)
            }
        }
    }
}

impl Rules {
    /// Reads a file's content, and adds the rule that is always there: no
    /// hidden files directly in `templates/`.
    ///
    /// # Errors
    /// A pattern with `**` or that is not well formed.
    pub fn parse(content: &[u8]) -> Result<Rules, Error> {
        let mut rules = Rules::default();
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        for line in String::from_utf8_lossy(content).lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    /// Only the rule that is always there.
    pub fn defaults() -> Rules {
        Rules::parse(b"").unwrap_or_default()
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.contains("**") {
            return Err(Error::chart("double-star (**) syntax is not supported"));
        }
        match_path(line, "abc").map_err(|e| Error::chart(e.to_string()))?;
        let (negate, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (only_dirs, pattern) = pattern.strip_suffix('/').map_or((false, pattern), |rest| (true, rest));
        let (rooted, pattern) = pattern.strip_prefix('/').map_or((false, pattern), |rest| (true, rest));
        let base_only = !rooted && !pattern.contains('/');
        let shape = Shape::of(pattern);
        self.rules.push(Rule { pattern: pattern.to_string(), negate, only_dirs, base_only, shape });
        Ok(())
    }

    /// Whether a file or folder (by its path inside the chart) is left out.
    pub fn ignores(&self, path: &str, is_dir: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        let last = base(path);
        for rule in &self.rules {
            let subject = if rule.base_only { last } else { path };
            let fits = || rule.fits(subject);
            if rule.negate {
                if (rule.only_dirs && !is_dir) || !fits() {
                    return true;
                }
            } else if (is_dir || !rule.only_dirs) && fits() {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let rules = Rules::parse(b"\xEF\xBB\xBF# c\n\n*.bak\n/top.txt\ndocs/\na/*.md\n").unwrap();
        for (path, dir, want) in [
            ("x.bak", false, true),
            ("deep/x.bak", false, true),
            ("top.txt", false, true),
            ("a/top.txt", false, false),
            ("docs", true, true),
            ("docs", false, false),
            ("a/r.md", false, true),
            ("a/b/r.md", false, false),
            ("templates/.hidden", false, true),
            ("templates/x/.hidden", false, false),
            ("values.yaml", false, false),
        ] {
            assert_eq!(rules.ignores(path, dir), want, "{path}");
        }
    }

    #[test]
    fn shapes_say_what_the_pattern_says() {
        for pattern in ["a.txt", "*", "*.md", "*a*", "a/*.md", "*/b", "a?", "[ab].md", "a\\*", "", "/", "ä*", "*ä"] {
            let rule = Rule {
                pattern: pattern.into(),
                negate: false,
                only_dirs: false,
                base_only: false,
                shape: Shape::of(pattern),
            };
            for subject in ["a.txt", "a.md", ".md", "a/b.md", "a/b", "ab", "a", "a*", "b.md", "", "/", "ä", "aä", "a/ä"]
            {
                let want = match_path(pattern, subject).unwrap_or(false);
                assert_eq!(rule.fits(subject), want, "{pattern} {subject}");
            }
        }
    }

    #[test]
    fn negation_ignores_what_does_not_match() {
        let rules = Rules::parse(b"!*.yaml").unwrap();
        assert!(!rules.ignores("values.yaml", false));
        assert!(rules.ignores("README.md", false));
    }

    #[test]
    fn refused() {
        assert_eq!(Rules::parse(b"**/x").unwrap_err().text(), "double-star (**) syntax is not supported");
        assert_eq!(Rules::parse(b"a[").unwrap_err().text(), "syntax error in pattern");
    }
}
