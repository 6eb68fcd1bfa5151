//! The checksum of a commit: CRC-32, reflected polynomial `EDB88320`, starting at all ones and not
//! inverted at the end.

/// CRC of one nibble: sixteen words of table, where a byte table would take a kilobyte of the
/// device's flash.
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

/// A running checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crc(u32);

impl Crc {
    /// At the start of a commit.
    pub(super) const NEW: Self = Self(0xFFFF_FFFF);

    pub(super) fn update(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            let mixed = self.0 ^ u32::from(*byte);
            let low = (mixed >> 4) ^ NIBBLES[(mixed & 15) as usize];
            self.0 = (low >> 4) ^ NIBBLES[(low & 15) as usize];
        }
        self
    }

    pub(super) const fn value(self) -> u32 {
        self.0
    }
}
