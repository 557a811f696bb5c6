//! What is wrong with a value, and the words for it.

use templates_compat::Compat;

use super::json::Node;
use crate::go_text::quote as go_quote;

/// One finding, with those that led to it.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// A JSON pointer into the values.
    pub(super) at: String,
    pub(super) kind: Kind,
    pub(super) causes: Vec<Problem>,
}

/// What was found.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Several findings about one value.
    Group,
    /// What a `$ref` leads to says no.
    Reference,
    /// Said by the keyword itself, in its own words.
    Text(String),
}

/// Details of one finding, before they are put into words.
pub(super) struct Words {
    pub(super) compat: Compat,
}

impl Words {
    pub(super) fn quote(&self, text: &str) -> String {
        let quoted = go_quote(text, self.compat).replace("\\\"", "\"").replace('\'', "\\'");
        format!("'{}'", quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
    }

    pub(super) fn join<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> String {
        let quoted: Vec<String> = texts.into_iter().map(|t| self.quote(t.as_ref())).collect();
        quoted.join(", ")
    }

    /// A constant of a schema, as messages show it.
    pub(super) fn display(&self, node: &Node) -> String {
        match node {
            Node::Null => "<nil>".to_string(),
            Node::Bool(b) => b.to_string(),
            Node::Number(n) => n.text.clone(),
            Node::String(s) => self.quote(s),
            Node::Array(_) | Node::Object(_) => "value".to_string(),
        }
    }

    /// `at 'POINTER': WORDS` for a finding and, further in, its causes.
    pub(super) fn write(&self, problem: &Problem, indent: usize, out: &mut String) {
        let skip = problem.causes.len() == 1 && matches!(problem.kind, Kind::Reference);
        let inner = if skip {
            indent
        } else {
            out.push('\n');
            out.push_str(&"  ".repeat(indent.saturating_sub(1)));
            out.push_str("- at ");
            out.push_str(&self.quote(&problem.at));
            out.push_str(": ");
            out.push_str(match &problem.kind {
                Kind::Group | Kind::Reference => "validation failed",
                Kind::Text(text) => text,
            });
            indent + 1
        };
        for cause in &problem.causes {
            self.write(cause, inner, out);
        }
    }
}

/// The findings of a whole document: a group's are shown one by one.
pub(super) fn top(problem: Problem) -> Vec<Problem> {
    match problem.kind {
        Kind::Group => problem.causes,
        _ => vec![problem],
    }
}

/// A whole number with commas between thousands.
pub(super) fn english_int(number: usize) -> String {
    group(&number.to_string())
}

fn group(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number as English readers expect it: commas between thousands, and from
/// a million on (or below a ten-thousandth) a power of ten.
pub(super) fn english(number: f64) -> String {
    let scientific = format!("{:e}", number.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if number < 0.0 { "-" } else { "" };
    if (-4..6).contains(&exponent) {
        let plain = number.abs().to_string();
        let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
        let whole = group(whole);
        return match fraction {
            Some(fraction) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{whole}"),
        };
    }
    const SUPER: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised: String =
        format!("{:02}", exponent.abs()).bytes().filter_map(|b| SUPER.get(usize::from(b.wrapping_sub(b'0')))).collect();
    let minus = if exponent < 0 { "⁻" } else { "" };
    format!("{sign}{digits}×10{minus}{raised}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, want) in [
            (1.5, "1.5"),
            (12345.678, "12,345.678"),
            (1_234_567.891, "1.234567891×10⁰⁶"),
            (1e7, "1×10⁰⁷"),
            (0.0000123456, "1.23456×10⁻⁰⁵"),
            (-2.0, "-2"),
            (999_999.0, "999,999"),
            (0.0, "0"),
        ] {
            assert_eq!(english(number), want);
        }
        assert_eq!(english_int(12345), "12,345");
    }

    #[test]
    fn quotes() {
        assert_eq!(Words { compat: Compat::Helm4 }.quote("x'y\"z\n"), "'x\\'y\"z\\n'");
    }
}
