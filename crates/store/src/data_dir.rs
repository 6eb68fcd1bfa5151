use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{Result, StoreError};

/// The server's directory, held by one process at a time.
///
/// | name | what |
/// |---|---|
/// | `updraft.db` | the rows |
/// | `artifacts/` | the files of releases |
/// | `lock` | held locked while a server runs |
/// | `admin-token`, `enrolment-key` | secrets made at the first start, mode 0600 |
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, creating it if need be, and locks it: two servers would sweep away each other's
    /// unfinished uploads.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(StoreError::file("create", path))?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(StoreError::file("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: path.to_owned(),
            }),
            Err(fs::TryLockError::Error(source)) => {
                Err(StoreError::file("lock", &lock_path)(source))
            }
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.path.join("updraft.db")
    }

    /// Where the files of releases are.
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }
}
