use std::fmt;

use serde_json::json;
use updraft_protocol::{DeviceId, Digest};

use crate::device_types::text;
use crate::id::unix_now;
use crate::{Result, Store, StoreError, audit};

/// Seconds after which a retired key is forgotten: longer than any URL it signed lives.
const FORGET_AFTER: i64 = 48 * 3600;

/// A key that signs URLs. It stays out of `Debug`.
#[derive(Clone)]
pub struct UrlKey {
    /// Its number; later keys have higher ones.
    pub id: u32,
    /// The key.
    pub secret: [u8; 32],
    /// When it was made, Unix seconds.
    pub created_at: i64,
    /// When another took its place, Unix seconds. What it signed before is good until it expires.
    pub retired_at: Option<i64>,
}

impl fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlKey")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    secret: String,
    created_at: i64,
    retired_at: Option<i64>,
}

impl TryFrom<Row> for UrlKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            // Ids are made by counting, one a rotation.
            id: u32::try_from(row.id).unwrap_or(u32::MAX),
            secret: text::<Digest>("url_keys", "secret", row.secret)?.0,
            created_at: row.created_at,
            retired_at: row.retired_at,
        })
    }
}

impl Store {
    /// The keys of signed URLs, the newest first.
    pub async fn url_keys(&self) -> Result<Vec<UrlKey>> {
        sqlx::query_as::<_, Row>(
            "SELECT id, secret, created_at, retired_at FROM url_keys ORDER BY id DESC",
        )
        .fetch_all(self.reader())
        .await?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
    }

    /// Makes `secret` the key that signs from now on, retires the one before, and forgets those retired long ago.
    pub async fn add_url_key(&self, secret: [u8; 32], actor: &str) -> Result<()> {
        let now = unix_now();
        let mut change = self.change().await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT MAX(id) FROM url_keys")
            .fetch_one(&mut *change)
            .await?;
        sqlx::query("DELETE FROM url_keys WHERE retired_at < $1")
            .bind(now - FORGET_AFTER)
            .execute(&mut *change)
            .await?;
        sqlx::query("UPDATE url_keys SET retired_at = $1 WHERE retired_at IS NULL")
            .bind(now)
            .execute(&mut *change)
            .await?;
        let id = last.unwrap_or_default() + 1;
        sqlx::query("INSERT INTO url_keys (id, secret, created_at) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(Digest(secret).to_string())
            .bind(now)
            .execute(&mut *change)
            .await?;
        audit::record(
            &mut change,
            actor,
            "url_key.rotate",
            &id.to_string(),
            json!({}),
        )
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// How often this device's URLs were revoked.
    pub async fn url_revocations(&self, device: &DeviceId) -> Result<i64> {
        let count: Option<i64> =
            sqlx::query_scalar("SELECT count FROM url_revocations WHERE device_id = $1")
                .bind(device.as_str())
                .fetch_optional(self.reader())
                .await?;
        Ok(count.unwrap_or_default())
    }

    /// Makes every URL that was signed for this device worthless.
    pub async fn revoke_urls(&self, device: &DeviceId, actor: &str) -> Result<()> {
        let mut change = self.change().await?;
        sqlx::query(
            "INSERT INTO url_revocations (device_id, count, revoked_at) VALUES ($1, 1, $2) \
             ON CONFLICT (device_id) DO UPDATE SET count = url_revocations.count + 1, revoked_at = $2",
        )
        .bind(device.as_str())
        .bind(unix_now())
        .execute(&mut *change)
        .await?;
        audit::record(
            &mut change,
            actor,
            "device.revoke_urls",
            device.as_str(),
            json!({}),
        )
        .await?;
        change.commit().await?;
        Ok(())
    }
}
