//! The SHA accelerator, as far as SHA-256 and SHA-224 without DMA go.

use crate::memory::Memory;

const SHA_256: u32 = 2;
const SHA_224: u32 = 1;
/// First states (FIPS 180-4, 5.3.2 and 5.3.3).
const START_256: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
const START_224: [u32; 8] = [
    0xc105_9ed8,
    0x367c_d507,
    0x3070_dd17,
    0xf70e_5939,
    0xffc0_0b31,
    0x6858_1511,
    0x64f9_8fa7,
    0xbefa_4fa4,
];

#[derive(Debug)]
pub(super) struct Sha {
    mode: u32,
    state: [u32; 8],
    block: [u8; 64],
}

impl Default for Sha {
    fn default() -> Sha {
        Sha {
            mode: SHA_256,
            state: [0; 8],
            block: [0; 64],
        }
    }
}

impl Sha {
    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.mode,
            // Digests lie in memory as they are written, the most significant byte first.
            0x40..=0x5C => self.state[(offset as usize - 0x40) / 4].swap_bytes(),
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, _memory: &mut Memory, offset: u32, value: u32) {
        match offset {
            0x00 => self.mode = value & 7,
            0x10 => {
                self.state = if self.mode == SHA_224 {
                    START_224
                } else {
                    START_256
                };
                self.compress();
            }
            0x14 => self.compress(),
            0x40..=0x5C => self.state[(offset as usize - 0x40) / 4] = value.swap_bytes(),
            0x80..=0xBC => {
                let at = offset as usize - 0x80;
                self.block[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            _ => {}
        }
    }

    fn compress(&mut self) {
        sha2::block_api::compress256(&mut self.state, &[self.block]);
    }
}
