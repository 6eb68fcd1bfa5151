//! The cells themselves: sectors shared until they change.

use std::sync::{Arc, LazyLock};

use super::SECTOR_SIZE;

/// What an erased byte reads as.
pub(super) const BLANK_BYTE: u8 = 0xFF;

const SECTOR: usize = SECTOR_SIZE as usize;

/// One sector's bytes, shared between all flashes that hold the same since they were cloned.
pub(crate) type Sector = Arc<[u8; SECTOR]>;

/// All blank sectors are this one, so erasing allocates nothing and a fresh flash costs little.
static BLANK: LazyLock<Sector> = LazyLock::new(|| Arc::new([BLANK_BYTE; SECTOR]));

/// All sectors of a flash. Cloning copies one pointer a sector.
#[derive(Clone)]
pub(super) struct Cells {
    sectors: Vec<Sector>,
}

impl Cells {
    pub(super) fn blank(size: u32) -> Self {
        let count = (size / SECTOR_SIZE) as usize;
        Self {
            sectors: vec![BLANK.clone(); count],
        }
    }

    pub(super) fn size(&self) -> usize {
        self.sectors.len() * SECTOR
    }

    /// The sectors, to compare by identity.
    pub(super) fn sectors(&self) -> &[Sector] {
        &self.sectors
    }

    /// Copies cells out; the range lies within the flash.
    pub(super) fn read(&self, offset: u32, bytes: &mut [u8]) {
        for_each_sector(offset, bytes.len(), |index, within, range| {
            if let (Some(sector), Some(to)) = (self.sectors.get(index), bytes.get_mut(range)) {
                to.copy_from_slice(sector.get(within).unwrap_or_default());
            }
        });
    }

    /// Puts bytes into cells, whatever was there.
    pub(super) fn set(&mut self, offset: u32, bytes: &[u8]) {
        for_each_sector(offset, bytes.len(), |index, within, range| {
            let Some(sector) = self.sectors.get_mut(index) else {
                return;
            };
            let from = bytes.get(range).unwrap_or_default();
            if from.len() == SECTOR && from.iter().all(|&byte| byte == BLANK_BYTE) {
                *sector = BLANK.clone();
            } else if let Some(to) = Arc::make_mut(sector).get_mut(within) {
                to.copy_from_slice(from);
            }
        });
    }

    /// Clears the bits that are 0 in `bytes`, and says how many bytes would have needed a bit set.
    pub(super) fn program(&mut self, offset: u32, bytes: &[u8]) -> u64 {
        let mut misprogrammed = 0;
        for_each_sector(offset, bytes.len(), |index, within, range| {
            let Some(sector) = self.sectors.get_mut(index) else {
                return;
            };
            let cells = Arc::make_mut(sector).get_mut(within).unwrap_or_default();
            for (cell, byte) in cells.iter_mut().zip(bytes.get(range).unwrap_or_default()) {
                misprogrammed += u64::from(byte & !*cell != 0);
                *cell &= byte;
            }
        });
        misprogrammed
    }

    /// Makes whole sectors blank.
    pub(super) fn erase(&mut self, offset: u32, size: u32) {
        let first = (offset / SECTOR_SIZE) as usize;
        let count = (size / SECTOR_SIZE) as usize;
        for sector in self.sectors.iter_mut().skip(first).take(count) {
            *sector = BLANK.clone();
        }
    }
}

/// Calls with each sector's index, the range within it, and the range of the caller's bytes.
fn for_each_sector(
    offset: u32,
    len: usize,
    mut each: impl FnMut(usize, std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let mut done = 0;
    while done < len {
        let at = offset as usize + done;
        let within = at % SECTOR;
        let part = (SECTOR - within).min(len - done);
        each(at / SECTOR, within..within + part, done..done + part);
        done += part;
    }
}
