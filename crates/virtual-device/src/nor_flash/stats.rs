//! What the flash has done.

use std::fmt;

/// One operation of the chip: the unit at which power can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Up to 256 bytes within a page are programmed.
    Program {
        /// Where.
        offset: u32,
        /// How many bytes.
        len: u32,
    },
    /// A sector or block is erased.
    Erase {
        /// Where.
        offset: u32,
        /// 4, 32 or 64 KiB, in bytes.
        size: u32,
    },
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { offset, len } => write!(f, "program {len} bytes at {offset:#x}"),
            Self::Erase { offset, size } => write!(f, "erase {} KiB at {offset:#x}", size / 1024),
        }
    }
}

/// Counts since the flash was made or opened. Operations that power cut short count too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Pages programmed, in part or whole.
    pub page_programs: u64,
    /// 4 KiB sectors erased.
    pub sector_erases: u64,
    /// 32 KiB blocks erased.
    pub block_32k_erases: u64,
    /// 64 KiB blocks erased.
    pub block_64k_erases: u64,
    /// Bytes programmed.
    pub bytes_programmed: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes whose programming would have set a bit, which NOR flash cannot: written twice without
    /// an erase between. Stays 0 for software that treats its flash right.
    pub misprogrammed: u64,
}
