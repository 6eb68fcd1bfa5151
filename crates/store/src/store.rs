use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use tokio::sync::Mutex;

use crate::{Artifacts, DataDir, Result, StoreError};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for another process's lock (a backup tool's, say) before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections for reading. Reads are rare (nothing a device does reads the database) and short.
const READERS: u32 = 4;

/// One transaction that changes something.
pub(crate) type Change = Transaction<'static, Sqlite>;

/// The rows and files of one server.
#[derive(Debug)]
pub struct Store {
    readers: SqlitePool,
    // One connection: SQLite has one writer anyway, and waiting in this queue is fair where its lock is not.
    writer: SqlitePool,
    artifacts: Artifacts,
    /// Held while files appear or disappear together with their rows.
    pub(crate) files: Mutex<()>,
    _data_dir: DataDir,
}

impl Store {
    /// Opens the store in `path`, creating it at first use, brings the schema up to date, and sweeps away what
    /// a killed process left behind.
    pub async fn open(path: &Path) -> Result<Self> {
        let data_dir = DataDir::open(path)?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.database())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What is acknowledged survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await?;
        let artifacts = Artifacts::open(&data_dir.artifacts())?;
        let store = Self {
            readers,
            writer,
            artifacts,
            files: Mutex::new(()),
            _data_dir: data_dir,
        };
        let swept = store.artifacts.sweep(&store.known_artifacts().await?)?;
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
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) async fn change(&self) -> Result<Change> {
        Ok(self.writer.begin().await?)
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
