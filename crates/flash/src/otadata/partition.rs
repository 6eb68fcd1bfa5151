//! otadata on flash.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

use super::{Change, OtaData, PARTITION_SIZE, RECORD_SIZE, Record, Sector};
use crate::SECTOR_SIZE;

/// The otadata partition: reads both records, applies one change.
///
/// `S` is the partition as a flash of its own, usually a [`Region`](crate::region::Region).
#[derive(Debug)]
pub struct OtaDataPartition<S> {
    storage: S,
}

/// Why otadata could not be read or written. `E` is the storage's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtaDataError<E> {
    /// The partition is smaller than the two sectors it needs.
    TooSmall {
        /// Its size in bytes.
        size: u32,
    },
    /// The flash cannot erase one 4 KiB sector, or not write one 32-byte record, by itself.
    UnsuitableFlash,
    /// The flash failed.
    Flash(E),
}

impl<E> OtaDataError<E> {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooSmall { .. } => "otadata_too_small",
            Self::UnsuitableFlash => "otadata_unsuitable_flash",
            Self::Flash(_) => "flash_failed",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for OtaDataError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { size } => write!(
                f,
                "otadata has {size:#x} bytes and needs {PARTITION_SIZE:#x}; correct the partition table"
            ),
            Self::UnsuitableFlash => f.write_str(
                "the flash cannot erase 4096 bytes or write 32 bytes by themselves, as otadata needs",
            ),
            Self::Flash(error) => write!(f, "flash failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for OtaDataError<E> {}

/// A word in bytes: what can be written by itself.
const WORD: usize = 4;
/// Where a record's state begins, in bytes; the CRC follows it.
const STATE_OFFSET: usize = RECORD_SIZE - 2 * WORD;
/// Where a record's CRC begins, in bytes.
const CRC_OFFSET: usize = RECORD_SIZE - WORD;

/// A record's bytes, aligned for flash drivers that take whole words only.
#[repr(align(4))]
struct Aligned([u8; RECORD_SIZE]);

impl<S: NorFlash> OtaDataPartition<S> {
    /// Takes the partition. A bigger one than [`PARTITION_SIZE`] is accepted; the rest is unused.
    pub fn new(storage: S) -> Result<Self, OtaDataError<S::Error>> {
        let size = u32::try_from(storage.capacity()).unwrap_or(u32::MAX);
        if size < PARTITION_SIZE {
            return Err(OtaDataError::TooSmall { size });
        }
        if !(SECTOR_SIZE as usize).is_multiple_of(S::ERASE_SIZE)
            || !RECORD_SIZE.is_multiple_of(S::WRITE_SIZE)
            || !RECORD_SIZE.is_multiple_of(S::READ_SIZE)
        {
            return Err(OtaDataError::UnsuitableFlash);
        }
        Ok(Self { storage })
    }

    /// Reads both records. `slots` is the count of OTA slots in the partition table.
    pub fn read(&mut self, slots: u8) -> Result<OtaData, OtaDataError<S::Error>> {
        let records = [
            self.read_record(Sector::First)?,
            self.read_record(Sector::Second)?,
        ];
        Ok(OtaData::new(records, slots))
    }

    /// Applies one change: makes one sector blank, then writes the record if there is one.
    ///
    /// The CRC covers the sequence alone, so a cut could leave a record that counts with a state
    /// nobody wrote: a failed app that is valid again, or a trial that is none. Against that, the CRC
    /// of a record is cleared before its sector is erased, and a record's state and CRC are written
    /// before its sequence. A blank sector is not erased: flash programs a sector to zeros before it
    /// erases it, and a sequence of zero beside a blank CRC would count. The first two need flash that takes single words and clears further bits of what
    /// is programmed, as SPI NOR does; on flash that takes only bigger pieces (encrypted flash) the
    /// record is erased and written at once.
    pub fn apply(&mut self, change: &Change) -> Result<(), OtaDataError<S::Error>> {
        let start = change.sector.offset();
        let by_words = WORD.is_multiple_of(S::WRITE_SIZE);
        if by_words && self.read_record(change.sector)?.crc_ok() {
            self.write(start + CRC_OFFSET as u32, &[0; WORD])?;
        }
        if !self.is_blank(change.sector)? {
            self.storage
                .erase(start, start + SECTOR_SIZE)
                .map_err(OtaDataError::Flash)?;
        }
        let Some(record) = change.record else {
            return Ok(());
        };
        let bytes = Aligned(record.to_bytes());
        if by_words {
            let (sequence, state) = bytes.0.split_at(STATE_OFFSET);
            self.write(start + STATE_OFFSET as u32, state)?;
            self.write(start, sequence)?;
        } else {
            self.write(start, &bytes.0)?;
        }
        Ok(())
    }

    fn read_record(&mut self, sector: Sector) -> Result<Record, OtaDataError<S::Error>> {
        let mut bytes = Aligned([0; RECORD_SIZE]);
        ReadNorFlash::read(&mut self.storage, sector.offset(), &mut bytes.0)
            .map_err(OtaDataError::Flash)?;
        Ok(Record::from_bytes(&bytes.0))
    }

    fn is_blank(&mut self, sector: Sector) -> Result<bool, OtaDataError<S::Error>> {
        let end = sector.offset() + SECTOR_SIZE;
        for offset in (sector.offset()..end).step_by(RECORD_SIZE) {
            let mut bytes = Aligned([0; RECORD_SIZE]);
            ReadNorFlash::read(&mut self.storage, offset, &mut bytes.0)
                .map_err(OtaDataError::Flash)?;
            if bytes.0.iter().any(|&byte| byte != 0xFF) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OtaDataError<S::Error>> {
        self.storage
            .write(offset, bytes)
            .map_err(OtaDataError::Flash)
    }
}
