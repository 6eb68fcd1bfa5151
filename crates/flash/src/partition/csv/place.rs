//! Filling in what the lines leave blank.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::kind::{TYPE_BOOTLOADER, TYPE_PARTITION_TABLE};
use super::fields::Raw;
use super::{CsvError, CsvFault, Definition, Field, Options};
use crate::partition::{Entry, Label, TABLE_SECTOR};

/// Gives every line its offset and its size, in the order of the lines: a blank offset is the next
/// aligned one after the line before, a negative size reaches up to that address.
pub(super) fn place(raw: Vec<Raw>, options: &Options<'_>) -> Result<Vec<Definition>, CsvError> {
    let table_end = i64::from(options.table_offset) + i64::from(TABLE_SECTOR);
    let mut end = table_end;
    let mut definitions = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let at = |fault| CsvError {
            line: Some(raw.line),
            fault,
        };
        let mut entry = Entry::new(Label::padded(&raw.name), raw.kind, 0, 0);
        // What lies before the table, and the table, have no say in what comes after.
        let apart = matches!(
            raw.kind.to_bytes(),
            (TYPE_BOOTLOADER | TYPE_PARTITION_TABLE, 0)
        );
        let offset = match raw.offset {
            Some(offset) if !apart && offset < end => {
                return Err(at(before(index, offset, end, table_end)));
            }
            Some(offset) => offset,
            None => aligned(end, entry.alignment()),
        };
        entry.offset = fitting(Field::Offset, offset).map_err(at)?;
        let size = if raw.size < 0 {
            // `size` is at least i64::MIN + 1, and what is subtracted a u32.
            let until = raw.size.saturating_neg();
            if until < offset {
                return Err(at(CsvFault::EndsBeforeItBegins {
                    offset: entry.offset,
                    end: until.unsigned_abs(),
                }));
            }
            until - offset
        } else {
            raw.size
        };
        entry.size = fitting(Field::Size, size).map_err(at)?;
        entry.flags = raw.flags;
        if !apart {
            end = offset + size;
        }
        definitions.push(Definition {
            line: raw.line,
            name: raw.name,
            entry,
            stated_size: raw.stated_size,
        });
    }
    Ok(definitions)
}

fn before(index: usize, offset: i64, end: i64, table_end: i64) -> CsvFault {
    if index == 0 {
        let table_end = u32::try_from(table_end).unwrap_or(u32::MAX);
        CsvFault::OnTable { offset, table_end }
    } else {
        CsvFault::Overlap {
            offset,
            previous_end: end.unsigned_abs(),
        }
    }
}

/// The next multiple of `unit`.
fn aligned(end: i64, unit: u32) -> i64 {
    let unit = i64::from(unit);
    (end + unit - 1) / unit * unit
}

/// The number as the flash has room for it.
fn fitting(field: Field, value: i64) -> Result<u32, CsvFault> {
    u32::try_from(value).map_err(|_| CsvFault::OutOfRange {
        field,
        found: value.to_string(),
        max: u32::MAX,
    })
}
