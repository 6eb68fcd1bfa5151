//! The table as a value.

use core::fmt;

use super::kind::DataKind;
use super::{ENTRY_SIZE, Label};
use super::{Entry, Kind, LayoutFault, TABLE_OFFSET, TABLE_SECTOR, TABLE_SIZE};
use crate::otadata;
use crate::slot::AppSlot;

/// Most partitions a table holds: its space less the end marker. With an MD5 record it is one less.
pub const MAX_ENTRIES: usize = TABLE_SIZE / ENTRY_SIZE - 1;

/// A partition table: up to [`MAX_ENTRIES`] entries in order, about 3 KiB, no allocation.
#[derive(Clone, Copy)]
pub struct Table {
    entries: [Entry; MAX_ENTRIES],
    len: usize,
    /// Whether an MD5 record was read, and so whether one is written.
    pub(super) has_md5: bool,
}

impl Table {
    /// A table without entries, to [`push`](Self::push) them to.
    pub const fn new() -> Self {
        const UNUSED: Entry = Entry::new(
            Label::from_raw([0; super::LABEL_SIZE]),
            Kind::Other {
                type_byte: 0xFF,
                subtype: 0xFF,
            },
            0,
            0,
        );
        Self {
            entries: [UNUSED; MAX_ENTRIES],
            len: 0,
            has_md5: true,
        }
    }

    /// A table of these entries, checked by [`Table::check_layout`] for a table at
    /// [`TABLE_OFFSET`] of a flash of `flash_size` bytes. It is written with an MD5 record.
    pub fn from_entries(entries: &[Entry], flash_size: u32) -> Result<Self, LayoutFault> {
        let mut table = Self::new();
        for entry in entries {
            table.push(*entry)?;
        }
        table.check_layout(TABLE_OFFSET, flash_size)?;
        Ok(table)
    }

    /// Adds an entry at the end, unchecked but for the space.
    pub fn push(&mut self, entry: Entry) -> Result<(), LayoutFault> {
        let count = self.len + 1;
        let place = self
            .entries
            .get_mut(self.len)
            .ok_or(LayoutFault::TooManyEntries { count })?;
        *place = entry;
        self.len = count;
        Ok(())
    }

    /// The entries in table order.
    pub fn entries(&self) -> &[Entry] {
        self.entries.get(..self.len).unwrap_or_default()
    }

    /// Whether the table carries an MD5 record. Apps require one by default, the bootloader never.
    pub const fn has_md5(&self) -> bool {
        self.has_md5
    }

    /// Whether the table is written with an MD5 record.
    #[must_use]
    pub const fn with_md5(mut self, md5: bool) -> Self {
        self.has_md5 = md5;
        self
    }

    /// The first thing wrong with the layout, for a table at `table_offset` of a flash of
    /// `flash_size` bytes. Entries are looked at in order, then pairs, then the OTA set-up.
    pub fn check_layout(&self, table_offset: u32, flash_size: u32) -> Result<(), LayoutFault> {
        let count = self.entries().len();
        if self.has_md5 && count == MAX_ENTRIES {
            return Err(LayoutFault::TooManyEntries { count });
        }
        for (index, entry) in self.entries().iter().enumerate() {
            check_entry(index, entry, table_offset, flash_size)?;
        }
        for (second, later) in self.entries().iter().enumerate() {
            for (first, earlier) in self.entries().iter().enumerate().take(second) {
                check_pair(first, earlier, second, later)?;
            }
        }
        self.check_ota()
    }

    fn check_ota(&self) -> Result<(), LayoutFault> {
        let reachable = self.ota_slots();
        for entry in self.entries() {
            if let Some(AppSlot::Ota(beyond)) = entry.kind.app_slot()
                && beyond > reachable
            {
                return Err(LayoutFault::OtaGap {
                    missing: reachable,
                    beyond,
                });
            }
        }
        if reachable > 0 && self.otadata().is_none() {
            return Err(LayoutFault::NoOtadata);
        }
        Ok(())
    }
}

fn check_entry(
    index: usize,
    entry: &Entry,
    table_offset: u32,
    flash_size: u32,
) -> Result<(), LayoutFault> {
    let Entry { offset, size, .. } = *entry;
    let unit = entry.alignment();
    if size == 0 {
        return Err(LayoutFault::ZeroSize { index });
    }
    if !offset.is_multiple_of(unit) {
        return Err(LayoutFault::NotAligned {
            index,
            offset,
            unit,
        });
    }
    if !size.is_multiple_of(crate::SECTOR_SIZE) {
        return Err(LayoutFault::UnevenSize { index, size });
    }
    if entry.end() > u64::from(flash_size) {
        let end = entry.end();
        return Err(LayoutFault::OutsideFlash {
            index,
            end,
            capacity: flash_size,
        });
    }
    let table_end = table_offset.saturating_add(TABLE_SECTOR);
    // Bootloader and partition table partitions name what lies there already.
    let describes_itself = matches!(entry.kind, Kind::Bootloader(_) | Kind::PartitionTable(_));
    if offset < table_end && !describes_itself {
        return Err(LayoutFault::OnTable {
            index,
            offset,
            table_end,
        });
    }
    if entry.kind == Kind::Data(DataKind::Ota) && size != otadata::PARTITION_SIZE {
        return Err(LayoutFault::OtadataSize { index, size });
    }
    Ok(())
}

fn check_pair(
    first: usize,
    earlier: &Entry,
    second: usize,
    later: &Entry,
) -> Result<(), LayoutFault> {
    if u64::from(earlier.offset) < later.end() && u64::from(later.offset) < earlier.end() {
        return Err(LayoutFault::Overlap { first, second });
    }
    if earlier.label == later.label {
        return Err(LayoutFault::DuplicateLabel { first, second });
    }
    let only_one = later.kind.app_slot().is_some() || later.kind == Kind::Data(DataKind::Ota);
    if only_one && earlier.kind == later.kind {
        return Err(LayoutFault::DuplicateKind { first, second });
    }
    Ok(())
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries() && self.has_md5 == other.has_md5
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("entries", &self.entries())
            .field("has_md5", &self.has_md5)
            .finish_non_exhaustive()
    }
}
