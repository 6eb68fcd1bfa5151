//! Partition tables as the CSV people write, both ways.
//!
//! One partition a line: name, type, subtype, offset, size, flags. [`parse`] takes what ESP-IDF's
//! `gen_esp32part.py` 1.5 takes and computes what it computes: blank offsets, sizes of the
//! bootloader and of the table. [`print`](print()) writes what that tool writes.
//!
//! In three places it is stricter than the tool, where that one takes a slip for a value or fails
//! without a word: an unknown `$VARIABLE` is an error wherever it stands outside comments, not only
//! at the start of a line; numbers are ASCII; and numbers that do not fit the flash's fields are
//! errors of their own.

mod error;
mod fields;
mod lines;
mod number;
mod place;
mod print;
mod subtypes;

use alloc::string::String;
use alloc::vec::Vec;

pub use error::{CsvError, CsvFault, Field};
pub use print::{PrintError, print};
pub use subtypes::{ExtraSubtypes, SubtypeError};

use super::{Entry, Kind, LABEL_SIZE, LayoutFault, Rules, TABLE_OFFSET, Table};

/// What a CSV leaves to whoever reads it.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Where the table will lie, in bytes.
    pub table_offset: u32,
    /// Where the bootloader lies: 0x1000 on ESP32 and ESP32-S2, 0x2000 on ESP32-P4 and C5, 0 on
    /// other chips. Only a CSV with a bootloader partition needs it.
    pub primary_bootloader: Option<u32>,
    /// Where the recovery bootloader lies; only a CSV with such a partition needs it.
    pub recovery_bootloader: Option<u32>,
    /// Names for subtypes of the project's own.
    pub extra_subtypes: &'a ExtraSubtypes,
    /// Looks a `$VARIABLE` up, in the environment as a rule.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
}

/// A table at [`TABLE_OFFSET`], no bootloader, no names and no variables of one's own.
impl Default for Options<'_> {
    fn default() -> Self {
        const NO_SUBTYPES: &ExtraSubtypes = &ExtraSubtypes::new();
        Self {
            table_offset: TABLE_OFFSET,
            primary_bootloader: None,
            recovery_bootloader: None,
            extra_subtypes: NO_SUBTYPES,
            variables: &|_| None,
        }
    }
}

impl core::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Options")
            .field("table_offset", &self.table_offset)
            .field("primary_bootloader", &self.primary_bootloader)
            .field("recovery_bootloader", &self.recovery_bootloader)
            .field("extra_subtypes", &self.extra_subtypes)
            .finish_non_exhaustive()
    }
}

/// One partition of a CSV, with all that was left blank filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Which line it stands in, from 1.
    pub line: usize,
    /// Its name in full; the flash keeps [`LABEL_SIZE`] bytes of it.
    pub name: String,
    /// The entry as it will lie on flash, its label cut to size.
    pub entry: Entry,
    /// The size the line gives for a bootloader, which is not what the bootloader gets: that is
    /// always all there is before the table.
    pub stated_size: Option<u32>,
}

/// A CSV that was read: offsets and sizes are known, nothing is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    definitions: Vec<Definition>,
}

/// Reads a CSV: text in UTF-8, or, with a byte order mark, UTF-16 or UTF-32.
pub fn parse(bytes: &[u8], options: &Options<'_>) -> Result<Definitions, CsvError> {
    if let Some(offset) = options.primary_bootloader
        && offset >= options.table_offset
    {
        return Err(CsvError {
            line: None,
            fault: CsvFault::BootloaderAfterTable {
                offset,
                table_offset: options.table_offset,
            },
        });
    }
    let text = lines::decode(bytes)?;
    let mut raw = Vec::new();
    for (index, line) in lines::split(&text).enumerate() {
        let at = |fault| CsvError {
            line: Some(index + 1),
            fault,
        };
        let line = lines::expand(line.trim(), options.variables).map_err(at)?;
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            raw.push(fields::read(index + 1, line, options).map_err(at)?);
        }
    }
    let definitions = place::place(raw, options)?;
    Ok(Definitions { definitions })
}

impl Definitions {
    /// The partitions in the order of their lines.
    pub fn iter(&self) -> core::slice::Iter<'_, Definition> {
        self.definitions.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// The table; unchecked but for the space in it.
    pub fn table(&self) -> Result<Table, LayoutFault> {
        let mut table = Table::new();
        for definition in &self.definitions {
            table.push(definition.entry).map_err(|_| {
                let count = self.definitions.len();
                LayoutFault::TooManyEntries { count }
            })?;
        }
        Ok(table)
    }

    /// [`Table::inspect`], with what only a CSV shows: names in full, and the size someone wanted
    /// a bootloader to have.
    pub fn inspect(&self, rules: &Rules, found: &mut dyn FnMut(LayoutFault)) {
        let entries: Vec<Entry> = self.iter().map(|definition| definition.entry).collect();
        let name = |index: usize| self.definitions.get(index).map(|found| &found.name);
        super::check::inspect(&entries, true, rules, &mut |fault| {
            found(match fault {
                LayoutFault::DuplicateLabel { first, second } if name(first) != name(second) => {
                    LayoutFault::LabelsClash { first, second }
                }
                fault => fault,
            });
        });
        for (index, definition) in self.iter().enumerate() {
            let len = definition.name.len();
            if len > LABEL_SIZE {
                found(LayoutFault::LabelTooLong { index, len });
            }
            let Entry {
                kind, offset, size, ..
            } = definition.entry;
            if let (Kind::Bootloader(_), Some(stated)) = (kind, definition.stated_size)
                && stated > size
            {
                found(LayoutFault::BootloaderOverTable {
                    index,
                    end: u64::from(offset) + u64::from(stated),
                    table_offset: rules.table_offset,
                });
            }
        }
    }
}

impl<'a> IntoIterator for &'a Definitions {
    type Item = &'a Definition;
    type IntoIter = core::slice::Iter<'a, Definition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
