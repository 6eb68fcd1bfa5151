//! One line.

use alloc::string::String;

use super::super::keywords;
use super::super::kind::{TYPE_APP, TYPE_BOOTLOADER, TYPE_PARTITION_TABLE};
use super::number::{self, NotNumber};
use super::{CsvFault, Field, Options};
use crate::partition::{FLAG_ENCRYPTED, FLAG_READONLY, Kind, TABLE_SECTOR};

/// Subtype of data and own partitions that name none: `undefined`.
const DEFAULT_SUBTYPE: u8 = 0x06;
/// Subtypes of the bootloaders whose offsets are not the CSV's to give, and of the primary table.
const PRIMARY: u8 = 0;
const RECOVERY: u8 = 2;

/// A line before its place is known.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// `None` is blank.
    pub(super) offset: Option<i64>,
    /// Below 0: up to that address.
    pub(super) size: i64,
    pub(super) stated_size: Option<u32>,
    pub(super) flags: u32,
}

/// Reads a line that is neither blank nor a comment. Fields beyond the sixth are not looked at, as
/// the tool does not.
pub(super) fn read(line_number: usize, line: &str, options: &Options<'_>) -> Result<Raw, CsvFault> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = || fields.next().unwrap_or_default();
    let (name, type_text, subtype, offset, size, flags) =
        (next(), next(), next(), next(), next(), next());
    let type_byte = match type_text {
        "" => return Err(CsvFault::NoType),
        text => byte(Field::Type, text, &|name| {
            keywords::type_named(&name.to_lowercase())
        })?,
    };
    let subtype = match subtype {
        "" if type_byte == TYPE_APP => return Err(CsvFault::NoSubtype),
        "" => DEFAULT_SUBTYPE,
        text => byte(Field::Subtype { type_byte }, text, &|name| {
            let name = name.to_lowercase();
            keywords::subtype_named(type_byte, &name)
                .or_else(|| options.extra_subtypes.find(type_byte, &name))
        })?,
    };
    let offset = place(type_byte, subtype, offset, options)?;
    let stated = match type_byte {
        TYPE_BOOTLOADER => number(Field::Size, size).ok().flatten(),
        _ => None,
    };
    Ok(Raw {
        line: line_number,
        name: String::from(name),
        kind: Kind::from_bytes(type_byte, subtype),
        offset,
        size: extent(type_byte, size, options)?,
        stated_size: stated.and_then(|size| u32::try_from(size).ok()),
        flags: flag_bits(flags)?,
    })
}

/// A type or a subtype.
fn byte(field: Field, text: &str, keyword: &dyn Fn(&str) -> Option<u8>) -> Result<u8, CsvFault> {
    let found = || String::from(text);
    let out_of_range = || CsvFault::OutOfRange {
        field,
        found: found(),
        max: u32::from(u8::MAX),
    };
    match number::read(text, keyword) {
        Ok(value) => u8::try_from(value).map_err(|_| out_of_range()),
        Err(NotNumber::TooLarge) => Err(out_of_range()),
        // Without keywords to know, as for types of one's own, the tool asks for a number.
        Err(NotNumber::NotANumber) => Err(match field {
            Field::Subtype { type_byte } if type_byte > TYPE_PARTITION_TABLE => {
                CsvFault::NotANumber {
                    field,
                    found: found(),
                }
            }
            _ => CsvFault::UnknownKeyword {
                field,
                found: found(),
            },
        }),
    }
}

/// A number, or `None` for a blank field.
fn number(field: Field, text: &str) -> Result<Option<i64>, CsvFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let found = || String::from(text);
    match number::read(text, &|_| None) {
        Ok(value) => Ok(Some(value)),
        Err(NotNumber::TooLarge) => Err(CsvFault::OutOfRange {
            field,
            found: found(),
            max: u32::MAX,
        }),
        Err(NotNumber::NotANumber) => Err(CsvFault::NotANumber {
            field,
            found: found(),
        }),
    }
}

/// Where it begins. Bootloaders and the table lie where the options say, whatever the line says.
fn place(
    type_byte: u8,
    subtype: u8,
    text: &str,
    options: &Options<'_>,
) -> Result<Option<i64>, CsvFault> {
    let given = match (type_byte, subtype) {
        (TYPE_BOOTLOADER, PRIMARY) => options
            .primary_bootloader
            .ok_or(CsvFault::NoPrimaryBootloader)?,
        (TYPE_BOOTLOADER, RECOVERY) => options
            .recovery_bootloader
            .ok_or(CsvFault::NoRecoveryBootloader)?,
        (TYPE_PARTITION_TABLE, PRIMARY) => options.table_offset,
        _ => return number(Field::Offset, text),
    };
    Ok(Some(i64::from(given)))
}

/// How large it is. Bootloaders have what lies before the table, tables their sector.
fn extent(type_byte: u8, text: &str, options: &Options<'_>) -> Result<i64, CsvFault> {
    match type_byte {
        TYPE_BOOTLOADER => {
            let offset = options
                .primary_bootloader
                .ok_or(CsvFault::NoPrimaryBootloader)?;
            Ok(i64::from(options.table_offset) - i64::from(offset))
        }
        TYPE_PARTITION_TABLE => Ok(i64::from(TABLE_SECTOR)),
        _ => number(Field::Size, text)?.ok_or(CsvFault::NoSize),
    }
}

fn flag_bits(text: &str) -> Result<u32, CsvFault> {
    text.split(':').try_fold(0, |flags, flag| match flag {
        "" => Ok(flags),
        "encrypted" => Ok(flags | FLAG_ENCRYPTED),
        "readonly" => Ok(flags | FLAG_READONLY),
        found => Err(CsvFault::UnknownFlag {
            found: String::from(found),
        }),
    })
}
