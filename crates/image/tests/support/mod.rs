//! Shared by this crate's tests: the real images, and a writer for the few cases no real image covers.

#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary uses its part of this module"
)]

pub(crate) mod esptool;
mod mutation;
mod rebuilt;

use std::path::{Path, PathBuf};

pub(crate) use mutation::mutations;
pub(crate) use rebuilt::Rebuilt;

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A real image of fixtures/firmware.
pub(crate) struct Fixture {
    /// File name.
    pub(crate) name: String,
    /// Content.
    pub(crate) bytes: Vec<u8>,
}

/// Every real image, by name.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let folder = repository().join("fixtures/firmware");
    let mut found: Vec<Fixture> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| Fixture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: std::fs::read(&path).unwrap(),
        })
        .collect();
    assert!(!found.is_empty(), "no image in {}", folder.display());
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The real image with this name.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = repository().join("fixtures/firmware").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A short image: the first 256 bytes of a real one's first segment (its app descriptor) and a little RAM data.
/// Small enough to try every offset, every length and every split.
pub(crate) fn short_image() -> Vec<u8> {
    let mut image = Rebuilt::from(&fixture("updraft-c3-1.0.0.bin"));
    image.segments.truncate(2);
    image.segments[0].1.truncate(256);
    image.segments[1].1.truncate(44);
    image.bytes()
}
