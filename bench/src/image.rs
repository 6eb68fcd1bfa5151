//! A real image of exactly 1 MiB.

use std::path::{Path, PathBuf};

use crate::Result;

#[path = "../../crates/image/tests/support/rebuilt.rs"]
mod rebuilt;

/// Its size in bytes.
pub(crate) const ONE_MIB: usize = 1 << 20;

/// The version of the release that devices are to install.
pub(crate) const NEW: &str = "1.1.0";

/// The repository's real image of this version.
pub(crate) fn fixture(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/firmware")
        .join(format!("updraft-c3-{version}.bin"))
}

/// The image of [`NEW`], its last segment filled up with more of the same code until the file has 1 MiB, and
/// put together again with a right checksum and hash.
pub(crate) fn one_mib() -> Result<Vec<u8>> {
    let fixture = std::fs::read(fixture(NEW))?;
    let mut image = rebuilt::Rebuilt::from(&fixture);
    // Both lengths are 16-byte blocks and a hash, so what is missing is whole blocks.
    let missing = ONE_MIB - fixture.len();
    let more = fixture.iter().copied().cycle().take(missing);
    let (_, last) = image.segments.last_mut().ok_or("an image has segments")?;
    last.extend(more);
    let bytes = image.bytes();
    if bytes.len() != ONE_MIB {
        return Err(format!("the image has {} bytes instead of 1 MiB", bytes.len()).into());
    }
    Ok(bytes)
}
