//! One partition.

use super::{APP_ALIGNMENT, DATA_ALIGNMENT, Kind, Label};

/// Size of an entry on flash in bytes.
pub const ENTRY_SIZE: usize = 32;
/// Flag: the partition is encrypted when flash encryption is on.
pub const FLAG_ENCRYPTED: u32 = 1;
/// Flag: the partition may not be written.
pub const FLAG_READONLY: u32 = 1 << 1;

/// First two bytes of an entry on flash.
pub(super) const ENTRY_MAGIC: [u8; 2] = [0xAA, 0x50];

/// One partition: what it is for, where it lies, what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type and subtype.
    pub kind: Kind,
    /// First byte on the flash.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// Name.
    pub label: Label,
    /// [`FLAG_ENCRYPTED`], [`FLAG_READONLY`], and whatever else was set.
    pub flags: u32,
}

impl Entry {
    /// An entry without flags.
    pub const fn new(label: Label, kind: Kind, offset: u32, size: u32) -> Self {
        Self {
            kind,
            offset,
            size,
            label,
            flags: 0,
        }
    }

    /// The first byte after the partition; past 4 GiB for nonsensical entries.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.size)
    }

    /// The alignment the offset of this kind of partition needs, in bytes.
    pub const fn alignment(&self) -> u32 {
        if self.kind.is_app() {
            APP_ALIGNMENT
        } else {
            DATA_ALIGNMENT
        }
    }

    /// The entry on flash.
    pub fn to_bytes(&self) -> [u8; ENTRY_SIZE] {
        let mut bytes = [0; ENTRY_SIZE];
        let (type_byte, subtype) = self.kind.to_bytes();
        bytes[..2].copy_from_slice(&ENTRY_MAGIC);
        bytes[2] = type_byte;
        bytes[3] = subtype;
        bytes[4..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.size.to_le_bytes());
        bytes[12..28].copy_from_slice(&self.label.to_raw());
        bytes[28..].copy_from_slice(&self.flags.to_le_bytes());
        bytes
    }

    /// Reads an entry; the magic is the caller's to check.
    pub(super) fn from_bytes(bytes: &[u8; ENTRY_SIZE]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut label = [0; super::LABEL_SIZE];
        label.copy_from_slice(&bytes[12..28]);
        Self {
            kind: Kind::from_bytes(bytes[2], bytes[3]),
            offset: word(4),
            size: word(8),
            label: Label::from_raw(label),
            flags: word(28),
        }
    }
}
