//! A file as HTTP sends it.

use super::Etag;
use crate::littlefs::File;
use crate::manifest::{Cache, ContentType, Encoding};

/// A file and the headers to send with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asset {
    /// The bytes to send, as they are stored; `file.size` is the `Content-Length`.
    pub file: File,
    /// `Content-Type`.
    pub content_type: ContentType,
    /// `Content-Encoding`, when it is not [`Encoding::Identity`]. There is no other form of the file: every
    /// browser takes gzip, and the image has no room for both.
    pub encoding: Encoding,
    /// `Cache-Control`, by [`Cache::control`].
    pub cache: Cache,
    /// `ETag`; only with a manifest.
    pub etag: Option<Etag>,
}
