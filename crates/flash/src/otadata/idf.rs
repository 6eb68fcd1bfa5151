//! What ESP-IDF's application functions do to otadata, record by record (`esp_ota_ops.c`).
//!
//! These reproduce ESP-IDF's hazards too: rewriting the only valid record in place, acting on the
//! active record whichever slot runs. Our agent uses the `plan_*` methods instead.

use core::fmt;

use super::{Change, OtaData, Record, Sector, State};
use crate::slot::AppSlot;

/// What ESP-IDF's function answers instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdfError {
    /// `ESP_ERR_INVALID_ARG`: no such slot.
    InvalidArg,
    /// `ESP_FAIL`: "running firmware is factory": no record is active, or there are no OTA slots.
    RunningFactory,
    /// `ESP_ERR_OTA_ROLLBACK_FAILED`: no other app to go back to.
    RollbackFailed,
    /// `ESP_ERR_NOT_FOUND`: no otadata partition. Planning starts from read records, so only a
    /// caller without the partition answers this.
    NotFound,
    /// No sequence above the active one and below 0xFFFFFFFF names the slot. ESP-IDF would search
    /// for ever; it takes four billion updates or a forged record to get here.
    SequenceExhausted,
}

impl IdfError {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidArg => "invalid_arg",
            Self::RunningFactory => "running_factory",
            Self::RollbackFailed => "rollback_failed",
            Self::NotFound => "not_found",
            Self::SequenceExhausted => "sequence_exhausted",
        }
    }
}

impl fmt::Display for IdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidArg => "there is no such OTA slot; choose one the partition table has",
            Self::RunningFactory => {
                "no otadata record is active; the factory app has nothing to mark"
            }
            Self::RollbackFailed => "there is no other app that could boot",
            Self::NotFound => "the partition table has no otadata partition",
            Self::SequenceExhausted => "otadata sequences are used up; erase the otadata partition",
        })
    }
}

impl core::error::Error for IdfError {}

/// What `esp_ota_mark_app_valid_cancel_rollback` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MarkValid {
    /// The record to rewrite; `None` when it is already valid.
    pub change: Option<Change>,
    /// Whether, with anti-rollback, the eFuse is then raised to the running app's secure version.
    pub raises_efuse: bool,
}

impl OtaData {
    /// `esp_ota_set_boot_partition` for an OTA slot, after a good image check.
    ///
    /// `rollback` is `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE` of the app. For the factory app
    /// ESP-IDF erases the whole partition: [`OtaData::IDF_SET_BOOT_FACTORY`].
    pub fn idf_set_boot(&self, slot: u8, rollback: bool) -> Result<Change, IdfError> {
        if slot >= self.slots {
            return Err(IdfError::InvalidArg);
        }
        let state = if rollback {
            State::New
        } else {
            State::Undefined
        };
        let (sector, sequence) = match self.active() {
            None => (Sector::First, u32::from(slot) + 1),
            Some(active) if self.slot_of(active) == Some(slot) => {
                (active, self.record(active).sequence)
            }
            Some(active) => {
                let sequence = self
                    .congruent(slot, self.record(active).sequence)
                    .ok_or(IdfError::SequenceExhausted)?;
                (active.other(), sequence)
            }
        };
        Ok(Change {
            sector,
            record: Some(Record {
                label: self.record(sector).label,
                ..Record::new(sequence, state)
            }),
        })
    }

    /// `esp_ota_set_boot_partition` for the factory app: both sectors erased.
    pub const IDF_SET_BOOT_FACTORY: [Change; 2] = [
        Change {
            sector: Sector::First,
            record: None,
        },
        Change {
            sector: Sector::Second,
            record: None,
        },
    ];

    /// `esp_ota_mark_app_valid_cancel_rollback`. Acts on the active record, whichever slot runs.
    pub fn idf_mark_valid(&self) -> Result<MarkValid, IdfError> {
        let active = self.idf_active()?;
        let record = self.record(active);
        let change = (record.state != State::Valid).then(|| rewrite(active, record, State::Valid));
        Ok(MarkValid {
            change,
            raises_efuse: change.is_some(),
        })
    }

    /// `esp_ota_mark_app_invalid_rollback`. Acts on the active record, whichever slot runs.
    /// `rollback_possible` is what [`OtaData::idf_rollback_possible`] says.
    pub fn idf_mark_invalid(&self, rollback_possible: bool) -> Result<Change, IdfError> {
        let active = self.idf_active()?;
        if !rollback_possible {
            return Err(IdfError::RollbackFailed);
        }
        Ok(rewrite(active, self.record(active), State::Invalid))
    }

    /// `esp_ota_check_rollback_is_possible`: is there another app the bootloader could take?
    ///
    /// `image_ok` says whether the image in a slot verifies (and, with anti-rollback, whether its
    /// secure version suffices); for [`AppSlot::Factory`] it answers false when there is none.
    pub fn idf_rollback_possible(
        &self,
        anti_rollback: bool,
        mut image_ok: impl FnMut(AppSlot) -> bool,
    ) -> bool {
        let Some(active) = self.active() else {
            return false;
        };
        let other = active.other();
        if self.record(other).is_valid() {
            self.slot_of(other)
                .is_some_and(|slot| image_ok(AppSlot::Ota(slot)))
        } else {
            !anti_rollback && self.slots > 0 && image_ok(AppSlot::Factory)
        }
    }

    /// `esp_ota_get_last_invalid_partition`: the slot of the record that was ruled out, the one with
    /// the lower sequence of two, if its image verifies.
    pub fn idf_last_invalid(&self, mut image_ok: impl FnMut(AppSlot) -> bool) -> Option<u8> {
        let failed = |record: &Record| record.state.rules_out() && record.crc_ok();
        let sector = match [failed(&self.records[0]), failed(&self.records[1])] {
            [true, true] if self.records[1].sequence < self.records[0].sequence => Sector::Second,
            [true, _] => Sector::First,
            [false, true] => Sector::Second,
            [false, false] => return None,
        };
        self.slot_of(sector)
            .filter(|&slot| image_ok(AppSlot::Ota(slot)))
    }

    /// `esp_ota_get_state_partition`: the state of the first record with a right CRC naming `slot`.
    pub fn idf_state_of(&self, slot: u8) -> Option<State> {
        self.records
            .iter()
            .find(|record| record.crc_ok() && record.slot(self.slots) == Some(slot))
            .map(|record| record.state)
    }

    fn idf_active(&self) -> Result<Sector, IdfError> {
        self.active()
            .filter(|_| self.slots > 0)
            .ok_or(IdfError::RunningFactory)
    }

    /// The smallest sequence not below `floor` that names `slot`; `None` when there is none below
    /// 0xFFFFFFFF. Can be 0 when `floor` is.
    pub(super) fn congruent(&self, slot: u8, floor: u32) -> Option<u32> {
        let slots = u64::from(self.slots);
        let base = (u64::from(slot) + 1).checked_rem(slots)?;
        let steps = u64::from(floor).saturating_sub(base).div_ceil(slots);
        u32::try_from(base + steps * slots)
            .ok()
            .filter(|&sequence| sequence != u32::MAX)
    }
}

fn rewrite(sector: Sector, record: &Record, state: State) -> Change {
    Change {
        sector,
        record: Some(Record {
            // ESP-IDF computes the CRC anew; an active record's is right already.
            crc: Record::crc_of(record.sequence),
            ..record.with_state(state)
        }),
    }
}
