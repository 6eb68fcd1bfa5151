use serde::{Deserialize, Serialize};
use serde_json::Value;
use updraft_protocol::DeviceId;

use crate::changes::Changed;
use crate::events::NewEvent;
use crate::id::{new_id, unix_now};
use crate::store::Change;
use crate::{Result, Store};

/// Who did what to what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct AuditRecord {
    /// Its id; later records have greater ones.
    pub id: String,
    /// When, Unix seconds.
    pub at: i64,
    /// The token's name, `device ID`, or `server`.
    pub actor: String,
    /// What was done, such as `release.publish`.
    pub action: String,
    /// To what, such as a release's id.
    pub subject: String,
    /// The particulars, a JSON object as text.
    pub detail: String,
}

/// Writes an audit record into the transaction that it is about, which tells all nodes by it what changed, and notes the
/// event.
pub(crate) async fn record(
    change: &mut Change,
    actor: &str,
    action: &str,
    subject: &str,
    detail: Value,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(new_id())
    .bind(unix_now())
    .bind(actor)
    .bind(action)
    .bind(subject)
    .bind(detail.to_string())
    .execute(&mut **change)
    .await?;
    change.happens(NewEvent::of_audit(actor, action, subject, detail));
    change.tell(Changed::by(action, subject));
    Ok(())
}

/// Which audit records are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those after this id; empty from the beginning.
    pub after: String,
    /// Those from this time on, Unix seconds.
    pub since: Option<i64>,
    /// Those before this time, Unix seconds.
    pub until: Option<i64>,
    /// Those of this action (`rollout.trip`), or of all that begin with it (`rollout`).
    pub action: String,
    /// Those of this actor.
    pub actor: String,
    /// Those on this subject.
    pub subject: String,
}

impl Store {
    /// Writes the audit record of what somebody did about a device that changes no row of it, such as asking what
    /// there is for it.
    pub async fn note_device(
        &self,
        id: &DeviceId,
        action: &str,
        detail: Value,
        actor: &str,
    ) -> Result<()> {
        let mut change = self.change().await?;
        record(&mut change, actor, action, id.as_str(), detail).await?;
        change.commit().await
    }

    /// Audit records after the given id, the oldest first; from the beginning without one.
    pub async fn audit(&self, after: Option<&str>, limit: u32) -> Result<Vec<AuditRecord>> {
        Ok(sqlx::query_as(
            "SELECT id, at, actor, action, subject, detail FROM audit WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.unwrap_or(""))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?)
    }

    /// The audit records that are wanted, the oldest first, at most so many.
    pub async fn audit_by(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>> {
        Ok(sqlx::query_as(
            "SELECT id, at, actor, action, subject, detail FROM audit
             WHERE id > $1 AND at >= $2 AND at < $3
                 AND ($4 = '' OR action = $4 OR substr(action, 1, length($4) + 1) = $4 || '.')
                 AND ($5 = '' OR actor = $5) AND ($6 = '' OR subject = $6)
             ORDER BY id LIMIT $7",
        )
        .bind(&filter.after)
        .bind(filter.since.unwrap_or(i64::MIN))
        .bind(filter.until.unwrap_or(i64::MAX))
        .bind(&filter.action)
        .bind(&filter.actor)
        .bind(&filter.subject)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?)
    }
}
