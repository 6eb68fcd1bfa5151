//! SPI 1, the controller that programs write the flash with. Commands are done at once.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_virtual_device::nor_flash::{BLOCK_64K, SECTOR_SIZE, VirtualFlash};

/// Commands of the flash chip.
mod command {
    pub(super) const PROGRAM: u32 = 0x02;
    pub(super) const READ: u32 = 0x03;
    pub(super) const FAST_READ: u32 = 0x0B;
    pub(super) const READ_STATUS: u32 = 0x05;
    pub(super) const WRITE_ENABLE: u32 = 0x06;
    pub(super) const WRITE_DISABLE: u32 = 0x04;
    pub(super) const ERASE_SECTOR: u32 = 0x20;
    pub(super) const ERASE_BLOCK: u32 = 0xD8;
    pub(super) const IDENTIFY: u32 = 0x9F;
}

/// In the flash's status: it may be written.
const WRITE_ENABLED: u32 = 2;
/// What the controller moves at once, in bytes.
const BUFFER_BYTES: usize = 64;
/// In the "user" register: there is an address, data in, data out.
const USER_ADDRESS: u32 = 1 << 30;
const USER_IN: u32 = 1 << 28;
const USER_OUT: u32 = 1 << 27;

#[derive(Debug)]
pub(super) struct SpiFlash {
    registers: [u32; 64],
    buffer: [u8; BUFFER_BYTES],
    status: u32,
}

impl Default for SpiFlash {
    fn default() -> SpiFlash {
        let mut registers = [0; 64];
        // 24 bits of address, 8 of command.
        registers[0x1C / 4] = (23 << 26) | 7;
        registers[0x18 / 4] = 1 << 31;
        registers[0x20 / 4] = 7 << 28;
        SpiFlash {
            registers,
            buffer: [0; BUFFER_BYTES],
            status: 0,
        }
    }
}

impl SpiFlash {
    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            // Nothing is under way.
            0x00 => 0,
            0x58..=0x94 => {
                let at = offset as usize - 0x58;
                let mut word = [0; 4];
                word.copy_from_slice(&self.buffer[at..at + 4]);
                u32::from_le_bytes(word)
            }
            _ => self
                .registers
                .get(offset as usize / 4)
                .copied()
                .unwrap_or(0),
        }
    }

    pub(super) fn write(&mut self, flash: &mut VirtualFlash, offset: u32, value: u32) {
        match offset {
            0x00 => self.start(flash, value),
            0x58..=0x94 => {
                let at = offset as usize - 0x58;
                self.buffer[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            _ => {
                if let Some(register) = self.registers.get_mut(offset as usize / 4) {
                    *register = value;
                }
            }
        }
    }

    fn register(&self, offset: usize) -> u32 {
        self.registers.get(offset / 4).copied().unwrap_or(0)
    }

    /// Starts what the command register asks for: one of the flash's own commands by a bit, or
    /// (bit 18) whatever the user registers describe.
    fn start(&mut self, flash: &mut VirtualFlash, value: u32) {
        let address = self.register(0x04);
        let bits_in = self.register(0x28) & 0x3FF;
        let bits_out = self.register(0x24) & 0x3FF;
        let bytes = |bits: u32| ((bits as usize + 1) / 8).min(BUFFER_BYTES);
        let (code, address, length) = if value & (1 << 18) != 0 {
            let user = self.register(0x18);
            let code = self.register(0x20) & 0xFFFF;
            let length = if user & USER_OUT != 0 {
                bytes(bits_out)
            } else if user & USER_IN != 0 {
                bytes(bits_in)
            } else {
                0
            };
            let address = if user & USER_ADDRESS != 0 {
                address & 0xFF_FFFF
            } else {
                0
            };
            (code, address, length)
        } else {
            match value.leading_zeros() {
                0 => (command::READ, address & 0xFF_FFFF, bytes(bits_in)),
                1 => (command::WRITE_ENABLE, 0, 0),
                2 => (command::WRITE_DISABLE, 0, 0),
                3 => (command::IDENTIFY, 0, 3),
                4 => (command::READ_STATUS, 0, 1),
                // The length of a program is in the address' top byte.
                6 => (
                    command::PROGRAM,
                    address & 0xFF_FFFF,
                    (address >> 24) as usize,
                ),
                7 => (command::ERASE_SECTOR, address & 0xFF_FFFF, 0),
                8 => (command::ERASE_BLOCK, address & 0xFF_FFFF, 0),
                _ => return,
            }
        };
        self.run(flash, code, address, length.min(BUFFER_BYTES));
        if value & (1 << 27) != 0 {
            self.registers[0x2C / 4] = self.status;
        }
    }

    /// Runs a command of the flash chip. What the chip cannot do, it does not do, and tells
    /// nobody: SPI knows no errors.
    fn run(&mut self, flash: &mut VirtualFlash, code: u32, address: u32, length: usize) {
        match code {
            command::WRITE_ENABLE => self.status |= WRITE_ENABLED,
            command::WRITE_DISABLE => self.status &= !WRITE_ENABLED,
            command::READ_STATUS => self.answer(&self.status.to_le_bytes()),
            command::IDENTIFY => {
                let identity = identity(flash.capacity());
                self.answer(&identity);
            }
            command::READ | command::FAST_READ => {
                let buffer = &mut self.buffer[..length];
                if flash.read(address, buffer).is_err() {
                    buffer.fill(0xFF);
                }
            }
            command::PROGRAM if self.take_enabled() => {
                let _ = flash.write(address, &self.buffer[..length]);
            }
            command::ERASE_SECTOR if self.take_enabled() => erase(flash, address, SECTOR_SIZE),
            command::ERASE_BLOCK if self.take_enabled() => erase(flash, address, BLOCK_64K),
            _ => {}
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        for (place, byte) in self.buffer.iter_mut().zip(bytes) {
            *place = *byte;
        }
    }

    fn take_enabled(&mut self) -> bool {
        let enabled = self.status & WRITE_ENABLED != 0;
        self.status &= !WRITE_ENABLED;
        enabled
    }
}

fn erase(flash: &mut VirtualFlash, address: u32, size: u32) {
    let start = address & !(size - 1);
    let _ = flash.erase(start, start.saturating_add(size));
}

/// Manufacturer and size of the flash chips that QEMU puts in, by capacity in bytes.
fn identity(capacity: usize) -> [u8; 3] {
    match capacity >> 20 {
        2 => [0xEF, 0x30, 0x15],
        4 => [0xC8, 0x40, 0x16],
        8 => [0xC8, 0x40, 0x17],
        16 => [0x9D, 0x60, 0x18],
        _ => [0xC8, 0x40, capacity.ilog2() as u8],
    }
}
