//! The serial line: what is written goes to who looks on. Nothing comes in.

/// UART 0. A byte is sent at once, so that the transmit queue is always empty.
#[derive(Debug, Default)]
pub(crate) struct Uart {
    registers: Registers,
    sent: Vec<u8>,
}

#[derive(Debug, Default)]
struct Registers([u32; 32]);

impl Uart {
    pub(super) fn reset(&mut self) {
        self.registers = Registers::default();
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            // Raw interrupts: the transmit queue is empty, all is sent.
            0x04 => (1 << 1) | (1 << 14),
            // Interrupts that ask: none is ever raised. Status: both queues are empty. State
            // machines: idle. The bit by which programs ask for a setting to be taken over is
            // cleared at once.
            0x08 | 0x1C | 0x6C | 0x80 => 0,
            _ => self
                .registers
                .0
                .get(offset as usize / 4)
                .copied()
                .unwrap_or(0),
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32) {
        if offset == 0 {
            self.send(value as u8);
        } else if let Some(register) = self.registers.0.get_mut(offset as usize / 4) {
            *register = value;
        }
    }

    /// Sends a byte.
    pub(crate) fn send(&mut self, byte: u8) {
        self.sent.push(byte);
    }

    /// What was sent since the last time.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }
}
