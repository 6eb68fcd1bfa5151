use std::fs::{self, File, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::{Result, StoreError};

/// The name of the file with the rows.
const DATABASE: &str = "updraft.db";

/// The server's directory, held by one process at a time.
///
/// | name | what |
/// |---|---|
/// | `updraft.db` | the rows, mode 0600: the keys of signed URLs are among them |
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

    /// Where the database is: a file that nobody but its owner can read, made if need be.
    pub fn database(&self) -> Result<PathBuf> {
        let database = self.path.join(DATABASE);
        keep_private(&database)?;
        Ok(database)
    }

    /// Where the files of releases are.
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }
}

/// Makes the file, if need be, and lets nobody but its owner read it. `SQLite` gives the files beside it the same mode.
fn keep_private(database: &Path) -> Result<()> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(database)
        .map_err(StoreError::file("open", database))?;
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(StoreError::file("protect", database))
}
