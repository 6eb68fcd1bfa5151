//! The firmware's images for emulators, where `make firmware-qemu` puts them.

use std::path::Path;

/// The image of a version, if it was built. Without images tests are skipped, but not where everything has to be
/// tested.
pub(crate) fn app(version: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/firmware/qemu")
        .join(format!("updraft-c3-{version}.bin"));
    if path.exists() {
        return Some(std::fs::read(path).expect("the image can be read"));
    }
    let words = format!(
        "{} is not there; make firmware-qemu builds it",
        path.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("skipped: {words}");
    None
}
