//! A flash in memory that takes nothing a chip would not.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Flash of 4 KiB sectors and 4-byte words. An access out of bounds, an unaligned one, and programming that would have
/// to set a bit are findings: they panic.
#[derive(Debug)]
pub struct Memory {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Bytes read so far.
    pub read: u64,
    /// The sectors that were erased or written, each number once for each time.
    pub touched: Vec<u32>,
}

impl Memory {
    /// A flash that holds these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            read: 0,
            touched: Vec::new(),
        }
    }
}

impl ErrorType for Memory {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Memory {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len()).expect("a read that lies in the flash");
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        self.read += bytes.len() as u64;
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Memory {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to).expect("an erase that lies in the flash");
        self.bytes[from as usize..to as usize].fill(0xFF);
        self.touched.extend(from / 4096..to / 4096);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len()).expect("a write that lies in the flash");
        for (old, new) in self.bytes[offset as usize..].iter_mut().zip(bytes) {
            assert_eq!(
                new & !*old,
                0,
                "{new:#04x} over {old:#04x} would set bits near {offset:#x}"
            );
            *old = *new;
        }
        self.touched.push(offset / 4096);
        Ok(())
    }
}
