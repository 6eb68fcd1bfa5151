//! What can be wrong with a CSV before its layout is looked at.

use alloc::string::String;
use core::fmt;

use super::super::keywords;

/// Why a CSV could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvError {
    /// The line it is about, from 1; `None` when it is about the whole file or an option.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: CsvFault,
}

/// The columns that hold a number or a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The second.
    Type,
    /// The third; what names it knows depends on the type.
    Subtype {
        /// The line's type.
        type_byte: u8,
    },
    /// The fourth.
    Offset,
    /// The fifth.
    Size,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type",
            Self::Subtype { .. } => "subtype",
            Self::Offset => "offset",
            Self::Size => "size",
        })
    }
}

/// What is wrong with a CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsvFault {
    /// The bytes are not text.
    NotText {
        /// The encoding they should be in.
        encoding: &'static str,
    },
    /// A `$VARIABLE` that is not set.
    UnknownVariable {
        /// Its name.
        name: String,
    },
    /// The type is blank.
    NoType,
    /// The subtype of an app is blank.
    NoSubtype,
    /// The size is blank.
    NoSize,
    /// A flag that is none.
    UnknownFlag {
        /// What stands there.
        found: String,
    },
    /// Not a number, where only a number can stand.
    NotANumber {
        /// Where.
        field: Field,
        /// What stands there.
        found: String,
    },
    /// Neither a number nor a keyword of this field.
    UnknownKeyword {
        /// Where.
        field: Field,
        /// What stands there.
        found: String,
    },
    /// A number that does not fit the field on flash.
    OutOfRange {
        /// Where.
        field: Field,
        /// What stands there.
        found: String,
        /// The greatest it may be.
        max: u32,
    },
    /// There is a bootloader, and nobody said where it lies.
    NoPrimaryBootloader,
    /// There is a recovery bootloader, and nobody said where it lies.
    NoRecoveryBootloader,
    /// The bootloader is said to lie after the partition table.
    BootloaderAfterTable {
        /// Where it lies.
        offset: u32,
        /// Where the table lies.
        table_offset: u32,
    },
    /// The first partition begins before the partition table ends.
    OnTable {
        /// Where it begins; below 0 if it was written so.
        offset: i64,
        /// The first byte after the table.
        table_end: u32,
    },
    /// A partition begins before the one in the line above ends.
    Overlap {
        /// Where it begins; below 0 if it was written so.
        offset: i64,
        /// Where the one before ends.
        previous_end: u64,
    },
    /// A negative size names the address where the partition ends, and it begins there or later.
    EndsBeforeItBegins {
        /// Where it would begin.
        offset: u32,
        /// Where it would end.
        end: u64,
    },
}

impl CsvFault {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotText { .. } => "csv_not_text",
            Self::UnknownVariable { .. } => "csv_unknown_variable",
            Self::NoType => "csv_no_type",
            Self::NoSubtype => "csv_no_subtype",
            Self::NoSize => "csv_no_size",
            Self::UnknownFlag { .. } => "csv_unknown_flag",
            Self::NotANumber { .. } => "csv_not_a_number",
            Self::UnknownKeyword { .. } => "csv_unknown_keyword",
            Self::OutOfRange { .. } => "csv_out_of_range",
            Self::NoPrimaryBootloader => "csv_no_primary_bootloader",
            Self::NoRecoveryBootloader => "csv_no_recovery_bootloader",
            Self::BootloaderAfterTable { .. } => "csv_bootloader_after_table",
            Self::OnTable { .. } => "csv_on_table",
            Self::Overlap { .. } => "csv_overlap",
            Self::EndsBeforeItBegins { .. } => "csv_ends_before_it_begins",
        }
    }

    /// What to do about it, in a sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotText { .. } => {
                "Save it as UTF-8; is it a binary table without its magic, or another file?"
            }
            Self::UnknownVariable { .. } => "Set the variable, or write the value.",
            Self::NoType => "Write app, data, bootloader, partition_table, or a number.",
            Self::NoSubtype => "Write factory, test, or ota_0 to ota_15.",
            Self::NoSize => "Give a size, such as 0x5000, 20K or 1M.",
            Self::UnknownFlag { .. } => {
                "Flags are encrypted and readonly, in lower case, with a colon between them."
            }
            Self::NotANumber { .. } => "Write a number, such as 0x9000, 36864, 20K or 1M.",
            Self::UnknownKeyword { .. } => "Write one of the keywords, or a number.",
            Self::OutOfRange { .. } => "Write a smaller number.",
            Self::NoPrimaryBootloader => {
                "Say where the bootloader lies: 0x1000 on ESP32 and ESP32-S2, 0x2000 on ESP32-P4 and \
                 ESP32-C5, 0 on other chips."
            }
            Self::NoRecoveryBootloader => {
                "Say where the recovery bootloader lies (CONFIG_BOOTLOADER_RECOVERY_OFFSET)."
            }
            Self::BootloaderAfterTable { .. } => "The bootloader lies before the partition table.",
            Self::OnTable { .. } => "Begin after the table's sector, or leave the offset blank.",
            Self::Overlap { .. } => {
                "Move it or leave its offset blank; lines stand in the order of their offsets."
            }
            Self::EndsBeforeItBegins { .. } => {
                "A negative size is the address where the partition ends; name a later one."
            }
        }
    }
}

impl fmt::Display for CsvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText { encoding } => write!(f, "the file is not text in {encoding}"),
            Self::UnknownVariable { name } => write!(f, "unknown variable {name:?}"),
            Self::NoType => f.write_str("the type is blank"),
            Self::NoSubtype => f.write_str("the subtype of an app is blank"),
            Self::NoSize => f.write_str("the size is blank"),
            Self::UnknownFlag { found } => write!(f, "unknown flag {found:?}"),
            Self::NotANumber { field, found } => {
                write!(f, "the {field} {found:?} is not a number")
            }
            Self::UnknownKeyword { field, found } => {
                write!(f, "unknown {field} {found:?}")?;
                known(f, *field)
            }
            Self::OutOfRange { field, found, max } => {
                write!(f, "the {field} {found:?} is not within 0 to {max:#x}")
            }
            Self::NoPrimaryBootloader => f.write_str("the bootloader's offset is not given"),
            Self::NoRecoveryBootloader => {
                f.write_str("the recovery bootloader's offset is not given")
            }
            Self::BootloaderAfterTable {
                offset,
                table_offset,
            } => write!(
                f,
                "the bootloader's offset {offset:#x} is not below the table's {table_offset:#x}"
            ),
            Self::OnTable { offset, table_end } => write!(
                f,
                "the partition begins at {}; the partition table ends at {table_end:#x}",
                Signed(*offset)
            ),
            Self::Overlap {
                offset,
                previous_end,
            } => write!(
                f,
                "the partition begins at {}; the one before ends at {previous_end:#x}",
                Signed(*offset)
            ),
            Self::EndsBeforeItBegins { offset, end } => write!(
                f,
                "the partition begins at {offset:#x} and would end at {end:#x}"
            ),
        }
    }
}

/// The keywords a field knows.
fn known(f: &mut fmt::Formatter<'_>, field: Field) -> fmt::Result {
    let mut between = "; known are ";
    let mut name = |name: &str| {
        write!(f, "{between}{name}")?;
        between = ", ";
        Ok(())
    };
    match field {
        Field::Type => keywords::type_names().try_for_each(&mut name),
        Field::Subtype { type_byte } => keywords::subtype_names(type_byte).try_for_each(&mut name),
        Field::Offset | Field::Size => Ok(()),
    }
}

/// Hexadecimal with its sign.
struct Signed(i64);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:#x}", self.0.unsigned_abs())
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

impl core::error::Error for CsvError {}
