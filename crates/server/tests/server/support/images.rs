//! Real images, as `firmware/` builds them.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;

/// A fixture's bytes: `c3` and `1.0.0`, for example.
pub fn image(chip: &str, version: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware")
        .join(format!("updraft-{chip}-{version}.bin"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn c3(version: &str) -> Vec<u8> {
    image("c3", version)
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

/// The ELF SHA-256 in an image's app descriptor.
pub fn elf_sha256(image: &[u8]) -> String {
    let facts = updraft_image::verify(image, updraft_image::Expect::new()).unwrap();
    Digest(facts.head.app.app_elf_sha256).to_string()
}

/// Another build of the same version: one byte of data differs, checksum and hash are right again. Stands for
/// a rebuild of changed sources without a new version, which no fixture can be.
pub fn rebuilt(image: &[u8]) -> Vec<u8> {
    // A byte of the app descriptor's reserved words: part of the first segment, read by nobody.
    changed(image, 0x20 + 184, 1)
}

/// The image with these bits of one byte of its data turned, checksum and hash right again.
pub fn changed(image: &[u8], offset: usize, bits: u8) -> Vec<u8> {
    let mut bytes = image.to_vec();
    let end = bytes.len() - 32;
    bytes[offset] ^= bits;
    bytes[end - 1] ^= bits;
    let hash = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&hash);
    updraft_image::verify(&bytes, updraft_image::Expect::new()).unwrap();
    bytes
}
