//! `updraft image verify FILE`.

use std::path::PathBuf;

use clap::Args;
use updraft_image::{Chip, Expect, Facts};

use super::report::Report;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{inspect, refused, shown};
use crate::size::Size;

/// Prints one line for a sound image; for any other what is wrong with it, where, and what to do, and ends
/// with exit code 6.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The app's .bin file, or - for stdin
    file: PathBuf,
    /// The chip it must be for, such as esp32c3
    #[arg(long)]
    chip: Option<Chip>,
    /// The most bytes it may have, such as the slot's size: 2M, 1280K
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,
}

impl Verify {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let expect = Expect {
            chip: self.chip,
            max_size: self.max_size.map(|Size(bytes)| bytes),
            ..Expect::new()
        };
        let inspected = inspect(&self.file, expect)?;
        match &inspected.verdict {
            Ok(facts) => {
                let report = Report::new(self.file.display().to_string(), &inspected);
                let line = |_: &Report| self.line(facts);
                context.output.data(&report, line)?;
                Ok(Exit::Ok)
            }
            Err(fault) => Err(refused(&self.file, fault)),
        }
    }

    fn line(&self, facts: &Facts) -> String {
        let app = &facts.head.app;
        crate::text::clean(&format!(
            "{}: ok, {} {} for {}, {} bytes",
            shown(&self.file),
            app.project_name().unwrap_or("(unnamed)"),
            app.version().unwrap_or("(no version)"),
            facts.head.chip.name(),
            facts.size,
        )) + "\n"
    }
}
