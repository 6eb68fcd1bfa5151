use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where a secret came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The configuration.
    Given,
    /// Generated at this start and written to this file: show it once.
    Generated(PathBuf),
    /// Generated at an earlier start; this file has it.
    Kept(PathBuf),
    /// Another node over the same database; this one knows only how to tell whether a secret is it.
    Elsewhere,
}

/// A secret of the server. Its value stays out of `Debug`.
#[derive(Clone)]
pub struct Secret {
    value: String,
    /// Where it came from.
    pub source: SecretSource,
}

impl Secret {
    /// The secret itself; empty if it is [elsewhere](SecretSource::Elsewhere).
    pub fn reveal(&self) -> &str {
        &self.value
    }

    /// Takes the secret from the configuration, else from `file`, else makes one and writes it there.
    pub(crate) fn load(given: Option<&str>, file: PathBuf) -> io::Result<Self> {
        if let Some(given) = given {
            return Ok(Self {
                value: given.to_owned(),
                source: SecretSource::Given,
            });
        }
        if let Some(kept) = Self::find(&file)? {
            return Ok(kept);
        }
        let value = random_secret()?;
        write_private(&file, &value)?;
        Ok(Self {
            value,
            source: SecretSource::Generated(file),
        })
    }

    /// The secret in this file, if there is one.
    pub(crate) fn find(file: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(file) {
            Ok(text) if !text.trim().is_empty() => Ok(Some(Self {
                value: text.trim().to_owned(),
                source: SecretSource::Kept(file.to_owned()),
            })),
            // An empty file is what a power cut left of the first start.
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Another node's.
    pub(crate) fn elsewhere() -> Self {
        Self {
            value: String::new(),
            source: SecretSource::Elsewhere,
        }
    }

    /// This secret, after another node's turned out to be the one that counts: a file that was made for it goes.
    pub(crate) fn gave_way(self) -> io::Result<Self> {
        if let SecretSource::Generated(file) = &self.source {
            fs::remove_file(file)?;
        }
        Ok(Self::elsewhere())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// 256 random bits as 43 characters of base64url.
pub(crate) fn random_secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
