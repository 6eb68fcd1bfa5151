//! A fault: what is wrong, where, what was found, what was expected.

use core::fmt;

pub use crate::fault_code::FaultCode;

use crate::chip::Chip;
use crate::text::Text32;

/// Why a file is refused.
///
/// `Display` gives one sentence; [`Fault::hint`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// Where in the file, in bytes from its start.
    pub offset: u32,
    /// What is there.
    pub found: Value,
    /// What should be there.
    pub expected: Value,
}

impl Fault {
    /// What to do about it, in one or two sentences.
    pub const fn hint(&self) -> &'static str {
        self.code.hint()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (at offset {:#x}: found {}, expected {})",
            self.code.summary(),
            self.offset,
            self.found,
            self.expected
        )
    }
}

impl core::error::Error for Fault {}

/// Something found or expected in a file; `Display` makes it readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A fixed phrase.
    Words(&'static str),
    /// A plain number.
    Number(u32),
    /// A number best read in hexadecimal: an address, a magic word.
    Hex(u32),
    /// One byte.
    Byte(u8),
    /// The first bytes of something: up to 8, and how many.
    Start([u8; 8], u8),
    /// A length in bytes.
    Bytes(u32),
    /// A length of at most so many bytes.
    AtMost(u32),
    /// A length of at least so many bytes.
    AtLeast(u32),
    /// A length divisible by this.
    MultipleOf(u32),
    /// A number from this one up.
    NumberAtLeast(u32),
    /// A number up to this one.
    NumberAtMost(u32),
    /// An address that leaves the remainder `ending` when divided by `page` bytes.
    AddressEnding {
        /// The MMU page size.
        page: u32,
        /// The remainder.
        ending: u32,
    },
    /// A chip.
    Chip(Chip),
    /// A chip or eFuse block revision, major × 100 + minor.
    Revision(u16),
    /// A revision of at most this, major × 100 + minor.
    RevisionAtMost(u16),
    /// A revision of at least this, major × 100 + minor.
    RevisionAtLeast(u16),
    /// Text of an app descriptor.
    Text(Text32),
    /// A SHA-256, or the first 32 bytes of a SHA-384.
    Digest([u8; 32]),
}

impl Value {
    /// The first bytes of `bytes`.
    pub(crate) fn start(bytes: &[u8]) -> Value {
        let mut start = [0; 8];
        let len = bytes.len().min(start.len());
        for (to, from) in start.iter_mut().zip(bytes) {
            *to = *from;
        }
        Value::Start(start, len as u8)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Words(words) => f.write_str(words),
            Value::Number(number) => write!(f, "{number}"),
            Value::Hex(number) => write!(f, "{number:#010x}"),
            Value::Byte(byte) => write!(f, "{byte:#04x}"),
            Value::Start(_, 0) => f.write_str("nothing"),
            Value::Start(bytes, len) => {
                f.write_str("bytes")?;
                for byte in bytes.iter().take(usize::from(*len)) {
                    write!(f, " {byte:02x}")?;
                }
                Ok(())
            }
            Value::Bytes(len) => write!(f, "{len} bytes"),
            Value::AtMost(len) => write!(f, "at most {len} bytes"),
            Value::AtLeast(len) => write!(f, "at least {len} bytes"),
            Value::MultipleOf(unit) => write!(f, "a multiple of {unit} bytes"),
            Value::NumberAtLeast(number) => write!(f, "{number} or higher"),
            Value::NumberAtMost(number) => write!(f, "{number} or lower"),
            Value::AddressEnding { page, ending } => {
                write!(
                    f,
                    "an address that is {ending:#x} modulo the page size {page:#x}"
                )
            }
            Value::Chip(chip) => write!(f, "{chip}"),
            Value::Revision(revision) => write!(f, "v{}.{}", revision / 100, revision % 100),
            Value::RevisionAtMost(revision) => write!(f, "{} or lower", Value::Revision(*revision)),
            Value::RevisionAtLeast(revision) => {
                write!(f, "{} or higher", Value::Revision(*revision))
            }
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Digest(digest) => {
                for byte in digest {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}
