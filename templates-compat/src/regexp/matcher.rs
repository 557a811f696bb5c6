//! The compiled forms of a pattern. What can match characters beyond ASCII is
//! many times larger than what cannot, and most texts hold none: so there is
//! one form for those, and each is made when it is needed.

use std::sync::OnceLock;

use regex_automata::meta;
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};

/// The memory that a compiled pattern may take. Past it the pattern is said
/// to be too large, in Go's words (Go's own limit is higher and counts
/// otherwise).
const MAX_COMPILED_BYTES: usize = 32 << 20;

/// Patterns of so few instructions, as Go counts them, are never too large.
/// Any class takes less than 100 KiB.
const SMALL: u64 = 150;

/// A pattern in the forms that were needed so far.
#[derive(Debug)]
pub(super) struct Matcher {
    hir: Hir,
    ascii: OnceLock<Option<meta::Regex>>,
    full: OnceLock<Option<meta::Regex>>,
    small: bool,
}

impl Matcher {
    /// None if the pattern is too large. `size` is in Go's instructions.
    pub(super) fn new(hir: Hir, size: u64) -> Option<Matcher> {
        let matcher = Matcher { hir, ascii: OnceLock::new(), full: OnceLock::new(), small: size <= SMALL };
        let fits = matcher.small || matcher.full().is_some();
        fits.then_some(matcher)
    }

    /// Whether it is cheap to keep.
    pub(super) fn is_small(&self) -> bool {
        self.small
    }

    /// The form for this text.
    pub(super) fn for_text(&self, text: &[u8]) -> Option<&meta::Regex> {
        if !self.small || !text.is_ascii() {
            return self.full();
        }
        self.ascii.get_or_init(|| build(&in_ascii(self.hir.clone()))).as_ref()
    }

    fn full(&self) -> Option<&meta::Regex> {
        self.full.get_or_init(|| build(&self.hir)).as_ref()
    }
}

fn build(hir: &Hir) -> Option<meta::Regex> {
    // A render uses most patterns once or twice: an automaton that is made
    // while it runs is done sooner than one that is made whole before.
    let config = meta::Config::new().nfa_size_limit(Some(MAX_COMPILED_BYTES)).dfa(false);
    meta::Builder::new().configure(config).build_from_hir(hir).ok()
}

/// The pattern without what no ASCII text can hold.
fn in_ascii(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(class) => Hir::class(class),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(in_ascii(*repetition.sub));
            Hir::repetition(Repetition { sub, ..repetition })
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(in_ascii(*capture.sub));
            Hir::capture(Capture { sub, ..capture })
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(in_ascii).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(in_ascii).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::Compat;
    use crate::regexp::parse;

    #[test]
    fn both_forms_find_the_same_in_ascii() {
        let patterns = [
            ".",
            "[^a]+",
            "(?i)k+",
            r"\W",
            r"\pL*\d?",
            "é|b",
            "(é)?(b)",
            "[à-ü]b|c",
            r"^[^/]+/(.*?)$",
            r"\b.\b",
            "(?s).*",
            "x{2,3}[^y]",
            r"[[:^alpha:]]",
            "(a|[^a])(b?)",
            "",
            "日本|a*",
        ];
        for pattern in patterns {
            let hir = parse::parse(pattern.as_bytes(), Compat::Helm4).unwrap().hir;
            let (full, ascii) = (build(&hir).unwrap(), build(&in_ascii(hir)).unwrap());
            for text in ["", "a", "b", "K", "ab c", "a/b/c", "xxxy", "x\ny", "0-9_Z", "aaab\n"] {
                let (mut one, mut other) = (full.create_captures(), ascii.create_captures());
                full.captures(text, &mut one);
                ascii.captures(text, &mut other);
                let groups = |found: &regex_automata::util::captures::Captures| found.iter().collect::<Vec<_>>();
                assert_eq!(groups(&one), groups(&other), "{pattern} {text:?}");
                assert_eq!(full.is_match(text), ascii.is_match(text), "{pattern} {text:?}");
            }
        }
    }
}
