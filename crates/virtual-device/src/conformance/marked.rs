//! Images whose verdict the case gives.

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_flash::partition::Entry;
use updraft_flash::slot::AppSlot;

use super::Case;
use crate::bootloader::{Efuse, ImageFault, Images};

/// Judges images by what the case says of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked<'a>(pub(super) &'a Case);

impl Marked<'_> {
    pub(super) fn is_ok(self, slot: AppSlot) -> bool {
        let ok = &self.0.image_ok;
        match slot {
            AppSlot::Factory => self.0.factory && ok.factory,
            AppSlot::Ota(index) => ok.ota.get(usize::from(index)).copied().unwrap_or(false),
            AppSlot::Test => false,
        }
    }

    /// In the vectors a bad image has no app descriptor either, and so no secure version.
    pub(super) fn version(self, slot: AppSlot) -> Option<u32> {
        let index = usize::from(slot.ota_index().filter(|_| self.is_ok(slot))?);
        self.0.secure_version.get(index).copied()
    }
}

impl<F: ReadNorFlash> Images<F> for Marked<'_> {
    fn verify(
        &mut self,
        _flash: &mut F,
        slot: AppSlot,
        _entry: &Entry,
        _efuse: &Efuse,
    ) -> Result<Result<(), ImageFault>, F::Error> {
        Ok(if self.is_ok(slot) {
            Ok(())
        } else {
            Err(ImageFault::MarkedBad)
        })
    }

    fn secure_version(
        &mut self,
        _flash: &mut F,
        slot: AppSlot,
        _entry: &Entry,
    ) -> Result<Option<u32>, F::Error> {
        Ok(self.version(slot))
    }
}
