//! What happened, numbered in the order of the commits: written in the transaction of the change itself, read by whoever
//! follows.

mod outcome;
mod read;

use serde_json::Value;

use crate::Result;
use crate::id::unix_now;

pub use outcome::Outcome;
pub use read::{EventPage, EventRecord};

/// Something that happens with the change whose transaction it is noted in.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) rollout_id: String,
    pub(crate) actor: String,
    pub(crate) detail: Value,
}

impl NewEvent {
    /// What an audit record tells, told to those who follow.
    pub(crate) fn of_audit(actor: &str, action: &str, subject: &str, detail: Value) -> Self {
        let rollout_id = if action.starts_with("rollout.") {
            subject.to_owned()
        } else {
            String::new()
        };
        Self {
            kind: action.to_owned(),
            subject: subject.to_owned(),
            rollout_id,
            actor: actor.to_owned(),
            detail,
        }
    }
}

/// Numbers events and writes them: the last thing before a commit, because others wait for their numbers from here on.
pub(crate) async fn write(connection: &mut sqlx::AnyConnection, events: &[NewEvent]) -> Result<()> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar(
        "UPDATE event_numbers SET last = last + $1 WHERE name = 'events' RETURNING last",
    )
    .bind(count)
    .fetch_one(&mut *connection)
    .await?;
    let now = unix_now();
    for (number, event) in (last - count + 1..).zip(events) {
        sqlx::query(
            "INSERT INTO events (number, at, kind, subject, rollout_id, actor, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(number)
        .bind(now)
        .bind(&event.kind)
        .bind(&event.subject)
        .bind(&event.rollout_id)
        .bind(&event.actor)
        .bind(event.detail.to_string())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
