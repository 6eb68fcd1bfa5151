use std::path::{Path, PathBuf};

use sqlx::{Any, Pool, Transaction};
use tokio::sync::Mutex;

use crate::artifacts::Unfinished;
use crate::changes::Changes;
pub(crate) use crate::database::Change;
use crate::database::{Database, DatabaseUrl};
use crate::{Artifacts, DataDir, Result, StoreError};

/// Where a store keeps what.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The server's own directory; no two servers share one.
    pub data_dir: PathBuf,
    /// The database that several servers share; else a file in `data_dir`.
    pub database: Option<DatabaseUrl>,
}

impl StoreOptions {
    /// Everything in one directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
        }
    }
}

/// The rows and files of one server, or of several that share them.
#[derive(Debug)]
pub struct Store {
    database: Database,
    artifacts: Artifacts,
    /// Held while files appear or disappear together with their rows.
    files: Mutex<()>,
    _data_dir: DataDir,
}

/// No file appears or disappears while this is held, on any node.
#[derive(Debug)]
pub(crate) struct FilesGuard<'a> {
    // The lock of all nodes goes first: a waiting neighbour must not take a connection for it in vain.
    _nodes: Option<Transaction<'static, Any>>,
    _here: tokio::sync::MutexGuard<'a, ()>,
}

impl Store {
    /// Opens the store in `path` alone.
    ///
    /// See [`Store::open_with`].
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_with(&StoreOptions::new(path)).await
    }

    /// Opens the store, creating what is missing at first use, brings the schema up to date, and sweeps away what
    /// killed processes left behind.
    pub async fn open_with(options: &StoreOptions) -> Result<Self> {
        let data_dir = DataDir::open(&options.data_dir)?;
        let database = match &options.database {
            Some(url) => Database::postgres(url).await?,
            None => Database::sqlite(&data_dir.database()?).await?,
        };
        let artifacts = Artifacts::open(&data_dir.artifacts())?;
        let store = Self {
            database,
            artifacts,
            files: Mutex::new(()),
            _data_dir: data_dir,
        };
        let files = store.lock_files().await?;
        let known = store.known_artifacts().await?;
        let unfinished = if store.database.is_shared() {
            Unfinished::Old
        } else {
            Unfinished::Any
        };
        let swept = store.artifacts.sweep(&known, unfinished)?;
        drop(files);
        if swept > 0 {
            tracing::info!(swept, "removed files that no release names");
        }
        Ok(store)
    }

    /// The folder of artifacts.
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// Checks that the database answers and that files can be written.
    pub async fn ready(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.reader()).await?;
        self.blocking(Artifacts::probe).await
    }

    /// Finishes what is under way and closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Whether other servers may share the database.
    pub fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    /// What changes from now on: here, and on the other nodes that share the database. Another node's change
    /// comes within a moment of its commit; after a lost connection comes
    /// [`Changed::Everything`](crate::Changed::Everything).
    pub fn changes(&self) -> Changes {
        self.database.feed().subscribe()
    }

    pub(crate) fn reader(&self) -> &Pool<Any> {
        self.database.reader()
    }

    /// Begins a change; no other is under way until it ends.
    pub(crate) async fn change(&self) -> Result<Change> {
        self.database.change().await
    }

    /// Begins a transaction that others may run beside.
    pub(crate) async fn beside(&self) -> Result<Change> {
        self.database.beside().await
    }

    /// Keeps files from appearing and disappearing.
    pub(crate) async fn lock_files(&self) -> Result<FilesGuard<'_>> {
        let here = self.files.lock().await;
        Ok(FilesGuard {
            _nodes: self.database.lock_files().await?,
            _here: here,
        })
    }

    /// Keeps other nodes from the artifact store.
    pub(crate) async fn lock_depot(&self) -> Result<Option<Transaction<'static, Any>>> {
        self.database.lock_depot().await
    }

    /// Runs disk work away from the threads that serve connections.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Artifacts) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let artifacts = self.artifacts.clone();
        tokio::task::spawn_blocking(move || work(&artifacts))
            .await
            .unwrap_or_else(|panic| {
                Err(StoreError::File {
                    action: "work on",
                    path: "artifacts".into(),
                    source: std::io::Error::other(panic),
                })
            })
    }
}
