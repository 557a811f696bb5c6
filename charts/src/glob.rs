//! The patterns of `.Files.Glob`: `*` and `?` stop at a slash, `**` does not,
//! `{a,b}` are alternatives, `[abc]`, `[!abc]`, `[a-c]` are classes.
//!
//! A pattern becomes a small automaton, so that no pattern can take more than
//! its length times the name's.

/// Longer patterns and deeper braces are treated as wrong ones.
const MAX_PATTERN: usize = 4096;
const MAX_DEPTH: usize = 64;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Glob {
    states: Vec<State>,
}

#[derive(Debug)]
enum State {
    /// One given character.
    Char(char),
    /// One character that is not a slash (`?`).
    Single,
    /// Any number of characters without a slash (`*`).
    Any,
    /// Any number of characters (`**`).
    Super,
    /// One of these, or none of these.
    List(Vec<char>, bool),
    /// One between these, or none of those.
    Range(char, char, bool),
    /// Go on at each of these.
    Fork(Vec<usize>),
    /// Go on there.
    Jump(usize),
}

/// The pattern is not one.
#[derive(Debug)]
pub(crate) struct BadGlob;

impl Glob {
    /// Reads a pattern.
    pub(crate) fn compile(pattern: &str) -> Result<Glob, BadGlob> {
        if pattern.len() > MAX_PATTERN {
            return Err(BadGlob);
        }
        let mut parser = Parser { text: pattern.chars().collect(), at: 0, states: Vec::new() };
        parser.sequence(0)?;
        Ok(Glob { states: parser.states })
    }

    /// Whether the whole name fits.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let mut now = vec![false; self.states.len() + 1];
        self.enter(0, &mut now);
        for c in name.chars() {
            let mut next = vec![false; self.states.len() + 1];
            for (i, state) in self.states.iter().enumerate() {
                if now[i] {
                    match state {
                        State::Any if c != '/' => self.enter(i, &mut next),
                        State::Super => self.enter(i, &mut next),
                        state if state.takes(c) => self.enter(i + 1, &mut next),
                        _ => {}
                    }
                }
            }
            now = next;
        }
        now[self.states.len()]
    }

    /// Marks a state and all that are reached from it without a character.
    fn enter(&self, at: usize, marked: &mut [bool]) {
        let mut todo = vec![at];
        while let Some(i) = todo.pop() {
            if std::mem::replace(&mut marked[i], true) {
                continue;
            }
            match self.states.get(i) {
                Some(State::Any | State::Super) => todo.push(i + 1),
                Some(State::Fork(to)) => todo.extend(to),
                Some(State::Jump(to)) => todo.push(*to),
                _ => {}
            }
        }
    }
}

impl State {
    fn takes(&self, c: char) -> bool {
        match self {
            State::Char(want) => *want == c,
            State::Single => c != '/',
            State::List(chars, not) => chars.contains(&c) != *not,
            State::Range(low, high, not) => (*low..=*high).contains(&c) != *not,
            _ => false,
        }
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    states: Vec<State>,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// Reads up to the end or, inside of braces, up to `,` or `}`.
    fn sequence(&mut self, depth: usize) -> Result<(), BadGlob> {
        while let Some(c) = self.peek() {
            match c {
                ',' | '}' if depth > 0 => return Ok(()),
                '{' => {
                    self.at += 1;
                    self.alternatives(depth + 1)?;
                    continue;
                }
                '[' => {
                    self.at += 1;
                    self.class()?;
                    continue;
                }
                _ => self.at += 1,
            }
            let state = match c {
                '?' => State::Single,
                '*' if self.peek() == Some('*') => {
                    self.at += 1;
                    State::Super
                }
                '*' => State::Any,
                '\\' => match self.next() {
                    Some(escaped) => State::Char(escaped),
                    None => continue,
                },
                c => State::Char(c),
            };
            self.states.push(state);
        }
        Ok(())
    }

    /// After a `{`. An end without `}` counts as one.
    fn alternatives(&mut self, depth: usize) -> Result<(), BadGlob> {
        if depth > MAX_DEPTH {
            return Err(BadGlob);
        }
        let fork = self.states.len();
        self.states.push(State::Fork(Vec::new()));
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        loop {
            starts.push(self.states.len());
            self.sequence(depth)?;
            ends.push(self.states.len());
            self.states.push(State::Jump(0));
            if self.next() != Some(',') {
                break;
            }
        }
        let after = self.states.len();
        for end in ends {
            self.states[end] = State::Jump(after);
        }
        self.states[fork] = State::Fork(starts);
        Ok(())
    }

    /// After a `[`.
    fn class(&mut self) -> Result<(), BadGlob> {
        let not = self.peek() == Some('!');
        if not {
            self.at += 1;
        }
        let first = self.next().ok_or(BadGlob)?;
        let state = if self.peek() == Some('-') {
            self.at += 1;
            let high = self.next().ok_or(BadGlob)?;
            if high < first {
                return Err(BadGlob);
            }
            State::Range(first, high, not)
        } else {
            self.at -= 1;
            let mut chars = Vec::new();
            loop {
                match self.peek().ok_or(BadGlob)? {
                    ']' => break,
                    '\\' => {
                        self.at += 1;
                        chars.push(self.next().ok_or(BadGlob)?);
                    }
                    c => {
                        self.at += 1;
                        chars.push(c);
                    }
                }
            }
            if chars.is_empty() {
                return Err(BadGlob);
            }
            State::List(chars, not)
        };
        if self.next() != Some(']') {
            return Err(BadGlob);
        }
        self.states.push(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "d/a.txt", false),
            ("**.txt", "d/a.txt", true),
            ("d/**", "d/x/y", true),
            ("d/*", "d/x/y", false),
            ("{a,b/*}.c", "b/x.c", true),
            ("{a,b/*}.c", "a.c", true),
            ("{a,{b,c}d}e", "cde", true),
            ("{a,b", "b", true),
            ("f[0-9].x", "f7.x", true),
            ("f[!0-9].x", "f7.x", false),
            ("f[ab].x", "fb.x", true),
            ("\\*", "*", true),
            ("a,b}", "a,b}", true),
            ("?", "/", false),
            ("", "", true),
        ] {
            assert_eq!(Glob::compile(pattern).unwrap().matches(name), want, "{pattern} {name}");
        }
        for bad in ["[", "[]", "[a-", "[a-zA-Z]", "[z-a]"] {
            assert!(Glob::compile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_pattern_explodes() {
        let glob = Glob::compile(&"{a,aa}".repeat(50)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(2000))));
    }
}
