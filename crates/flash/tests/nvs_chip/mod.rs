//! A NOR flash that can lose power in the middle of an operation, and what the NVS tests store on it.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod model;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// An operation that changes the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// So many bytes were programmed.
    Program(usize),
    /// A sector was erased.
    Erase,
}

/// How far an interrupted operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tear {
    /// So many bytes were programmed, and of the one after them the bits of this mask.
    Program(usize, u8),
    /// Bytes `0..n` of the sector were erased.
    EraseStart(usize),
    /// Bytes `n..` of the sector were erased.
    EraseEnd(usize),
    /// All was programmed to zero, as chips do before erasing.
    EraseZeroed,
    /// One bit in so many was raised, at random.
    EraseBits(u32),
    /// As `EraseBits`, but the page's header stayed as it was.
    EraseBitsAfterHeader(u32),
    /// Only these bits of the first byte, which says the page's state, were raised.
    EraseState(u8),
}

impl Tear {
    /// The ways `operation` is interrupted in the tests. The first is: not begun.
    pub(crate) fn of(operation: Operation) -> Vec<Self> {
        match operation {
            Operation::Program(4) => {
                let mut tears = vec![Self::Program(0, 0)];
                for byte in 0..4 {
                    tears.extend([
                        Self::Program(byte, 0x55),
                        Self::Program(byte, 0xAA),
                        Self::Program(byte + 1, 0),
                    ]);
                }
                tears
            }
            Operation::Program(length) => {
                let mut bytes = vec![
                    0,
                    1,
                    4,
                    8,
                    24,
                    31,
                    32,
                    33,
                    36,
                    length / 2,
                    length - 1,
                    length,
                ];
                bytes.retain(|bytes| *bytes <= length);
                bytes.sort_unstable();
                bytes.dedup();
                let whole = bytes.iter().map(|bytes| Self::Program(*bytes, 0));
                whole
                    .chain([Self::Program(0, 0x0F), Self::Program(length / 2, 0xF0)])
                    .collect()
            }
            Operation::Erase => vec![
                Self::EraseStart(0),
                Self::EraseStart(1),
                Self::EraseStart(64),
                Self::EraseStart(2048),
                Self::EraseStart(4096),
                Self::EraseEnd(32),
                Self::EraseEnd(64),
                Self::EraseEnd(2048),
                Self::EraseEnd(4095),
                Self::EraseZeroed,
                Self::EraseBits(2),
                Self::EraseBits(1000),
                Self::EraseBitsAfterHeader(2),
                Self::EraseBitsAfterHeader(100),
                Self::EraseBitsAfterHeader(1000),
                Self::EraseState(0x04),
                Self::EraseState(0x06),
                Self::EraseState(0x07),
            ],
        }
    }
}

/// When and how an operation fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// How many operations go well before.
    pub(crate) after: usize,
    pub(crate) tear: Tear,
    /// Whether all later operations fail too, as without power; else only this one.
    pub(crate) power_is_gone: bool,
}

/// Flash of 4 KiB sectors and 4-byte words. Programming only clears bits: an attempt to set one
/// fails the test, since on a chip it would silently not happen.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub(crate) bytes: Vec<u8>,
    pub(crate) log: Vec<Operation>,
    pub(crate) fault: Option<Fault>,
    random: u64,
}

impl Chip {
    pub(crate) fn blank(pages: usize) -> Self {
        Self::holding(vec![0xFF; pages * 4096])
    }

    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            log: Vec::new(),
            fault: None,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    pub(crate) fn size(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Notes an operation, and says how it fails if it is to: without power, not begun.
    fn begin(&mut self, operation: Operation) -> Option<Tear> {
        let number = self.log.len();
        self.log.push(operation);
        let fault = self.fault?;
        if number == fault.after {
            Some(fault.tear)
        } else if number > fault.after && fault.power_is_gone {
            Tear::of(operation).first().copied()
        } else {
            None
        }
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn raise_bits(&mut self, from: usize, to: usize, one_in: u32) {
        for at in from..to {
            for bit in 0..8 {
                if self.next_random().is_multiple_of(u64::from(one_in)) {
                    self.bytes[at] |= 1 << bit;
                }
            }
        }
    }

    fn program(&mut self, at: usize, byte: u8, mask: u8) {
        let old = self.bytes[at];
        assert_eq!(
            byte & !old,
            0,
            "programming {byte:#04x} over {old:#04x} at {at:#x} would set bits"
        );
        self.bytes[at] = old & (byte | !mask);
    }
}

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
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

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let offset = offset as usize;
        let (done, partly) = match self.begin(Operation::Program(bytes.len())) {
            None => {
                for (at, byte) in bytes.iter().enumerate() {
                    self.program(offset + at, *byte, 0xFF);
                }
                return Ok(());
            }
            Some(Tear::Program(done, mask)) => (done, mask),
            Some(other) => panic!("{other:?} is not a way to interrupt a program operation"),
        };
        for (at, byte) in bytes.iter().enumerate().take(done + 1) {
            self.program(offset + at, *byte, if at < done { 0xFF } else { partly });
        }
        Err(NorFlashErrorKind::Other)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        let (from, to) = (from as usize, to as usize);
        let Some(tear) = self.begin(Operation::Erase) else {
            self.bytes[from..to].fill(0xFF);
            return Ok(());
        };
        match tear {
            Tear::EraseStart(bytes) => self.bytes[from..from + bytes].fill(0xFF),
            Tear::EraseEnd(bytes) => self.bytes[from + bytes..to].fill(0xFF),
            Tear::EraseZeroed => self.bytes[from..to].fill(0),
            Tear::EraseBits(one_in) => self.raise_bits(from, to, one_in),
            Tear::EraseBitsAfterHeader(one_in) => self.raise_bits(from + 32, to, one_in),
            Tear::EraseState(bits) => self.bytes[from] |= bits,
            Tear::Program(..) => panic!("{tear:?} is not a way to interrupt an erase"),
        }
        Err(NorFlashErrorKind::Other)
    }
}
