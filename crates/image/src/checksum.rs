//! The image checksum: 0xEF and every byte of segment data, combined by exclusive or.

/// Start value of the checksum.
const SEED: u8 = 0xEF;

/// Bytes combined at once; a multiple of every vector register in use, so that the loop becomes vector code.
const LANES: usize = 64;

/// A running checksum. Which lane a byte falls into does not matter: all lanes are combined at the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum(u8);

impl Checksum {
    pub(crate) const fn new() -> Checksum {
        Checksum(SEED)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<LANES>();
        let mut lanes = [0u8; LANES];
        for block in blocks {
            for (lane, byte) in lanes.iter_mut().zip(block) {
                *lane ^= byte;
            }
        }
        self.0 = lanes
            .iter()
            .chain(rest)
            .fold(self.0, |sum, byte| sum ^ byte);
    }

    pub(crate) const fn value(self) -> u8 {
        self.0
    }
}
