//! The checksum of NVS: what the chip's `esp_rom_crc32_le(0xFFFFFFFF, …)` gives.

/// CRC-32 of one nibble, reflected polynomial `EDB88320`: sixteen words of table, where a byte
/// table would take a kilobyte of the device's flash.
const NIBBLES: [u32; 16] = {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut crc = nibble as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[nibble] = crc;
        nibble += 1;
    }
    table
};

/// A running checksum. Equal to `zlib.crc32(data, 0xFFFFFFFF)`: the register starts at zero, not
/// at all ones, and is inverted at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crc(u32);

impl Crc {
    pub(super) fn update(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            let mixed = self.0 ^ u32::from(*byte);
            let low = (mixed >> 4) ^ NIBBLES[(mixed & 15) as usize];
            self.0 = (low >> 4) ^ NIBBLES[(low & 15) as usize];
        }
        self
    }

    pub(super) fn finish(self) -> u32 {
        !self.0
    }
}

/// The checksum of one slice.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    Crc::default().update(bytes).finish()
}
