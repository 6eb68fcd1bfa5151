//! Text fields of up to 32 bytes, as app descriptors hold them.

use core::fmt;

/// Length of the longest text field of an app descriptor in bytes.
pub const TEXT_SIZE: usize = 32;

/// Up to 32 bytes of text, padded with NUL; an image may leave the NUL out when all 32 are used.
///
/// `Display` shows printable ASCII and replaces every other byte by `.`, so that a hostile image cannot write control
/// sequences to a terminal or a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text32([u8; TEXT_SIZE]);

impl Text32 {
    /// The text, or nothing if it is longer than 32 bytes or holds a NUL.
    pub fn new(text: &str) -> Option<Text32> {
        if text.bytes().any(|byte| byte == 0) {
            return None;
        }
        let mut bytes = [0; TEXT_SIZE];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Text32(bytes))
    }

    /// The text a field of at most 32 bytes holds: what stands before its first NUL.
    pub(crate) fn from_field(field: &[u8]) -> Text32 {
        let mut bytes = [0; TEXT_SIZE];
        let written = field.iter().take_while(|byte| **byte != 0);
        for (to, from) in bytes.iter_mut().zip(written) {
            *to = *from;
        }
        Text32(bytes)
    }

    /// The bytes before the first NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        self.0.get(..end.unwrap_or(TEXT_SIZE)).unwrap_or_default()
    }

    /// The text, if it is UTF-8 without control characters.
    pub fn as_str(&self) -> Option<&str> {
        let text = core::str::from_utf8(self.as_bytes()).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }
}

impl fmt::Debug for Text32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl fmt::Display for Text32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            let shown = if byte.is_ascii_graphic() || *byte == b' ' {
                char::from(*byte)
            } else {
                '.'
            };
            fmt::Write::write_char(f, shown)?;
        }
        Ok(())
    }
}
