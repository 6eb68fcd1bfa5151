//! The chip's memories, and the code decoded from them.

mod code;

pub(crate) use code::{CodePage, PAGE_BYTES};

use crate::cpu::op::Op;

/// Internal SRAM: 16 KiB of SRAM 0 and 384 KiB of SRAM 1, one after the other.
const SRAM_BYTES: usize = 0x6_4000;
const RTC_FAST_BYTES: usize = 0x2000;
/// The ROM's constants as data sees them.
const DROM_BYTES: usize = 0x2_0000;
/// What the cache shows of the flash: 128 pages of 64 KiB, the same through both buses.
pub(crate) const WINDOW_BYTES: usize = 0x80_0000;

const RTC_FAST_AT: usize = SRAM_BYTES;
const DROM_AT: usize = RTC_FAST_AT + RTC_FAST_BYTES;
const WINDOW_AT: usize = DROM_AT + DROM_BYTES;
const ALL_BYTES: usize = WINDOW_AT + WINDOW_BYTES;

/// An offset behind everything.
const NOWHERE: usize = usize::MAX / 2;

/// All memories in one piece, so that an access is one subtraction and one comparison.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes: Box<[u8]>,
    code: code::CodeCache,
}

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory {
            bytes: vec![0; ALL_BYTES].into_boxed_slice(),
            code: code::CodeCache::new(ALL_BYTES),
        }
    }

    /// Where an address lies in `bytes`, or [`NOWHERE`].
    #[inline]
    fn offset(address: u32) -> usize {
        // In the order of how often programs use them.
        let within = |base: u32, size: usize| (address.wrapping_sub(base) as usize) < size;
        let at = |base: u32, start: usize| start + (address.wrapping_sub(base) as usize);
        if within(0x3FC8_0000, SRAM_BYTES - 0x4000) {
            at(0x3FC8_0000, 0x4000)
        } else if within(0x3C00_0000, WINDOW_BYTES) {
            at(0x3C00_0000, WINDOW_AT)
        } else if within(0x4200_0000, WINDOW_BYTES) {
            at(0x4200_0000, WINDOW_AT)
        } else if within(0x4037_C000, SRAM_BYTES) {
            at(0x4037_C000, 0)
        } else if within(0x5000_0000, RTC_FAST_BYTES) {
            at(0x5000_0000, RTC_FAST_AT)
        } else if within(0x3FF0_0000, DROM_BYTES) {
            at(0x3FF0_0000, DROM_AT)
        } else {
            NOWHERE
        }
    }

    #[inline]
    pub(crate) fn load<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let at = Self::offset(address);
        self.bytes.get(at..at + N)?.try_into().ok()
    }

    /// Stores, and forgets what was decoded from there. `None` where nothing can be written.
    #[inline]
    pub(crate) fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Option<()> {
        let at = Self::offset(address);
        if at + N > DROM_AT {
            return None;
        }
        self.bytes.get_mut(at..at + N)?.copy_from_slice(&value);
        self.code.forget(at, N);
        Some(())
    }

    /// `length` bytes at `address`, if all of them are memory.
    pub(crate) fn slice(&self, address: u32, length: usize) -> Option<&[u8]> {
        let at = Self::offset(address);
        self.bytes.get(at..at.checked_add(length)?)
    }

    /// Writes bytes at `address`, if all of it can be written.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        let at = Self::offset(address);
        let end = at.checked_add(bytes.len())?;
        if end > DROM_AT {
            return None;
        }
        self.bytes.get_mut(at..end)?.copy_from_slice(bytes);
        self.code.forget(at, bytes.len());
        Some(())
    }

    /// Fills `length` bytes at `address`, if all of it can be written.
    pub(crate) fn fill(&mut self, address: u32, byte: u8, length: usize) -> Option<()> {
        let at = Self::offset(address);
        let end = at.checked_add(length)?;
        if end > DROM_AT {
            return None;
        }
        self.bytes.get_mut(at..end)?.fill(byte);
        self.code.forget(at, length);
        Some(())
    }

    /// The window's bytes from `offset` on, for the cache to fill.
    pub(crate) fn fill_window(&mut self, offset: usize, fill: impl FnOnce(&mut [u8])) {
        let at = WINDOW_AT + offset;
        let end = (at + crate::peripherals::MMU_PAGE_BYTES).min(ALL_BYTES);
        if let Some(page) = self.bytes.get_mut(at..end) {
            let length = page.len();
            fill(page);
            self.code.forget(at, length);
        }
    }

    /// Clears what loses its content without power.
    pub(crate) fn lose_power(&mut self) {
        if let Some(ram) = self.bytes.get_mut(..DROM_AT) {
            ram.fill(0);
        }
        self.code.forget_all();
    }

    /// The decoded page that `address` lies in, or `None` if nothing can be executed there.
    pub(crate) fn code_page(&mut self, address: u32) -> Option<CodePage> {
        let at = Self::offset(address);
        if at >= ALL_BYTES {
            return None;
        }
        Some(self.code.page(at))
    }

    /// The instruction at `index` of a page; [`crate::cpu::op::Kind::Unknown`] if it was not
    /// decoded yet.
    #[inline]
    pub(crate) fn op(&self, page: CodePage, index: usize) -> Op {
        self.code.op(page, index)
    }

    /// Decodes the instruction at `address`, which is `index` of `page`.
    #[cold]
    pub(crate) fn decode(&mut self, page: CodePage, index: usize, address: u32) -> Op {
        let half = |address| {
            self.load::<2>(address)
                .map_or(0, |bytes| u32::from(u16::from_le_bytes(bytes)))
        };
        let bits = half(address) | (half(address.wrapping_add(2)) << 16);
        let op = crate::cpu::decode::decode(bits);
        self.code.keep(page, index, op);
        op
    }
}
