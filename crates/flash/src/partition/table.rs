//! The table as a value.

use core::fmt;

use super::{ENTRY_SIZE, Entry, Kind, Label, LayoutFault, Rules, TABLE_OFFSET, TABLE_SIZE};

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

    /// The first thing in the layout that keeps slots from being told apart, for a table at
    /// `table_offset` of a flash of `flash_size` bytes: every fault, and some warnings; see
    /// [`LayoutFault::breaks_slots`]. [`Table::inspect`] tells everything.
    pub fn check_layout(&self, table_offset: u32, flash_size: u32) -> Result<(), LayoutFault> {
        let rules = Rules {
            table_offset,
            flash_size: Some(flash_size),
            ..Rules::default()
        };
        let mut first = Ok(());
        self.inspect(&rules, &mut |fault| {
            if first.is_ok() && fault.breaks_slots() {
                first = Err(fault);
            }
        });
        first
    }
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
