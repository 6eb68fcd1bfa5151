//! What is burned into the chip.

use core::convert::Infallible;

use updraft_flash::otadata::{SecureVersionFuse, secure_version_bits};
use updraft_image::Chip;

/// The chip's identity, and its secure version: bits that can only be set, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Efuse {
    chip: Chip,
    chip_revision: u16,
    secure_version: u32,
}

/// Revision of the chip in use, major × 100 + minor: every image of today runs on it.
const DEFAULT_CHIP_REVISION: u16 = 4;

/// An ESP32-C3 with secure version 0.
impl Default for Efuse {
    fn default() -> Self {
        Self::new(Chip::Esp32c3)
    }
}

impl Efuse {
    /// A chip with secure version 0 and revision 0.4.
    pub const fn new(chip: Chip) -> Self {
        Self {
            chip,
            chip_revision: DEFAULT_CHIP_REVISION,
            secure_version: 0,
        }
    }

    /// The same chip with this secure version.
    #[must_use]
    pub const fn with_secure_version(mut self, secure_version: u32) -> Self {
        self.secure_version = secure_version;
        self
    }

    /// The same chip of another revision, major × 100 + minor.
    #[must_use]
    pub const fn with_chip_revision(mut self, revision: u16) -> Self {
        self.chip_revision = revision;
        self
    }

    /// The chip.
    pub const fn chip(&self) -> Chip {
        self.chip
    }

    /// Its revision, major × 100 + minor.
    pub const fn chip_revision(&self) -> u16 {
        self.chip_revision
    }

    /// The secure version: apps below it do not start where anti-rollback is on.
    pub const fn secure_version(&self) -> u32 {
        self.secure_version
    }

    /// How far the secure version goes on this chip.
    pub const fn max_secure_version(&self) -> u32 {
        secure_version_bits(self.chip.id())
    }

    /// Raises the secure version for good, and says whether it did. It is never lowered, and a
    /// version with more bits than there are burns none.
    pub const fn raise_secure_version(&mut self, to: u32) -> bool {
        let raises = to > self.secure_version && to <= self.max_secure_version();
        if raises {
            self.secure_version = to;
        }
        raises
    }
}

/// The bits are always set from the lowest on.
impl SecureVersionFuse for Efuse {
    type Error = Infallible;

    fn width(&self) -> u32 {
        self.max_secure_version()
    }

    fn bits(&self) -> u32 {
        1_u32
            .checked_shl(self.secure_version)
            .map_or(u32::MAX, |next| next - 1)
    }

    fn set(&mut self, bits: u32) -> Result<(), Infallible> {
        self.secure_version = (self.bits() | bits).count_ones();
        Ok(())
    }
}
