//! Anti-rollback: apps below the secure version burned into the chip do not start.
//!
//! Source: ESP-IDF `esp_efuse_fields.c` and `bootloader_utility.c`.

use core::fmt;

use super::{OtaData, Sector, State};
use crate::slot::AppSlot;

/// Bits of secure version most chips have.
const USUAL_BITS: u32 = 16;

/// How far the secure version goes on a chip, by the `chip_id` of its images: each version takes one
/// bit, which is never given back.
pub const fn secure_version_bits(chip_id: u16) -> u32 {
    match chip_id {
        // ESP32
        0x0000 => 32,
        // ESP32-C2
        0x000C => 4,
        // ESP32-C5
        0x0017 => 9,
        _ => USUAL_BITS,
    }
}

/// The eFuse field of the secure version: bits that can be set and never cleared. The version is how
/// many of them are set.
pub trait SecureVersionFuse {
    /// Why a burn failed.
    type Error;

    /// How many bits the field has; see [`secure_version_bits`].
    fn width(&self) -> u32;

    /// The bits as they are, from bit 0 on.
    fn bits(&self) -> u32;

    /// Sets these bits besides those that are set, for good.
    fn set(&mut self, bits: u32) -> Result<(), Self::Error>;

    /// The lowest secure version that may start: the bits counted.
    fn secure_version(&self) -> u32 {
        self.bits().count_ones()
    }

    /// Whether an app of this secure version may start.
    fn allows(&self, secure_version: u32) -> bool {
        secure_version >= self.secure_version()
    }

    /// Raises the secure version, as `esp_efuse_update_secure_version` does, and says whether it had
    /// to. It is never lowered.
    fn raise(&mut self, to: u32) -> Result<bool, FuseError<Self::Error>> {
        let width = self.width().min(u32::BITS);
        if to > width {
            return Err(FuseError::TooHigh { version: to, width });
        }
        if to <= self.secure_version() {
            return Ok(false);
        }
        // As many ones as the version says. Bits out of order, which only damage leaves, count too:
        // then fewer of the low ones are still to be set.
        let mut bits = self.bits();
        for bit in 0..width {
            if bits.count_ones() < to {
                bits |= 1 << bit;
            }
        }
        self.set(bits).map_err(FuseError::Fuse)?;
        Ok(true)
    }
}

/// Why the secure version was not raised. `E` is the fuse's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FuseError<E> {
    /// The chip has fewer bits than the version.
    TooHigh {
        /// The version.
        version: u32,
        /// How many bits there are.
        width: u32,
    },
    /// The burn failed.
    Fuse(E),
}

impl<E> FuseError<E> {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooHigh { .. } => "secure_version_too_high",
            Self::Fuse(_) => "fuse_failed",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for FuseError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooHigh { version, width } => write!(
                f,
                "secure version {version} is beyond this chip, which has {width} bits for it; build \
                 with a lower one"
            ),
            Self::Fuse(error) => write!(f, "burning the secure version failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for FuseError<E> {}

impl OtaData {
    /// The record a bootloader with anti-rollback follows: active among the valid ones whose app may
    /// start. `version_of` reads a slot's secure version from its image, `None` if there is none.
    pub fn idf_active_above(
        &self,
        fuse: &impl SecureVersionFuse,
        mut version_of: impl FnMut(AppSlot) -> Option<u32>,
    ) -> Option<Sector> {
        let eligible = Sector::BOTH.map(|sector| {
            self.record(sector).is_valid()
                && self
                    .slot_of(sector)
                    .and_then(|slot| version_of(AppSlot::Ota(slot)))
                    .is_some_and(|version| fuse.allows(version))
        });
        self.select(eligible)
    }

    /// Whether the secure version may be raised to the running app's: only once its own record is the
    /// active one and confirmed. Raised earlier, it would shut out the app to go back to.
    pub fn may_raise(&self, running: AppSlot) -> bool {
        self.active_record().is_some_and(|record| {
            record.state == State::Valid && self.slot().map(AppSlot::Ota) == Some(running)
        })
    }
}
