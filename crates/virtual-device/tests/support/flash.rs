//! The flash as the app has it, keeping every change if it is asked to.

use std::cell::RefCell;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use updraft_virtual_device::nor_flash::{FlashError, VirtualFlash};

/// A call of the flash's interface, to be made again on a copy.
#[derive(Clone)]
pub(crate) enum Call {
    Erase { from: u32, to: u32 },
    Write { offset: u32, bytes: Vec<u8> },
}

impl Call {
    pub(crate) fn make(&self, flash: &mut VirtualFlash) -> Result<(), FlashError> {
        match self {
            Self::Erase { from, to } => flash.erase(*from, *to),
            Self::Write { offset, bytes } => flash.write(*offset, bytes),
        }
    }

    /// Where it begins.
    pub(crate) fn offset(&self) -> u32 {
        match self {
            Self::Erase { from, .. } => *from,
            Self::Write { offset, .. } => *offset,
        }
    }
}

/// What was on the flash just before a call that changed it. Only the flash survives a power cut, so this
/// is all there is to know of the moment.
pub(crate) struct Moment {
    pub(crate) flash: VirtualFlash,
    pub(crate) call: Call,
    pub(crate) operations: u64,
}

/// The flash, keeping every moment if it is asked to.
pub(crate) struct RecordedFlash<'f> {
    pub(crate) flash: &'f mut VirtualFlash,
    pub(crate) moments: Option<&'f RefCell<Vec<Moment>>>,
}

impl RecordedFlash<'_> {
    fn change(&mut self, call: &Call) -> Result<(), FlashError> {
        let Some(moments) = self.moments else {
            return call.make(self.flash);
        };
        let before = self.flash.clone();
        let result = call.make(self.flash);
        moments.borrow_mut().push(Moment {
            operations: self.flash.operations() - before.operations(),
            flash: before,
            call: call.clone(),
        });
        result
    }
}

impl ErrorType for RecordedFlash<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for RecordedFlash<'_> {
    const READ_SIZE: usize = VirtualFlash::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for RecordedFlash<'_> {
    const WRITE_SIZE: usize = VirtualFlash::WRITE_SIZE;
    const ERASE_SIZE: usize = VirtualFlash::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.change(&Call::Erase { from, to })
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.change(&Call::Write {
            offset,
            bytes: bytes.to_vec(),
        })
    }
}
