//! Entity tags: which contents a browser already has.

use core::{fmt, str};

use crate::sha256::Sha256;

/// Hex digits of the SHA-256 in a tag: 128 bits tell any two files apart.
const DIGITS: usize = 32;

/// A strong entity tag, from the SHA-256 of the bytes stored. Shown with its quotes, as `ETag` takes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Etag([u8; DIGITS + 2]);

impl Etag {
    /// The tag of these contents.
    pub fn new(sha256: &Sha256) -> Self {
        let mut tag = [b'"'; DIGITS + 2];
        let digit = |value: u8| {
            if value < 10 {
                b'0' + value
            } else {
                b'a' + value - 10
            }
        };
        let places = tag.iter_mut().skip(1).take(DIGITS);
        let nibbles = sha256.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, nibble) in places.zip(nibbles) {
            *place = digit(nibble);
        }
        Self(tag)
    }

    /// The tag with its quotes.
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the value of an `If-None-Match` names these contents, so that 304 is the answer (RFC 9110, 13.1.2).
    pub fn is_in(&self, if_none_match: &str) -> bool {
        if_none_match.split(',').map(str::trim).any(|tag| {
            // The comparison is the weak one: a cache on the way may have made the tag weak.
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.as_str()
        })
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
