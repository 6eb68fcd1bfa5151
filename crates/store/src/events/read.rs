use serde_json::Value;

use crate::{Result, Store};

/// Events pruned in one transaction: so few that nobody waits for it.
const PRUNE: i64 = 1000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its number: from 1, in the order of the commits, without gaps.
    pub number: i64,
    /// When, Unix seconds.
    pub at: i64,
    /// What, such as `rollout.trip` or `deployment.confirmed`.
    pub kind: String,
    /// To what, such as a device's id.
    pub subject: String,
    /// The rollout it belongs to.
    pub rollout_id: Option<String>,
    /// The token's name, `device ID`, or `server`.
    pub actor: String,
    /// The particulars.
    pub detail: Value,
}

/// Events in order, and what there is of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventRecord>,
    /// The number of the oldest event that is kept; one more than the last if none is.
    pub oldest: i64,
    /// The number of the last event there was.
    pub last: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    at: i64,
    kind: String,
    subject: String,
    rollout_id: String,
    actor: String,
    detail: String,
}

impl From<Row> for EventRecord {
    fn from(row: Row) -> Self {
        Self {
            number: row.number,
            at: row.at,
            kind: row.kind,
            subject: row.subject,
            rollout_id: Some(row.rollout_id).filter(|id| !id.is_empty()),
            actor: row.actor,
            // Written from a value.
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
        }
    }
}

impl Store {
    /// The events after this number, the oldest first, at most so many.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<EventRecord>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, at, kind, subject, rollout_id, actor, detail FROM events
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?;
        Ok(rows.into_iter().map(EventRecord::from).collect())
    }

    /// The same, with what there is.
    pub async fn event_page(&self, after: i64, limit: u32) -> Result<EventPage> {
        let last = self.last_event().await?;
        let oldest: Option<i64> = sqlx::query_scalar("SELECT MIN(number) FROM events")
            .fetch_one(self.reader())
            .await?;
        Ok(EventPage {
            events: self.events(after, limit).await?,
            oldest: oldest.unwrap_or(last + 1),
            last,
        })
    }

    /// The number of the last event there was.
    pub async fn last_event(&self) -> Result<i64> {
        Ok(
            sqlx::query_scalar("SELECT last FROM event_numbers WHERE name = 'events'")
                .fetch_one(self.reader())
                .await?,
        )
    }

    /// Forgets some of the events from before this time, Unix seconds; how many. Call it until it is none.
    pub async fn prune_events(&self, before: i64) -> Result<u64> {
        let mut change = self.beside().await?;
        let done = sqlx::query(
            "DELETE FROM events WHERE number IN
                 (SELECT number FROM events WHERE at < $1 ORDER BY number LIMIT $2)",
        )
        .bind(before)
        .bind(PRUNE)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(done.rows_affected())
    }
}
