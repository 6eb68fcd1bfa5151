//! Reproducible disorder for torn operations.

/// A small generator (`SplitMix64`): the same seed tears the same way on every machine.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) const fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    /// One of `count` choices.
    pub(super) const fn choose(&mut self, count: u64) -> u64 {
        self.next() % count
    }
}
