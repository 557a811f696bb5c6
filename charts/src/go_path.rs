//! Paths as text, the way Go's `path` and `path/filepath` treat them on Unix.

/// A pattern that [`match_path`] cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPattern;

impl std::fmt::Display for BadPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("syntax error in pattern")
    }
}

impl std::error::Error for BadPattern {}

/// The last element; `.` for nothing and `/` for only slashes.
pub(crate) fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        (_, t) => t.rsplit('/').next().unwrap_or(t),
    }
}

/// The last element's suffix from its last dot on.
pub(crate) fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |dot| &name[dot..])
}

/// The shortest equal path: no `.`, no inner `..`, no double slash.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_string(),
        (false, false) => parts.join("/"),
    }
}

/// Two paths joined and cleaned; empty ones do not count.
pub(crate) fn join(a: &str, b: &str) -> String {
    match (a, b) {
        ("", "") => String::new(),
        ("", p) | (p, "") => clean(p),
        _ => clean(&format!("{a}/{b}")),
    }
}

/// Whether the whole of `name` fits a shell pattern; `*` and `?` do not match
/// a slash.
///
/// # Errors
/// The pattern is not well formed. As in Go, only what had to be looked at is
/// checked.
pub fn match_path(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let mut pattern = pattern.as_bytes();
    let mut name = name.as_bytes();
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        let last = pattern.is_empty();
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        match match_chunk(chunk, name)? {
            Some(left) if left.is_empty() || !last => {
                name = left;
                continue;
            }
            _ => {}
        }
        if !star {
            return Ok(false);
        }
        match skip_to(chunk, name, last)? {
            Some(left) => name = left,
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// Lets a star swallow one byte after the other until `chunk` fits.
fn skip_to<'n>(chunk: &[u8], name: &'n [u8], last: bool) -> Result<Option<&'n [u8]>, BadPattern> {
    for (i, byte) in name.iter().enumerate() {
        if *byte == b'/' {
            break;
        }
        match match_chunk(chunk, &name[i + 1..])? {
            Some(left) if left.is_empty() || !last => return Ok(Some(left)),
            _ => {}
        }
    }
    Ok(None)
}

/// The next piece: whether stars stand before it, the piece up to the next
/// star outside of brackets, and what follows.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|b| **b == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    let at = at.min(pattern.len());
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// What is left of `name` after a piece without stars, if the piece fits its
/// beginning. The rest of the piece is checked even when it does not.
fn match_chunk<'n>(mut chunk: &[u8], mut name: &'n [u8]) -> Result<Option<&'n [u8]>, BadPattern> {
    let mut failed = false;
    while let Some((&op, after)) = chunk.split_first() {
        failed = failed || name.is_empty();
        chunk = after;
        match op {
            b'[' => {
                let (c, size) = if failed { ('\0', 0) } else { decode(name) };
                name = &name[size..];
                let (fits, rest) = match_class(chunk, c)?;
                chunk = rest;
                failed = failed || !fits;
            }
            b'?' => {
                if !failed {
                    failed = name[0] == b'/';
                    name = &name[decode(name).1..];
                }
            }
            literal => {
                let literal = if literal == b'\\' {
                    let (&escaped, rest) = chunk.split_first().ok_or(BadPattern)?;
                    chunk = rest;
                    escaped
                } else {
                    literal
                };
                if !failed {
                    failed = literal != name[0];
                    name = &name[1..];
                }
            }
        }
    }
    Ok((!failed).then_some(name))
}

/// A class after its `[`: whether `c` is in it, and what follows the `]`.
fn match_class(mut class: &[u8], c: char) -> Result<(bool, &[u8]), BadPattern> {
    let negated = class.first() == Some(&b'^');
    if negated {
        class = &class[1..];
    }
    let mut fits = false;
    let mut ranges = 0;
    loop {
        if class.first() == Some(&b']') && ranges > 0 {
            return Ok((fits != negated, &class[1..]));
        }
        let (low, rest) = class_char(class)?;
        class = rest;
        let mut high = low;
        if class.first() == Some(&b'-') {
            (high, class) = class_char(&class[1..])?;
        }
        fits = fits || (low..=high).contains(&c);
        ranges += 1;
    }
}

/// One character of a class; something must follow it.
fn class_char(class: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let class = match class.split_first() {
        None | Some((b'-' | b']', _)) => return Err(BadPattern),
        Some((b'\\', [])) => return Err(BadPattern),
        Some((b'\\', rest)) => rest,
        Some(_) => class,
    };
    let (c, size) = decode(class);
    if (c == char::REPLACEMENT_CHARACTER && size == 1) || size == class.len() {
        return Err(BadPattern);
    }
    Ok((c, &class[size..]))
}

/// The first character; a byte that is not UTF-8 is U+FFFD of size 1.
fn decode(bytes: &[u8]) -> (char, usize) {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(clean("a/../../b/./c//d"), "../b/c/d");
        assert_eq!(clean("/.."), "/");
        assert_eq!(clean(""), ".");
        assert_eq!((base("a/b/"), base(""), base("//")), ("b", ".", "/"));
        assert_eq!((ext("a.b/c"), ext("a/c.tar.gz")), ("", ".gz"));
        assert_eq!(join("a", "templates/../x"), "a/x");
    }

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("*.yaml", "a.yaml", Ok(true)),
            ("*.yaml", "a/b.yaml", Ok(false)),
            ("templates/*.yaml", "templates/b.yaml", Ok(true)),
            ("a[!b]c", "abc", Ok(true)),
            ("a[^b]c", "abc", Ok(false)),
            ("a[b-d]*e", "acxxe", Ok(true)),
            ("a?c", "a/c", Ok(false)),
            ("a\\*c", "a*c", Ok(true)),
            ("[", "a", Err(BadPattern)),
            ("a[", "ab", Err(BadPattern)),
            ("[a-]", "a", Err(BadPattern)),
            ("*[a-c]x*", "zzbxq", Ok(true)),
            ("", "", Ok(true)),
            ("?", "ä", Ok(true)),
        ] {
            assert_eq!(match_path(pattern, name), want, "{pattern} {name}");
        }
    }
}
