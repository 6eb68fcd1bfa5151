//! Our bootloader and otadata code against ESP-IDF's own results.
//!
//! A vector file holds cases made by ESP-IDF's functions over a model of the otadata partition: what
//! is on the flash before, what is asked, what a real device answers and leaves behind. [`run`]
//! plays a case on a [`VirtualFlash`](crate::nor_flash::VirtualFlash) and compares everything.

mod case;
mod marked;
mod play;

use std::fmt;

use thiserror::Error;

pub use case::{Case, Expected, ImageOk, Op};
pub use play::{Outcome, run};

/// Why a vector file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VectorError {
    /// It is not a list of cases.
    #[error("not a list of conformance cases: {0}")]
    Json(#[from] serde_json::Error),
    /// A case does not make sense.
    #[error("case {index}: {what}")]
    Case {
        /// Which case, from 0.
        index: usize,
        /// What is wrong with it.
        what: String,
    },
}

impl VectorError {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "vectors_not_json",
            Self::Case { .. } => "vectors_bad_case",
        }
    }
}

/// A case in which we do not do what ESP-IDF does.
#[derive(Debug)]
pub struct Difference {
    /// Which case, from 0.
    pub index: usize,
    /// The case.
    pub case: Case,
    /// What we did.
    pub ours: Outcome,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, case, ours } = self;
        writeln!(f, "case {index}: {case}")?;
        let expected = Outcome::of(&case.expect);
        let rows = [
            ("booted", &expected.booted, &ours.booted),
            ("result", &expected.result, &ours.result),
            ("record 0", &expected.otadata[0], &ours.otadata[0]),
            ("record 1", &expected.otadata[1], &ours.otadata[1]),
            ("eFuse", &expected.efuse, &ours.efuse),
        ];
        for (what, theirs, ours) in rows {
            if theirs != ours {
                writeln!(f, "  {what}: ESP-IDF {theirs}, ours {ours}")?;
            }
        }
        for line in &ours.log {
            writeln!(f, "  log: {line}")?;
        }
        Ok(())
    }
}

/// How many cases agree, and those that do not.
#[derive(Debug)]
pub struct Report {
    /// Cases in the file.
    pub total: usize,
    /// Those in which we differ, in file order.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Cases in which we do what ESP-IDF does.
    pub fn agree(&self) -> usize {
        self.total - self.differences.len()
    }
}

/// Runs all cases of a vector file, given its JSON.
pub fn run_all(json: &[u8]) -> Result<Report, VectorError> {
    let cases: Vec<Case> = serde_json::from_slice(json)?;
    let total = cases.len();
    let mut differences = Vec::new();
    for (index, case) in cases.into_iter().enumerate() {
        let ours = run(&case).map_err(|what| VectorError::Case { index, what })?;
        if !ours.agrees_with(&case.expect) {
            differences.push(Difference { index, case, ours });
        }
    }
    Ok(Report { total, differences })
}
