//! littlefs's own code, through littlefs-python, and esptool.
#![allow(dead_code, reason = "each test binary uses its part of these")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints each file of the image given, its path and then its bytes in hex.
const READ: &str = r#"
import sys
from littlefs import LittleFS, UserContext
image = bytearray(open(sys.argv[1], "rb").read())
fs = LittleFS(context=UserContext(buffer=image), mount=False, block_size=4096, block_count=len(image) // 4096,
              read_size=128, prog_size=128, cache_size=512, lookahead_size=128, name_max=64)
fs.mount()
for root, _, files in fs.walk("/"):
    for name in files:
        path = root.rstrip("/") + "/" + name
        with fs.open(path, "rb") as file:
            print(path.lstrip("/"), file.read().hex(), sep="\t")
"#;

/// The Python with littlefs-python and esptool in it; `None` where there is none, which only CI does not accept.
pub(crate) fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-tools");
    let why = match Command::new(script).output() {
        Ok(output) if output.status.success() => {
            let path = String::from_utf8(output.stdout).unwrap();
            return Some(PathBuf::from(path.trim()));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "scripts/python-tools: {why}"
    );
    println!("skipped: scripts/python-tools gave no Python: {why}");
    None
}

/// The files of an image.
pub(crate) fn read_image(python: &Path, image: &Path) -> BTreeMap<String, Vec<u8>> {
    let output = Command::new(python)
        .args(["-c", READ])
        .arg(image)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (path, hex) = line.split_once('\t').unwrap();
            let digits = hex.as_bytes().chunks_exact(2);
            let bytes = digits
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
            (path.to_owned(), bytes.collect())
        })
        .collect()
}
