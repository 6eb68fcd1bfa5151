//! `updraft partition show FILE`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::input::{Reading, Source};
use super::report::PartitionReport;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::short_size;

/// Prints the partitions with their offsets and sizes. What is in the file is seen from its contents: a CSV,
/// a binary table, or a whole flash with the table at 0x8000.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A CSV, a binary table or a flash image, or - for stdin
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The file's path as it was given; `-` is stdin.
    file: String,
    source: Source,
    /// Where the table lies on the flash.
    table_offset: u32,
    /// Whether the table carries an MD5 record; one built from a CSV will.
    md5: bool,
    partitions: Vec<PartitionReport>,
}

impl Show {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let input = self.reading.read(&self.file)?;
        let table = input.table(&self.file)?;
        let report = Report {
            file: self.file.display().to_string(),
            source: input.source,
            table_offset: input.table_offset,
            md5: table.has_md5(),
            partitions: table.entries().iter().map(PartitionReport::from).collect(),
        };
        context.output.data(&report, lines)?;
        Ok(Exit::Ok)
    }
}

fn lines(report: &Report) -> String {
    let mut table = Table::new(["NAME", "TYPE", "SUBTYPE", "OFFSET", "END", "SIZE", "FLAGS"]);
    for partition in &report.partitions {
        let end = u64::from(partition.offset) + u64::from(partition.size);
        table.row([
            partition.label.clone(),
            partition.kind.clone(),
            partition.subtype.clone(),
            format!("{:#x}", partition.offset),
            format!("{end:#x}"),
            short_size(u64::from(partition.size)),
            partition.flag_words(),
        ]);
    }
    table.render()
}
