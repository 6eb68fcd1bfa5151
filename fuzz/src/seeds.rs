//! Inputs to begin with, made from the repository's fixtures by each target itself.

use std::path::{Path, PathBuf};

/// The variable that says where seeds go; `scripts/fuzz` sets it.
const FOLDER: &str = "UPDRAFT_FUZZ_SEEDS";

/// Writes a seed, if seeds are wanted.
pub fn seed(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let path = PathBuf::from(folder).join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// The files of a folder under `fixtures/` with this extension, by name; none when no seeds are wanted.
pub fn fixtures(folder: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    if std::env::var_os(FOLDER).is_none() {
        return Vec::new();
    }
    let folder = root().join(folder);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a fixture"))
        })
        .collect();
    found.sort();
    found
}

/// One file under `fixtures/`.
pub fn fixture(path: &str) -> Vec<u8> {
    let path = root().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}
