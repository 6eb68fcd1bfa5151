//! The firmware's images for emulators, where `make firmware-qemu` puts them.

use std::path::{Path, PathBuf};

/// Where the image of a version lies, if it was built. Without images tests are skipped, but not
/// where everything has to be tested.
pub(crate) fn path(version: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/firmware/qemu")
        .join(format!("updraft-c3-{version}.bin"));
    if path.exists() {
        return Some(path);
    }
    let words = format!(
        "{} is not there; make firmware-qemu builds it",
        path.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("skipped: {words}");
    None
}
