//! Reading a partition table from whatever it is in: a CSV, a binary table, a flash image.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Serialize;
use updraft_flash::partition::csv::{self, CsvError, Definitions, ExtraSubtypes, Options};
use updraft_flash::partition::{
    Entry, LayoutFault, Rules, SecureBoot, Severity, TABLE_OFFSET, TABLE_SIZE, Table, TableFault,
};

use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::shown;
use crate::size::Size;

/// Most bytes of a CSV: a table holds 95 lines, so this is plenty of comments.
const MAX_CSV: usize = 1 << 20;

/// How a file is to be read.
#[derive(Debug, Clone, Args)]
pub(super) struct Reading {
    /// The file is a flash image, whatever it looks like
    #[arg(long)]
    flash: bool,
    /// Where the table lies on the flash
    #[arg(long, value_name = "OFFSET", default_value = "0x8000")]
    offset: Size,
    /// Where the bootloader lies, for a CSV that names it: 0x1000 on ESP32 and ESP32-S2, 0x2000 on
    /// ESP32-P4 and ESP32-C5, 0 on other chips
    #[arg(long, value_name = "OFFSET")]
    bootloader_offset: Option<Size>,
    /// Where the recovery bootloader lies, for a CSV that names it
    #[arg(long, value_name = "OFFSET")]
    recovery_bootloader_offset: Option<Size>,
    /// A name for a subtype of one's own, such as "data, assets, 0x41"; may be repeated
    #[arg(long, value_name = "TYPE,NAME,VALUE")]
    extra_subtype: Vec<String>,
}

/// What a table is held against.
#[derive(Debug, Clone, Args)]
pub(super) struct Limits {
    /// Bytes of flash there are: 4M, 16M
    #[arg(long, value_name = "SIZE")]
    flash_size: Option<Size>,
    /// The secure boot scheme the apps are signed for
    #[arg(long, value_name = "SCHEME")]
    secure: Option<Secure>,
}

/// A secure boot scheme.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Secure {
    /// Version 1: sizes of apps are multiples of 64 KiB
    V1,
    /// Version 2
    V2,
}

/// What a table was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// Text.
    Csv,
    /// The table as it lies on flash, alone.
    Binary,
    /// A flash image with the table in it.
    Flash,
}

/// A table that was read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) source: Source,
    /// Where it lies on flash.
    pub(super) table_offset: u32,
    /// Names of subtypes of the project's own.
    pub(super) extra: ExtraSubtypes,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Csv(Definitions),
    Bytes(Box<Table>),
}

impl Reading {
    /// Reads the table in a file; `-` is stdin.
    pub(super) fn read(&self, path: &Path) -> Result<Input, Failure> {
        let mut extra = ExtraSubtypes::new();
        for subtype in &self.extra_subtype {
            extra
                .add(subtype)
                .map_err(|error| Failure::new(Exit::Usage, error.code(), error.to_string()))?;
        }
        let Size(table_offset) = self.offset;
        let bytes = self.bytes(path)?;
        let source = self.source(&bytes);
        let contents = match source {
            Source::Csv => Contents::Csv(self.csv(path, &bytes, &extra)?),
            Source::Binary => Contents::Bytes(table(path, &bytes)?),
            Source::Flash => {
                let bytes = bytes.get(table_offset as usize..).unwrap_or_default();
                Contents::Bytes(table(path, bytes)?)
            }
        };
        Ok(Input {
            source,
            table_offset,
            extra,
            contents,
        })
    }

    /// As much of the file as can matter.
    fn bytes(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let Size(offset) = self.offset;
        // One more than the largest CSV shows that it is larger.
        let limit = (MAX_CSV + 1).max(offset as usize + TABLE_SIZE);
        let mut bytes = Vec::new();
        let done = if path == Path::new("-") {
            io::stdin()
                .lock()
                .take(limit as u64)
                .read_to_end(&mut bytes)
        } else {
            File::open(path).and_then(|file| file.take(limit as u64).read_to_end(&mut bytes))
        };
        done.map_err(|error| {
            let exit = match error.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Unexpected,
            };
            let message = format!("cannot read {}: {error}", shown(path));
            Failure::new(exit, "file_unreadable", message)
                .hint("give the path of a partition CSV, a binary table or a flash image, or -")
        })?;
        Ok(bytes)
    }

    /// What the bytes are: a table begins with AA 50, and so does what lies at its offset.
    fn source(&self, bytes: &[u8]) -> Source {
        const MAGIC: &[u8] = b"\xAA\x50";
        let Size(offset) = self.offset;
        let at_offset = bytes.get(offset as usize..).unwrap_or_default();
        if self.flash {
            Source::Flash
        } else if bytes.starts_with(MAGIC) {
            Source::Binary
        } else if at_offset.starts_with(MAGIC) {
            Source::Flash
        } else {
            Source::Csv
        }
    }

    fn csv(
        &self,
        path: &Path,
        bytes: &[u8],
        extra: &ExtraSubtypes,
    ) -> Result<Definitions, Failure> {
        if bytes.len() > MAX_CSV {
            let message = format!(
                "{} is neither a binary table nor a flash image with a table at {:#x}, and too large \
                 for a CSV",
                shown(path),
                self.offset.0
            );
            return Err(Failure::new(Exit::Refused, "no_partition_table", message)
                .hint("say with --offset where the table lies on the flash"));
        }
        let options = Options {
            table_offset: self.offset.0,
            primary_bootloader: self.bootloader_offset.map(|Size(offset)| offset),
            recovery_bootloader: self.recovery_bootloader_offset.map(|Size(offset)| offset),
            extra_subtypes: extra,
            variables: &|name| std::env::var(name).ok(),
        };
        csv::parse(bytes, &options).map_err(|error| unreadable(path, &error))
    }
}

fn unreadable(path: &Path, error: &CsvError) -> Failure {
    let message = format!("{}: {error}", shown(path));
    Failure::new(Exit::Refused, error.fault.code(), message).hint(error.fault.hint())
}

fn table(path: &Path, bytes: &[u8]) -> Result<Box<Table>, Failure> {
    Table::parse(bytes).map(Box::new).map_err(|fault| {
        let hint = match fault {
            TableFault::Empty | TableFault::BadMagic { .. } => {
                "say with --offset where the table lies on the flash"
            }
            _ => "read it from the device again, or build it anew from its CSV",
        };
        let message = format!("{}: {fault}", shown(path));
        Failure::new(Exit::Refused, fault.code(), message).hint(hint)
    })
}

impl Limits {
    /// For a table at this offset.
    pub(super) fn rules(&self, table_offset: u32) -> Rules {
        Rules {
            table_offset,
            flash_size: self.flash_size.map(|Size(size)| size),
            secure_boot: match self.secure {
                None => SecureBoot::None,
                Some(Secure::V1) => SecureBoot::V1,
                Some(Secure::V2) => SecureBoot::V2,
            },
        }
    }
}

impl Input {
    /// The table; refused when it has more partitions than fit.
    pub(super) fn table(&self, path: &Path) -> Result<Table, Failure> {
        match &self.contents {
            Contents::Csv(definitions) => definitions.table().map_err(|fault| {
                let message = format!("{}: {fault}", shown(path));
                Failure::new(Exit::Refused, fault.code(), message).hint(fault.hint())
            }),
            Contents::Bytes(table) => Ok(**table),
        }
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        match &self.contents {
            Contents::Csv(definitions) => definitions.len(),
            Contents::Bytes(table) => table.entries().len(),
        }
    }

    /// All that is wrong with the layout, faults first.
    pub(super) fn findings(&self, rules: &Rules) -> Vec<LayoutFault> {
        let mut findings = Vec::new();
        let mut note = |fault| findings.push(fault);
        match &self.contents {
            Contents::Csv(definitions) => definitions.inspect(rules, &mut note),
            Contents::Bytes(table) => table.inspect(rules, &mut note),
        }
        findings.sort_by_key(|fault| fault.severity() != Severity::Fault);
        findings
    }

    /// The name of a partition, and its line if it has one.
    pub(super) fn place(&self, index: usize) -> Option<(String, Option<usize>)> {
        match &self.contents {
            Contents::Csv(definitions) => definitions
                .iter()
                .nth(index)
                .map(|found| (found.name.clone(), Some(found.line))),
            Contents::Bytes(table) => table
                .entries()
                .get(index)
                .map(|entry| (entry.label.to_string(), None)),
        }
    }

    /// The bytes of flash the partitions reach up to.
    pub(super) fn reach(&self) -> u64 {
        let end = match &self.contents {
            Contents::Csv(definitions) => definitions.iter().map(|d| d.entry.end()).max(),
            Contents::Bytes(table) => table.entries().iter().map(Entry::end).max(),
        };
        end.unwrap_or_else(|| u64::from(TABLE_OFFSET))
    }
}
