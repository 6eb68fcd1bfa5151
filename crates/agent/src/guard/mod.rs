//! The first thing a firmware does at every boot: counting the boots of an app on trial, and ending a trial that no
//! bootloader ends.
//!
//! ESP-IDF's bootloader takes a new app back by itself only if it was built with
//! `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE`; the ones espflash brings were not. [`guard_boot`] makes a new app safe under
//! both. With rollback it only counts, and re-arms the record of an app that may have more than one boot. Without,
//! it goes back to the old app once the new one has had its boots and was not confirmed.
//!
//! It must come before everything that can fail: before the network, the radio, the drivers, the tasks. What panics
//! before it is counted by nobody, and under a bootloader that does not roll back such an app panics for ever. It needs
//! the flash and, for what it reads from NVS, the heap; it takes some 2 KiB of stack, writes nothing unless an app is on
//! trial, and verifies an app (which takes as long as its SHA-256) only when it goes back to that.
//!
//! ```ignore
//! let boot = guard_boot(&mut flash, &system, BOOT_ATTEMPTS);
//! println!("{boot}");
//! if boot.must_reset() {
//!     software_reset();
//! }
//! // …the rest of the device, and at its end:
//! let updater = Updater::new(boot, parts, settings)?;
//! ```
//!
//! # Order of writes
//! The trial is noted before its boot record is written, each boot is counted before the app does anything, and the end
//! of a trial is noted before the records are changed. A power cut between any two leaves a boot more counted, never
//! one less; the next boot goes on from there. The app that is gone back to is verified before the records change, and
//! the record of the one that is left says [`Invalid`](updraft_flash::otadata::State::Invalid).

mod memory;
mod step;

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{Bootloader, Digest};

use crate::board::System;
use crate::failure::Failure;
use crate::flash::DeviceFlash;
use crate::memory::Memory;
use crate::way_back::{verify_at_once, way_back_candidate};

pub use step::{Facts, Step, Trial, bootloader_of, trial_step};

/// Trials of one build that the power or the reset line may interrupt before it is refused like one that failed by
/// itself. A chip that takes every reset for a loss of power would else try a crashing app for ever; three losses of
/// power in a row, each within the minute of a trial, are rare.
pub const MAX_INTERRUPTED_TRIALS: u8 = 3;

/// What the guard found and did at this boot. [`Updater::new`](crate::Updater::new) takes it.
#[derive(Debug, Default)]
#[must_use = "a boot that must_reset() has to be reset, and the updater takes the others"]
pub struct Boot {
    pub(crate) trial: Option<Trial>,
    /// Boots an app on trial has.
    pub(crate) limit: u8,
    pub(crate) rearmed: bool,
    pub(crate) bootloader: Bootloader,
    /// The app that boots next, if the running one is to leave.
    pub(crate) back_to: Option<AppSlot>,
    pub(crate) failure: Option<Failure>,
}

impl Boot {
    /// Whether the chip is to be reset at once: the running app has had its trial, and another one boots next.
    pub const fn must_reset(&self) -> bool {
        self.back_to.is_some()
    }

    /// Whether the running app is on trial.
    pub const fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Which kind of bootloader the device has, as far as was seen yet.
    pub const fn bootloader(&self) -> Bootloader {
        self.bootloader
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.trial, self.back_to) {
            (_, Some(slot)) => write!(
                f,
                "the app on trial was not confirmed within its boots ({}); {slot} boots next",
                self.limit
            )?,
            (Some(trial), None) if trial.boots <= self.limit => {
                write!(f, "on trial, boot {} of {}", trial.boots, self.limit)?;
                f.write_str(match self.bootloader {
                    Bootloader::Rollback => "; the bootloader rolls back",
                    Bootloader::NoRollback => {
                        "; the bootloader does not roll back, the app itself will"
                    }
                    _ => "",
                })?;
            }
            (Some(_), None) => {
                f.write_str("on trial, with no boots left and no other app to go back to")?;
            }
            (None, None) => f.write_str("no app is on trial")?,
        }
        match &self.failure {
            Some(failure) => write!(f, "; {failure}"),
            None => Ok(()),
        }
    }
}

/// Guards a boot; see the [module](self). To be called once, first of all, and nothing of the flash may be in use.
///
/// `boot_attempts` is [`Settings::boot_attempts`](crate::Settings::boot_attempts). Never fails: an app must run even
/// where nothing can be read; what went wrong is shown by the updater.
pub fn guard_boot<F: NorFlash, S: System>(flash: &mut F, system: &S, boot_attempts: u8) -> Boot {
    let mut boot = Boot {
        limit: boot_attempts.max(1),
        ..Boot::default()
    };
    if let Err(failure) = boot.guard(flash, system) {
        boot.failure = Some(failure);
    }
    boot
}

impl Boot {
    fn guard<F: NorFlash, S: System>(&mut self, flash: &mut F, system: &S) -> Result<(), Failure> {
        let mut flash = DeviceFlash::open(flash, system.running_slot())?;
        let otadata = flash.otadata()?;
        let state = otadata
            .active_record()
            .filter(|_| otadata.slot().is_some() && otadata.slot() == flash.running().ota_index())
            .map(|record| record.state);
        let elf_sha256 = Digest(flash.running_app()?.app_elf_sha256);
        let mut memory = Memory::open(&mut flash)?;
        self.bootloader = memory.bootloader()?;
        let facts = Facts {
            trial: memory.trial()?,
            running: system.running_slot(),
            elf_sha256,
            state,
            boot_attempts: self.limit,
            reset: system.reset_reason(),
        };
        let step = trial_step(&facts);
        let (Step::Try { trial, .. } | Step::Revert { trial } | Step::Stay { trial }) = step else {
            return Ok(());
        };
        self.trial = Some(trial);
        // Counted before anything is done.
        if facts.trial != Some(trial) {
            memory.set_trial(&trial)?;
        }
        if let Some(found) = state.and_then(bootloader_of) {
            self.bootloader = found;
            memory.set_bootloader(found)?;
        }
        match step {
            Step::Try { rearm: true, .. } => {
                flash.rearm()?;
                self.rearmed = true;
            }
            Step::Revert { .. } => self.back_to = go_back(&mut flash, system)?,
            _ => {}
        }
        Ok(())
    }
}

/// Makes the next boot start the app before this one, if there is one that verifies, and says which that is.
fn go_back<F: NorFlash, S: System>(
    flash: &mut DeviceFlash<F>,
    system: &S,
) -> Result<Option<AppSlot>, Failure> {
    let Some(slot) = way_back_candidate(&flash.otadata()?, flash.running()) else {
        return Ok(None);
    };
    verify_at_once(flash, system, slot)?;
    flash.reject(true)?;
    Ok(Some(slot))
}
