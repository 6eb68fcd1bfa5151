//! A real image of exactly 1 MiB.

use std::path::{Path, PathBuf};

use crate::Result;

#[path = "../../crates/image/tests/support/rebuilt.rs"]
mod rebuilt;

/// Its size in bytes.
pub(crate) const ONE_MIB: usize = 1 << 20;

/// The version of the release that devices are to install.
pub(crate) const NEW: &str = "1.1.0";

/// The version they run until then.
pub(crate) const OLD: &str = "1.0.0";

/// The repository's real image of this version.
pub(crate) fn fixture(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/firmware")
        .join(format!("updraft-c3-{version}.bin"))
}

/// Bytes that segments are shortened by: the chip's pages, so that those behind stay where they belong.
const PAGE: usize = 64 * 1024;

/// The image of this version with exactly 1 MiB: cut where it is longest as long as it is too long, its last segment
/// filled up with more of the same code, and put together again with a right checksum and hash.
pub(crate) fn one_mib(version: &str) -> Result<Vec<u8>> {
    let fixture = std::fs::read(fixture(version))?;
    let mut image = rebuilt::Rebuilt::from(&fixture);
    let mut length = fixture.len();
    while length > ONE_MIB {
        let longest = image.segments.iter_mut().map(|(_, data)| data);
        let longest = longest
            .max_by_key(|data| data.len())
            .ok_or("an image has segments")?;
        longest.truncate(longest.len().saturating_sub(PAGE));
        length -= PAGE;
    }
    // Both lengths are 16-byte blocks and a hash, so what is missing is whole blocks.
    let more = fixture.iter().copied().cycle().take(ONE_MIB - length);
    let (_, last) = image.segments.last_mut().ok_or("an image has segments")?;
    last.extend(more);
    let bytes = image.bytes();
    if bytes.len() != ONE_MIB {
        return Err(format!("the image has {} bytes instead of 1 MiB", bytes.len()).into());
    }
    Ok(bytes)
}
