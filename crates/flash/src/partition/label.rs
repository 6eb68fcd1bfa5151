//! Partition labels.

use core::fmt;

/// Size of a label field in bytes. All of them may be used: no terminator is needed.
pub const LABEL_SIZE: usize = 16;

/// A partition's name, kept as the 16 bytes on flash: NUL-padded, not always UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label([u8; LABEL_SIZE]);

/// The text cannot be a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelError {
    /// More than [`LABEL_SIZE`] bytes.
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It contains a NUL, which would end it early.
    ContainsNul,
}

impl LabelError {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "label_too_long",
            Self::ContainsNul => "label_contains_nul",
        }
    }
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(
                    f,
                    "label of {len} bytes; at most {LABEL_SIZE} fit, shorten it"
                )
            }
            Self::ContainsNul => f.write_str("label contains a NUL byte; remove it"),
        }
    }
}

impl core::error::Error for LabelError {}

impl Label {
    /// A label from text.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        if text.len() > LABEL_SIZE {
            return Err(LabelError::TooLong { len: text.len() });
        }
        if text.bytes().any(|byte| byte == 0) {
            return Err(LabelError::ContainsNul);
        }
        Ok(Self::padded(text))
    }

    /// A label from its bytes on flash.
    pub const fn from_raw(bytes: [u8; LABEL_SIZE]) -> Self {
        Self(bytes)
    }

    /// The bytes on flash.
    pub const fn to_raw(self) -> [u8; LABEL_SIZE] {
        self.0
    }

    /// The name without its padding: up to the first NUL, or all 16 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The name as text, unless it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes()).ok()
    }

    /// The first 16 bytes of `text`, padded.
    pub(super) fn padded(text: &str) -> Self {
        let mut bytes = [0; LABEL_SIZE];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

/// The text, with control characters and bytes that are not UTF-8 escaped.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.as_bytes().utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    fmt::Write::write_char(f, character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
