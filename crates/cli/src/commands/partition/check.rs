//! `updraft partition check FILE`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::input::{Input, Limits, Reading, Source};
use super::report::Finding;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::shown;
use crate::text::{clean, short_size};

/// Says all that is wrong with a table, and what to do about it. Faults are what ESP-IDF's own tool refuses,
/// or what contradicts itself; they end with exit code 6. Warnings are what that tool takes and a device
/// comes to grief over.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A CSV, a binary table or a flash image, or - for stdin
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The file's path as it was given; `-` is stdin.
    file: String,
    source: Source,
    /// Whether there is no fault.
    valid: bool,
    /// How many partitions there are.
    partitions: usize,
    /// Bytes of flash the table needs.
    flash_needed: u64,
    findings: Vec<Finding>,
}

impl Check {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let input = self.reading.read(&self.file)?;
        let report = self.report(&input);
        context.output.data(&report, |report| self.lines(report))?;
        let faults = report.findings.iter().filter(|found| found.is_fault());
        match faults.clone().next() {
            None => Ok(Exit::Ok),
            Some(first) => {
                let message = match faults.count() {
                    1 => format!("{}: {}", shown(&self.file), first.sentence()),
                    count => format!("{}: {count} faults in the table", shown(&self.file)),
                };
                Err(Failure::new(Exit::Refused, first.code, message).hint(first.hint))
            }
        }
    }

    fn report(&self, input: &Input) -> Report {
        let findings = Finding::all(input, &self.limits.rules(input.table_offset));
        Report {
            file: self.file.display().to_string(),
            source: input.source,
            valid: !findings.iter().any(Finding::is_fault),
            partitions: input.len(),
            flash_needed: input.reach(),
            findings,
        }
    }

    fn lines(&self, report: &Report) -> String {
        let mut text = String::new();
        for found in &report.findings {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}[{}]: {}\n    help: {}",
                found.severity,
                found.code,
                clean(&found.sentence()),
                found.hint
            );
        }
        if report.valid {
            let warnings = match report.findings.len() {
                0 => String::new(),
                1 => ", 1 warning".to_owned(),
                count => format!(", {count} warnings"),
            };
            let _ = writeln!(
                text,
                "{}: ok, {} partitions, {} of flash or more{warnings}",
                clean(&shown(&self.file)),
                report.partitions,
                short_size(report.flash_needed)
            );
        }
        text
    }
}
