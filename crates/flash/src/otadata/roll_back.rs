//! Going back by hand, and what the bootloader writes on its own.

use super::{Change, OtaData, PlanError, Record, Sector, State};
use crate::slot::AppSlot;

impl OtaData {
    /// Gives the running app up at someone's word, confirmed or not: its record becomes
    /// [`State::Invalid`], and the next boot takes the other app. `rollback_possible` is what
    /// [`OtaData::idf_rollback_possible`] says.
    ///
    /// As [`OtaData::plan_reject`], and stricter, because nobody has said that the running app is
    /// unfit. Refused with [`PlanError::RollbackImpossible`] when the other record would start the
    /// same app again, or would itself be aborted by the reset: ESP-IDF gives up the one good app
    /// there is. While another record is valid, that one stays untouched; with none, the way back is
    /// the factory app, and a power cut during the change leads there too.
    pub fn plan_roll_back(
        &self,
        running: AppSlot,
        rollback_possible: bool,
    ) -> Result<Change, PlanError> {
        let change = self.plan_reject(running, rollback_possible)?;
        let other = change.sector.other();
        let record = self.record(other);
        let same_app = self.slot_of(other).map(AppSlot::Ota) == Some(running);
        if record.is_valid() && (same_app || !record.outlives_reset()) {
            return Err(PlanError::RollbackImpossible);
        }
        Ok(change)
    }

    /// The record the bootloader itself writes after starting `ota_N` of a device whose otadata
    /// says nothing ([`OtaData::is_initial`]): the first sector, confirmed. `None` when otadata says
    /// something, or there is no such slot.
    pub fn idf_first_record(&self, slot: u8) -> Option<Change> {
        (self.is_initial() && slot < self.slots).then(|| Change {
            sector: Sector::First,
            record: Some(Record::new(u32::from(slot) + 1, State::Valid)),
        })
    }

    /// `esp_ota_get_boot_partition`: the slot the active record names, and without one the first of
    /// factory, the OTA slots and test that `exists`.
    pub fn idf_boot_slot(&self, mut exists: impl FnMut(AppSlot) -> bool) -> Option<AppSlot> {
        if let Some(slot) = self.slot() {
            return Some(AppSlot::Ota(slot)).filter(|&slot| exists(slot));
        }
        core::iter::once(AppSlot::Factory)
            .chain((0..crate::slot::MAX_OTA_SLOTS).map(AppSlot::Ota))
            .chain([AppSlot::Test])
            .find(|&slot| exists(slot))
    }
}
