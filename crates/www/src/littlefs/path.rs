//! Names and paths.

use super::MAX_PATH;

/// Whether `name` may stand in a path: not empty, no dot name, no slash and no control character.
/// Who writes files by such names stays inside the folder chosen.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && !name
            .bytes()
            .any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control())
}

/// The names of a path, or `None` when it is none that can lead to a file.
pub(super) fn names(path: &str) -> Option<impl Iterator<Item = &str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let sound = path.len() <= MAX_PATH && path.split('/').all(is_name);
    sound.then(|| path.split('/'))
}
