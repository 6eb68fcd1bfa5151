//! One metadata block: a revision, tags with their data, and one commit's checksum.

use alloc::vec::Vec;

use crate::littlefs::crc::Crc;
use crate::littlefs::superblock::{MAGIC, SIZE};
use crate::littlefs::tag::{self, NO_ID, Tag, kind};
use crate::littlefs::{BLOCK_SIZE, DISK_VERSION, NAME_MAX};

use super::{ATTRIBUTE_MAX, FILE_MAX};

/// Bytes left for entries: all but the revision, a tail and the commit's end.
pub(super) const ROOM: usize = BLOCK_SIZE as usize - 4 - 12 - 8;
/// Bytes the superblock's entry takes.
pub(super) const SUPERBLOCK: usize = 4 + MAGIC.len() + 4 + SIZE as usize;

/// A block being filled, from behind its revision on.
pub(super) struct Block {
    bytes: Vec<u8>,
    previous: Tag,
    id: u32,
}

impl Block {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(BLOCK_SIZE as usize),
            previous: tag::FIRST,
            id: 0,
        }
    }

    fn put(&mut self, kind: u32, id: u32, data: &[u8]) {
        let tag = Tag::new(kind, id, data.len() as u32);
        let stored = tag.0 ^ self.previous.0;
        self.bytes.extend_from_slice(&stored.to_be_bytes());
        self.bytes.extend_from_slice(data);
        self.previous = tag;
    }

    fn put_entry(&mut self, kind: u32, name: &[u8], place: u32, data: &[u8]) {
        self.put(kind, self.id, name);
        self.put(place, self.id, data);
        self.id += 1;
    }

    /// The superblock, always the first entry.
    pub(super) fn superblock(&mut self, size: usize) {
        let fields = [
            DISK_VERSION,
            BLOCK_SIZE,
            size as u32 / BLOCK_SIZE,
            NAME_MAX as u32,
            FILE_MAX,
            ATTRIBUTE_MAX,
        ];
        let mut data = [0; SIZE as usize];
        for (place, field) in data.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        self.put_entry(kind::SUPERBLOCK, MAGIC, kind::INLINE_STRUCT, &data);
    }

    /// A folder whose first pair begins at block `first`.
    pub(super) fn folder(&mut self, name: &[u8], first: u32) {
        let pair = numbers(first, first + 1);
        self.put_entry(kind::DIRECTORY, name, kind::DIR_STRUCT, &pair);
    }

    /// A file kept in the metadata.
    pub(super) fn inline(&mut self, name: &[u8], contents: &[u8]) {
        self.put_entry(kind::REGULAR, name, kind::INLINE_STRUCT, contents);
    }

    /// A file of `size` bytes whose last block is `head`.
    pub(super) fn file(&mut self, name: &[u8], head: u32, size: u32) {
        let place = numbers(head, size);
        self.put_entry(kind::REGULAR, name, kind::CTZ_STRUCT, &place);
    }

    /// The next pair: of the same folder (hard) or of the next one (soft).
    pub(super) fn tail(&mut self, kind: u32, next: u32) {
        self.put(kind, NO_ID, &numbers(next, next + 1));
    }

    /// Ends the commit and writes it into the pair that begins at block `at`, into both blocks.
    pub(super) fn write(mut self, image: &mut [u8], at: u32) {
        // Type 0x500: the valid bit of erased space, all ones, reads as not valid after this.
        let commit = Tag::new(kind::CRC, NO_ID, 4);
        let stored = commit.0 ^ self.previous.0;
        self.bytes.extend_from_slice(&stored.to_be_bytes());
        let start = (at * BLOCK_SIZE) as usize;
        let pair = image.get_mut(start..start + 2 * BLOCK_SIZE as usize);
        let blocks = pair
            .unwrap_or_default()
            .chunks_exact_mut(BLOCK_SIZE as usize);
        // The first block is the newer one, the second stands in for it.
        for (block, revision) in blocks.zip([2_u32, 1]) {
            let revision = revision.to_le_bytes();
            let crc = Crc::NEW.update(&revision).update(&self.bytes).value();
            let parts = [&revision, self.bytes.as_slice(), &crc.to_le_bytes()];
            let mut rest = block;
            for part in parts {
                let (place, behind) = rest.split_at_mut(part.len());
                place.copy_from_slice(part);
                rest = behind;
            }
        }
    }
}

fn numbers(first: u32, second: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    let (a, b) = bytes.split_at_mut(4);
    a.copy_from_slice(&first.to_le_bytes());
    b.copy_from_slice(&second.to_le_bytes());
    bytes
}
