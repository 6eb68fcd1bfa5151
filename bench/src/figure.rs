//! What is printed.

use std::fmt;

use serde::Serialize;

/// A number with its unit.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Quantity {
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, unit } = self;
        let decimals = usize::from(*value < 100.0);
        write!(f, "{value:.decimals$} {unit}")
    }
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// A ratio to the peer of at least this.
    RatioAtLeast(f64),
    /// A value of at most this, in our unit.
    AtMost(f64),
    /// A value of at least this, in our unit.
    AtLeast(f64),
    /// None: it is printed to be known.
    None,
}

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) ours: Quantity,
    /// The peer's name and value.
    pub(crate) peer: Option<(&'static str, Quantity)>,
    pub(crate) aim: Aim,
    /// How it was measured, in a sentence.
    pub(crate) how: String,
}

impl Figure {
    /// Ours to the peer's.
    fn ratio(&self) -> Option<f64> {
        self.peer.map(|(_, peer)| self.ours.value / peer.value)
    }

    fn is_met(&self) -> Option<bool> {
        match self.aim {
            Aim::RatioAtLeast(aim) => self.ratio().map(|ratio| ratio >= aim),
            Aim::AtMost(aim) => Some(self.ours.value <= aim),
            Aim::AtLeast(aim) => Some(self.ours.value >= aim),
            Aim::None => None,
        }
    }

    fn cells(&self) -> [String; 5] {
        let aim = match self.aim {
            Aim::RatioAtLeast(aim) => format!(">= {aim:.1}"),
            Aim::AtMost(aim) => format!("<= {aim} {}", self.ours.unit),
            Aim::AtLeast(aim) => format!(">= {aim} {}", self.ours.unit),
            Aim::None => "-".to_owned(),
        };
        let missed = if self.is_met() == Some(false) {
            "  missed"
        } else {
            ""
        };
        [
            self.what.clone(),
            self.ours.to_string(),
            self.peer
                .map_or("-".to_owned(), |(name, peer)| format!("{peer} ({name})")),
            self.ratio()
                .map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            format!("{aim}{missed}"),
        ]
    }
}

/// Everything measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    /// What was left out, and why.
    skipped: Vec<(String, String)>,
    /// What did not run, and why.
    failed: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn add(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }

    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        self.skipped.push((what.to_owned(), why.to_owned()));
    }

    pub(crate) fn fail(&mut self, what: &str, why: &str) {
        self.failed.push((what.to_owned(), why.to_owned()));
    }

    /// Whether everything ran. What was left out for want of a peer does not count.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The widths a table's columns need.
fn widths(rows: &[[String; 5]]) -> [usize; 5] {
    let mut widths = [0; 5];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "ours", "peer", "ratio", "aim"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(head)
            .chain(self.figures.iter().map(Figure::cells))
            .collect();
        let widths = widths(&rows);
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        writeln!(f)?;
        for figure in &self.figures {
            writeln!(f, "{}: {}", figure.what, figure.how)?;
        }
        for (what, why) in &self.skipped {
            writeln!(f, "left out: {what}: {why}")?;
        }
        for (what, why) in &self.failed {
            writeln!(f, "did not run: {what}: {why}")?;
        }
        Ok(())
    }
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::json;
        let named = |list: &[(String, String)]| -> Vec<_> {
            list.iter()
                .map(|(what, why)| json!({ "what": what, "why": why }))
                .collect()
        };
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "what": figure.what,
                    "ours": figure.ours,
                    "peer": figure.peer.map(|(name, quantity)| json!({
                        "name": name, "value": quantity.value, "unit": quantity.unit,
                    })),
                    "ratio": figure.ratio(),
                    "aim": match figure.aim {
                        Aim::RatioAtLeast(aim) => json!({ "ratio_at_least": aim }),
                        Aim::AtMost(aim) => json!({ "at_most": aim }),
                        Aim::AtLeast(aim) => json!({ "at_least": aim }),
                        Aim::None => json!(null),
                    },
                    "met": figure.is_met(),
                    "how": figure.how,
                })
            })
            .collect();
        json!({
            "figures": figures,
            "left_out": named(&self.skipped),
            "failed": named(&self.failed),
        })
        .serialize(serializer)
    }
}
