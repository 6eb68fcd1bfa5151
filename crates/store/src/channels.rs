use sqlx::FromRow;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::Channel;

use crate::device_types::text;
use crate::id::unix_now;
use crate::store::Change;
use crate::{Result, Store, StoreError};

#[derive(FromRow)]
struct Row {
    device_type: String,
    name: String,
    release_id: String,
    version: String,
    previous_version: Option<String>,
}

impl TryFrom<Row> for Channel {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            device_type: text("channels", "device_type", row.device_type)?,
            name: row.name,
            release_id: row.release_id,
            version: row.version,
            previous_version: row.previous_version,
        })
    }
}

impl Store {
    /// Every channel, by device type and name.
    pub async fn channels(&self) -> Result<Vec<Channel>> {
        sqlx::query_as::<_, Row>(
            "SELECT c.device_type, c.name, c.release_id, r.version, p.version AS previous_version
             FROM channels c
             JOIN releases r ON r.id = c.release_id
             LEFT JOIN releases p ON p.id = c.previous_release_id
             ORDER BY c.device_type, c.name",
        )
        .fetch_all(self.reader())
        .await?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
    }
}

/// The version a channel points at.
pub(crate) async fn version(
    change: &mut Change,
    device_type: &DeviceTypeName,
    name: &str,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT r.version FROM channels c JOIN releases r ON r.id = c.release_id
         WHERE c.device_type = $1 AND c.name = $2",
    )
    .bind(device_type.as_str())
    .bind(name)
    .fetch_optional(&mut **change)
    .await?)
}

/// Points a channel at a release and remembers where it pointed before.
pub(crate) async fn point(
    change: &mut Change,
    device_type: &DeviceTypeName,
    name: &str,
    release_id: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO channels (device_type, name, release_id, previous_release_id, updated_at)
         VALUES ($1, $2, $3, NULL, $4)
         ON CONFLICT (device_type, name) DO UPDATE SET
             previous_release_id = CASE WHEN channels.release_id = excluded.release_id
                 THEN channels.previous_release_id ELSE channels.release_id END,
             release_id = excluded.release_id,
             updated_at = excluded.updated_at",
    )
    .bind(device_type.as_str())
    .bind(name)
    .bind(release_id)
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Takes a release that is about to be deleted out of every channel: back to the previous one, or away.
pub(crate) async fn forget(change: &mut Change, release_id: &str) -> Result<()> {
    for sql in [
        "UPDATE channels SET previous_release_id = NULL WHERE previous_release_id = $1",
        "DELETE FROM channels WHERE release_id = $1 AND previous_release_id IS NULL",
        "UPDATE channels SET release_id = previous_release_id, previous_release_id = NULL WHERE release_id = $1",
    ] {
        sqlx::query(sql)
            .bind(release_id)
            .execute(&mut **change)
            .await?;
    }
    Ok(())
}
