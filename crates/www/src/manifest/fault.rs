//! What can be wrong with a manifest, and with an image by its manifest.

use core::fmt;

use super::{FORMAT, MAX_LINE, PATH};
use crate::littlefs::Fault;

/// Why a manifest cannot be read. `E` is the flash's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestFault<E> {
    /// The image has none.
    Missing,
    /// Its first line is not that of a format known here.
    Format,
    /// A line is too long, not text, not ended, or not of six fields.
    Line {
        /// Which, counted from 1.
        number: u32,
    },
    /// The image is broken.
    Image(Fault<E>),
}

/// Why an image is not what its manifest says. `E` is the flash's own error. Which file it is about says
/// [`Check::path`](super::Check::path).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckFault<E> {
    /// The manifest itself cannot be read.
    Manifest(ManifestFault<E>),
    /// A file that is listed is not in the image, or its line stands in the wrong place.
    Missing,
    /// A file in the image is not listed.
    Unlisted,
    /// A file has another size than listed.
    Size {
        /// Bytes listed.
        listed: u32,
        /// Bytes found.
        found: u32,
    },
    /// A file's contents have another SHA-256 than listed.
    Sha256,
}

impl<E> From<Fault<E>> for ManifestFault<E> {
    fn from(fault: Fault<E>) -> Self {
        Self::Image(fault)
    }
}

impl<E> From<Fault<E>> for CheckFault<E> {
    fn from(fault: Fault<E>) -> Self {
        Self::Manifest(ManifestFault::Image(fault))
    }
}

impl<E> From<ManifestFault<E>> for CheckFault<E> {
    fn from(fault: ManifestFault<E>) -> Self {
        Self::Manifest(fault)
    }
}

impl<E> ManifestFault<E> {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "www_no_manifest",
            Self::Format => "www_manifest_format",
            Self::Line { .. } => "www_manifest_line",
            Self::Image(fault) => fault.code(),
        }
    }
}

impl<E> CheckFault<E> {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Manifest(fault) => fault.code(),
            Self::Missing => "www_file_missing",
            Self::Unlisted => "www_file_unlisted",
            Self::Size { .. } => "www_file_other_size",
            Self::Sha256 => "www_file_sha256",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for ManifestFault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "the image has no {PATH}; make it with updraft www pack"),
            Self::Format => write!(
                f,
                "{PATH} does not begin with {FORMAT:?}; pack the image with an updraft as old as the device's"
            ),
            Self::Line { number } => write!(
                f,
                "line {number} of {PATH} is not six fields within {MAX_LINE} bytes; pack the image anew"
            ),
            Self::Image(fault) => fault.fmt(f),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for CheckFault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(fault) => fault.fmt(f),
            Self::Missing => write!(
                f,
                "a file that {PATH} lists is not in the image; pack the image anew"
            ),
            Self::Unlisted => write!(
                f,
                "a file of the image is not listed in {PATH}; pack the image anew"
            ),
            Self::Size { listed, found } => write!(
                f,
                "a file of {found} bytes is listed in {PATH} with {listed}; pack the image anew"
            ),
            Self::Sha256 => write!(
                f,
                "a file's contents are not those listed in {PATH}; send the image again"
            ),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ManifestFault<E> {}
impl<E: fmt::Debug> core::error::Error for CheckFault<E> {}
