//! The state word of a record.

use core::fmt;

/// What is known about the app a record names. ESP-IDF's `esp_ota_img_states_t`.
///
/// The word is not covered by the record's CRC. Any value that is none of the six below counts as
/// valid for the bootloader, as [`State::Undefined`] does; it is kept, not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Word 0. Written on activation by an app built with rollback: the next boot is a trial.
    /// The bootloader turns it into [`State::PendingVerify`] before loading the app.
    New,
    /// Word 1. Written by the bootloader when it starts a trial. If the app does not confirm, any reset
    /// lets the bootloader turn it into [`State::Aborted`].
    PendingVerify,
    /// Word 2. Written by the app that confirmed itself, and by the bootloader when it writes the first
    /// record of a device without `factory`.
    Valid,
    /// Word 3. Written by the app that found itself unfit, before it restarts to roll back.
    Invalid,
    /// Word 4. Written by the bootloader: the trial was not confirmed before the reset.
    Aborted,
    /// Word 0xFFFFFFFF, as erased. Written on activation by an app built without rollback: no trial.
    Undefined,
    /// Any other word. Nobody writes one on purpose; an erase cut short can leave one.
    Other(u32),
}

impl State {
    /// The state a word on flash stands for.
    pub const fn from_word(word: u32) -> Self {
        match word {
            0 => Self::New,
            1 => Self::PendingVerify,
            2 => Self::Valid,
            3 => Self::Invalid,
            4 => Self::Aborted,
            0xFFFF_FFFF => Self::Undefined,
            other => Self::Other(other),
        }
    }

    /// The word on flash.
    pub const fn to_word(self) -> u32 {
        match self {
            Self::New => 0,
            Self::PendingVerify => 1,
            Self::Valid => 2,
            Self::Invalid => 3,
            Self::Aborted => 4,
            Self::Undefined => 0xFFFF_FFFF,
            Self::Other(word) => word,
        }
    }

    /// Whether the bootloader passes over a record in this state.
    pub const fn rules_out(self) -> bool {
        matches!(self, Self::Invalid | Self::Aborted)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::PendingVerify => f.write_str("pending_verify"),
            Self::Valid => f.write_str("valid"),
            Self::Invalid => f.write_str("invalid"),
            Self::Aborted => f.write_str("aborted"),
            Self::Undefined => f.write_str("undefined"),
            Self::Other(word) => write!(f, "unknown({word:#x})"),
        }
    }
}
