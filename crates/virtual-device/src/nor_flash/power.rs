//! What is left of an operation that power cut short.

use super::cells::BLANK_BYTE;
use super::random::Random;

/// How the operation that loses power ends. The caller sees
/// [`FlashError::PowerLost`](super::FlashError::PowerLost) either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Torn {
    /// Power goes just before: nothing changed.
    Before,
    /// A program stops half-way through its bytes, the byte at the edge partly programmed. An erase
    /// has cleared the first half of its range; the sector after it, if any, is left in disorder.
    Half {
        /// Which bits at the edge.
        seed: u64,
    },
    /// Every cell for itself. A program has cleared some of the bits it was to clear, anywhere in
    /// its bytes. An erase has got somewhere between old, all-zero (chips program a sector to zeros
    /// before they erase it) and blank, further here than there, in runs from a word to a sector.
    Scrambled {
        /// Which mixture.
        seed: u64,
    },
    /// Power goes just after: the operation is complete, and nobody was told.
    After,
}

impl Torn {
    /// What becomes of `old` when programming `new` over it is torn.
    pub(super) fn program(self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let edge = new.len() / 2;
        let mut random = Random::new(self.seed());
        old.iter()
            .zip(new)
            .enumerate()
            .map(|(index, (&old, &new))| {
                let cleared = !new;
                let done = match self {
                    Self::After => cleared,
                    Self::Half { .. } if index < edge => cleared,
                    Self::Half { .. } if index == edge => cleared & random.byte(),
                    Self::Before | Self::Half { .. } => 0,
                    Self::Scrambled { .. } => cleared & random.byte(),
                };
                old & !done
            })
            .collect()
    }

    /// What becomes of `old`, a whole sector or block, when erasing it is torn.
    pub(super) fn erase(self, old: &[u8]) -> Vec<u8> {
        let mut cells = old.to_vec();
        match self {
            Self::Before => {}
            Self::After => cells.fill(BLANK_BYTE),
            Self::Half { seed } => {
                let edge = cells.len() / 2;
                if let Some(done) = cells.get_mut(..edge) {
                    done.fill(BLANK_BYTE);
                }
                let sector = super::SECTOR_SIZE as usize;
                if let Some(torn) = cells.get_mut(edge..edge + sector) {
                    scramble(torn, seed);
                }
            }
            Self::Scrambled { seed } => scramble(&mut cells, seed),
        }
        cells
    }

    const fn seed(self) -> u64 {
        match self {
            Self::Half { seed } | Self::Scrambled { seed } => seed,
            Self::Before | Self::After => 0,
        }
    }
}

/// Sizes of the runs that share a fate: a word, a record, a page, a sector.
const RUNS: [usize; 4] = [4, 32, 256, 4096];

/// How far an erase has come.
#[derive(Clone, Copy)]
enum Phase {
    /// Some cells are programmed to zero, for the erase to find them all alike.
    Zeroing,
    /// All were zero, some bits are erased. No word is untouched while another is done.
    FromZero,
    /// A chip that does not zero first: some bits of what was there are erased.
    FromOld,
}

fn scramble(cells: &mut [u8], seed: u64) {
    let mut random = Random::new(seed);
    let phase = match random.choose(3) {
        0 => Phase::Zeroing,
        1 => Phase::FromZero,
        _ => Phase::FromOld,
    };
    let run = RUNS
        .get(random.choose(RUNS.len() as u64) as usize)
        .copied()
        .unwrap_or(1);
    for part in cells.chunks_mut(run) {
        match (random.choose(3), phase) {
            (0, Phase::Zeroing) => part.fill(0),
            (1, Phase::Zeroing) => part.iter_mut().for_each(|cell| *cell &= random.byte()),
            (0, _) => part.fill(BLANK_BYTE),
            (_, Phase::FromZero) => part.iter_mut().for_each(|cell| *cell = random.byte()),
            (1, Phase::FromOld) => part.iter_mut().for_each(|cell| *cell |= random.byte()),
            (_, Phase::Zeroing | Phase::FromOld) => {}
        }
    }
}
