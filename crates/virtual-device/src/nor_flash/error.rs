//! What an access can fail with.

use std::io;

use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};
use thiserror::Error;

/// Why the flash did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlashError {
    /// There is no power, since this operation or an earlier one.
    #[error("the power is cut; restore it first")]
    PowerLost,
    /// The access reaches past the flash.
    #[error("the access reaches past the flash; check offset and length")]
    OutOfBounds,
    /// Offset or length is not a multiple of the write or erase unit.
    #[error("offset or length is not aligned to the flash's write or erase unit")]
    NotAligned,
    /// The sector was set to fail.
    #[error("sector {sector} failed; it is worn out")]
    SectorFailed {
        /// Which 4 KiB sector, from 0.
        sector: u32,
    },
    /// The file behind the flash could not be read or written.
    #[error("the file behind the flash failed: {0}")]
    Backing(io::ErrorKind),
}

impl FlashError {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PowerLost => "power_lost",
            Self::OutOfBounds => "flash_out_of_bounds",
            Self::NotAligned => "flash_not_aligned",
            Self::SectorFailed { .. } => "flash_sector_failed",
            Self::Backing(_) => "flash_file_failed",
        }
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            _ => Self::OutOfBounds,
        }
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            _ => NorFlashErrorKind::Other,
        }
    }
}
