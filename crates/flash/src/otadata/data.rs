//! The two records together.

use super::Record;
use crate::SECTOR_SIZE;

/// One of the two sectors of the otadata partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sector {
    /// The sector at offset 0.
    First,
    /// The sector at offset 0x1000.
    Second,
}

impl Sector {
    /// Both, in flash order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// 0 or 1.
    pub const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }

    /// Offset from the partition's start, in bytes.
    pub const fn offset(self) -> u32 {
        match self {
            Self::First => 0,
            Self::Second => SECTOR_SIZE,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A change of one sector: erase it, then write a record if there is one. Nothing else is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a plan changes nothing until it is applied"]
pub struct Change {
    /// The sector to erase.
    pub sector: Sector,
    /// The record to write there, or `None` to leave the sector blank.
    pub record: Option<Record>,
}

/// What the otadata partition says: two records, and how many OTA slots they choose among.
///
/// A pure value. `slots` is the count of the partition table: [`Table::ota_slots`] for an app,
/// [`Table::ota_entries`] for the bootloader.
///
/// [`Table::ota_slots`]: crate::partition::Table::ota_slots
/// [`Table::ota_entries`]: crate::partition::Table::ota_entries
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OtaData {
    /// The records, in flash order.
    pub records: [Record; 2],
    /// How many OTA slots there are.
    pub slots: u8,
}

impl OtaData {
    /// otadata of a device that was never updated.
    pub const fn erased(slots: u8) -> Self {
        Self::new([Record::ERASED; 2], slots)
    }

    /// otadata of these records, in flash order.
    pub const fn new(records: [Record; 2], slots: u8) -> Self {
        Self { records, slots }
    }

    /// The record in a sector.
    pub const fn record(&self, sector: Sector) -> &Record {
        &self.records[sector.index()]
    }

    /// The sector of the active record: the valid one with the higher sequence, the first of two
    /// equal ones. `None` when neither is valid.
    pub const fn active(&self) -> Option<Sector> {
        self.select([self.records[0].is_valid(), self.records[1].is_valid()])
    }

    /// The choice between the records that `eligible` admits; [`OtaData::active`] admits the valid
    /// ones, a bootloader with anti-rollback fewer.
    pub const fn select(&self, eligible: [bool; 2]) -> Option<Sector> {
        match eligible {
            [true, true] => Some(if self.records[1].sequence > self.records[0].sequence {
                Sector::Second
            } else {
                Sector::First
            }),
            [true, false] => Some(Sector::First),
            [false, true] => Some(Sector::Second),
            [false, false] => None,
        }
    }

    /// The active record.
    pub fn active_record(&self) -> Option<&Record> {
        self.active().map(|sector| self.record(sector))
    }

    /// The slot the record in a sector names, whether or not it is valid; `None` without slots.
    pub const fn slot_of(&self, sector: Sector) -> Option<u8> {
        self.record(sector).slot(self.slots)
    }

    /// The slot the active record names: what the next boot tries first.
    pub const fn slot(&self) -> Option<u8> {
        match self.active() {
            Some(sector) => self.slot_of(sector),
            None => None,
        }
    }

    /// otadata after a change.
    #[must_use]
    pub const fn after(mut self, change: &Change) -> Self {
        self.records[change.sector.index()] = match change.record {
            Some(record) => record,
            None => Record::ERASED,
        };
        self
    }

    /// Whether both records say nothing, as on a device that was never updated.
    pub const fn is_initial(&self) -> bool {
        self.records[0].is_initial() && self.records[1].is_initial()
    }
}
