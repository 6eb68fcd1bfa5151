//! Pins: outputs are kept so that they can be looked at; inputs are low.

/// 22 pins: levels driven and whether they are driven.
#[derive(Debug, Default)]
pub(super) struct Gpio {
    out: u32,
    enable: u32,
}

impl Gpio {
    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x04 => self.out,
            0x20 => self.enable,
            // The strapping pins as they are for booting from flash.
            0x38 => 0x8,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x04 => self.out = value,
            0x08 => self.out |= value,
            0x0C => self.out &= !value,
            0x20 => self.enable = value,
            0x24 => self.enable |= value,
            0x28 => self.enable &= !value,
            _ => {}
        }
    }
}
