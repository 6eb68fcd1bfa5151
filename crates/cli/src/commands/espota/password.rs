//! The device's password: from a file, or from the environment, never from the command line, which others can read.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::variable;

const VARIABLE: &str = "UPDRAFT_ESPOTA_PASSWORD";

/// Longest password, in bytes: more than anybody types, and less than a wrong file.
const MAX_PASSWORD: usize = 512;

/// A password. Its `Debug` form does not show it.
pub(super) struct Password(Vec<u8>);

impl Password {
    /// The password itself, to be hashed.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The password of the file, or else of the environment, if either is given.
pub(super) fn read(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    let Some(path) = file else {
        let given = variable(VARIABLE).map(|text| Password(text.into_bytes()));
        return Ok(given);
    };
    let unreadable = |error| {
        Failure::new(
            Exit::Config,
            "password_unreadable",
            format!("cannot read {}: {error}", path.display()),
        )
        .hint("check the path, and that you may read it")
    };
    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, not of the path: what is checked is what is read.
    owner_only(&file, path)?;
    let mut text = Vec::new();
    file.take(MAX_PASSWORD as u64 + 3)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    // Editors end the line; blanks before that may belong to the password.
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() > MAX_PASSWORD || line.contains(&b'\n') {
        return Err(Failure::new(
            Exit::Config,
            "password_invalid",
            format!(
                "{} holds no password: a password is one line of 1 to {MAX_PASSWORD} bytes",
                path.display()
            ),
        )
        .hint("write the password, and nothing else, into the file"));
    }
    Ok(Some(Password(line.into())))
}

/// Refuses a file that anybody but its owner may read or write.
#[cfg(unix)]
fn owner_only(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(metadata) = file.metadata() else {
        return Ok(());
    };
    let mode = metadata.permissions().mode() & 0o777;
    // A pipe (`<(pass show garden)`) belongs to whoever runs this, whatever its bits say.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(Failure::new(
            Exit::Config,
            "password_file_permissions",
            format!(
                "{} can be read by others (mode {mode:03o}); a password file must belong to its owner alone",
                path.display()
            ),
        )
        .hint(format!("run: chmod 600 {}", path.display())));
    }
    Ok(())
}

/// Other systems have no mode bits; their folders' rights apply.
#[cfg(not(unix))]
fn owner_only(_file: &File, _path: &Path) -> Result<(), Failure> {
    Ok(())
}
