//! The partition table of a flash image.

use std::path::Path;

use updraft_flash::partition::csv::{self, Options};
use updraft_flash::partition::{Rules, Severity, TABLE_OFFSET, Table};
use updraft_image::Chip;

use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// What every entry of a binary table begins with.
const MAGIC: &[u8] = b"\xAA\x50";
/// Flash sizes there are, in bytes: those an image header can name.
const FLASH_SIZES: [u32; 8] = [
    1 << 20,
    2 << 20,
    4 << 20,
    8 << 20,
    16 << 20,
    32 << 20,
    64 << 20,
    128 << 20,
];

/// Reads a table, CSV or binary, and checks it against the flash: the size given, or the smallest that holds the table, which it
/// gives back.
pub(super) fn table(
    path: &Path,
    bytes: &[u8],
    chip: Chip,
    flash_size: Option<u32>,
    output: Output,
) -> Result<(Table, u32), Failure> {
    let refuse = |code, what: &str| {
        let path = path.display();
        Failure::new(Exit::Refused, code, format!("{path}: {what}"))
            .hint("updraft partition check says all that is wrong with it")
    };
    let table = if bytes.starts_with(MAGIC) {
        Table::parse(bytes).map_err(|fault| refuse(fault.code(), &fault.to_string()))?
    } else {
        let options = Options {
            primary_bootloader: Some(chip.bootloader_offset()),
            variables: &|name| std::env::var(name).ok(),
            ..Options::default()
        };
        let read = csv::parse(bytes, &options);
        let read = read.map_err(|error| refuse(error.fault.code(), &error.to_string()))?;
        read.table()
            .map_err(|fault| refuse(fault.code(), &fault.to_string()))?
    };
    let end = table
        .entries()
        .iter()
        .map(updraft_flash::partition::Entry::end)
        .max();
    let end = end.unwrap_or(u64::from(TABLE_OFFSET));
    let smallest = FLASH_SIZES.into_iter().find(|size| u64::from(*size) >= end);
    let flash_size = match flash_size {
        Some(size) if FLASH_SIZES.contains(&size) => size,
        Some(size) => {
            return Err(Failure::new(
                Exit::Usage,
                "flash_size",
                format!(
                    "there is no flash of {size} bytes; there are 1M, 2M, 4M, 8M and on to 128M"
                ),
            ));
        }
        None => {
            smallest.ok_or_else(|| refuse("flash_size", "it ends past the largest flash, 128M"))?
        }
    };
    let rules = Rules {
        flash_size: Some(flash_size),
        ..Rules::default()
    };
    let mut worst = None;
    table.inspect(&rules, &mut |fault| {
        if fault.severity() == Severity::Fault {
            worst.get_or_insert(fault);
        } else {
            output.warn(&fault.to_string());
        }
    });
    match worst {
        Some(fault) => Err(refuse(fault.code(), &fault.to_string())),
        None => Ok((table, flash_size)),
    }
}
