//! What a boot means for an app on trial: the decision alone, without flash or chip.

use updraft_flash::otadata::State;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{Bootloader, Digest, ResetReason};

/// A trial as NVS keeps it, from before its boot record is written until the app is confirmed or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The OTA slot of the app on trial.
    pub slot: u8,
    /// Its build.
    pub elf_sha256: Digest,
    /// Boots it has had, as far as its guard counted them; one more than it may have once it is over.
    pub boots: u8,
    /// How many times in a row this build was put on trial without having been confirmed, this one included.
    pub tries: u8,
    /// The reset after which it had no boots left.
    pub ended: Option<ResetReason>,
}

impl Trial {
    /// A trial that is about to begin. `before` is the trial on record: of the same build it counts on.
    pub fn next(slot: u8, elf_sha256: Digest, before: Option<&Self>) -> Self {
        let tried = before
            .filter(|before| before.elf_sha256 == elf_sha256)
            .map_or(0, |before| before.tries);
        Self {
            slot,
            elf_sha256,
            boots: 0,
            tries: tried.saturating_add(1),
            ended: None,
        }
    }
}

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The trial on record, whoever's it is.
    pub trial: Option<Trial>,
    /// The running slot.
    pub running: AppSlot,
    /// The running build.
    pub elf_sha256: Digest,
    /// State of the active boot record, if that names the running slot.
    pub state: Option<State>,
    /// Boots an app on trial has; 0 counts as 1.
    pub boot_attempts: u8,
    /// Why the chip was reset.
    pub reset: ResetReason,
}

/// What the guard does at a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The running app is not on trial.
    Pass,
    /// It is, and this boot is one of its own.
    Try {
        /// The trial to keep, with this boot counted.
        trial: Trial,
        /// Whether its record is to become [`State::New`] once more, because a bootloader that rolls back would end
        /// the trial at the next reset and it has boots left.
        rearm: bool,
    },
    /// It had its boots, and no bootloader ended the trial. The other app is due, if there is one.
    Revert {
        /// The trial to keep, with its end.
        trial: Trial,
    },
    /// It had its boots, but the records do not name it: the bootloader found nothing better to start.
    Stay {
        /// The trial to keep, with its end.
        trial: Trial,
    },
}

/// What this boot means.
///
/// A bootloader that rolls back ends a trial by itself: it never starts an app more often than it was armed, and
/// arming is counted. So [`Step::Revert`] comes only where no bootloader did its part.
pub fn trial_step(facts: &Facts) -> Step {
    let Some(slot) = facts.running.ota_index() else {
        return Step::Pass;
    };
    let own = facts
        .trial
        .filter(|trial| trial.slot == slot && trial.elf_sha256 == facts.elf_sha256);
    let trial = match (own, facts.state) {
        (_, Some(State::Valid)) | (None, None) => return Step::Pass,
        (Some(trial), _) => trial,
        // Activated by something that keeps no trial in NVS.
        (None, Some(State::New | State::PendingVerify)) => {
            Trial::next(slot, facts.elf_sha256, facts.trial.as_ref())
        }
        (None, Some(_)) => return Step::Pass,
    };
    let limit = facts.boot_attempts.max(1);
    if trial.boots < limit {
        let trial = Trial {
            boots: trial.boots + 1,
            ..trial
        };
        let rearm = facts.state == Some(State::PendingVerify) && trial.boots < limit;
        return Step::Try { trial, rearm };
    }
    let trial = Trial {
        // No higher: an app that stays because there is no other must not wear the flash at every boot.
        boots: limit.saturating_add(1),
        ended: trial.ended.or(Some(facts.reset)),
        ..trial
    };
    match facts.state {
        Some(_) => Step::Revert { trial },
        None => Step::Stay { trial },
    }
}

/// Which kind of bootloader started an app whose active record is in this state: only one that rolls back turns
/// [`State::New`] into something else. None if the state does not tell.
pub const fn bootloader_of(state: State) -> Option<Bootloader> {
    match state {
        State::PendingVerify => Some(Bootloader::Rollback),
        State::New => Some(Bootloader::NoRollback),
        _ => None,
    }
}
