//! Tags: what each entry of a metadata block is.
//!
//! From the top: 1 bit "not valid", 11 bits type, 10 bits id, 10 bits length.

/// One tag, after the XOR with the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

/// Types in full, `SPEC.md` "Metadata types".
pub(super) mod kind {
    pub(in crate::littlefs) const DIRECTORY: u32 = 0x002;
    pub(in crate::littlefs) const REGULAR: u32 = 0x001;
    pub(in crate::littlefs) const SUPERBLOCK: u32 = 0x0FF;
    pub(in crate::littlefs) const DIR_STRUCT: u32 = 0x200;
    pub(in crate::littlefs) const INLINE_STRUCT: u32 = 0x201;
    pub(in crate::littlefs) const CTZ_STRUCT: u32 = 0x202;
    pub(in crate::littlefs) const CREATE: u32 = 0x401;
    pub(in crate::littlefs) const DELETE: u32 = 0x4FF;
    pub(in crate::littlefs) const CRC: u32 = 0x500;
    #[cfg(feature = "build")]
    pub(in crate::littlefs) const SOFT_TAIL: u32 = 0x600;
    #[cfg(feature = "build")]
    pub(in crate::littlefs) const HARD_TAIL: u32 = 0x601;
    pub(in crate::littlefs) const MOVE_STATE: u32 = 0x7FF;
}

/// Families of types: the top three of the eleven bits.
pub(super) mod family {
    pub(in crate::littlefs) const NAME: u32 = 0x000;
    pub(in crate::littlefs) const STRUCT: u32 = 0x200;
    pub(in crate::littlefs) const SPLICE: u32 = 0x400;
    pub(in crate::littlefs) const TAIL: u32 = 0x600;
}

/// The id of what belongs to no file.
pub(super) const NO_ID: u32 = 0x3FF;
/// The length that means "deleted"; such a tag carries no data.
const DELETED: u32 = 0x3FF;
/// What stands in for the tag before a block's first one.
pub(super) const FIRST: Tag = Tag(0xFFFF_FFFF);

impl Tag {
    #[cfg(feature = "build")]
    pub(super) const fn new(kind: u32, id: u32, length: u32) -> Self {
        Self((kind << 20) | (id << 10) | length)
    }

    /// Whether the valid bit says that something was written here.
    pub(super) const fn is_valid(self) -> bool {
        self.0 & 0x8000_0000 == 0
    }

    pub(super) const fn kind(self) -> u32 {
        (self.0 >> 20) & 0x7FF
    }

    pub(super) const fn family(self) -> u32 {
        self.kind() & 0x700
    }

    /// The name of a file or folder; the superblock's name is none.
    pub(super) const fn is_name(self) -> bool {
        self.kind() & 0x780 == 0
    }

    /// The end of a commit. Other types of the same family (0x5FF) only carry a checksum of
    /// erased space.
    pub(super) const fn is_commit(self) -> bool {
        self.kind() & 0x780 == kind::CRC
    }

    pub(super) const fn chunk(self) -> u32 {
        self.kind() & 0xFF
    }

    pub(super) const fn id(self) -> u32 {
        (self.0 >> 10) & 0x3FF
    }

    pub(super) const fn is_deleted(self) -> bool {
        self.0 & 0x3FF == DELETED
    }

    /// Bytes of data behind the tag.
    pub(super) const fn length(self) -> u32 {
        if self.is_deleted() { 0 } else { self.0 & 0x3FF }
    }

    /// Bytes of tag and data on flash.
    pub(super) const fn on_disk(self) -> u32 {
        4 + self.length()
    }

    /// How many files a splice adds (or, negative, takes away).
    pub(super) const fn splice(self) -> i32 {
        (self.chunk() as u8).cast_signed() as i32
    }
}
