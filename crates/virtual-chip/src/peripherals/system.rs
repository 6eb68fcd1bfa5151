//! System registers: clocks, which programs read back, and interrupts that software raises.

/// CPU clock: 80 MHz of a 480 MHz PLL.
const CPU_PER_CONF: u32 = 1 << 2;
/// System clock: the PLL, a crystal of 40 MHz.
const SYSCLK_CONF: u32 = 1 | (1 << 10) | (40 << 12) | (1 << 19);

#[derive(Debug, Default)]
pub(super) struct System {
    from_cpu: u32,
}

impl System {
    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x08 => CPU_PER_CONF,
            0x58 => SYSCLK_CONF,
            0x28..=0x34 => (self.from_cpu >> ((offset - 0x28) / 4)) & 1,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32) {
        if let 0x28..=0x34 = offset {
            let bit = 1 << ((offset - 0x28) / 4);
            if value & 1 != 0 {
                self.from_cpu |= bit;
            } else {
                self.from_cpu &= !bit;
            }
        }
    }

    /// The four interrupts that software raises, a bit each.
    pub(super) fn levels(&self) -> u32 {
        self.from_cpu
    }
}
