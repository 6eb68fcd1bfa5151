//! Digests as the protocol writes them: hexadecimal digits, compared and hashed as text.

use core::fmt;

use subtle::ConstantTimeEq as _;

/// Hexadecimal digits of an MD5.
pub const MD5_DIGITS: usize = 32;

/// Hexadecimal digits of a SHA-256.
pub const SHA256_DIGITS: usize = 64;

const LOWER: &[u8; 16] = b"0123456789abcdef";

/// 32 or 64 hexadecimal digits, kept as they were written: the protocol hashes the text, not the bytes it stands
/// for. Equality takes the same time wherever two of a length differ.
#[derive(Clone, Copy)]
pub struct Hex {
    digits: [u8; SHA256_DIGITS],
    length: usize,
}

impl Hex {
    /// An MD5 or the half of a SHA-256, in lowercase.
    pub fn of_16(bytes: &[u8; 16]) -> Self {
        Self::of(bytes, MD5_DIGITS)
    }

    /// A SHA-256, in lowercase.
    pub fn of_32(bytes: &[u8; 32]) -> Self {
        Self::of(bytes, SHA256_DIGITS)
    }

    fn of(bytes: &[u8], length: usize) -> Self {
        let mut digits = [0; SHA256_DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            let nibbles = [byte >> 4, byte & 0x0f];
            for (digit, nibble) in pair.iter_mut().zip(nibbles) {
                *digit = LOWER[usize::from(nibble)];
            }
        }
        Self { digits, length }
    }

    /// Reads exactly 32 or 64 hexadecimal digits of either case; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let length = text.len();
        let fits = length == MD5_DIGITS || length == SHA256_DIGITS;
        if !fits || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut digits = [0; SHA256_DIGITS];
        digits
            .iter_mut()
            .zip(text)
            .for_each(|(to, from)| *to = *from);
        Some(Self { digits, length })
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or(&self.digits)
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits and letters ever get in.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// How many digits: 32 or 64.
    #[expect(
        clippy::len_without_is_empty,
        reason = "there are 32 or 64 digits, never none"
    )]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// The 16 bytes that 32 digits stand for; `None` for 64 digits.
    pub fn to_16(&self) -> Option<[u8; 16]> {
        if self.length != MD5_DIGITS {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(self.digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .filter_map(|digit| char::from(*digit).to_digit(16))
                .fold(0, |byte, nibble| byte << 4 | nibble as u8);
        }
        Some(bytes)
    }
}

impl PartialEq for Hex {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Hex {}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hex({self})")
    }
}
