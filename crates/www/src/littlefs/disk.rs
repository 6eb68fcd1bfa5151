//! Blocks of a flash, read through a small buffer and within bounds.

use embedded_storage::nor_flash::ReadNorFlash;

use super::{BLOCK_SIZE, Fault};

/// Bytes read ahead: tags come four bytes at a time, and a flash read has a cost of its own. A
/// multiple of every flash's read unit.
const BUFFER: usize = 256;

/// A flash for the time of one call.
pub(super) struct Disk<'f, F> {
    flash: &'f mut F,
    /// Blocks of the partition.
    blocks: u32,
    buffer: [u8; BUFFER],
    /// Offset of what `buffer` holds.
    held: Option<u32>,
}

impl<'f, F: ReadNorFlash> Disk<'f, F> {
    pub(super) fn new(flash: &'f mut F, blocks: u32) -> Self {
        const {
            assert!(
                F::READ_SIZE > 0 && BUFFER.is_multiple_of(F::READ_SIZE),
                "the flash's read unit must divide 256 bytes"
            );
        }
        Self {
            flash,
            blocks,
            buffer: [0; BUFFER],
            held: None,
        }
    }

    pub(super) const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Reads inside one block.
    pub(super) fn read(
        &mut self,
        block: u32,
        offset: u32,
        mut bytes: &mut [u8],
    ) -> Result<(), Fault<F::Error>> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if block >= self.blocks
            || offset
                .checked_add(length)
                .is_none_or(|end| end > BLOCK_SIZE)
        {
            return Err(Fault::OutsidePartition {
                block,
                blocks: self.blocks,
            });
        }
        let mut at = block * BLOCK_SIZE + offset;
        while !bytes.is_empty() {
            let skip = at as usize % BUFFER;
            // Whole buffers' worth goes straight to the caller, so that file contents are copied once.
            let straight = bytes.len() / BUFFER * BUFFER;
            let step = if skip == 0 && straight > 0 {
                let (head, _) = bytes.split_at_mut(straight);
                self.flash.read(at, head).map_err(Fault::Flash)?;
                straight
            } else {
                self.fill(at - skip as u32)?;
                let from = &self.buffer[skip..];
                let step = from.len().min(bytes.len());
                bytes[..step].copy_from_slice(&from[..step]);
                step
            };
            at += step as u32;
            bytes = bytes.split_at_mut(step).1;
        }
        Ok(())
    }

    fn fill(&mut self, start: u32) -> Result<(), Fault<F::Error>> {
        if self.held != Some(start) {
            self.held = None;
            self.flash
                .read(start, &mut self.buffer)
                .map_err(Fault::Flash)?;
            self.held = Some(start);
        }
        Ok(())
    }

    /// A tag as it lies there: big-endian.
    pub(super) fn big_endian(&mut self, block: u32, offset: u32) -> Result<u32, Fault<F::Error>> {
        let mut word = [0; 4];
        self.read(block, offset, &mut word)?;
        Ok(u32::from_be_bytes(word))
    }

    /// A number: little-endian.
    pub(super) fn number(&mut self, block: u32, offset: u32) -> Result<u32, Fault<F::Error>> {
        let mut word = [0; 4];
        self.read(block, offset, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    /// Two numbers: a pointer to a metadata pair, or a long file's head and size.
    pub(super) fn numbers(&mut self, block: u32, offset: u32) -> Result<[u32; 2], Fault<F::Error>> {
        Ok([
            self.number(block, offset)?,
            self.number(block, offset.saturating_add(4))?,
        ])
    }
}
