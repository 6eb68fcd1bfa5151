//! One file's line.

use core::fmt;

use super::{Cache, ContentType, Encoding};
use crate::sha256::Sha256;

/// What the manifest says of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// SHA-256 of the bytes stored.
    pub sha256: Sha256,
    /// Their number.
    pub size: u32,
    /// How they are encoded.
    pub encoding: Encoding,
    /// What they are, once decoded.
    pub content_type: ContentType,
    /// How long a browser may keep them.
    pub cache: Cache,
    /// Where they are stored.
    pub path: &'l str,
}

impl<'l> Line<'l> {
    /// Reads a line without its end; `None` when it is none.
    pub fn parse(line: &'l str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let mut word = || words.next().filter(|word| !word.is_empty());
        Some(Self {
            sha256: Sha256::from_hex(word()?)?,
            size: word()?.parse().ok()?,
            encoding: Encoding::parse(word()?)?,
            content_type: ContentType::new(word()?)?,
            cache: Cache::parse(word()?)?,
            path: word()?,
        })
    }
}

/// The line as it stands in a manifest, without its end.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sha256,
            size,
            encoding,
            content_type,
            cache,
            path,
        } = self;
        let (encoding, cache) = (encoding.name(), cache.name());
        write!(
            f,
            "{sha256} {size} {encoding} {content_type} {cache} {path}"
        )
    }
}
