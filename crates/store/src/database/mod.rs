//! One SQL text, two databases: a `SQLite` file for one server, `PostgreSQL` for several.
//!
//! Both go by sqlx's `Any` driver, which knows what both know: bind `i64`, `String` and `&str` and options of
//! them; never a `Cow`, `Arc` or `bool`. What `SUM` returns must be cast to `BIGINT`.

mod change;
mod postgres;
mod sqlite;
mod url;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Any, Pool, Transaction};
use tokio::sync::Mutex;
use tokio::time::timeout;

pub(crate) use self::change::Change;
pub use self::url::{BadDatabaseUrl, DatabaseUrl};
use crate::Result;
use crate::changes::{Feed, Listening, listen};

/// How long work that is under way in a shared database may take at the end: a change takes milliseconds.
const CLOSING: Duration = Duration::from_secs(5);

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The rows.
#[derive(Debug)]
pub(crate) struct Database {
    readers: Pool<Any>,
    writers: Pool<Any>,
    /// Whether several servers may use it.
    shared: bool,
    feed: Arc<Feed>,
    /// What hears other nodes' changes, until the database is closed.
    listening: Mutex<Option<Listening>>,
}

impl Database {
    /// Opens a file, creating it at first use, and brings its schema up to date.
    pub(crate) async fn sqlite(file: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (readers, writers) = sqlite::open(file).await?;
        Ok(Self {
            readers,
            writers,
            shared: false,
            feed: Arc::new(Feed::new()),
            listening: Mutex::default(),
        })
    }

    /// Connects, and brings the schema up to date. Several servers may do so at once.
    pub(crate) async fn postgres(url: &DatabaseUrl) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (readers, writers) = postgres::open(url).await?;
        let feed = Arc::new(Feed::new());
        let listening = listen(url, feed.clone(), readers.clone()).await?;
        Ok(Self {
            readers,
            writers,
            shared: true,
            feed,
            listening: Mutex::new(Some(listening)),
        })
    }

    /// For statements that only read.
    pub(crate) fn reader(&self) -> &Pool<Any> {
        &self.readers
    }

    /// Whether several servers may use it.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// What changes here, and on the other nodes.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Begins a change; waits until no other is under way on any node. Whoever reads in it and then writes need
    /// not fear what others do in between.
    pub(crate) async fn change(&self) -> Result<Change> {
        let mut transaction = self.writers.begin().await?;
        if self.shared {
            postgres::lock(&mut transaction, postgres::Lock::Change).await?;
        }
        Ok(Change::new(transaction, self.feed.clone(), self.shared))
    }

    /// Begins a transaction that others may run beside: it must write its rows in the order of their keys, and
    /// be tried again where [`is_retryable`](crate::StoreError::is_retryable) says so.
    pub(crate) async fn beside(&self) -> Result<Change> {
        let transaction = self.writers.begin().await?;
        Ok(Change::new(transaction, self.feed.clone(), self.shared))
    }

    /// Keeps all nodes from making files appear or disappear until the guard goes. One server alone needs none.
    pub(crate) async fn lock_files(&self) -> Result<Option<Transaction<'static, Any>>> {
        self.lock(postgres::Lock::Files).await
    }

    /// Keeps all other nodes from the artifact store until the guard goes. One server alone needs none.
    pub(crate) async fn lock_depot(&self) -> Result<Option<Transaction<'static, Any>>> {
        self.lock(postgres::Lock::Depot).await
    }

    async fn lock(&self, lock: postgres::Lock) -> Result<Option<Transaction<'static, Any>>> {
        if !self.shared {
            return Ok(None);
        }
        let mut guard = self.writers.begin().await?;
        postgres::lock(&mut guard, lock).await?;
        Ok(Some(guard))
    }

    /// Finishes what is under way and closes all connections.
    pub(crate) async fn close(&self) {
        self.listening.lock().await.take();
        let closing = async {
            self.readers.close().await;
            self.writers.close().await;
        };
        if !self.shared {
            return closing.await;
        }
        // Who waits for another node must not hold up the end. What is not committed by then never was.
        if timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("some connections to the database were in use to the end");
        }
    }
}
