//! Writing a file aside and putting it in place whole: whoever reads it meanwhile reads the old one or the new one, and a full
//! disk leaves the old one.

use std::io::Write as _;
use std::path::Path;

use crate::error::Failure;
use crate::exit::Exit;

/// Writes `bytes` to `path`, over what is there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    put(path, bytes, 0o666)
}

/// [`write()`] to a file that only its owner may read: there are secrets in it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    put(path, bytes, 0o600)
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = builder(mode).tempfile_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            "file_unwritable",
            format!("cannot write {}: {error}", path.display()),
        )
        .hint("give a path in a folder that exists and that you may write to")
    })
}

/// Files of this mode, less what the user's umask takes away.
fn builder(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".updraft-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
