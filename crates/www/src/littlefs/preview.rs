//! What the first bytes of an image tell, before there is a partition to mount.

use core::convert::Infallible;

use super::MountFault;
use super::superblock::{MAGIC, SIZE, Superblock};
use super::tag::{FIRST, Tag, kind};

/// Where the first block has the superblock's name: behind its revision count and one tag.
const NAME: usize = 8;

/// Looks at the first bytes of a file, a block at best: whether a partition of `blocks` blocks could mount it.
///
/// Says yes where the first bytes do not tell; [`Mount::open`](super::Mount::open) has the last word.
///
/// # Errors
///
/// No superblock, or one that says another version, block size or block count.
pub fn preview(first: &[u8], blocks: u32) -> Result<(), MountFault<Infallible>> {
    let name = first.get(NAME..NAME + MAGIC.len());
    if name != Some(MAGIC.as_slice()) {
        return Err(MountFault::NoSuperblock);
    }
    match superblock(first) {
        Some(superblock) => superblock.check(blocks),
        None => Ok(()),
    }
}

/// The superblock's contents, if they stand right behind its name, as in every image not yet written to.
fn superblock(first: &[u8]) -> Option<Superblock> {
    let word = |at: usize| -> Option<[u8; 4]> { first.get(at..at + 4)?.try_into().ok() };
    let name = Tag(u32::from_be_bytes(word(NAME - 4)?) ^ FIRST.0);
    let at = NAME + MAGIC.len();
    let contents = Tag(u32::from_be_bytes(word(at)?) ^ name.0);
    if contents.kind() != kind::INLINE_STRUCT || contents.length() < SIZE {
        return None;
    }
    let number = |place: usize| word(at + place).map(u32::from_le_bytes);
    Some(Superblock {
        version: number(4)?,
        block_size: number(8)?,
        blocks: number(12)?,
    })
}
