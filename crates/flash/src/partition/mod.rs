//! The partition table as it lies on flash.
//!
//! [`Table::read`] and [`Table::parse`] take what the bootloader takes, and keep what they do not
//! know: unknown types, flags and labels come back byte for byte. [`Table::inspect`] is for
//! what the bootloader does not check: overlap, alignment, duplicates, and what updates need.
//! With the feature `csv` tables are also read from and printed as the CSV people write.
//!
//! Source of the format: ESP-IDF `esp_flash_partitions.h` and `flash_partitions.c`.

mod advice;
mod binary;
mod check;
#[cfg(feature = "csv")]
pub mod csv;
mod entry;
mod fault;
mod keywords;
mod kind;
mod label;
pub mod layout;
mod layout_fault;
mod layout_words;
mod lookup;
mod table;

pub use check::{Rules, SecureBoot, Severity};
pub use entry::{ENTRY_SIZE, Entry, FLAG_ENCRYPTED, FLAG_READONLY};
pub use fault::{ReadError, TableFault};
pub use kind::{AppKind, DataKind, Kind};
pub use label::{LABEL_SIZE, Label, LabelError};
pub use layout_fault::LayoutFault;
pub use table::{MAX_ENTRIES, Table};

/// Where the table lies unless the bootloader was built otherwise
/// (`CONFIG_PARTITION_TABLE_OFFSET`), in bytes.
pub const TABLE_OFFSET: u32 = 0x8000;
/// Most bytes of table the bootloader reads, MD5 record and end marker included.
pub const TABLE_SIZE: usize = 0xC00;
/// Flash the table takes up: one sector. Partitions begin after it.
pub const TABLE_SECTOR: u32 = crate::SECTOR_SIZE;
/// Alignment of app partitions in bytes: the MMU maps flash in pages of 64 KiB.
pub const APP_ALIGNMENT: u32 = 0x1_0000;
/// Alignment of all other partitions in bytes: one sector.
pub const DATA_ALIGNMENT: u32 = crate::SECTOR_SIZE;
/// Most bytes an app can have: the address space it is mapped to, 16 MiB.
pub const MAX_APP_SIZE: u32 = 16 << 20;
/// Fewest bytes of an NVS partition that is written: three sectors.
pub const MIN_NVS_SIZE: u32 = 3 * crate::SECTOR_SIZE;
