use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, ConnectOptions as _, Executor as _, Pool};

use super::MIGRATIONS;
use crate::Result;

/// How long a statement waits for another process's lock (a backup tool's, say) before it fails. sqlx's own
/// default, which a URL cannot change.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections for reading. Reads are rare (nothing a device does reads the database) and short.
const READERS: u32 = 4;

/// What is acknowledged survives a power cut. Foreign keys are kept by sqlx's default; said here, because much
/// rests on it.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

/// Connections for reading, and the one for writing: `SQLite` has one writer anyway, and waiting in a pool's
/// queue is fair where its lock is not.
pub(super) async fn open(file: &Path) -> Result<(Pool<Any>, Pool<Any>)> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .busy_timeout(BUSY_TIMEOUT);
    let writer = AnyPoolOptions::new()
        .max_connections(1)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
        })
        .connect_with(any(&options)?)
        .await?;
    MIGRATIONS.run(&writer).await?;
    let readers = AnyPoolOptions::new()
        .max_connections(READERS)
        .connect_with(any(&options.create_if_missing(false).read_only(true))?)
        .await?;
    Ok((readers, writer))
}

fn any(options: &SqliteConnectOptions) -> Result<AnyConnectOptions> {
    Ok(AnyConnectOptions::from_url(&options.to_url_lossy())?)
}
