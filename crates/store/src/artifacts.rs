//! The files of releases, in a folder.
//!
//! ```text
//! artifacts/incoming/<id>        being written
//! artifacts/<2 digits>/<sha256>  whole, named by its content, never changed
//! ```

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;

use crate::id::new_id;
use crate::{Result, StoreError};

const INCOMING: &str = "incoming";

/// Since when nobody wrote to an unfinished file that another server may be writing. No upload pauses for long
/// (the server's stall window is seconds), and clocks of two machines do not differ by a day.
const LEFT_AFTER: Duration = Duration::from_hours(24);

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// Which unfinished files nobody will finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// All: no other server writes here.
    Any,
    /// Those that nobody wrote to for a day: other servers write here.
    Old,
}

impl Unfinished {
    fn is_left(self, path: &Path) -> bool {
        let age = || {
            path.metadata()?
                .modified()?
                .elapsed()
                .map_err(std::io::Error::other)
        };
        match self {
            Self::Any => true,
            Self::Old => age().is_ok_and(|age| age > LEFT_AFTER),
        }
    }
}

/// One whole file.
#[derive(Debug, Clone, Copy)]
pub struct KeptFile {
    /// Its name: the SHA-256 of its content when it was kept.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was kept.
    pub modified: SystemTime,
}

/// The folder of artifacts. Every method blocks on the disk.
#[derive(Debug, Clone)]
pub struct Artifacts {
    root: PathBuf,
}

impl Artifacts {
    /// Opens the folder, creating it if need be.
    pub fn open(root: &Path) -> Result<Self> {
        let incoming = root.join(INCOMING);
        fs::create_dir_all(&incoming).map_err(StoreError::file("create", &incoming))?;
        sync_dir(root)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Begins a file. It vanishes unless it is [kept](Self::keep).
    pub fn begin(&self) -> Result<Incoming> {
        let path = self.root.join(INCOMING).join(new_id());
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(StoreError::file("create", &path))?;
        Ok(Incoming {
            file,
            path,
            kept: false,
        })
    }

    /// Makes a finished file visible under its content's name, durably. `sha256` must be that of what was
    /// written. Does nothing more if the same content is there already; a file that was damaged is replaced.
    pub fn keep(&self, mut incoming: Incoming, sha256: Digest) -> Result<()> {
        let path = self.path(sha256);
        if is_whole(&path, sha256) {
            return Ok(());
        }
        incoming
            .file
            .sync_all()
            .map_err(StoreError::file("sync", &incoming.path))?;
        let folder = self.folder(sha256);
        if !folder.exists() {
            fs::create_dir_all(&folder).map_err(StoreError::file("create", &folder))?;
            sync_dir(&self.root)?;
        }
        fs::rename(&incoming.path, &path).map_err(StoreError::file("rename", &incoming.path))?;
        incoming.kept = true;
        sync_dir(&folder)
    }

    /// Where the file with this content is, if it is there.
    pub fn path(&self, sha256: Digest) -> PathBuf {
        self.folder(sha256).join(sha256.to_string())
    }

    fn folder(&self, sha256: Digest) -> PathBuf {
        self.root.join(format!("{:02x}", sha256.0[0]))
    }

    /// Every whole file.
    pub fn list(&self) -> Result<Vec<KeptFile>> {
        let mut found = Vec::new();
        for folder in list(&self.root)? {
            if !folder.is_dir() || folder.ends_with(INCOMING) {
                continue;
            }
            for path in list(&folder)? {
                let named = path.file_name().and_then(|name| name.to_str());
                let Some(sha256) = named.and_then(|name| name.parse().ok()) else {
                    continue;
                };
                let about = path
                    .metadata()
                    .map_err(StoreError::file("look at", &path))?;
                found.push(KeptFile {
                    sha256,
                    size: about.len(),
                    modified: about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                });
            }
        }
        Ok(found)
    }

    /// Removes a file that no row names any more. A file that is not there counts as removed.
    pub fn remove(&self, sha256: Digest) -> Result<()> {
        let path = self.path(sha256);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes what a killed process left: unfinished files, and every file that is not in `known`.
    /// Returns how many files went. Folders and files that are not ours by name stay.
    pub fn sweep(&self, known: &HashSet<Digest>, unfinished: Unfinished) -> Result<usize> {
        let mut swept = 0;
        let mut remove = |path: &Path| {
            fs::remove_file(path).map_err(StoreError::file("remove", path))?;
            swept += 1;
            Ok::<_, StoreError>(())
        };
        for path in list(&self.root.join(INCOMING))? {
            if path.is_file() && unfinished.is_left(&path) {
                remove(&path)?;
            }
        }
        for folder in list(&self.root)? {
            if !folder.is_dir() || folder.ends_with(INCOMING) {
                continue;
            }
            for path in list(&folder)? {
                let named = path.file_name().and_then(|name| name.to_str());
                if let Some(sha256) = named.and_then(|name| name.parse::<Digest>().ok())
                    && !known.contains(&sha256)
                {
                    remove(&path)?;
                }
            }
        }
        Ok(swept)
    }

    /// Checks that a file can be written here.
    pub fn probe(&self) -> Result<()> {
        let mut incoming = self.begin()?;
        incoming.write(b"probe")
    }
}

/// A file being written. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Incoming {
    /// Appends to the file.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(StoreError::file("write", &self.path))
    }

    /// What was written so far.
    pub fn content(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).map_err(StoreError::file("read", &self.path))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            // The next start sweeps it.
            tracing::warn!(path = %self.path.display(), %error, "an unfinished upload was not removed");
        }
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .map_err(StoreError::file("list", folder))
}

/// Whether the file is there, can be read, and has this content.
fn is_whole(path: &Path, sha256: Digest) -> bool {
    let mut hasher = Sha256::new();
    let mut read = || {
        let mut file = File::open(path)?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok::<_, std::io::Error>(()),
                length => hasher.update(piece.get(..length).unwrap_or_default()),
            }
        }
    };
    read().is_ok() && Digest(hasher.finalize().into()) == sha256
}

/// A rename is durable only once the folder it happened in is.
fn sync_dir(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(StoreError::file("sync", path))
}
