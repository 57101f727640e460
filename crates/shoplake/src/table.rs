//! Tables of text: aligned columns, numbers to the right, cells that stand out where it matters.

use owo_colors::{OwoColorize, Style};
use unicode_width::UnicodeWidthStr;

use crate::render;

/// How a cell stands out. What it says must be clear without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// Not worth a look.
    Dim,
    /// As it should be.
    Good,
    /// Wants a look.
    Warn,
    /// Wrong.
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => Style::new().green(),
            Self::Warn => Style::new().yellow(),
            Self::Bad => Style::new().red().bold(),
        }
    }
    /// The text in this tone.
    pub(crate) fn paint(self, text: &str) -> String {
        if self == Self::Plain { text.to_owned() } else { text.style(self.style()).to_string() }
    }
}

/// The side that a column keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table under way.
pub(crate) struct Table {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// A table with these headers.
    pub(crate) fn new<T: Into<String>>(columns: impl IntoIterator<Item = (T, Side)>) -> Self {
        let columns = columns.into_iter().map(|(name, side)| (render::escape(&name.into()), side)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; a row shorter than the header ends in empty cells.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = (T, Tone)>) {
        self.rows.push(cells.into_iter().map(|(text, tone)| (render::escape(&text.into()), tone)).collect());
    }

    /// The table as lines, without spaces at their ends; each line ends in a line end.
    pub(crate) fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.width());
                cells.chain([self.columns[column].0.width()]).max().unwrap_or(0)
            })
            .collect();
        let header: Vec<_> = self.columns.iter().map(|(name, _)| (name.clone(), Tone::Dim)).collect();
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            self.push_line(&mut text, row, &widths);
        }
        text
    }

    fn push_line(&self, text: &mut String, row: &[(String, Tone)], widths: &[usize]) {
        let last = row.iter().rposition(|(cell, _)| !cell.is_empty());
        for (index, (cell, tone)) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let room = widths.get(index).copied().unwrap_or(0).saturating_sub(cell.width());
            let side = self.columns.get(index).map_or(Side::Left, |(_, side)| *side);
            if index > 0 {
                text.push_str("  ");
            }
            if side == Side::Right {
                text.extend(std::iter::repeat_n(' ', room));
            }
            text.push_str(&tone.paint(cell));
            if side == Side::Left && Some(index) != last {
                text.extend(std::iter::repeat_n(' ', room));
            }
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given wide characters, empty cells and control characters, then the columns stand in line.
    #[test]
    fn columns_stand_in_line() {
        let mut table = Table::new([("name", Side::Left), ("rows", Side::Right), ("note", Side::Left)]);
        table.row([("sales", Tone::Plain), ("19,632", Tone::Plain), ("", Tone::Plain)]);
        table.row([("日本", Tone::Bad), ("7", Tone::Warn), ("a\tb", Tone::Plain)]);
        let plain = anstream::adapter::strip_str(&table.text()).to_string();
        assert_eq!(plain, "name     rows  note\nsales  19,632\n日本        7  a\\tb\n");
    }
}
