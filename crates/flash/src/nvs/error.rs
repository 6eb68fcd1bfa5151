//! What can go wrong with an NVS partition.

use core::fmt;

use super::{Kind, NAME_MAX, PAGES_MAX, PAGES_MIN};
use crate::SECTOR_SIZE;

/// Why an NVS operation was refused or failed. `E` is the flash driver's error.
///
/// After [`NvsError::Flash`] the state on flash is as after a power cut: the next call repairs it
/// first, as a mount does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NvsError<E> {
    /// The flash driver failed.
    Flash(E),
    /// The partition has a size NVS cannot use, in bytes.
    Size(u32),
    /// Every page is in use: there is none to move entries to (ESP-IDF: `ESP_ERR_NVS_NO_FREE_PAGES`).
    NoFreePages,
    /// A page has a format newer than this code knows (ESP-IDF: `ESP_ERR_NVS_NEW_VERSION_FOUND`).
    NewVersion {
        /// The page, counted from the start of the partition.
        page: u8,
        /// Its version byte; newer formats have smaller ones.
        version: u8,
    },
    /// The name is empty, longer than [`NAME_MAX`] bytes, or has a NUL.
    Name,
    /// The key holds a value of another type.
    WrongType {
        /// What it holds.
        found: Kind,
    },
    /// The caller's buffer is too small.
    BufferTooSmall {
        /// Bytes the value takes.
        needed: usize,
    },
    /// The value is longer than this partition can store.
    ValueTooLong {
        /// Bytes of the value (of a string: with its NUL).
        len: usize,
        /// The longest that can be stored, bytes.
        max: usize,
    },
    /// The text has a NUL in it, which would end it early.
    NulInText,
    /// The stored text is not UTF-8.
    NotUtf8,
    /// The stored value does not match its checksum. It stays as it is until it is written again
    /// or erased, since the fault may be in the reading.
    Damaged,
    /// No page has enough room left, not even after collecting what was erased.
    NotEnoughSpace,
    /// All 254 namespaces are taken.
    TooManyNamespaces,
    /// The pages' sequence numbers are used up; a sound partition wears out long before.
    SequenceExhausted,
}

impl<E> NvsError<E> {
    /// A stable code for logs and reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Flash(_) => "nvs_flash",
            Self::Size(_) => "nvs_size",
            Self::NoFreePages => "nvs_no_free_pages",
            Self::NewVersion { .. } => "nvs_new_version",
            Self::Name => "nvs_name",
            Self::WrongType { .. } => "nvs_wrong_type",
            Self::BufferTooSmall { .. } => "nvs_buffer_too_small",
            Self::ValueTooLong { .. } => "nvs_value_too_long",
            Self::NulInText => "nvs_nul_in_text",
            Self::NotUtf8 => "nvs_not_utf8",
            Self::Damaged => "nvs_damaged",
            Self::NotEnoughSpace => "nvs_not_enough_space",
            Self::TooManyNamespaces => "nvs_too_many_namespaces",
            Self::SequenceExhausted => "nvs_sequence_exhausted",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for NvsError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash driver failed: {error:?}"),
            Self::Size(size) => write!(
                f,
                "an NVS partition of {size} bytes cannot be used: it takes {PAGES_MIN} to {PAGES_MAX} pages of {SECTOR_SIZE} bytes"
            ),
            Self::NoFreePages => f.write_str("no NVS page is free: erase the partition"),
            Self::NewVersion { page, version } => write!(
                f,
                "NVS page {page} has the newer format {version:#04x}: update this software, or erase the partition"
            ),
            Self::Name => write!(f, "an NVS name has 1 to {NAME_MAX} bytes and no NUL"),
            Self::WrongType { found } => write!(f, "the key holds a value of type {found:?}"),
            Self::BufferTooSmall { needed } => {
                write!(f, "the value takes a buffer of {needed} bytes")
            }
            Self::ValueTooLong { len, max } => {
                write!(
                    f,
                    "the value has {len} bytes and this partition stores at most {max}"
                )
            }
            Self::NulInText => f.write_str("text with a NUL cannot be stored: store it as a blob"),
            Self::NotUtf8 => f.write_str("the stored text is not UTF-8: write it again"),
            Self::Damaged => {
                f.write_str("the stored value does not match its checksum: write it again")
            }
            Self::NotEnoughSpace => {
                f.write_str("the NVS partition is full: erase keys, or enlarge it")
            }
            Self::TooManyNamespaces => f.write_str("all 254 NVS namespaces are taken"),
            Self::SequenceExhausted => {
                f.write_str("the NVS page sequence is used up: erase the partition")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for NvsError<E> {}
