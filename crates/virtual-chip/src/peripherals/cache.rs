//! The flash cache and its MMU: 128 pages of 64 KiB, each showing one of the flash.

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::memory::Memory;

/// Bytes that one MMU entry maps.
pub(crate) const MMU_PAGE_BYTES: usize = 64 * 1024;
const ENTRIES: usize = 128;
/// In an entry: it maps nothing. The bits below name a page of the flash.
const INVALID: u32 = 1 << 8;
/// What is read where nothing is mapped.
const UNMAPPED: [u8; 4] = 0xDEAD_BEEF_u32.to_le_bytes();

/// As in QEMU, a page is read from the flash when its entry changes, and not again.
#[derive(Debug)]
pub(super) struct Cache {
    on: u32,
    registers: [u32; 64],
    entries: [u32; ENTRIES],
}

impl Cache {
    pub(super) fn new() -> Cache {
        Cache {
            on: 0,
            registers: [0; 64],
            entries: [INVALID; ENTRIES],
        }
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        let register = self
            .registers
            .get(offset as usize / 4)
            .copied()
            .unwrap_or(0);
        match offset {
            0x00 => self.on,
            // Invalidating, preloading and autoloading are done as soon as asked for.
            0x28 | 0x34 => (register & !1) | 2,
            0x40 => (register & !4) | 8,
            // Idle.
            0xB0 => 1,
            // Frozen as soon as asked for.
            0xCC if register & 1 != 0 => register | 4,
            _ => register,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32) {
        if offset == 0 {
            self.on = value & 1;
        } else if let Some(register) = self.registers.get_mut(offset as usize / 4) {
            *register = value;
        }
    }

    pub(super) fn read_entry(&self, offset: u32) -> u32 {
        self.entries.get(offset as usize / 4).copied().unwrap_or(0)
    }

    pub(super) fn write_entry(
        &mut self,
        memory: &mut Memory,
        flash: &mut VirtualFlash,
        offset: u32,
        value: u32,
    ) {
        let index = offset as usize / 4;
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        let value = value & 0x1FF;
        if *entry == value {
            return;
        }
        *entry = value;
        memory.fill_window(index * MMU_PAGE_BYTES, |page| {
            let at = (value & 0xFF) * MMU_PAGE_BYTES as u32;
            if value & INVALID != 0 || flash.read(at, page).is_err() {
                for word in page.chunks_exact_mut(UNMAPPED.len()) {
                    word.copy_from_slice(&UNMAPPED);
                }
            }
        });
    }
}
