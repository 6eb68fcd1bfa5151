//! Why files make no image.

use alloc::string::String;
use core::fmt;

use super::FILE_MAX;
use crate::littlefs::{BLOCK_SIZE, MAX_DEPTH, MAX_PATH, NAME_MAX};

/// Why files make no image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildFault {
    /// A name in the path is empty, a dot name, or holds a backslash or a control character.
    Name {
        /// The path.
        path: String,
    },
    /// A name of more than [`NAME_MAX`] bytes.
    NameTooLong {
        /// The path.
        path: String,
    },
    /// A path of more than [`MAX_PATH`] bytes.
    PathTooLong {
        /// The path.
        path: String,
    },
    /// More than [`MAX_DEPTH`] folders on the way.
    TooDeep {
        /// The path.
        path: String,
    },
    /// A file of this path was added before, or a folder, or a file where a folder must be.
    Taken {
        /// The path.
        path: String,
    },
    /// A file of more than [`FILE_MAX`] bytes.
    FileSize {
        /// The path.
        path: String,
    },
    /// An image size that is no whole number of blocks, or less than two.
    Size {
        /// The size asked for, in bytes.
        size: u32,
    },
    /// The files take more room than there is.
    TooBig {
        /// Bytes they need.
        needed: u64,
        /// Bytes there are.
        size: u32,
    },
}

impl BuildFault {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "www_name",
            Self::NameTooLong { .. } => "www_name_too_long",
            Self::PathTooLong { .. } => "www_path_too_long",
            Self::TooDeep { .. } => "www_too_deep",
            Self::Taken { .. } => "www_path_taken",
            Self::FileSize { .. } => "www_file_size",
            Self::Size { .. } => "www_size",
            Self::TooBig { .. } => "www_too_big",
        }
    }
}

impl fmt::Display for BuildFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { path } => write!(
                f,
                "{path:?} has a name in it that is empty, . or .., or holds a backslash or a control character"
            ),
            Self::NameTooLong { path } => write!(
                f,
                "{path:?} has a name of more than {NAME_MAX} bytes, the most that esp_littlefs takes; shorten it"
            ),
            Self::PathTooLong { path } => {
                write!(f, "{path:?} is longer than {MAX_PATH} bytes; shorten it")
            }
            Self::TooDeep { path } => write!(
                f,
                "{path:?} lies in more than {MAX_DEPTH} folders; flatten them"
            ),
            Self::Taken { path } => write!(
                f,
                "{path:?} is there twice, or once as a file and once as a folder"
            ),
            Self::FileSize { path } => write!(f, "{path:?} has more than {FILE_MAX} bytes"),
            Self::Size { size } => write!(
                f,
                "an image of {size} bytes cannot be: it takes a multiple of {BLOCK_SIZE}, and {} at least",
                2 * BLOCK_SIZE
            ),
            Self::TooBig { needed, size } => write!(
                f,
                "the files need {needed} bytes, {} more than the image's {size}",
                needed - u64::from(*size)
            ),
        }
    }
}

impl core::error::Error for BuildFault {}
