//! Tables as Helm prints them: each column padded to its widest cell, a tab
//! between columns, cells over the limit cut with `...`.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What colours a text, up to its end, takes no room.
const ESCAPE: char = '\u{1b}';

/// Rows of cells.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    /// 0: no limit, as Helm has it unless a command sets one.
    max_column_width: usize,
}

impl Table {
    /// An empty table with a limit per column.
    pub fn with_max_column_width(max_column_width: usize) -> Self {
        Table { rows: Vec::new(), max_column_width }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as text, with a newline after each row.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (i, cell) in row.iter().enumerate() {
                let widest = cell.split('\n').map(visible).max().unwrap_or(0);
                let width = if self.max_column_width == 0 { widest } else { widest.min(self.max_column_width) };
                match widths.get_mut(i) {
                    Some(w) => *w = (*w).max(width),
                    None => widths.push(width),
                }
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let cells: Vec<Vec<String>> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| resize(cell, *width).split('\n').map(str::to_owned).collect())
                .collect();
            let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
            for n in 0..lines {
                for (i, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                    if i > 0 {
                        out.push('\t');
                    }
                    out.push_str(&resize(cell.get(n).map_or(" ", String::as_str), *width));
                }
                out.push('\n');
            }
        }
        out
    }
}

/// How many columns a text takes.
fn visible(text: &str) -> usize {
    let mut parts = text.split(ESCAPE);
    let first = parts.next().unwrap_or_default().width();
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, after)| after.width())).sum::<usize>()
}

/// Pads with spaces, or cuts at three columns before the width and adds dots.
fn resize(text: &str, width: usize) -> String {
    let have = visible(text);
    if width == 0 || have == width {
        return text.to_owned();
    }
    if have < width {
        return format!("{text}{}", " ".repeat(width - have));
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        out.push(c);
        let w = c.width().unwrap_or(0);
        if used + w + 3 >= width {
            break;
        }
        used += w;
    }
    out.push_str("...");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_padded_to_the_widest_cell() {
        let mut t = Table::default();
        t.row(["NAME", "X"]);
        t.row(["a", "long"]);
        assert_eq!(t.render(), "NAME\tX   \na   \tlong\n");
    }

    #[test]
    fn colours_take_no_room() {
        let mut t = Table::default();
        t.row(["\u{1b}[1mNAME\u{1b}[22m", "X"]);
        t.row(["longer", "y"]);
        assert_eq!(t.render(), "\u{1b}[1mNAME\u{1b}[22m  \tX\nlonger\ty\n");
    }

    #[test]
    fn long_cells_are_cut() {
        let mut t = Table::with_max_column_width(8);
        t.row(["abcdefghijkl"]);
        assert_eq!(t.render(), "abcde...\n");
    }
}
