//! What can be wrong with an image.

use core::fmt;

use super::{BLOCK_SIZE, MAX_DEPTH, MAX_PATH};

/// Why an image does not mount. `E` is the flash's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MountFault<E> {
    /// The partition is no whole number of blocks, or fewer than the two every image begins with.
    PartitionSize {
        /// The partition's bytes.
        size: usize,
    },
    /// No superblock: not a `LittleFS` image, or its first two blocks are lost.
    NoSuperblock,
    /// A version of the format this reader does not know.
    Version {
        /// The image's major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// Blocks of another size than a flash sector.
    BlockSize {
        /// The image's block size in bytes.
        found: u32,
    },
    /// The image is made for a partition of another size.
    BlockCount {
        /// Blocks the image says it has.
        image: u32,
        /// Blocks the partition has.
        partition: u32,
    },
    /// A superblock is there, but what follows it is broken.
    Broken(Fault<E>),
}

/// What is wrong inside an image. `E` is the flash's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault<E> {
    /// The flash failed.
    Flash(E),
    /// A pointer leaves the partition.
    OutsidePartition {
        /// The block pointed to.
        block: u32,
        /// Blocks there are.
        blocks: u32,
    },
    /// Neither block of a metadata pair holds a whole commit.
    NoCommit {
        /// The two blocks.
        pair: [u32; 2],
    },
    /// More metadata pairs are linked than the partition has room for: the links go in a circle.
    Circle,
    /// More file contents are claimed than the partition has room for: files share blocks.
    Overlap,
    /// Folders nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A path longer than [`MAX_PATH`].
    PathTooLong,
    /// A name that is empty, is not UTF-8, is `.` or `..`, or has a slash or a control character in it.
    Name {
        /// The metadata block it stands in.
        block: u32,
        /// Its id there.
        id: u16,
    },
    /// A file or folder whose description is missing or of a wrong length.
    Entry {
        /// The metadata block it stands in.
        block: u32,
        /// Its id there.
        id: u16,
    },
    /// A file that claims more bytes than the partition has.
    FileSize {
        /// The bytes claimed.
        size: u32,
    },
}

impl<E> MountFault<E> {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PartitionSize { .. } => "www_partition_size",
            Self::NoSuperblock => "www_no_superblock",
            Self::Version { .. } => "www_version",
            Self::BlockSize { .. } => "www_block_size",
            Self::BlockCount { .. } => "www_block_count",
            Self::Broken(fault) => fault.code(),
        }
    }
}

impl<E> Fault<E> {
    /// Stable name of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Flash(_) => "flash_failed",
            Self::OutsidePartition { .. } => "www_pointer",
            Self::NoCommit { .. } => "www_no_commit",
            Self::Circle => "www_circle",
            Self::Overlap => "www_overlap",
            Self::TooDeep => "www_too_deep",
            Self::PathTooLong => "www_path_too_long",
            Self::Name { .. } => "www_name",
            Self::Entry { .. } => "www_entry",
            Self::FileSize { .. } => "www_file_size",
        }
    }
}

impl<E> From<Fault<E>> for MountFault<E> {
    fn from(fault: Fault<E>) -> Self {
        Self::Broken(fault)
    }
}

impl<E: fmt::Debug> fmt::Display for MountFault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartitionSize { size } => write!(
                f,
                "{size} bytes are no LittleFS partition: it takes a multiple of {BLOCK_SIZE}, and two blocks at least"
            ),
            Self::NoSuperblock => write!(
                f,
                "no LittleFS superblock in the first two blocks; make the image with updraft www pack"
            ),
            Self::Version { major, minor } => write!(
                f,
                "LittleFS version {major}.{minor} is not known here, 2.0 and 2.1 are; pack the image anew"
            ),
            Self::BlockSize { found } => write!(
                f,
                "blocks of {found} bytes, not {BLOCK_SIZE}; pack the image with a block size of {BLOCK_SIZE}"
            ),
            Self::BlockCount { image, partition } => write!(
                f,
                "invalid block count ({image} != {partition}): the image has {image} blocks of {BLOCK_SIZE} bytes, \
                 the partition {partition}; pack it with the partition's size, {}",
                u64::from(*partition) * u64::from(BLOCK_SIZE)
            ),
            Self::Broken(fault) => fault.fmt(f),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash failed: {error:?}"),
            Self::OutsidePartition { block, blocks } => write!(
                f,
                "a pointer to block {block} of {blocks} (or across a block's end); the image is broken"
            ),
            Self::NoCommit { pair: [a, b] } => write!(
                f,
                "metadata blocks {a} and {b} hold no whole commit; the image is broken"
            ),
            Self::Circle => write!(
                f,
                "more metadata is linked than the partition holds; the image is broken"
            ),
            Self::Overlap => write!(
                f,
                "the files claim more bytes than the partition holds; the image is broken"
            ),
            Self::TooDeep => write!(f, "folders nested deeper than {MAX_DEPTH}; flatten them"),
            Self::PathTooLong => write!(f, "a path longer than {MAX_PATH} bytes; shorten it"),
            Self::Name { block, id } => write!(
                f,
                "entry {id} of metadata block {block} has a name that is empty, not UTF-8, a dot name, or holds a \
                 slash or a control character"
            ),
            Self::Entry { block, id } => write!(
                f,
                "entry {id} of metadata block {block} does not say where its contents are; the image is broken"
            ),
            Self::FileSize { size } => write!(
                f,
                "a file claims {size} bytes, more than the partition has; the image is broken"
            ),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for MountFault<E> {}
impl<E: fmt::Debug> core::error::Error for Fault<E> {}
