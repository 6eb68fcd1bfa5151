//! The RTC's control registers, of which QEMU has the software reset, its reason, and eight words
//! that survive a reset. There is no RTC watchdog.

/// In the first register: reset the system, reset the processor.
const SYSTEM_RESET: u32 = 1 << 31;
const PROCESSOR_RESET: u32 = 1 << 5;
/// The only reason QEMU ever gives: power came on.
pub(crate) const POWER_ON: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct RtcControl {
    options: u32,
    store: [u32; 8],
}

impl RtcControl {
    pub(super) fn reset(&mut self) {
        self.options = 0;
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.options,
            0x38 => POWER_ON,
            0x50..=0x5C => self.store[(offset as usize - 0x50) / 4],
            0xB8..=0xC4 => self.store[(offset as usize - 0xB8) / 4 + 4],
            _ => 0,
        }
    }

    /// Writes a register; tells whether that resets the chip.
    pub(super) fn write(&mut self, offset: u32, value: u32) -> bool {
        match offset {
            0x00 => {
                self.options = value & !(SYSTEM_RESET | PROCESSOR_RESET);
                return value & (SYSTEM_RESET | PROCESSOR_RESET) != 0;
            }
            0x50..=0x5C => self.store[(offset as usize - 0x50) / 4] = value,
            0xB8..=0xC4 => self.store[(offset as usize - 0xB8) / 4 + 4] = value,
            _ => {}
        }
        false
    }
}
