//! What our agent does to otadata.
//!
//! The same records as ESP-IDF's functions, with three differences: the only record that would carry
//! the device over a power cut is never erased to be rewritten, sequence 0 is never written, and
//! nothing is marked that does not run.
//! Every plan is one [`Change`]; where it takes two, the plan is asked again after the first.

use core::fmt;

use super::{Change, IdfError, OtaData, Record, Sector, State};
use crate::slot::AppSlot;

/// Why there is no plan. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanError {
    /// The partition table has no such OTA slot.
    NoSuchSlot {
        /// The slot asked for.
        slot: u8,
        /// How many there are.
        slots: u8,
    },
    /// The slot to overwrite is the one that runs.
    SlotIsRunning {
        /// That slot.
        slot: u8,
    },
    /// No record is active: `factory` runs, or otadata is damaged.
    NoActiveRecord,
    /// The active record names another slot than the one that runs: the bootloader fell back. The
    /// record is about an app that is not running, so the running one must not mark it.
    Fallback {
        /// The slot that runs.
        running: AppSlot,
        /// The slot the active record names.
        active: u8,
    },
    /// The running app is not on trial.
    NotOnTrial {
        /// The state of its record.
        state: State,
    },
    /// There is no other app that could boot.
    RollbackImpossible,
    /// No sequence above the active one and below 0xFFFFFFFF names the slot.
    SequenceExhausted {
        /// The active record's sequence.
        sequence: u32,
    },
}

impl PlanError {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSuchSlot { .. } => "no_such_slot",
            Self::SlotIsRunning { .. } => "slot_is_running",
            Self::NoActiveRecord => "no_active_record",
            Self::Fallback { .. } => "fallback",
            Self::NotOnTrial { .. } => "not_on_trial",
            Self::RollbackImpossible => "rollback_impossible",
            Self::SequenceExhausted { .. } => "sequence_exhausted",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSlot { slot, slots } => {
                write!(
                    f,
                    "there is no ota_{slot}; the partition table has {slots} OTA slots"
                )
            }
            Self::SlotIsRunning { slot } => {
                write!(f, "ota_{slot} is running; write to another slot")
            }
            Self::NoActiveRecord => f.write_str("no otadata record is active; nothing to mark"),
            Self::Fallback { running, active } => write!(
                f,
                "{running} runs but otadata names ota_{active}, which did not boot; install again"
            ),
            Self::NotOnTrial { state } => {
                write!(f, "the running app is not on trial; its record is {state}")
            }
            Self::RollbackImpossible => f.write_str("there is no other app to go back to"),
            Self::SequenceExhausted { sequence } => write!(
                f,
                "no otadata sequence is left above {sequence:#x}; erase the otadata partition"
            ),
        }
    }
}

impl core::error::Error for PlanError {}

impl OtaData {
    /// Makes the next boot start `slot`. The slot's image must have been read back and verified.
    ///
    /// As [`OtaData::idf_set_boot`], unless that would erase the only record that would carry the
    /// device over a power cut: then the record goes to the other sector, with the next sequence
    /// that names the slot.
    pub fn plan_activate(&self, slot: u8, rollback: bool) -> Result<Change, PlanError> {
        self.check_slot(slot)?;
        let Some(active) = self.active() else {
            return self
                .idf_set_boot(slot, rollback)
                .map_err(|error| self.explain(error, slot));
        };
        let state = if rollback {
            State::New
        } else {
            State::Undefined
        };
        self.replace(active, slot, state)
    }

    /// Erases the inactive record if it names `slot`, which is about to be overwritten: a
    /// half-written slot must not become the choice if the active record is lost. ESP-IDF's
    /// `esp_ota_invalidate_inactive_ota_data_slot`. `None` when there is nothing to erase.
    pub fn plan_forget(&self, slot: u8) -> Option<Change> {
        let active = self.active();
        Sector::BOTH
            .into_iter()
            .find(|&sector| Some(sector) != active && self.names(sector, slot))
            .map(|sector| Change {
                sector,
                record: None,
            })
    }

    /// The next change that makes otadata stop naming `slot`, so that it can be overwritten while
    /// `running` runs. To be applied and asked again until it is `None`: twice at the most.
    ///
    /// Mostly this is [`OtaData::plan_forget`]. After a fallback the *active* record names the slot,
    /// which is the free one. Left there, it would vouch for whatever is installed next, even after
    /// a failed trial. It is erased if that leaves a record of what runs, or if `factory` runs, which
    /// has none. Else the running slot is first recorded as active (as [`State::Undefined`]:
    /// bootable, nothing confirmed).
    ///
    /// Not to be asked while the running app is on trial: the other record is its way back.
    pub fn plan_release(&self, slot: u8, running: AppSlot) -> Result<Option<Change>, PlanError> {
        self.check_slot(slot)?;
        if running == AppSlot::Ota(slot) {
            return Err(PlanError::SlotIsRunning { slot });
        }
        let Some(active) = self.active().filter(|&sector| self.names(sector, slot)) else {
            return self.forget_safely(slot, running);
        };
        let erase_active = Change {
            sector: active,
            record: None,
        };
        let AppSlot::Ota(running) = running else {
            return Ok(Some(self.plan_forget(slot).unwrap_or(erase_active)));
        };
        self.check_slot(running)?;
        let other = active.other();
        if self.record(other).outlives_reset() && self.names(other, running) {
            return Ok(Some(erase_active));
        }
        let sequence = self.next_sequence(active, running)?;
        // The record that would be lost at the next reset anyway makes room first.
        let outlived = self.record(other).outlives_reset();
        let sector = if outlived && !self.record(active).outlives_reset() {
            active
        } else {
            other
        };
        Ok(Some(Change {
            sector,
            record: Some(Record::new(sequence, State::Undefined)),
        }))
    }

    /// [`OtaData::plan_forget`], unless the record to erase is the only one that outlives a reset, because
    /// the active one belongs to a trial that did not boot: that one first makes room for the running slot.
    fn forget_safely(&self, slot: u8, running: AppSlot) -> Result<Option<Change>, PlanError> {
        let forget = self.plan_forget(slot);
        let is_last = forget.is_some_and(|change| self.record(change.sector).outlives_reset());
        let doomed = self
            .active()
            .filter(|&sector| is_last && !self.record(sector).outlives_reset());
        match (doomed, running) {
            (Some(sector), AppSlot::Ota(running)) if !self.names(sector, running) => {
                self.check_slot(running)?;
                let sequence = self.next_sequence(sector, running)?;
                Ok(Some(Change {
                    sector,
                    record: Some(Record::new(sequence, State::Undefined)),
                }))
            }
            _ => Ok(forget),
        }
    }

    /// Confirms the running app: its record becomes [`State::Valid`]. `None` when it is already.
    ///
    /// Refused with [`PlanError::Fallback`] when the active record is about another slot. When the
    /// record is the only valid one, the confirmed one is written beside it, not over it.
    pub fn plan_confirm(&self, running: AppSlot) -> Result<Option<Change>, PlanError> {
        let (active, slot) = self.running_record(running)?;
        if self.record(active).state == State::Valid {
            return Ok(None);
        }
        self.replace(active, slot, State::Valid).map(Some)
    }

    /// Gives the running trial one more boot: its record goes from [`State::PendingVerify`] back to
    /// [`State::New`]. The caller counts, and writes the count first.
    pub fn plan_rearm(&self, running: AppSlot) -> Result<Change, PlanError> {
        let (active, slot) = self.running_record(running)?;
        match self.record(active).state {
            State::PendingVerify => self.replace(active, slot, State::New),
            state => Err(PlanError::NotOnTrial { state }),
        }
    }

    /// Gives the running app up: its record becomes [`State::Invalid`], and the next boot takes
    /// another app. `rollback_possible` is what [`OtaData::idf_rollback_possible`] says; without
    /// another app the record is left alone. A record of sequence 0 is erased instead of rewritten.
    pub fn plan_reject(
        &self,
        running: AppSlot,
        rollback_possible: bool,
    ) -> Result<Change, PlanError> {
        let (_, slot) = self.running_record(running)?;
        let change = self
            .idf_mark_invalid(rollback_possible)
            .map_err(|error| self.explain(error, slot))?;
        Ok(Change {
            record: change.record.filter(|record| record.sequence != 0),
            ..change
        })
    }

    /// The slot of a trial that failed and was newer than what is active now, with the state that
    /// says how: [`State::Aborted`] by a reset, [`State::Invalid`] by the app's own word.
    pub fn failed_trial(&self) -> Option<(u8, State)> {
        let active = self.active();
        Sector::BOTH
            .into_iter()
            .filter(|&sector| {
                let record = self.record(sector);
                let newer = self
                    .active_record()
                    .is_none_or(|a| a.sequence < record.sequence);
                record.state.rules_out()
                    && !record.is_initial()
                    && newer
                    && active.and_then(|active| self.slot_of(active)) != self.slot_of(sector)
            })
            .max_by_key(|&sector| self.record(sector).sequence)
            .and_then(|sector| Some((self.slot_of(sector)?, self.record(sector).state)))
    }

    /// Makes a record naming `slot` the active one instead of the present one.
    ///
    /// One sector is erased, and power may go just then. So it is the one whose record is not needed
    /// to carry the device over: the inactive one; but the active one if the other would outlive a
    /// reset and the active one would not, or if both name the same app to start.
    fn replace(&self, active: Sector, slot: u8, state: State) -> Result<Change, PlanError> {
        let record = self.record(active);
        let other = self.record(active.other());
        let same_slot = self.slot_of(active) == Some(slot);
        let in_place = other.outlives_reset() && (same_slot || !record.outlives_reset());
        let sector = if in_place { active } else { active.other() };
        let sequence = if in_place && same_slot && record.sequence != 0 {
            record.sequence
        } else {
            self.next_sequence(active, slot)?
        };
        let label = self.record(sector).label;
        Ok(Change {
            sector,
            record: Some(Record {
                label,
                ..Record::new(sequence, state)
            }),
        })
    }

    /// The smallest sequence above the active one that names `slot`.
    fn next_sequence(&self, active: Sector, slot: u8) -> Result<u32, PlanError> {
        let sequence = self.record(active).sequence;
        sequence
            .checked_add(1)
            .and_then(|floor| self.congruent(slot, floor))
            .ok_or(PlanError::SequenceExhausted { sequence })
    }

    /// The active record, if it is the running app's.
    fn running_record(&self, running: AppSlot) -> Result<(Sector, u8), PlanError> {
        let sector = self.active().ok_or(PlanError::NoActiveRecord)?;
        let active = self.slot_of(sector).ok_or(PlanError::NoActiveRecord)?;
        if running == AppSlot::Ota(active) {
            Ok((sector, active))
        } else {
            Err(PlanError::Fallback { running, active })
        }
    }

    /// Whether a record says something, and says it about `slot`. States do not matter: the word is
    /// not covered by the CRC, so a damaged one could come to count.
    fn names(&self, sector: Sector, slot: u8) -> bool {
        !self.record(sector).is_initial() && self.slot_of(sector) == Some(slot)
    }

    fn check_slot(&self, slot: u8) -> Result<(), PlanError> {
        if slot < self.slots {
            Ok(())
        } else {
            Err(PlanError::NoSuchSlot {
                slot,
                slots: self.slots,
            })
        }
    }

    fn explain(&self, error: IdfError, slot: u8) -> PlanError {
        match error {
            IdfError::InvalidArg => PlanError::NoSuchSlot {
                slot,
                slots: self.slots,
            },
            IdfError::RollbackFailed => PlanError::RollbackImpossible,
            IdfError::RunningFactory | IdfError::NotFound => PlanError::NoActiveRecord,
            IdfError::SequenceExhausted => PlanError::SequenceExhausted {
                sequence: self.active_record().map_or(0, |record| record.sequence),
            },
        }
    }
}
