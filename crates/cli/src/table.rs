//! Tables for people.

use unicode_width::UnicodeWidthStr as _;

use crate::text::clean;

/// Columns under their heads, as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    head: Option<[&'static str; N]>,
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with heads.
    pub(crate) fn new(head: [&'static str; N]) -> Self {
        Self {
            head: Some(head),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Control characters in it are escaped.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| clean(&cell)));
    }

    /// The table as lines, each ended.
    pub(crate) fn render(&self) -> String {
        let head = self.head.map(|head| head.map(str::to_owned));
        let rows: Vec<&[String; N]> = head.iter().chain(&self.rows).collect();
        let mut widths = [0; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row.iter()) {
                *width = cell.width().max(*width);
            }
        }
        let mut text = String::new();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names and values of one thing, below each other.
#[derive(Debug)]
pub(crate) struct Details(Table<2>);

impl Details {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self(Table {
            head: None,
            rows: Vec::new(),
        })
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, name: &str, value: impl Into<String>) {
        self.0.row([name.to_owned(), value.into()]);
    }

    /// The lines, each ended.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }
}
