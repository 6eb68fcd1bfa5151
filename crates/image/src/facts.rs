//! What a verified image is.

use crate::head::Head;
use crate::segment::Segments;
use crate::signature::Signature;

/// Everything verification learnt of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Header and app descriptor.
    pub head: Head,
    /// Length of the whole file in bytes, signature included.
    pub size: u32,
    /// Length of the image in bytes, up to and with the appended hash.
    pub image_size: u32,
    /// The segments.
    pub segments: Segments,
    /// The checksum: 0xEF and all segment data, combined by exclusive or.
    pub checksum: u8,
    /// The appended SHA-256, over the image up to and with the checksum byte.
    pub image_sha256: [u8; 32],
    /// SHA-256 over every byte of the file.
    pub file_sha256: [u8; 32],
    /// What Secure Boot appended: recognised, not verified.
    pub signature: Signature,
}
