//! SPDX licence expressions, as far as crates use them.

/// How deep parentheses may nest.
const DEPTH: u32 = 16;

/// Whether an expression can be met with the licences of the list alone.
/// Something that is no expression cannot.
pub(super) fn is_allowed(expression: &str, list: &[&str]) -> bool {
    // An older way to write OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, list, depth: 0 };
    reader.any() == Some(true) && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    list: &'a [&'a str],
    depth: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.take();
        }
        is_next
    }

    /// `a OR b OR …`: one of them is enough.
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take_word("OR") {
            let other = self.all()?;
            met = met || other;
        }
        Some(met)
    }

    /// `a AND b AND …`: each of them is needed. Binds closer than OR.
    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take_word("AND") {
            let other = self.one()?;
            met = met && other;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take_word("(") {
            self.depth += 1;
            if self.depth > DEPTH {
                return None;
            }
            let met = self.any()?;
            self.depth -= 1;
            return self.take_word(")").then_some(met);
        }
        let name = self.take()?;
        if matches!(name, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        if !self.take_word("WITH") {
            return Some(self.list.contains(&name));
        }
        let whole = format!("{name} WITH {}", self.take()?);
        Some(self.list.contains(&whole.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    const LIST: [&str; 3] = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];

    #[test]
    fn one_choice_is_enough_and_every_demand_counts() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "MIT AND Apache-2.0",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(is_allowed(good, &LIST), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "MIT WITH odd-exception"] {
            assert!(!is_allowed(bad, &LIST), "{bad}");
        }
    }

    #[test]
    fn what_is_no_expression_is_not_allowed() {
        for bad in ["", "MIT MIT", "(MIT", "MIT OR", "AND MIT", "MIT )", &"(".repeat(1000)] {
            assert!(!is_allowed(bad, &LIST), "{bad}");
        }
    }
}
