//! The blocks of a long file, one after another: see [`ctz`].

use crate::littlefs::{BLOCK_SIZE, ctz};

/// Writes `contents` from block `start` on, and gives the last block, by which the file is found.
pub(super) fn write(image: &mut [u8], start: u32, mut contents: &[u8]) -> u32 {
    let from = start as usize * BLOCK_SIZE as usize;
    let blocks = image.get_mut(from..).unwrap_or_default();
    let mut index = 0;
    for block in blocks.chunks_exact_mut(BLOCK_SIZE as usize) {
        let (pointers, data) = block.split_at_mut(ctz::pointers(index) as usize);
        for (power, pointer) in pointers.chunks_exact_mut(4).enumerate() {
            pointer.copy_from_slice(&(start + index - (1 << power)).to_le_bytes());
        }
        let (now, later) = contents.split_at(contents.len().min(data.len()));
        data.split_at_mut(now.len()).0.copy_from_slice(now);
        contents = later;
        if contents.is_empty() {
            break;
        }
        index += 1;
    }
    start + index
}
