//! A flash kept in a file: a plain image, as `esptool` reads and writes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{FlashError, FlashSize};

/// The file behind a flash, locked against other users while it is open.
#[derive(Debug)]
pub(super) struct Backing {
    file: File,
}

/// Why a flash file could not be opened or made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file could not be read, written or made.
    #[error("flash file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Another process or another [`VirtualFlash`](super::VirtualFlash) has it open.
    #[error("flash file {} is in use by another virtual device; stop that one first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is not as long as a flash is.
    #[error(
        "flash file {} has {found} bytes; a flash has 4, 8 or 16 MiB, make a new one",
        path.display()
    )]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
    },
}

impl OpenError {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "flash_file_failed",
            Self::InUse { .. } => "flash_file_in_use",
            Self::WrongSize { .. } => "flash_file_wrong_size",
        }
    }
}

impl Backing {
    /// Makes a new file for `image`. An existing one is not overwritten.
    pub(super) fn create(path: &Path, image: &[u8]) -> Result<Self, OpenError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|source| io_error(path, source))?;
        lock(path, &file)?;
        file.write_all(image)
            .map_err(|source| io_error(path, source))?;
        Ok(Self { file })
    }

    /// Opens an existing file and reads it whole.
    pub(super) fn open(path: &Path) -> Result<(Self, FlashSize, Vec<u8>), OpenError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| io_error(path, source))?;
        lock(path, &file)?;
        let found = file
            .metadata()
            .map_err(|source| io_error(path, source))?
            .len();
        let wrong_size = || OpenError::WrongSize {
            path: path.to_owned(),
            found,
        };
        let size = u32::try_from(found)
            .ok()
            .and_then(FlashSize::from_bytes)
            .ok_or_else(wrong_size)?;
        let mut image = vec![0; size.bytes() as usize];
        file.read_exact(&mut image)
            .map_err(|source| io_error(path, source))?;
        Ok((Self { file }, size, image))
    }

    /// Writes changed bytes through.
    pub(super) fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.file
            .seek(SeekFrom::Start(u64::from(offset)))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|error| FlashError::Backing(error.kind()))
    }

    pub(super) fn sync(&self) -> Result<(), FlashError> {
        self.file
            .sync_data()
            .map_err(|error| FlashError::Backing(error.kind()))
    }
}

fn lock(path: &Path, file: &File) -> Result<(), OpenError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse {
            path: path.to_owned(),
        },
        TryLockError::Error(source) => io_error(path, source),
    })
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        source,
    }
}
