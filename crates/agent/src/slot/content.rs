//! What a slot is filled with, as far as the writer needs to know.

use core::fmt;

use crate::failure::Failure;

/// How long a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// So many bytes.
    Exact(u32),
    /// At most so many: a form's parts do not tell their size.
    AtMost(u32),
}

impl Size {
    /// The most bytes there may be.
    pub(crate) const fn limit(self) -> u32 {
        match self {
            Self::Exact(bytes) | Self::AtMost(bytes) => bytes,
        }
    }
}

/// A slot that may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An OTA slot.
    App(u8),
    /// A slot for web assets.
    Www(u8),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(slot) => write!(f, "ota_{slot}"),
            Self::Www(slot) => write!(f, "www_{slot}"),
        }
    }
}

/// Looks at the bytes of a file on their way into a slot, and once more when they are read back.
pub(crate) trait Content {
    /// What is known of a file that is acceptable.
    type Facts;

    /// Takes bytes in order.
    fn update(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Decides by the first piece whether to go on at all. Nothing has been erased yet.
    fn gate(&mut self, first: &[u8]) -> Result<(), Failure>;

    /// The verdict on all bytes that were taken since the last verdict.
    fn verdict(&mut self, pass: Pass) -> Result<Self::Facts, Failure>;
}

/// Which time the bytes were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// As they arrived.
    Arrived,
    /// As they were read back from flash.
    ReadBack,
}
