//! What can be wrong with a partition table.

use core::fmt;

use super::{MAX_ENTRIES, TABLE_SIZE};
use crate::otadata;

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

/// What the bootloader does not check and would come to grief over. Indices count entries from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutFault {
    /// More entries than fit beside MD5 record and end marker.
    TooManyEntries {
        /// How many there are.
        count: usize,
    },
    /// Two partitions share flash.
    Overlap {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// A partition begins off its alignment.
    NotAligned {
        /// Which.
        index: usize,
        /// Where it begins.
        offset: u32,
        /// The alignment it needs, in bytes.
        unit: u32,
    },
    /// A partition's size is not a whole number of sectors, so that it cannot be erased alone.
    UnevenSize {
        /// Which.
        index: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// A partition of no bytes.
    ZeroSize {
        /// Which.
        index: usize,
    },
    /// A partition lies on the partition table or before it.
    OnTable {
        /// Which.
        index: usize,
        /// Where it begins.
        offset: u32,
        /// The first byte after the table.
        table_end: u32,
    },
    /// A partition reaches past the flash.
    OutsideFlash {
        /// Which.
        index: usize,
        /// Where it ends, in bytes from the flash's start.
        end: u64,
        /// Bytes of flash.
        capacity: u32,
    },
    /// Two partitions have the same label.
    DuplicateLabel {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// Two app partitions have the same subtype, or there are two otadata partitions.
    DuplicateKind {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// otadata is not 8 KiB.
    OtadataSize {
        /// Which entry.
        index: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// There are OTA slots and no otadata to choose among them.
    NoOtadata,
    /// `ota_N` exists and an OTA slot before it does not, so the bootloader never reaches it.
    OtaGap {
        /// The missing slot.
        missing: u8,
        /// The one that cannot be reached.
        beyond: u8,
    },
}

impl LayoutFault {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyEntries { .. } => "partition_too_many",
            Self::Overlap { .. } => "partition_overlap",
            Self::NotAligned { .. } => "partition_not_aligned",
            Self::UnevenSize { .. } => "partition_uneven_size",
            Self::ZeroSize { .. } => "partition_zero_size",
            Self::OnTable { .. } => "partition_on_table",
            Self::OutsideFlash { .. } => "partition_outside_flash",
            Self::DuplicateLabel { .. } => "partition_duplicate_label",
            Self::DuplicateKind { .. } => "partition_duplicate_kind",
            Self::OtadataSize { .. } => "partition_otadata_size",
            Self::NoOtadata => "partition_no_otadata",
            Self::OtaGap { .. } => "partition_ota_gap",
        }
    }
}

impl fmt::Display for LayoutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyEntries { count } => {
                write!(
                    f,
                    "{count} partitions; a table holds {MAX_ENTRIES}, one less with an MD5 record"
                )
            }
            Self::Overlap { first, second } => {
                write!(
                    f,
                    "partitions {first} and {second} overlap; move one of them"
                )
            }
            Self::NotAligned {
                index,
                offset,
                unit,
            } => write!(
                f,
                "partition {index} begins at {offset:#x}, which is not a multiple of {unit:#x}"
            ),
            Self::UnevenSize { index, size } => {
                write!(
                    f,
                    "partition {index} has {size:#x} bytes, not a multiple of 0x1000"
                )
            }
            Self::ZeroSize { index } => write!(f, "partition {index} has no bytes; give it a size"),
            Self::OnTable {
                index,
                offset,
                table_end,
            } => write!(
                f,
                "partition {index} begins at {offset:#x}, before the partition table ends at \
                 {table_end:#x}"
            ),
            Self::OutsideFlash {
                index,
                end,
                capacity,
            } => write!(
                f,
                "partition {index} ends at {end:#x}; the flash has {capacity:#x} bytes"
            ),
            Self::DuplicateLabel { first, second } => {
                write!(
                    f,
                    "partitions {first} and {second} have the same label; rename one"
                )
            }
            Self::DuplicateKind { first, second } => {
                write!(
                    f,
                    "partitions {first} and {second} are of one kind; only one may be"
                )
            }
            Self::OtadataSize { index, size } => write!(
                f,
                "otadata (partition {index}) has {size:#x} bytes; it must have {:#x}",
                otadata::PARTITION_SIZE
            ),
            Self::NoOtadata => f.write_str("there are OTA slots but no otadata partition; add one"),
            Self::OtaGap { missing, beyond } => write!(
                f,
                "ota_{beyond} is never reached because there is no ota_{missing}; renumber them"
            ),
        }
    }
}

impl core::error::Error for LayoutFault {}
