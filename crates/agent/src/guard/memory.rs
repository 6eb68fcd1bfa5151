//! What is remembered of a trial and of the bootloader, in the NVS namespace `updraft`.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::nvs::NvsError;
use updraft_protocol::{Bootloader, Digest, ResetReason};

use super::step::Trial;
use crate::failure::Failure;
use crate::memory::{Memory, NAMESPACE, failed};

const TRIAL: &str = "trial";
const BOOTLOADER: &str = "bootloader";

/// Bytes of a trial: slot, boots, tries, end, then the build's SHA-256.
const TRIAL_SIZE: usize = 4 + 32;

/// The resets that can end a trial, by the number they are kept under. To be added to at the end only.
const ENDS: [ResetReason; 8] = [
    ResetReason::Unknown,
    ResetReason::PowerOn,
    ResetReason::Software,
    ResetReason::Panic,
    ResetReason::Watchdog,
    ResetReason::Brownout,
    ResetReason::DeepSleep,
    ResetReason::External,
];

/// The number of a trial that has not ended.
const NOT_ENDED: u8 = 0xFF;

fn end_to_byte(end: Option<ResetReason>) -> u8 {
    end.map_or(NOT_ENDED, |end| {
        let number = ENDS.iter().position(|&known| known == end);
        number.unwrap_or(0) as u8
    })
}

fn end_from_byte(byte: u8) -> Option<ResetReason> {
    (byte != NOT_ENDED).then(|| {
        let known = ENDS.get(usize::from(byte));
        known.copied().unwrap_or(ResetReason::Unknown)
    })
}

/// A value of another type or damaged counts as absent.
fn unless_damaged<T, E: fmt::Debug>(
    read: Result<Option<T>, NvsError<E>>,
) -> Result<Option<T>, Failure> {
    match read {
        Ok(found) => Ok(found),
        Err(NvsError::Damaged | NvsError::WrongType { .. } | NvsError::BufferTooSmall { .. }) => {
            Ok(None)
        }
        Err(error) => Err(failed(error)),
    }
}

impl<F: NorFlash> Memory<'_, F> {
    /// The last trial that began and came to no good end yet.
    pub(crate) fn trial(&mut self) -> Result<Option<Trial>, Failure> {
        let mut bytes = [0; TRIAL_SIZE];
        let found = self.nvs.get_blob(NAMESPACE, TRIAL, &mut bytes);
        let found = unless_damaged(found.map(|found| found.map(<[u8]>::len)))?;
        if found != Some(TRIAL_SIZE) {
            return Ok(None);
        }
        let [slot, boots, tries, end, elf @ ..] = bytes;
        Ok(Some(Trial {
            slot,
            elf_sha256: Digest(elf),
            boots,
            tries,
            ended: end_from_byte(end),
        }))
    }

    pub(crate) fn set_trial(&mut self, trial: &Trial) -> Result<(), Failure> {
        let mut bytes = [0; TRIAL_SIZE];
        let (head, elf) = bytes.split_at_mut(TRIAL_SIZE - 32);
        head.copy_from_slice(&[
            trial.slot,
            trial.boots,
            trial.tries,
            end_to_byte(trial.ended),
        ]);
        elf.copy_from_slice(&trial.elf_sha256.0);
        self.nvs.set_blob(NAMESPACE, TRIAL, &bytes).map_err(failed)
    }

    pub(crate) fn end_trial(&mut self) -> Result<(), Failure> {
        self.nvs
            .erase_key(NAMESPACE, TRIAL)
            .map(|_| ())
            .map_err(failed)
    }

    /// Which kind of bootloader was found here last.
    pub(crate) fn bootloader(&mut self) -> Result<Bootloader, Failure> {
        let kept: Option<u8> = unless_damaged(self.nvs.get(NAMESPACE, BOOTLOADER))?;
        Ok(match kept {
            Some(0) => Bootloader::NoRollback,
            Some(1) => Bootloader::Rollback,
            _ => Bootloader::Unknown,
        })
    }

    pub(crate) fn set_bootloader(&mut self, found: Bootloader) -> Result<(), Failure> {
        if found == Bootloader::Unknown || self.bootloader()? == found {
            return Ok(());
        }
        let kept = u8::from(found == Bootloader::Rollback);
        self.nvs.set(NAMESPACE, BOOTLOADER, kept).map_err(failed)
    }
}
