use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Any, ConnectOptions as _, Pool};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::{Changed, Feed};
use crate::{DatabaseUrl, Result};

/// What `PostgreSQL` calls the place where nodes tell each other.
pub(crate) const CHANNEL: &str = "updraft";

/// How often a node says something, so that the silence of a dead connection is heard.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// After so long a silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(15);

/// How long connecting may take, and how long after a failure it is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Listening(
    #[expect(dead_code, reason = "ends the task when dropped")] JoinSet<()>,
);

/// Hears what other nodes change from the moment this returns. A lost connection is made again, and then
/// everything may have changed.
pub(crate) async fn listen(
    url: &DatabaseUrl,
    feed: Arc<Feed>,
    pool: Pool<Any>,
) -> Result<Listening> {
    let options = PgConnectOptions::from_url(url.url())?;
    let mut listener = Some(connect(&options).await?);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            if let Some(listener) = listener.take() {
                let end = tokio::select! {
                    end = hear(listener, &feed) => end,
                    () = beat(&pool) => Ok(()),
                };
                match end {
                    Ok(()) => tracing::warn!("the database has fallen silent; connecting again"),
                    Err(error) => {
                        tracing::warn!(%error, "the connection to the database was lost; connecting again");
                    }
                }
            }
            match connect(&options).await {
                Ok(connected) => {
                    listener = Some(connected);
                    feed.tell(Changed::Everything, false);
                }
                Err(error) => {
                    tracing::error!(%error, "other nodes' changes cannot be heard");
                    sleep(RETRY).await;
                }
            }
        }
    });
    Ok(Listening(tasks))
}

async fn connect(options: &PgConnectOptions) -> std::result::Result<PgListener, sqlx::Error> {
    let connecting = async {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        // After a loss everything must be read again: that is for the caller to say.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Hears until the connection is lost or silent.
async fn hear(mut listener: PgListener, feed: &Feed) -> std::result::Result<(), sqlx::Error> {
    loop {
        let next = listener.try_recv();
        let Ok(notification) = timeout(SILENCE, next).await else {
            return Ok(());
        };
        match notification? {
            Some(notification) if notification.payload().is_empty() => {}
            Some(notification) => feed.hear(notification.payload()),
            None => return Ok(()),
        }
    }
}

/// Says nothing, regularly. What fails is heard as silence.
async fn beat(pool: &Pool<Any>) {
    let mut beats = interval(HEARTBEAT);
    loop {
        beats.tick().await;
        let beat = sqlx::query("SELECT pg_notify($1, '')")
            .bind(CHANNEL)
            .execute(pool);
        let _ = timeout(HEARTBEAT, beat).await;
    }
}
