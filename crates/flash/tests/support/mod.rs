//! A flash in memory, without physics: what these tests need to see is which bytes were touched.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// One call that changed the flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// `from..to` was erased.
    Erase(u32, u32),
    /// So many bytes were written at an offset.
    Write(u32, usize),
}

/// Flash of 4 KiB sectors and 4-byte words.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ops: Vec<Op>,
}

impl Memory {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            bytes: vec![0xFF; size],
            ops: Vec::new(),
        }
    }
}

impl ErrorType for Memory {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Memory {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
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
        check_erase(self, from, to)?;
        self.bytes[from as usize..to as usize].fill(0xFF);
        self.ops.push(Op::Erase(from, to));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        for (to, from) in self.bytes[offset as usize..].iter_mut().zip(bytes) {
            *to &= from;
        }
        self.ops.push(Op::Write(offset, bytes.len()));
        Ok(())
    }
}
