//! Why the bootloader does not load an image.

use thiserror::Error;

/// What `esp_image_verify` finds wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImageFault {
    /// The partition is bigger than the bootloader maps.
    #[error("the partition has {size:#x} bytes, more than 16 MiB")]
    PartitionTooBig {
        /// Its size in bytes.
        size: u32,
    },
    /// The first byte is not 0xE9.
    #[error("no image: the first byte is {found:#04x}, not 0xe9")]
    NoImage {
        /// The byte found.
        found: u8,
    },
    /// The image is for another chip.
    #[error("image for chip id {found:#06x}, this is {expected:#06x}")]
    WrongChip {
        /// The image's chip.
        found: u16,
        /// This chip.
        expected: u16,
    },
    /// The image is for other revisions of the chip.
    #[error("image for chip revisions {min} to {max}, this is {revision}")]
    WrongRevision {
        /// The lowest, major × 100 + minor.
        min: u16,
        /// The highest.
        max: u16,
        /// This chip's.
        revision: u16,
    },
    /// More segments than the bootloader takes.
    #[error("{count} segments, more than 16")]
    TooManySegments {
        /// How many.
        count: u8,
    },
    /// A segment's length breaks the rules.
    #[error("segment {index} has a length of {len:#x} bytes")]
    SegmentLength {
        /// Which segment.
        index: u8,
        /// Its length in bytes.
        len: u32,
    },
    /// A segment mapped from flash does not lie where its address needs it.
    #[error("segment {index} at {offset:#x} cannot be mapped to {address:#x}")]
    SegmentMisplaced {
        /// Which segment.
        index: u8,
        /// Where its data lies on the flash.
        offset: u32,
        /// Where it is to be mapped.
        address: u32,
    },
    /// The app descriptor that tells the page size is missing.
    #[error("no app descriptor: {found:#010x} instead of its magic word")]
    NoDescriptor {
        /// The word found.
        found: u32,
    },
    /// The image does not fit its partition.
    #[error("image of at least {len:#x} bytes in a partition of {size:#x}")]
    TooLong {
        /// Its length as far as known, in bytes.
        len: u64,
        /// The partition's size in bytes.
        size: u32,
    },
    /// The checksum is wrong.
    #[error("checksum {found:#04x} instead of {expected:#04x}")]
    Checksum {
        /// The one in the image.
        found: u8,
        /// The one of its bytes.
        expected: u8,
    },
    /// The appended SHA-256 is wrong.
    #[error("the appended SHA-256 does not match")]
    Hash,
    /// The verdict was given from outside, without a reason.
    #[error("image marked as bad")]
    MarkedBad,
}
