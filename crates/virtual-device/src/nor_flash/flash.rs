//! The flash as software sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash, check_erase, check_read, check_write,
};

use super::backing::{Backing, OpenError};
use super::cells::{BLANK_BYTE, Cells, Sector};
use super::{
    BLOCK_32K, BLOCK_64K, FlashError, Operation, PAGE_SIZE, SECTOR_SIZE, SectorFault, Stats,
    Timing, Torn,
};

/// Sizes a virtual flash comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlashSize {
    /// 4 MiB, the usual module.
    Mb4,
    /// 8 MiB.
    Mb8,
    /// 16 MiB.
    Mb16,
}

impl FlashSize {
    /// The size in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Mb4 => 4 << 20,
            Self::Mb8 => 8 << 20,
            Self::Mb16 => 16 << 20,
        }
    }

    /// The size of so many bytes, if there is one.
    pub const fn from_bytes(bytes: u32) -> Option<Self> {
        Some(match bytes >> 20 {
            4 if bytes == Self::Mb4.bytes() => Self::Mb4,
            8 if bytes == Self::Mb8.bytes() => Self::Mb8,
            16 if bytes == Self::Mb16.bytes() => Self::Mb16,
            _ => return None,
        })
    }
}

/// A NOR flash chip: 4 KiB sectors, 32 and 64 KiB blocks, 256-byte pages, 4-byte writes.
///
/// Cloning takes a snapshot in memory: sectors are shared until one side changes them, so a
/// thousand devices cloned from one prepared flash cost little more than one. A clone has no file.
pub struct VirtualFlash {
    cells: Cells,
    wear: Vec<u32>,
    faults: BTreeMap<u32, SectorFault>,
    operations: u64,
    last: Option<Operation>,
    stats: Stats,
    timing: Timing,
    elapsed_ns: u64,
    cut: Option<(u64, Torn)>,
    powered: bool,
    backing: Option<Backing>,
}

impl Clone for VirtualFlash {
    fn clone(&self) -> Self {
        Self {
            cells: self.cells.clone(),
            wear: self.wear.clone(),
            faults: self.faults.clone(),
            operations: self.operations,
            last: self.last,
            stats: self.stats,
            timing: self.timing,
            elapsed_ns: self.elapsed_ns,
            cut: self.cut,
            powered: self.powered,
            backing: None,
        }
    }
}

impl fmt::Debug for VirtualFlash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualFlash")
            .field("size", &self.cells.size())
            .field("operations", &self.operations)
            .field("powered", &self.powered)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl VirtualFlash {
    /// A blank flash in memory, with [`Timing::TYPICAL`].
    pub fn new(size: FlashSize) -> Self {
        Self::of(Cells::blank(size.bytes()))
    }

    /// A blank flash in a new file, to which every operation is written through. An existing file
    /// is not overwritten.
    pub fn create(path: impl AsRef<Path>, size: FlashSize) -> Result<Self, OpenError> {
        let blank = vec![BLANK_BYTE; size.bytes() as usize];
        let backing = Backing::create(path.as_ref(), &blank)?;
        Ok(Self {
            backing: Some(backing),
            ..Self::new(size)
        })
    }

    /// The flash in an existing file. Wear, counts and virtual time start anew.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let (backing, size, image) = Backing::open(path.as_ref())?;
        let mut cells = Cells::blank(size.bytes());
        cells.set(0, &image);
        Ok(Self {
            backing: Some(backing),
            ..Self::of(cells)
        })
    }

    fn of(cells: Cells) -> Self {
        let sectors = cells.sectors().len();
        Self {
            cells,
            wear: vec![0; sectors],
            faults: BTreeMap::new(),
            operations: 0,
            last: None,
            stats: Stats::default(),
            timing: Timing::default(),
            elapsed_ns: 0,
            cut: None,
            powered: true,
            backing: None,
        }
    }

    /// The same flash with other times.
    #[must_use]
    pub const fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Puts bytes on the flash as the factory did: no operation, no wear, no time, no alignment.
    pub fn preload(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let end = (offset as usize).checked_add(bytes.len());
        if end.is_none_or(|end| end > self.cells.size()) {
            return Err(FlashError::OutOfBounds);
        }
        self.cells.set(offset, bytes);
        self.write_through(offset, bytes.len())
    }

    /// How many operations were begun so far.
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// The operation begun last.
    pub const fn last_operation(&self) -> Option<Operation> {
        self.last
    }

    /// What was done so far.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How often each 4 KiB sector was erased, in flash order.
    pub fn wear(&self) -> &[u32] {
        &self.wear
    }

    /// Virtual time the flash was busy, in microseconds.
    pub const fn elapsed_us(&self) -> u64 {
        self.elapsed_ns / 1000
    }

    /// Cuts the power at an operation, counted as [`operations`](Self::operations) counts: at
    /// `flash.operations()` it is the next one. A number already past means the next one too.
    pub const fn cut_power_at(&mut self, operation: u64, torn: Torn) {
        self.cut = Some((operation, torn));
    }

    /// Cuts the power now, between operations.
    pub const fn cut_power(&mut self) {
        self.powered = false;
    }

    /// Gives the power back, and forgets a cut that has not come yet.
    pub const fn restore_power(&mut self) {
        self.powered = true;
        self.cut = None;
    }

    /// Whether there is power.
    pub const fn is_powered(&self) -> bool {
        self.powered
    }

    /// Lets the sector at `index` (counted in 4 KiB from 0) fail from now on.
    pub fn fail_sector(&mut self, index: u32, fault: SectorFault) {
        self.faults.insert(index, fault);
    }

    /// Makes sure the file behind the flash has reached its disk. Without one there is nothing to
    /// do. Written-through operations survive the end of this process anyway.
    pub fn sync(&self) -> Result<(), FlashError> {
        self.backing.as_ref().map_or(Ok(()), Backing::sync)
    }

    /// The sectors, to compare by identity.
    pub(crate) fn sectors(&self) -> &[Sector] {
        self.cells.sectors()
    }

    /// Counts an operation, and says how it is torn if the power goes here.
    fn begin(&mut self, operation: Operation) -> Result<Option<Torn>, FlashError> {
        self.check_power()?;
        let index = self.operations;
        self.operations += 1;
        self.last = Some(operation);
        match self.cut {
            Some((at, torn)) if index >= at => {
                self.powered = false;
                self.cut = None;
                Ok(Some(torn))
            }
            _ => Ok(None),
        }
    }

    const fn check_power(&self) -> Result<(), FlashError> {
        if self.powered {
            Ok(())
        } else {
            Err(FlashError::PowerLost)
        }
    }

    fn fault_in(&self, offset: u32, size: u32) -> impl Iterator<Item = (u32, SectorFault)> + '_ {
        let sectors = offset / SECTOR_SIZE..(offset + size).div_ceil(SECTOR_SIZE);
        self.faults
            .range(sectors)
            .map(|(&sector, &fault)| (sector, fault))
    }

    fn program_page(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let len = bytes.len() as u32;
        let torn = self.begin(Operation::Program { offset, len })?;
        self.stats.page_programs += 1;
        self.stats.bytes_programmed += bytes.len() as u64;
        self.spend_us(self.timing.page_program_us);
        self.spend_bus(bytes.len());
        let failing = self
            .fault_in(offset, len)
            .find(|&(_, fault)| fault == SectorFault::ProgramFails);
        if let Some((sector, _)) = failing {
            return Err(FlashError::SectorFailed { sector });
        }
        if let Some(torn) = torn {
            let old = self.copy(offset, bytes.len());
            self.cells.set(offset, &torn.program(&old, bytes));
        } else {
            self.stats.misprogrammed += self.cells.program(offset, bytes);
        }
        self.write_through(offset, bytes.len())?;
        torn.map_or(Ok(()), |_| Err(FlashError::PowerLost))
    }

    fn erase_unit(&mut self, offset: u32, size: u32) -> Result<(), FlashError> {
        let torn = self.begin(Operation::Erase { offset, size })?;
        let time = match size {
            BLOCK_64K => {
                self.stats.block_64k_erases += 1;
                self.timing.block_64k_erase_us
            }
            BLOCK_32K => {
                self.stats.block_32k_erases += 1;
                self.timing.block_32k_erase_us
            }
            _ => {
                self.stats.sector_erases += 1;
                self.timing.sector_erase_us
            }
        };
        self.spend_us(time);
        let failing = self
            .fault_in(offset, size)
            .find(|&(_, fault)| fault == SectorFault::EraseFails);
        if let Some((sector, _)) = failing {
            return Err(FlashError::SectorFailed { sector });
        }
        let first = (offset / SECTOR_SIZE) as usize;
        let count = (size / SECTOR_SIZE) as usize;
        if torn != Some(Torn::Before) {
            for wear in self.wear.iter_mut().skip(first).take(count) {
                *wear += 1;
            }
        }
        if let Some(torn) = torn {
            let old = self.copy(offset, size as usize);
            self.cells.set(offset, &torn.erase(&old));
        } else {
            self.cells.erase(offset, size);
        }
        self.stick_bits(offset, size);
        self.write_through(offset, size as usize)?;
        torn.map_or(Ok(()), |_| Err(FlashError::PowerLost))
    }

    /// Puts the worn bits of erased sectors back to 0.
    fn stick_bits(&mut self, offset: u32, size: u32) {
        let stuck: Vec<_> = self.fault_in(offset, size).collect();
        for (sector, fault) in stuck {
            if let SectorFault::StuckBits(bits) = fault {
                self.cells
                    .program(sector * SECTOR_SIZE, &[!bits; SECTOR_SIZE as usize]);
            }
        }
    }

    fn copy(&self, offset: u32, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.cells.read(offset, &mut bytes);
        bytes
    }

    fn write_through(&mut self, offset: u32, len: usize) -> Result<(), FlashError> {
        if self.backing.is_none() {
            return Ok(());
        }
        let bytes = self.copy(offset, len);
        match &mut self.backing {
            Some(backing) => backing.write(offset, &bytes),
            None => Ok(()),
        }
    }

    fn spend_us(&mut self, us: u32) {
        self.elapsed_ns += u64::from(us) * 1000;
    }

    fn spend_bus(&mut self, bytes: usize) {
        self.elapsed_ns += bytes as u64 * u64::from(self.timing.bus_ns_per_byte);
    }
}

impl ErrorType for VirtualFlash {
    type Error = FlashError;
}

impl ReadNorFlash for VirtualFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.check_power()?;
        check_read(self, offset, bytes.len())?;
        self.stats.bytes_read += bytes.len() as u64;
        self.spend_bus(bytes.len());
        self.cells.read(offset, bytes);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.cells.size()
    }
}

impl NorFlash for VirtualFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR_SIZE as usize;

    /// Erases by 64 KiB blocks where the range holds whole ones, then 32 KiB, then 4 KiB.
    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.check_power()?;
        check_erase(self, from, to)?;
        let mut at = from;
        while at < to {
            let size = [BLOCK_64K, BLOCK_32K]
                .into_iter()
                .find(|&block| at.is_multiple_of(block) && to - at >= block)
                .unwrap_or(SECTOR_SIZE);
            self.erase_unit(at, size)?;
            at += size;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.check_power()?;
        check_write(self, offset, bytes.len())?;
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = (PAGE_SIZE - at % PAGE_SIZE) as usize;
            let (page, after) = rest.split_at(room.min(rest.len()));
            self.program_page(at, page)?;
            at += page.len() as u32;
            rest = after;
        }
        Ok(())
    }
}

// Programming what is programmed already clears further bits, as ESP-IDF's NVS relies on.
impl MultiwriteNorFlash for VirtualFlash {}
