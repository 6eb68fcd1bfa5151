//! What is burned into the chip, as programs read it.

/// The read registers, from block 0's first word (register 0x2C) on: 96 words.
const WORDS: usize = 96;
const FIRST: u32 = 0x2C;

/// eFuses: blank but for the MAC address and the chip's revision.
#[derive(Clone, Debug)]
pub(crate) struct EfuseBlock {
    words: [u32; WORDS],
}

impl EfuseBlock {
    /// `mac` in the order it is written, `revision` is major × 100 + minor.
    pub(crate) fn new(mac: [u8; 6], revision: u16) -> EfuseBlock {
        let mut words = [0; WORDS];
        let [m0, m1, m2, m3, m4, m5] = mac;
        let (major, minor) = (u32::from(revision / 100), u32::from(revision % 100));
        // Block 1: EFUSE_RD_MAC_SPI_SYS_0, _1, _3 and _5 (ESP-IDF's esp_efuse_table.csv).
        let block_1 = [
            (0x44, u32::from_be_bytes([m2, m3, m4, m5])),
            (0x48, u32::from_be_bytes([0, 0, m0, m1])),
            (0x50, (minor & 7) << 18),
            (0x58, ((minor >> 3) & 1) << 23 | (major & 3) << 24),
        ];
        for (register, word) in block_1 {
            if let Some(place) = words.get_mut((register - FIRST) as usize / 4) {
                *place = word;
            }
        }
        EfuseBlock { words }
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        offset
            .checked_sub(FIRST)
            .and_then(|at| self.words.get(at as usize / 4).copied())
            .unwrap_or(0)
    }
}
