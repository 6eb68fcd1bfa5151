//! CRC-32 as zlib computes it, for signature blocks: at most three of 1196 bytes, so a table would not pay.

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// A running CRC-32.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    pub(crate) const fn new() -> Crc32 {
        Crc32(u32::MAX)
    }

    pub(crate) fn push(&mut self, byte: u8) {
        let mut register = self.0 ^ u32::from(byte);
        for _ in 0..8 {
            let subtract = POLYNOMIAL & 0u32.wrapping_sub(register & 1);
            register = (register >> 1) ^ subtract;
        }
        self.0 = register;
    }

    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}
