//! The configuration files: `updraft.toml` in the project, `updraft/config.toml` in the user's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::serve::ServeOptions;
use super::{ProgressMode, SettingsError, beside, variable};

/// The project's file.
const PROJECT_FILE: &str = "updraft.toml";

/// Longest configuration file read, in bytes: a few lines are expected, and a mistaken path should not fill
/// the memory.
const MAX_FILE: u64 = 64 * 1024;

/// What a configuration file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configuration {
    /// The server's address.
    pub(super) server: Option<String>,
    /// Where the token is.
    pub(super) token_file: Option<PathBuf>,
    /// How to show progress.
    pub(super) progress: Option<ProgressMode>,
    /// What the server is told.
    #[serde(default)]
    pub(super) serve: ServeOptions,
    /// Only read to say where a token belongs.
    #[serde(default)]
    token: Option<toml::Value>,
}

impl Configuration {
    /// The project's file and the user's, the first counting more. Neither needs to exist.
    pub(super) fn find() -> Result<Vec<Self>, SettingsError> {
        [project_file(), user_file()]
            .into_iter()
            .flatten()
            .filter(|path| path.is_file())
            .map(|path| Self::read(&path))
            .collect()
    }

    /// Reads one file, which must exist.
    pub(super) fn read(path: &Path) -> Result<Self, SettingsError> {
        let invalid = |message: String| SettingsError::Invalid {
            path: path.into(),
            message,
        };
        let unreadable = |source: io::Error| SettingsError::Unreadable {
            path: path.into(),
            source,
        };
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
            return Err(invalid(format!("longer than {MAX_FILE} bytes")));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let mut file: Self =
            toml::from_str(&text).map_err(|error| invalid(fault(&text, &error)))?;
        if file.token.is_some() {
            return Err(invalid(
                "a configuration file holds no token: write it to a file of its own (mode 600) and \
                 name that as token_file"
                    .into(),
            ));
        }
        file.serve = file.serve.beside(path);
        file.token_file = file.token_file.map(|token| beside(path, &token));
        Ok(file)
    }
}

/// A fault in one line: where, and what. Of the line in question only the key is shown, because the value may
/// be a secret that was put into the wrong place.
fn fault(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else {
        return message.to_owned();
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    let place = match line.split_once('=') {
        Some((key, _)) => format!("line {} ({})", number + 1, key.trim()),
        None => format!("line {}", number + 1),
    };
    format!("{place}: {message}")
}

/// `updraft.toml` in the working folder or, inside a git work tree, in the nearest folder above it that has
/// one. Not further up: a file in a folder that others can write to must not redirect a token.
fn project_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    let last = root.unwrap_or(&here);
    here.ancestors()
        .take_while(|folder| folder.starts_with(last))
        .map(|folder| folder.join(PROJECT_FILE))
        .find(|path| path.is_file())
}

/// The file in the user's configuration folder.
fn user_file() -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        variable("APPDATA").map(PathBuf::from)
    } else {
        variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))
    };
    folder.map(|folder| folder.join("updraft").join("config.toml"))
}
