//! Marks of a merged flash image: what esptool's `merge-bin` joins lies at known offsets.
//!
//! The gate names a bootloader at offset 0 (ESP32-C3 and most others). On chips whose bootloader lies at 0x1000 or
//! 0x2000 a merged image starts with erased flash. In both cases the partition table at 0x8000 or the app at 0x10000
//! tell a merged image from a lone bootloader or a blank dump, once that much has been seen.

use crate::header::IMAGE_MAGIC;
use crate::not_firmware::PARTITION_MAGIC;

/// Usual offset of the partition table.
const PARTITION_TABLE: u32 = 0x8000;

/// Usual offset of the first app partition.
const FIRST_APP: u32 = 0x1_0000;

/// Offsets and bytes to look for.
const MARKS: [(u32, u8); 5] = [
    (PARTITION_TABLE, PARTITION_MAGIC[0]),
    (PARTITION_TABLE + 1, PARTITION_MAGIC[1]),
    (FIRST_APP, IMAGE_MAGIC),
    (0x1000, IMAGE_MAGIC),
    (0x2000, IMAGE_MAGIC),
];

/// Which marks have been seen, a bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Landmarks(u8);

impl Landmarks {
    /// Looks at `bytes`, which lie at `position` of the file.
    pub(crate) fn note(&mut self, position: u32, bytes: &[u8]) {
        if position > FIRST_APP {
            return;
        }
        for (bit, (offset, byte)) in MARKS.iter().enumerate() {
            let index = offset.checked_sub(position).map(|index| index as usize);
            if index.and_then(|index| bytes.get(index)) == Some(byte) {
                self.0 |= 1 << bit;
            }
        }
    }

    /// Where a merged image shows itself at or after `from`, if it does.
    pub(crate) fn merged(self, from: u32) -> Option<u32> {
        const TABLE: u8 = 0b00_0011;
        let seen = |bits| self.0 & bits == bits;
        if from <= PARTITION_TABLE && seen(TABLE) {
            Some(PARTITION_TABLE)
        } else if from <= FIRST_APP && seen(0b00_0100) {
            Some(FIRST_APP)
        } else {
            None
        }
    }

    /// Where a bootloader lies after a blank start, if one does.
    pub(crate) fn late_bootloader(self) -> Option<u32> {
        if self.0 & 0b00_1000 != 0 {
            Some(0x1000)
        } else if self.0 & 0b01_0000 != 0 {
            Some(0x2000)
        } else {
            None
        }
    }
}
