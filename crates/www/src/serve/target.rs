//! The path of a request.

use core::str;

use crate::littlefs::MAX_PATH;

/// What a folder's own address shows.
const INDEX: &str = "index.html";

/// A file's path in the image, from a request's target.
pub(super) struct FilePath {
    bytes: [u8; MAX_PATH],
    length: usize,
}

impl FilePath {
    /// Takes `/a%20b/c.js?query` apart: without query and fragment, decoded, `index.html` behind a folder's slash.
    /// `None` when no file can have that path: it does not begin with one slash, is too long, or decodes to what is not text.
    pub(super) fn new(target: &str) -> Option<Self> {
        let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
        let mut made = Self {
            bytes: [0; MAX_PATH],
            length: 0,
        };
        let mut bytes = path.bytes();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'%' => {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                    // An encoded slash is part of a name, and no name has one.
                    u8::try_from(high * 16 + low)
                        .ok()
                        .filter(|byte| *byte != b'/')?
                }
                other => other,
            };
            made.push(&[byte])?;
        }
        if path.is_empty() || path.ends_with('/') {
            made.push(INDEX.as_bytes())?;
        }
        if path.starts_with('/') {
            return None;
        }
        str::from_utf8(made.bytes.get(..made.length)?).ok()?;
        Some(made)
    }

    /// Puts more behind it; `None` when it does not fit.
    pub(super) fn push(&mut self, more: &[u8]) -> Option<()> {
        let end = self.length + more.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(more);
        self.length = end;
        Some(())
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}
