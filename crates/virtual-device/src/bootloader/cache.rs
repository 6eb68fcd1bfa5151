//! A judge that remembers.

use updraft_flash::partition::Entry;
use updraft_flash::slot::AppSlot;

use super::{Efuse, ImageFault, Images, VerifyImages};
use crate::nor_flash::{FlashError, SECTOR_SIZE, Sector, VirtualFlash};

/// Most verdicts kept: what a test over a few images in a few slots meets again and again.
const CAPACITY: usize = 16;

/// [`VerifyImages`] for many boots of clones of one flash: a partition whose every sector is one
/// already judged is not read again.
///
/// Sectors are compared by identity. The cache holds on to the sectors it judged, and a sector that
/// two hold is copied before it is changed, so the same sector has the same bytes.
#[derive(Debug, Default)]
pub struct CachedImages {
    verify: VerifyImages,
    verdicts: Vec<Verdict>,
    hits: u64,
}

#[derive(Debug)]
struct Verdict {
    offset: u32,
    size: u32,
    efuse: Efuse,
    sectors: Vec<Sector>,
    result: Result<(), ImageFault>,
}

impl CachedImages {
    /// A judge that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many verdicts were given from memory.
    pub const fn hits(&self) -> u64 {
        self.hits
    }
}

impl Verdict {
    fn is_about(&self, sectors: &[Sector], entry: &Entry, efuse: &Efuse) -> bool {
        (self.offset, self.size) == (entry.offset, entry.size)
            && self.efuse == *efuse
            && self.sectors.len() == sectors.len()
            && self
                .sectors
                .iter()
                .zip(sectors)
                .all(|(ours, theirs)| std::sync::Arc::ptr_eq(ours, theirs))
    }
}

impl Images<VirtualFlash> for CachedImages {
    fn verify(
        &mut self,
        flash: &mut VirtualFlash,
        slot: AppSlot,
        entry: &Entry,
        efuse: &Efuse,
    ) -> Result<Result<(), ImageFault>, FlashError> {
        let first = (entry.offset / SECTOR_SIZE) as usize;
        let last = (entry.end().div_ceil(u64::from(SECTOR_SIZE))) as usize;
        // A partition past the flash has no sectors to compare; verifying says what is wrong.
        let Some(sectors) = flash.sectors().get(first..last) else {
            return self.verify.verify(flash, slot, entry, efuse);
        };
        if !flash.is_powered() {
            return Err(FlashError::PowerLost);
        }
        if let Some(known) = self
            .verdicts
            .iter()
            .find(|known| known.is_about(sectors, entry, efuse))
        {
            self.hits += 1;
            return Ok(known.result);
        }
        let sectors = sectors.to_vec();
        let result = self.verify.verify(flash, slot, entry, efuse)?;
        if self.verdicts.len() == CAPACITY {
            self.verdicts.remove(0);
        }
        self.verdicts.push(Verdict {
            offset: entry.offset,
            size: entry.size,
            efuse: efuse.clone(),
            sectors,
            result,
        });
        Ok(result)
    }

    fn secure_version(
        &mut self,
        flash: &mut VirtualFlash,
        slot: AppSlot,
        entry: &Entry,
    ) -> Result<Option<u32>, FlashError> {
        self.verify.secure_version(flash, slot, entry)
    }
}
