//! One 32-byte record.

use super::State;

/// Size of a record in bytes.
pub const RECORD_SIZE: usize = 32;
/// Size of a record's unused label in bytes.
pub const LABEL_SIZE: usize = 20;

/// ESP-IDF's `esp_ota_select_entry_t`, little-endian: sequence u32, label 20 bytes (unused),
/// state u32, CRC u32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The record with the higher sequence wins, and `(sequence - 1) % slots` is the slot it names.
    pub sequence: u32,
    /// Unused by ESP-IDF, 0xFF when erased; kept when a record is rewritten.
    pub label: [u8; LABEL_SIZE],
    /// What is known about the app. Not covered by the CRC.
    pub state: State,
    /// CRC-32 of the sequence alone; see [`Record::crc_of`].
    pub crc: u32,
}

impl Record {
    /// A record as erased flash reads: no record.
    pub const ERASED: Self = Self {
        sequence: u32::MAX,
        label: [0xFF; LABEL_SIZE],
        state: State::Undefined,
        crc: u32::MAX,
    };

    /// A record with a right CRC and an erased label.
    pub const fn new(sequence: u32, state: State) -> Self {
        Self {
            sequence,
            label: [0xFF; LABEL_SIZE],
            state,
            crc: Self::crc_of(sequence),
        }
    }

    /// Reads a record as it lies on flash. Every 32 bytes are some record; whether it counts is
    /// for [`Record::is_valid`].
    pub fn from_bytes(bytes: &[u8; RECORD_SIZE]) -> Self {
        let mut label = [0; LABEL_SIZE];
        label.copy_from_slice(&bytes[4..24]);
        Self {
            sequence: word(bytes, 0),
            label,
            state: State::from_word(word(bytes, 24)),
            crc: word(bytes, 28),
        }
    }

    /// The record as it lies on flash.
    pub fn to_bytes(&self) -> [u8; RECORD_SIZE] {
        let mut bytes = [0; RECORD_SIZE];
        bytes[..4].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[4..24].copy_from_slice(&self.label);
        bytes[24..28].copy_from_slice(&self.state.to_word().to_le_bytes());
        bytes[28..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    /// CRC-32 of a sequence as the ROM computes it: polynomial 0xEDB88320, register starting at 0,
    /// result inverted. Sequence 0 has the CRC 0xFFFFFFFF, which is why an otherwise erased record
    /// of sequence 0 passes for valid and must never be written.
    pub const fn crc_of(sequence: u32) -> u32 {
        let mut register = sequence;
        let mut bit = 0;
        // Eight bits of four bytes; with the register starting at 0, taking the bytes one after
        // the other or all at once is the same.
        while bit < 32 {
            register = if register & 1 == 1 {
                (register >> 1) ^ 0xEDB8_8320
            } else {
                register >> 1
            };
            bit += 1;
        }
        !register
    }

    /// Whether the CRC matches the sequence.
    pub const fn crc_ok(&self) -> bool {
        self.crc == Self::crc_of(self.sequence)
    }

    /// ESP-IDF's `ota_select_invalid`: sequence 0xFFFFFFFF, or a state that rules it out.
    /// Does not look at the CRC.
    pub const fn is_ruled_out(&self) -> bool {
        self.sequence == u32::MAX || self.state.rules_out()
    }

    /// ESP-IDF's `ota_select_valid`: not ruled out, and the CRC is right. Only such a record can be
    /// active. Unknown states and sequence 0 are valid here, as they are for the bootloader.
    pub const fn is_valid(&self) -> bool {
        !self.is_ruled_out() && self.crc_ok()
    }

    /// Whether the record will still count after the next reset. One left at
    /// [`State::PendingVerify`] is valid now, and aborted then.
    pub const fn outlives_reset(&self) -> bool {
        self.is_valid() && !matches!(self.state, State::PendingVerify)
    }

    /// Whether the record says nothing at all: sequence 0xFFFFFFFF or a wrong CRC. Two such records
    /// are what the bootloader takes for a device that was never updated.
    pub const fn is_initial(&self) -> bool {
        self.sequence == u32::MAX || !self.crc_ok()
    }

    /// The slot the record names among `slots` OTA slots, valid or not; `None` without slots.
    pub const fn slot(&self, slots: u8) -> Option<u8> {
        match self.sequence.wrapping_sub(1).checked_rem(slots as u32) {
            // Below `slots`, so it fits.
            Some(slot) => Some(slot as u8),
            None => None,
        }
    }

    /// The same record in another state.
    #[must_use]
    pub const fn with_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }
}

/// The little-endian word at `at`, for `at` up to 28.
fn word(bytes: &[u8; RECORD_SIZE], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
