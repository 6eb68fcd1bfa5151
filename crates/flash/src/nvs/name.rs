//! Names of namespaces and keys.

use core::fmt;

/// The longest name, in bytes: 16 in the entry, the last of them NUL.
pub const NAME_MAX: usize = 15;

/// A namespace's or key's name: 1 to [`NAME_MAX`] bytes, none of them NUL. ESP-IDF asks for no
/// encoding, so what is read from flash may not be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; NAME_MAX + 1]);

impl Name {
    /// The name as an entry stores it, or `None` when it is empty, too long or contains a NUL.
    pub fn new(name: &str) -> Option<Self> {
        let name = name.as_bytes();
        let mut bytes = [0; NAME_MAX + 1];
        if name.is_empty() || name.len() > NAME_MAX || name.contains(&0) {
            return None;
        }
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self(bytes))
    }

    /// The name in an entry's 16 bytes: up to the first NUL, and never the last byte. Whatever
    /// follows the NUL is dropped, so that two equal names compare equal.
    pub(super) fn from_entry(field: [u8; NAME_MAX + 1]) -> Self {
        let mut bytes = [0; NAME_MAX + 1];
        for (to, from) in bytes.iter_mut().zip(field).take(NAME_MAX) {
            if from == 0 {
                break;
            }
            *to = from;
        }
        Self(bytes)
    }

    pub(super) fn to_entry(self) -> [u8; NAME_MAX + 1] {
        self.0
    }

    /// The bytes of the name, without padding.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The name as text, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes()).ok()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.as_bytes().utf8_chunks() {
            f.write_str(part.valid())?;
            for byte in part.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
