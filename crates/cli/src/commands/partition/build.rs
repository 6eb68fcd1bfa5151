//! `updraft partition build FILE -o FILE`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use updraft_flash::partition::csv;

use super::input::{Input, Limits, Reading, Source};
use super::report::Finding;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::shown;
use crate::output::raw;

/// Turns a CSV into the binary table that is flashed, and a binary table, or the one in a flash image, back into
/// a CSV. A table with a fault is not built; warnings are shown.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// A CSV, a binary table or a flash image, or - for stdin
    file: PathBuf,
    /// Where to write; a CSV goes to stdout without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write; without it, binary from a CSV and a CSV from all else
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,
    /// Leave the MD5 record out, for a bootloader built without `CONFIG_PARTITION_TABLE_MD5`
    #[arg(long)]
    no_md5: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    limits: Limits,
}

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Text, as ESP-IDF's tool prints it
    Csv,
    /// As it lies on flash: 3,072 bytes
    Binary,
}

#[derive(Debug, Serialize)]
struct Report {
    output: String,
    format: Format,
    /// Bytes written.
    size: usize,
    partitions: usize,
}

impl Build {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let input = self.reading.read(&self.file)?;
        self.refuse_faults(&input, context)?;
        let format = self.to.unwrap_or(match input.source {
            Source::Csv => Format::Binary,
            Source::Binary | Source::Flash => Format::Csv,
        });
        let table = input.table(&self.file)?;
        let bytes = match format {
            Format::Binary => table.with_md5(!self.no_md5).to_bytes().to_vec(),
            Format::Csv => csv::print(&table, &input.extra)
                .map_err(|error| {
                    let message = format!("{}: {error}", shown(&self.file));
                    Failure::new(Exit::Refused, error.code(), message)
                })?
                .into_bytes(),
        };
        let Some(output) = &self.output else {
            if format == Format::Binary {
                let message = "a binary table does not go to the terminal";
                return Err(Failure::new(Exit::Usage, "no_output", message)
                    .hint("name a file with -o; -o - is stdout"));
            }
            raw(&bytes)?;
            return Ok(Exit::Ok);
        };
        if output == Path::new("-") {
            raw(&bytes)?;
            return Ok(Exit::Ok);
        }
        write(output, &bytes)?;
        let report = Report {
            output: output.display().to_string(),
            format,
            size: bytes.len(),
            partitions: input.len(),
        };
        context.output.data(&report, |report| {
            crate::text::clean(&format!(
                "{}: {} partitions, {} bytes",
                report.output, report.partitions, report.size
            )) + "\n"
        })?;
        Ok(Exit::Ok)
    }

    fn refuse_faults(&self, input: &Input, context: &Context) -> Result<(), Failure> {
        for found in Finding::all(input, &self.limits.rules(input.table_offset)) {
            if found.is_fault() {
                let message = format!("{}: {}", shown(&self.file), found.sentence());
                return Err(Failure::new(Exit::Refused, found.code, message).hint(found.hint));
            }
            context.output.warn(&found.sentence());
        }
        Ok(())
    }
}

/// Writes the whole file or none of it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = tempfile::Builder::new()
        .prefix(".partitions-")
        .tempfile_in(folder)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            readable(file.as_file())?;
            file.persist(path)?;
            Ok(())
        });
    written.map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Unexpected, "file_unwritable", message)
            .hint("name a file in a folder that exists and can be written to")
    })
}

/// Temporary files are their owner's alone; a table is no secret.
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
