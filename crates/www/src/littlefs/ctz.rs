//! Long files: a skip list of blocks, read from its end.
//!
//! Block `i` of a file begins with one pointer for each power of two that divides `i` (block 0
//! with none): to the blocks `i - 1`, `i - 2`, `i - 4`, and so on.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::{BLOCK_SIZE, Fault};

/// Bytes of a pointer.
const POINTER: u32 = 4;
/// Contents a block has on average: all its bytes less two pointers.
const AVERAGE: u32 = BLOCK_SIZE - 2 * POINTER;

/// Bytes of pointers at the start of block `index` of a file.
#[cfg(feature = "build")]
pub(super) const fn pointers(index: u32) -> u32 {
    if index == 0 {
        0
    } else {
        POINTER * (index.trailing_zeros() + 1)
    }
}

/// Which block of a file holds byte `position`, and where in that block.
pub(super) const fn place(position: u32) -> (u32, u32) {
    let guess = position / AVERAGE;
    if guess == 0 {
        return (0, position);
    }
    // `guess` blocks hold `AVERAGE` each, more or less what the bit counts say.
    let index = (position - POINTER * ((guess - 1).count_ones() + 2)) / AVERAGE;
    (
        index,
        position - AVERAGE * index - POINTER * index.count_ones(),
    )
}

/// Blocks a file of `size` bytes takes.
pub(super) const fn blocks(size: u32) -> u32 {
    if size == 0 { 0 } else { place(size - 1).0 + 1 }
}

/// Finds the block that holds byte `position` of a file, from its last block `head`.
///
/// `position` must be below `size`, and `size` within the partition: then there are no more steps
/// than the file has blocks, whatever the pointers are.
pub(super) fn find<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    head: u32,
    size: u32,
    position: u32,
) -> Result<(u32, u32), Fault<F::Error>> {
    let (target, offset) = place(position);
    let mut index = place(size - 1).0;
    let mut block = head;
    while index > target {
        // The biggest step this block has a pointer for that does not go too far.
        let skip = (index - target).ilog2().min(index.trailing_zeros());
        block = disk.number(block, POINTER * skip)?;
        index -= 1 << skip;
    }
    Ok((block, offset))
}
