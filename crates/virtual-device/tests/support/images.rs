//! The real images under fixtures/firmware.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use updraft_image::{Expect, verify};
use updraft_protocol::Digest;

/// A release as the server in memory keeps it.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) elf_sha256: Digest,
    pub(crate) sha256: Digest,
    pub(crate) bytes: &'static [u8],
}

impl Release {
    fn of(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/firmware")
            .join(format!("updraft-{name}.bin"));
        let bytes: &'static [u8] = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .leak();
        let facts = verify(bytes, Expect::new()).expect("a sound image");
        Self {
            version: facts.head.app.version().expect("text").to_owned(),
            elf_sha256: Digest(facts.head.app.app_elf_sha256),
            sha256: Digest(facts.file_sha256),
            bytes,
        }
    }

    /// The same release with these bytes in its file's place, and their right checksum: what a server says
    /// that took in a bad file.
    pub(crate) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        use sha2::Digest as _;
        Self {
            sha256: Digest(sha2::Sha256::digest(&bytes).into()),
            bytes: bytes.leak(),
            ..self.clone()
        }
    }
}

/// The image `updraft-{name}.bin`, such as `c6-1.0.0`.
pub(crate) fn image(name: &str) -> Release {
    static IMAGES: OnceLock<BTreeMap<&str, Release>> = OnceLock::new();
    let images = IMAGES.get_or_init(|| {
        [
            "c3-1.0.0", "c3-1.1.0", "c3-1.2.0", "c3-1.3.0", "c3-1.4.0", "c3-1.5.0", "c6-1.0.0",
        ]
        .into_iter()
        .map(|name| (name, Release::of(name)))
        .collect()
    });
    images[name].clone()
}

/// The ESP32-C3's image of this version.
pub(crate) fn release(version: &str) -> Release {
    image(&format!("c3-{version}"))
}
