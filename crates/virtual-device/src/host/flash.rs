//! The virtual flash, telling the clock how long it was busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

use crate::nor_flash::VirtualFlash;

/// A virtual flash whose busy time is added up for a [`HostClock`](super::HostClock).
#[derive(Debug)]
pub struct TimedFlash<'f> {
    flash: &'f mut VirtualFlash,
    busy_us: Arc<AtomicU64>,
}

impl<'f> TimedFlash<'f> {
    /// This flash, counting into `busy_us`.
    pub fn new(flash: &'f mut VirtualFlash, busy_us: Arc<AtomicU64>) -> Self {
        Self { flash, busy_us }
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut VirtualFlash) -> T) -> T {
        let before = self.flash.elapsed_us();
        let result = work(self.flash);
        let spent = self.flash.elapsed_us() - before;
        self.busy_us.fetch_add(spent, Ordering::Relaxed);
        result
    }
}

impl ErrorType for TimedFlash<'_> {
    type Error = <VirtualFlash as ErrorType>::Error;
}

impl ReadNorFlash for TimedFlash<'_> {
    const READ_SIZE: usize = VirtualFlash::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.timed(|flash| flash.read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for TimedFlash<'_> {
    const WRITE_SIZE: usize = VirtualFlash::WRITE_SIZE;
    const ERASE_SIZE: usize = VirtualFlash::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.timed(|flash| flash.erase(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.timed(|flash| flash.write(offset, bytes))
    }
}
