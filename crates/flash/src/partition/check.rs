//! Looking a layout over.

use super::kind::{AppKind, DataKind};
use super::{
    Entry, FLAG_ENCRYPTED, FLAG_READONLY, Kind, LayoutFault, MAX_APP_SIZE, MAX_ENTRIES,
    MIN_NVS_SIZE, TABLE_OFFSET, TABLE_SECTOR, Table, advice, keywords,
};
use crate::{SECTOR_SIZE, otadata};

/// Sizes of apps are multiples of this with secure boot v1, whose signature ends a 64 KiB block.
const SECURE_V1_UNIT: u32 = 0x1_0000;

/// Whether a table cannot be used, or can and will hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// ESP-IDF's own tool takes the table; on a device it will hurt.
    Warning,
    /// ESP-IDF's own tool refuses the table, or it contradicts itself.
    Fault,
}

impl Severity {
    /// `fault` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// The secure boot scheme the apps are built for; version 1 asks for larger units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecureBoot {
    /// None.
    #[default]
    None,
    /// Version 1 (ESP32 only).
    V1,
    /// Version 2.
    V2,
}

/// What a layout is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Where the table itself lies.
    pub table_offset: u32,
    /// Bytes of flash, if known.
    pub flash_size: Option<u32>,
    /// What the apps are signed for.
    pub secure_boot: SecureBoot,
}

/// A table at [`TABLE_OFFSET`], flash of unknown size, no secure boot.
impl Default for Rules {
    fn default() -> Self {
        Self {
            table_offset: TABLE_OFFSET,
            flash_size: None,
            secure_boot: SecureBoot::None,
        }
    }
}

impl Rules {
    /// The first byte after the table.
    pub const fn table_end(&self) -> u32 {
        self.table_offset.saturating_add(TABLE_SECTOR)
    }
}

impl Table {
    /// Tells everything found in the layout, faults and warnings: entry by entry, then pairs, then
    /// the table as a whole.
    pub fn inspect(&self, rules: &Rules, found: &mut dyn FnMut(LayoutFault)) {
        inspect(self.entries(), self.has_md5(), rules, found);
        if !self.has_md5() {
            found(LayoutFault::NoMd5);
        }
    }
}

/// [`Table::inspect`] for entries that may be too many for a table.
pub(super) fn inspect(
    entries: &[Entry],
    md5: bool,
    rules: &Rules,
    found: &mut dyn FnMut(LayoutFault),
) {
    let count = entries.len();
    if count > MAX_ENTRIES || (md5 && count == MAX_ENTRIES) {
        found(LayoutFault::TooManyEntries { count });
    }
    for (index, entry) in entries.iter().enumerate() {
        check_place(index, entry, rules, found);
        check_purpose(index, entry, found);
    }
    for (second, later) in entries.iter().enumerate() {
        for (first, earlier) in entries.iter().enumerate().take(second) {
            check_pair(first, earlier, second, later, found);
        }
    }
    advice::whole(entries, found);
}

/// Where it lies and how large it is.
fn check_place(index: usize, entry: &Entry, rules: &Rules, found: &mut dyn FnMut(LayoutFault)) {
    let Entry { offset, size, .. } = *entry;
    let unit = entry.alignment();
    if !offset.is_multiple_of(unit) {
        found(LayoutFault::NotAligned {
            index,
            offset,
            unit,
        });
    }
    let app = entry.kind.is_app();
    let unit = match rules.secure_boot {
        SecureBoot::V1 if app => SECURE_V1_UNIT,
        _ => SECTOR_SIZE,
    };
    if !size.is_multiple_of(unit) {
        found(LayoutFault::UnevenSize {
            index,
            size,
            unit,
            app,
        });
    }
    if size == 0 {
        found(LayoutFault::ZeroSize { index });
    }
    if let Some(capacity) = rules.flash_size
        && entry.end() > u64::from(capacity)
    {
        let end = entry.end();
        found(LayoutFault::OutsideFlash {
            index,
            end,
            capacity,
        });
    }
    let table_end = rules.table_end();
    match entry.kind {
        Kind::Bootloader(PRIMARY) if entry.end() > u64::from(rules.table_offset) => {
            found(LayoutFault::BootloaderOverTable {
                index,
                end: entry.end(),
                table_offset: rules.table_offset,
            });
        }
        // These name what lies there already.
        Kind::Bootloader(PRIMARY) | Kind::PartitionTable(PRIMARY) => {}
        _ if offset < table_end => found(LayoutFault::OnTable {
            index,
            offset,
            table_end,
        }),
        _ => {}
    }
}

/// Subtype of the bootloader the ROM starts, and of the table it reads.
const PRIMARY: u8 = 0;

/// What its kind asks for.
fn check_purpose(index: usize, entry: &Entry, found: &mut dyn FnMut(LayoutFault)) {
    let size = entry.size;
    let readonly = entry.flags & FLAG_READONLY != 0;
    match entry.kind {
        Kind::Data(DataKind::Ota | DataKind::TeeOta) if size != otadata::PARTITION_SIZE => {
            found(LayoutFault::OtadataSize { index, size });
        }
        Kind::Data(DataKind::Nvs) if size < MIN_NVS_SIZE && !readonly => {
            found(LayoutFault::NvsTooSmall { index, size });
        }
        Kind::App(_) if size > MAX_APP_SIZE => {
            found(LayoutFault::AppTooLarge { index, size });
        }
        _ => {}
    }
    match entry.kind {
        Kind::Data(DataKind::Ota | DataKind::Coredump) if readonly => {
            found(LayoutFault::MustBeWritable { index });
        }
        Kind::App(AppKind::Ota(_)) if readonly => found(LayoutFault::SlotReadOnly { index }),
        _ => {}
    }
    if entry.flags & !(FLAG_ENCRYPTED | FLAG_READONLY) != 0 {
        let flags = entry.flags;
        found(LayoutFault::UnknownFlags { index, flags });
    }
    let (type_byte, subtype) = entry.kind.to_bytes();
    if let Some(label) = entry.label.as_str()
        && keywords::names_another_kind(label, type_byte, subtype)
    {
        found(LayoutFault::LabelIsKeyword { index });
    }
}

fn check_pair(
    first: usize,
    earlier: &Entry,
    second: usize,
    later: &Entry,
    found: &mut dyn FnMut(LayoutFault),
) {
    if u64::from(earlier.offset) < later.end() && u64::from(later.offset) < earlier.end() {
        found(LayoutFault::Overlap { first, second });
    }
    // A name ends at its NUL, whatever lies behind it.
    if earlier.label.as_bytes() == later.label.as_bytes() {
        found(LayoutFault::DuplicateLabel { first, second });
    }
    if earlier.kind != later.kind {
        return;
    }
    if later.kind.app_slot().is_some() {
        found(LayoutFault::DuplicateApp { first, second });
    }
    if matches!(later.kind, Kind::Data(DataKind::Ota | DataKind::TeeOta)) {
        found(LayoutFault::DuplicateOtadata { first, second });
    }
}
