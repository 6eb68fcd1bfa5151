//! One page: 4 KiB, a flash sector. Source: ESP-IDF `nvs_page.hpp`, `nvs_page.cpp`.
//!
//! ```text
//! 0 state u32 | 4 sequence u32 | 8 version u8 | 9 FF × 19 | 28 CRC-32 of bytes 4..28
//! 32 entry states, two bits each, 126 of them | 64 entries, 126 × 32 bytes
//! ```
//!
//! Every state follows the one before it by clearing bits, so changing it is one program
//! operation without an erase.

use core::ops::Range;

use super::crc::crc;

/// Entries of a page.
pub(super) const ENTRY_COUNT: usize = 126;
/// Bytes of the header, and of the entry states after it.
pub(super) const HEADER_SIZE: usize = 32;
pub(super) const STATES_OFFSET: u32 = 32;
pub(super) const ENTRIES_OFFSET: u32 = 64;
/// The format with blobs over several pages. Version 1 is `FF`; newer ones have smaller numbers.
const VERSION_2: u8 = 0xFE;

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageState {
    /// Erased; free.
    Blank,
    /// Takes new entries.
    Active,
    /// Takes no more entries.
    Full,
    /// Its entries are being copied to the newest page, then it is erased.
    Freeing,
    /// Not understood; free, but to be erased before use.
    Corrupt,
}

impl PageState {
    pub(super) fn word(self) -> u32 {
        match self {
            Self::Blank => 0xFFFF_FFFF,
            Self::Active => 0xFFFF_FFFE,
            Self::Full => 0xFFFF_FFFC,
            Self::Freeing => 0xFFFF_FFF8,
            Self::Corrupt => 0xFFFF_FFF0,
        }
    }

    /// Whether the page holds entries.
    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Full | Self::Freeing)
    }
}

/// What is kept in RAM of a page: 8 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) sequence: u32,
    pub(super) state: PageState,
    /// Entries written and not erased.
    pub(super) used: u8,
    /// The first entry nothing was written to; [`ENTRY_COUNT`] unless the page is active.
    pub(super) next: u8,
}

impl Page {
    pub(super) const BLANK: Self = Self {
        sequence: 0,
        state: PageState::Blank,
        used: 0,
        next: 0,
    };

    /// A page from its header. `Err` has the version, when it is a newer one.
    ///
    /// A header that starts blank says nothing of the rest: the caller looks whether the page is.
    pub(super) fn from_header(header: &[u8; HEADER_SIZE]) -> Result<Self, u8> {
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let state = match word(0) {
            0xFFFF_FFFF => PageState::Blank,
            _ if word(28) != crc(&header[4..28]) => PageState::Corrupt,
            0xFFFF_FFFE => PageState::Active,
            0xFFFF_FFFC => PageState::Full,
            0xFFFF_FFF8 => PageState::Freeing,
            _ => PageState::Corrupt,
        };
        if state.is_live() && header[8] < VERSION_2 {
            return Err(header[8]);
        }
        Ok(Self {
            sequence: word(4),
            state,
            ..Self::BLANK
        })
    }

    /// The header of a new active page.
    pub(super) fn new_header(sequence: u32) -> [u8; HEADER_SIZE] {
        let mut header = [0xFF; HEADER_SIZE];
        header[..4].copy_from_slice(&PageState::Active.word().to_le_bytes());
        header[4..8].copy_from_slice(&sequence.to_le_bytes());
        header[8] = VERSION_2;
        let sum = crc(&header[4..28]);
        header[28..].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Entries that can still be written.
    pub(super) fn room(self) -> usize {
        if self.state == PageState::Active {
            ENTRY_COUNT.saturating_sub(usize::from(self.next))
        } else {
            0
        }
    }
}

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryState {
    Empty,
    Written,
    Erased,
    /// `01`, which no program operation makes of an empty entry on purpose.
    Illegal,
}

/// The states of a page's entries, as they are on flash.
#[derive(Clone, Copy, Debug)]
pub(super) struct States(pub(super) [u8; 32]);

impl States {
    pub(super) fn get(&self, index: usize) -> EntryState {
        let byte = self.0.get(index / 4).copied().unwrap_or_default();
        match (byte >> (index % 4 * 2)) & 3 {
            3 => EntryState::Empty,
            2 => EntryState::Written,
            0 => EntryState::Erased,
            _ => EntryState::Illegal,
        }
    }

    pub(super) fn all_written(&self, mut range: Range<usize>) -> bool {
        range.all(|index| self.get(index) == EntryState::Written)
    }

    pub(super) fn count_written(&self) -> u8 {
        (0..ENTRY_COUNT)
            .filter(|index| self.get(*index) == EntryState::Written)
            .count() as u8
    }

    pub(super) fn first_empty(&self) -> usize {
        (0..ENTRY_COUNT)
            .find(|index| self.get(*index) == EntryState::Empty)
            .unwrap_or(ENTRY_COUNT)
    }
}
