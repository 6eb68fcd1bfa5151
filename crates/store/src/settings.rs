use serde_json::json;

use crate::id::unix_now;
use crate::store::Change;
use crate::{Result, Store, TokenHash, audit};

/// The setting that holds the hash of the key devices enrol with.
const ENROLMENT_KEY: &str = "enrolment_key";

/// Something that all nodes agree on.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Setting {
    /// What it is set to.
    pub value: String,
    /// How often it was set.
    pub revision: i64,
}

impl Store {
    /// A setting, if it was ever set.
    pub async fn setting(&self, name: &str) -> Result<Option<Setting>> {
        Ok(
            sqlx::query_as("SELECT value, revision FROM settings WHERE name = $1")
                .bind(name)
                .fetch_optional(self.reader())
                .await?,
        )
    }

    /// Sets a setting that still has the revision `known` (0: was never set), with its audit record in the same
    /// transaction. Of several nodes that act on one revision, one is told that it did: what must happen once is
    /// done by that one. `action` and `actor` are for the record.
    pub async fn compare_and_set(
        &self,
        name: &str,
        known: i64,
        value: &str,
        action: &str,
        actor: &str,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        if !advance(&mut change, name, known, value).await? {
            return Ok(false);
        }
        let detail = json!({ "revision": known + 1 });
        audit::record(&mut change, actor, action, name, detail).await?;
        change.commit().await?;
        Ok(true)
    }

    /// The hash of the key that devices enrol with, if there is one.
    pub async fn enrolment_key(&self) -> Result<Option<TokenHash>> {
        self.setting(ENROLMENT_KEY)
            .await?
            .map(|setting| TokenHash::from_text("settings", "value", setting.value))
            .transpose()
    }

    /// Makes this the key that devices enrol with. Says whether that is news.
    pub async fn set_enrolment_key(&self, hash: TokenHash) -> Result<bool> {
        loop {
            let current = self.setting(ENROLMENT_KEY).await?;
            let value = hash.to_text();
            if current
                .as_ref()
                .is_some_and(|current| current.value == value)
            {
                return Ok(false);
            }
            let known = current.map_or(0, |current| current.revision);
            if self.set_key(known, &value).await? {
                return Ok(true);
            }
        }
    }

    /// Makes this the key that devices enrol with, if there is none. Of several servers that start at once on an
    /// empty database, one is told that it did.
    pub async fn claim_enrolment_key(&self, hash: TokenHash) -> Result<bool> {
        self.set_key(0, &hash.to_text()).await
    }

    async fn set_key(&self, known: i64, value: &str) -> Result<bool> {
        self.compare_and_set(ENROLMENT_KEY, known, value, "enrolment.key", "server")
            .await
    }
}

/// Sets a setting that has this revision, and says whether it had.
async fn advance(change: &mut Change, name: &str, known: i64, value: &str) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO settings (name, value, revision, updated_at)
         SELECT $1, $2, $3, $4
         WHERE $5 = 0 OR EXISTS (SELECT 1 FROM settings WHERE name = $1)
         ON CONFLICT (name) DO UPDATE SET
             value = excluded.value, revision = excluded.revision, updated_at = excluded.updated_at
         WHERE settings.revision = $5",
    )
    .bind(name)
    .bind(value)
    .bind(known + 1)
    .bind(unix_now())
    .bind(known)
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() > 0)
}
