use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{
    Any, AnyConnection, ConnectOptions as _, Connection as _, Executor as _, Pool, Transaction,
};

use super::{DatabaseUrl, MIGRATIONS};
use crate::Result;

/// Connections of one node for each of reading and writing. A change waits for the one before it, and reads are
/// rare, so few suffice; a `PostgreSQL` server allows 100 by default, which is ten nodes. They are apart so that
/// changes which wait for their turn never keep the one whose turn it is from reading.
const CONNECTIONS: u32 = 4;

/// How long a request waits for a free connection before it fails, and a start for the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits for every connection. No statement of ours takes long, so one that waits this long waits for somebody who
/// hangs; and a node that hangs inside a change must not hold up all others. A node whose machine is gone is noticed
/// by the operating system's probes within half a minute.
const SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '20s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = 'on'; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; \
    SET client_min_messages = 'warning'";

/// Advisory locks, each for the whole database. The numbers mean nothing, but others must not use them.
#[derive(Debug, Clone, Copy)]
#[repr(i64)]
pub(super) enum Lock {
    /// One change at a time.
    Change = 0x0075_7064_7261_6674,
    /// Files of releases appear or disappear.
    Files = 0x0075_7064_7261_6675,
    /// A node makes its rows and the artifact store agree. Taken before [`Lock::Files`], never after.
    Depot = 0x0075_7064_7261_6676,
}

/// Brings the schema up to date, and connects: for reading, and for writing.
pub(super) async fn open(url: &DatabaseUrl) -> Result<(Pool<Any>, Pool<Any>)> {
    let options = AnyConnectOptions::from_url(url.url())?;
    migrate(&options).await?;
    Ok((pool(&options).await?, pool(&options).await?))
}

async fn pool(options: &AnyConnectOptions) -> Result<Pool<Any>> {
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
        })
        .connect_with(options.clone())
        .await?;
    Ok(pool)
}

/// On a connection of its own, which nothing hurries: sqlx lets one node at a time migrate, the others wait, and
/// the lock goes with the connection whatever happens.
async fn migrate(options: &AnyConnectOptions) -> Result<()> {
    let mut connection =
        tokio::time::timeout(ACQUIRE_TIMEOUT, AnyConnection::connect_with(options))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)??;
    let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
    connection.close().await?;
    Ok(migrated?)
}

/// Waits for a lock, which ends with the transaction.
pub(super) async fn lock(transaction: &mut Transaction<'static, Any>, lock: Lock) -> Result<()> {
    if matches!(lock, Lock::Files | Lock::Depot) {
        // Files may go to a slow place; the lock is then held by a transaction that does nothing else. A node that
        // hangs for longer loses it.
        transaction
            .execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
            .await?;
        transaction
            .execute("SET LOCAL lock_timeout = '5min'")
            .await?;
        transaction
            .execute("SET LOCAL statement_timeout = '5min'")
            .await?;
    }
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(lock as i64)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
