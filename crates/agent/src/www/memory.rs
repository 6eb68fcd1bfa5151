//! What is remembered of the web assets, in the NVS namespace `www`.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::nvs::NvsError;

use crate::failure::Failure;
use crate::memory::{Memory, failed};

const NAMESPACE: &str = "www";
const SLOT: &str = "slot";
const TRIAL: &str = "trial";

/// A frontend on trial, in one byte: bit 0 is the slot, bit 1 whether a browser must confirm, bits 4 to 7 count the boots
/// it has waited for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) slot: u8,
    pub(crate) browser: bool,
    pub(crate) boots: u8,
}

impl Trial {
    const fn to_byte(self) -> u8 {
        (self.slot & 1) | (self.browser as u8) << 1 | (self.boots & 0x0F) << 4
    }

    const fn from_byte(byte: u8) -> Self {
        Self {
            slot: byte & 1,
            browser: byte & 2 != 0,
            boots: byte >> 4,
        }
    }
}

/// A byte of another type or damaged counts as absent: what it stood for has a sound default.
fn unless_damaged<E: fmt::Debug>(
    read: Result<Option<u8>, NvsError<E>>,
) -> Result<Option<u8>, Failure> {
    match read {
        Ok(found) => Ok(found),
        Err(NvsError::Damaged | NvsError::WrongType { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

impl<F: NorFlash> Memory<'_, F> {
    /// The index of the slot to serve.
    pub(super) fn www_slot(&mut self) -> Result<u8, Failure> {
        let slot = unless_damaged(self.nvs.get(NAMESPACE, SLOT))?;
        Ok(slot.filter(|&slot| slot <= 1).unwrap_or(0))
    }

    pub(super) fn set_www_slot(&mut self, slot: u8) -> Result<(), Failure> {
        self.nvs.set(NAMESPACE, SLOT, slot).map_err(failed)
    }

    /// The frontend on trial, if its slot is the indexed one or not.
    pub(super) fn www_trial(&mut self) -> Result<Option<Trial>, Failure> {
        let byte = unless_damaged(self.nvs.get(NAMESPACE, TRIAL))?;
        Ok(byte.map(Trial::from_byte))
    }

    pub(super) fn set_www_trial(&mut self, trial: Trial) -> Result<(), Failure> {
        self.nvs
            .set(NAMESPACE, TRIAL, trial.to_byte())
            .map_err(failed)
    }

    pub(super) fn end_www_trial(&mut self) -> Result<(), Failure> {
        self.nvs
            .erase_key(NAMESPACE, TRIAL)
            .map(|_| ())
            .map_err(failed)
    }
}
