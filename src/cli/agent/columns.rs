//! Tables as kubectl prints them: capitals, three spaces between columns.
//!
//! Owns the widths. A table that grows (a watch) keeps the widths it began
//! with, or wider ones.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// Spaces between two columns.
const GAP: usize = 3;

/// A table that is printed row by row or at once.
#[derive(Debug, Default)]
pub(super) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Rows as text, each with a newline, as wide as the widest so far.
    pub(super) fn render(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for (at, cell) in row.iter().enumerate() {
                match self.widths.get_mut(at) {
                    Some(width) => *width = (*width).max(cell.width()),
                    None => self.widths.push(cell.width()),
                }
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < row.len() {
                let width = self.widths.get(at).copied().unwrap_or(0);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
            }
        }
        line.push('\n');
        line
    }
}

/// A cell as text, without line breaks and control characters.
pub(super) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "<none>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_keep_their_width() {
        let mut columns = Columns::default();
        let rows = |texts: &[&[&str]]| {
            texts.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect::<Vec<Vec<String>>>()
        };
        assert_eq!(
            columns.render(&rows(&[&["NAME", "AGE"], &["a-long-name", "1s"]])),
            "NAME          AGE\na-long-name   1s\n"
        );
        assert_eq!(columns.render(&rows(&[&["b", "2s"]])), "b             2s\n");
        assert_eq!(cell(&Value::from("a\nb\u{1b}[31m")), "a b [31m");
    }
}
