//! The flash chip behind the agent's flash trait.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use esp_hal::peripherals::FLASH;
use esp_storage::{FlashStorage, FlashStorageError};

/// Bytes that go through the stack at a time, where address, length or buffer do not begin at a word. esp-storage would
/// take 4 KiB for that.
const BOUNCE: usize = 256;
/// Bytes the chip reads and writes at a time.
const WORD: usize = 4;

#[repr(align(4))]
struct Bounce([u8; BOUNCE]);

/// The whole flash chip. Reads any bytes; writes words and erases sectors, or blocks of 64 KiB where whole ones go.
///
/// The core stands still while the chip writes, and so do interrupts: for a block 150 ms by the datasheets, 2 s at the
/// worst. The agent erases one block at a time and lets other tasks run between.
pub struct Flash(FlashStorage<'static>);

/// What the chip's driver says.
#[derive(Debug)]
pub struct FlashError(FlashStorageError);

impl Flash {
    /// The chip this program runs from.
    pub fn new(peripheral: FLASH<'static>) -> Self {
        Self(FlashStorage::new(peripheral))
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self.0 {
            FlashStorageError::NotAligned => NorFlashErrorKind::NotAligned,
            FlashStorageError::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for Flash {
    type Error = FlashError;
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(WORD) && bytes.len().is_multiple_of(WORD)
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        if offset.is_multiple_of(WORD as u32) && is_aligned(bytes) {
            return self.0.read_nor(offset, bytes).map_err(FlashError);
        }
        let mut bounce = Bounce([0; BOUNCE]);
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let before = offset as usize % WORD;
            let count = bytes.len().min(BOUNCE - before);
            let words = &mut bounce.0[..(before + count).next_multiple_of(WORD)];
            self.0
                .read_nor(offset - before as u32, words)
                .map_err(FlashError)?;
            let (now, later) = bytes.split_at_mut(count);
            now.copy_from_slice(&words[before..before + count]);
            bytes = later;
            offset += count as u32;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = FlashStorage::SECTOR_SIZE as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.0.erase(from, to).map_err(FlashError)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        if is_aligned(bytes) {
            return self.0.write_nor(offset, bytes).map_err(FlashError);
        }
        let mut bounce = Bounce([0; BOUNCE]);
        for (index, piece) in bytes.chunks(BOUNCE).enumerate() {
            let words = &mut bounce.0[..piece.len()];
            words.copy_from_slice(piece);
            self.0
                .write_nor(offset + (index * BOUNCE) as u32, words)
                .map_err(FlashError)?;
        }
        Ok(())
    }
}
