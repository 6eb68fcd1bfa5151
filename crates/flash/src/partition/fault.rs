//! What can be wrong with the bytes of a partition table.

use core::fmt;

use super::TABLE_SIZE;

/// The bytes are not a table the bootloader would take. `index` counts 32-byte records from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFault {
    /// A record begins neither with AA 50, nor EB EB, nor FF FF.
    BadMagic {
        /// Which record.
        index: usize,
        /// Its first two bytes.
        found: [u8; 2],
    },
    /// A partition reaches past the flash.
    OutsideFlash {
        /// Which record.
        index: usize,
        /// Where the partition begins.
        offset: u32,
        /// Its size in bytes.
        size: u32,
        /// Bytes of flash.
        capacity: u32,
    },
    /// The MD5 record does not match the entries before it.
    Md5Mismatch {
        /// Which record.
        index: usize,
        /// The digest in the record.
        found: [u8; 16],
        /// The digest of the entries.
        expected: [u8; 16],
    },
    /// A second MD5 record.
    Md5Repeated {
        /// Which record.
        index: usize,
    },
    /// The first record is the end marker: flash without a table.
    Empty,
    /// No end marker (32 bytes of 0xFF) within the table's space.
    NoEndMarker,
    /// The bytes end within a record, and before an end marker.
    Ragged {
        /// How many bytes there are.
        len: usize,
    },
}

impl TableFault {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadMagic { .. } => "partition_bad_magic",
            Self::OutsideFlash { .. } => "partition_outside_flash",
            Self::Md5Mismatch { .. } => "partition_md5_mismatch",
            Self::Md5Repeated { .. } => "partition_md5_repeated",
            Self::Empty => "partition_table_empty",
            Self::NoEndMarker => "partition_no_end_marker",
            Self::Ragged { .. } => "partition_table_cut",
        }
    }
}

impl fmt::Display for TableFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic {
                index,
                found: [a, b],
            } => write!(
                f,
                "record {index} of the partition table begins with {a:02x} {b:02x}, not aa 50; \
                 is this a partition table?"
            ),
            Self::OutsideFlash {
                index,
                offset,
                size,
                capacity,
            } => write!(
                f,
                "partition {index} ({size:#x} bytes at {offset:#x}) does not fit {capacity:#x} bytes \
                 of flash"
            ),
            Self::Md5Mismatch { index, .. } => write!(
                f,
                "the MD5 in record {index} does not match the partition table; it is damaged"
            ),
            Self::Md5Repeated { index } => {
                write!(f, "record {index} of the partition table is a second MD5")
            }
            Self::Empty => f.write_str("the partition table is empty"),
            Self::NoEndMarker => write!(
                f,
                "the partition table has no end marker within {TABLE_SIZE:#x} bytes"
            ),
            Self::Ragged { len } => write!(
                f,
                "the partition table ends after {len} bytes, within a 32-byte record; read it again"
            ),
        }
    }
}

impl core::error::Error for TableFault {}

/// Why a table could not be read from flash. `E` is the flash's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError<E> {
    /// It was read and is not a table.
    Table(TableFault),
    /// The flash failed.
    Flash(E),
}

impl<E> ReadError<E> {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Table(fault) => fault.code(),
            Self::Flash(_) => "flash_failed",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(fault) => fault.fmt(f),
            Self::Flash(error) => write!(f, "flash failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ReadError<E> {}
