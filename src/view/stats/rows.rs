//! A table of cells in columns that are as wide as what stands in them.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::view::printable::cut;
use crate::view::style::{self, paint};

/// No column but the last is wider.
const WIDEST: usize = 44;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A text and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Cell(pub Style, pub String);

impl<Text: Into<String>> From<Text> for Cell {
    fn from(text: Text) -> Cell {
        Cell(style::PLAIN, text.into())
    }
}

/// Rows under a heading; the heading's first cell is the table's name.
pub(super) struct Table {
    columns: Vec<(Align, String)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: &[(Align, &str)]) -> Table {
        let columns = columns.iter().map(|(align, name)| (*align, (*name).to_owned())).collect();
        Table { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Prints at most that many rows, and how many there are more.
    pub(super) fn write(&self, most: usize, out: &mut dyn Write) -> io::Result<()> {
        let shown = &self.rows[..self.rows.len().min(most)];
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column, shown)).collect();
        if self.columns.iter().any(|(_, name)| !name.is_empty()) {
            let head = self.columns.iter().map(|(_, name)| Cell(style::BOLD, name.clone())).collect::<Vec<_>>();
            writeln!(out)?;
            self.line("", 2, &head, &widths, out)?;
        }
        for row in shown {
            self.line("  ", 0, row, &widths, out)?;
        }
        if self.rows.len() > most {
            let more = format!("  … {} more (-n 0 shows all)", self.rows.len() - most);
            writeln!(out, "{}", paint(style::DIM, more))?;
        }
        Ok(())
    }

    fn width(&self, column: usize, rows: &[Vec<Cell>]) -> usize {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.1.width());
        cells.max().unwrap_or(0).max(self.columns[column].1.width()).min(WIDEST)
    }

    /// The heading begins two columns further left, so its first cell is wider by so much.
    fn line(&self, indent: &str, more: usize, cells: &[Cell], widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{indent}")?;
        let last = cells.iter().rposition(|cell| !cell.1.is_empty()).unwrap_or(0);
        for (column, Cell(style, text)) in cells.iter().enumerate().take(last + 1) {
            let is_last = column + 1 == self.columns.len();
            let text = if is_last { text.into() } else { cut(text, WIDEST) };
            let width = widths.get(column).copied().unwrap_or(0) + if column == 0 { more } else { 0 };
            let blanks = " ".repeat(width.saturating_sub(text.width()));
            let gap = if column == 0 { "" } else { "  " };
            match self.columns[column].0 {
                Align::Right => write!(out, "{gap}{blanks}{}", paint(*style, &text))?,
                Align::Left if column == last => write!(out, "{gap}{}", paint(*style, &text))?,
                Align::Left => write!(out, "{gap}{}{blanks}", paint(*style, &text))?,
            }
        }
        writeln!(out)
    }
}
