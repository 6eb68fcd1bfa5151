//! The real images, shortened: the cuts and the work after each grow with an image, so at full length they would take
//! half an hour and find the same.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::rebuilt::Rebuilt;
use crate::support::images::{self, Release};

/// What a segment is cut by, in bytes: the chip's pages, so that those behind it stay where they belong.
const PAGE: usize = 64 * 1024;

/// What a segment keeps at most, in bytes: an image then has some 250 KiB, which is several erases of 64 KiB and about
/// a thousand pages.
const KEPT: usize = 2 * PAGE;

/// The ESP32-C3's image of this version, with the ends of its long segments missing.
pub(crate) fn release(version: &str) -> Release {
    static SHORT: OnceLock<BTreeMap<&str, Release>> = OnceLock::new();
    let releases = SHORT.get_or_init(|| {
        ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]
            .into_iter()
            .map(|version| (version, shortened(&images::release(version))))
            .collect()
    });
    releases[version].clone()
}

fn shortened(release: &Release) -> Release {
    let mut image = Rebuilt::from(release.bytes);
    for (_, data) in &mut image.segments {
        let pages = data.len().saturating_sub(KEPT).div_ceil(PAGE);
        data.truncate(data.len() - pages * PAGE);
    }
    let bytes = image.bytes();
    assert!(
        (150_000..300_000).contains(&bytes.len()),
        "{} bytes",
        bytes.len()
    );
    release.with_bytes(bytes)
}
