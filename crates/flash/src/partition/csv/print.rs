//! A table as CSV.

use alloc::string::String;
use core::fmt::{self, Write as _};

use super::super::keywords;
use super::{ExtraSubtypes, lines};
use crate::partition::{Entry, FLAG_ENCRYPTED, FLAG_READONLY, Table};

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// Why a table cannot be printed: read back, the CSV would say something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrintError {
    /// The label is not text, or has a comma, a dollar, a line end, or blanks around it, or begins
    /// as a comment does.
    Label {
        /// Which entry, from 0.
        index: usize,
    },
    /// Flags that have no name.
    Flags {
        /// Which entry, from 0.
        index: usize,
        /// All flags.
        flags: u32,
    },
}

impl PrintError {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Label { .. } => "csv_label",
            Self::Flags { .. } => "csv_flags",
        }
    }
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label { index } => write!(
                f,
                "the label of partition {index} cannot stand in a CSV; rename it"
            ),
            Self::Flags { index, flags } => write!(
                f,
                "the flags {flags:#x} of partition {index} have no names; only encrypted (1) and \
                 readonly (2) do"
            ),
        }
    }
}

impl core::error::Error for PrintError {}

/// The table as `gen_esp32part.py` prints it: offsets in hexadecimal, sizes in M or K where they are
/// whole, keywords where there are any.
pub fn print(table: &Table, extra: &ExtraSubtypes) -> Result<String, PrintError> {
    let mut text =
        String::from("# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n");
    for (index, entry) in table.entries().iter().enumerate() {
        let label = entry
            .label
            .as_str()
            .filter(|label| can_stand(label))
            .ok_or(PrintError::Label { index })?;
        let flags = flag_names(entry).ok_or(PrintError::Flags {
            index,
            flags: entry.flags,
        })?;
        // Writing to a String cannot fail.
        let _ = row(&mut text, entry, label, flags, extra);
    }
    Ok(text)
}

fn row(
    text: &mut String,
    entry: &Entry,
    label: &str,
    flags: &str,
    extra: &ExtraSubtypes,
) -> fmt::Result {
    let (type_byte, subtype) = entry.kind.to_bytes();
    write!(text, "{label},")?;
    match keywords::type_name(type_byte) {
        Some(name) => write!(text, "{name},")?,
        None => write!(text, "{type_byte},")?,
    }
    match extra.name(type_byte, subtype) {
        Some(name) => write!(text, "{name},")?,
        None => write!(text, "{subtype},")?,
    }
    write!(text, "{:#x},", entry.offset)?;
    match entry.size {
        size if size.is_multiple_of(MIB) => write!(text, "{}M,", size / MIB)?,
        size if size.is_multiple_of(KIB) => write!(text, "{}K,", size / KIB)?,
        size => write!(text, "{size:#x},")?,
    }
    writeln!(text, "{flags}")
}

const fn flag_names(entry: &Entry) -> Option<&'static str> {
    const BOTH: u32 = FLAG_ENCRYPTED | FLAG_READONLY;
    match entry.flags {
        0 => Some(""),
        FLAG_ENCRYPTED => Some("encrypted"),
        FLAG_READONLY => Some("readonly"),
        BOTH => Some("encrypted:readonly"),
        _ => None,
    }
}

/// Whether a label comes back as itself.
fn can_stand(label: &str) -> bool {
    !label.contains([',', '$'])
        && !label.contains(lines::ends_line)
        && label.trim() == label
        && !label.starts_with(['#', '\u{FEFF}'])
}
