//! The token: where it is, and reading it without letting it out.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{SettingsError, variable};

/// Longest token, in characters: the server's own have 43.
const MAX_TOKEN: usize = 512;

/// A token. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// A token that was not configured, but made by a server in this process.
    pub(crate) fn new(text: &str) -> Result<Self, SettingsError> {
        Self::check(text, || "the server's token".to_owned())
    }

    /// The token itself, for a header.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    fn check(text: &str, origin: impl FnOnce() -> String) -> Result<Self, SettingsError> {
        let token = text.trim();
        let fits = (1..=MAX_TOKEN).contains(&token.len());
        if fits && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(token.into()))
        } else {
            Err(SettingsError::NotAToken { origin: origin() })
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where the token is.
#[derive(Debug)]
pub(super) enum Origin {
    /// Given by a flag or a variable, which is named.
    Given(&'static str, Hidden),
    /// In a file.
    File(PathBuf),
}

/// Text that is not for showing.
pub(super) struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The environment variables of a token and of its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variables {
    token: &'static str,
    file: &'static str,
}

impl Variables {
    /// For the server.
    pub(super) const SERVER: Self = Self {
        token: "UPDRAFT_TOKEN",
        file: "UPDRAFT_TOKEN_FILE",
    };
    /// For a device that is pushed to. Others than the server's, whose token no device should see.
    pub(super) const PUSH: Self = Self {
        token: "UPDRAFT_PUSH_TOKEN",
        file: "UPDRAFT_PUSH_TOKEN_FILE",
    };
}

impl Origin {
    /// The first place that says something: a flag before the environment, and in each the token before
    /// its file.
    pub(super) fn choose(
        token: Option<&str>,
        file: Option<&Path>,
        variables: Variables,
    ) -> Option<Self> {
        let given = |name, text: String| Self::Given(name, Hidden(text));
        token
            .map(|token| given("--token", token.into()))
            .or_else(|| file.map(|path| Self::File(path.into())))
            .or_else(|| variable(variables.token).map(|token| given(variables.token, token)))
            .or_else(|| variable(variables.file).map(|path| Self::File(path.into())))
    }

    /// Reads the token.
    pub(super) fn read(&self) -> Result<Secret, SettingsError> {
        match self {
            Self::Given(name, Hidden(text)) => Secret::check(text, || (*name).to_owned()),
            Self::File(path) => {
                let unreadable = |source| SettingsError::Unreadable {
                    path: path.clone(),
                    source,
                };
                let file = File::open(path).map_err(unreadable)?;
                // Asked of the open file, not of the path: what is checked is what is read.
                owner_only(&file, path)?;
                let mut text = String::new();
                file.take(MAX_TOKEN as u64 * 2)
                    .read_to_string(&mut text)
                    .map_err(unreadable)?;
                Secret::check(&text, || path.display().to_string())
            }
        }
    }
}

/// Refuses a file that anybody but its owner may read or write.
#[cfg(unix)]
fn owner_only(file: &File, path: &Path) -> Result<(), SettingsError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file
        .metadata()
        .map_err(|source| SettingsError::Unreadable {
            path: path.into(),
            source,
        })?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(SettingsError::Permissions {
            path: path.into(),
            mode,
        });
    }
    Ok(())
}

/// Other systems have no mode bits; their folders' rights apply.
#[cfg(not(unix))]
fn owner_only(_file: &File, _path: &Path) -> Result<(), SettingsError> {
    Ok(())
}
