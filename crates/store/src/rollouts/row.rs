use updraft_protocol::api::rollout::RolloutState;

use super::RolloutRecord;
use crate::device_types::text;
use crate::store::Change;
use crate::{Result, StoreError};

const TABLE: &str = "rollouts";

/// Every rollout, with its release's version.
pub(super) const ALL: &str =
    "SELECT o.id, o.device_type, o.release_id, r.version, o.name, o.state, o.plan, o.machine, o.revision,
         o.created_at, o.created_by, o.started_at, o.started_by, o.ended_at
     FROM rollouts o JOIN releases r ON r.id = o.release_id
     ORDER BY o.id";

/// A rollout as it is kept.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    device_type: String,
    release_id: String,
    version: String,
    name: Option<String>,
    state: String,
    plan: String,
    machine: String,
    revision: i64,
    created_at: i64,
    created_by: String,
    started_at: Option<i64>,
    started_by: Option<String>,
    ended_at: Option<i64>,
}

fn unreadable(column: &'static str, value: String) -> StoreError {
    StoreError::Unreadable {
        table: TABLE,
        column,
        value,
    }
}

impl TryFrom<Row> for RolloutRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let state = RolloutState::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == row.state)
            .ok_or_else(|| unreadable("state", row.state))?;
        let plan = serde_json::from_str(&row.plan);
        Ok(Self {
            id: row.id,
            device_type: text(TABLE, "device_type", row.device_type)?,
            release_id: row.release_id,
            version: row.version,
            name: row.name,
            state,
            plan: plan.map_err(|_| unreadable("plan", row.plan))?,
            machine: row.machine,
            revision: u64::try_from(row.revision)
                .map_err(|_| unreadable("revision", row.revision.to_string()))?,
            created_at: row.created_at,
            created_by: row.created_by,
            started_at: row.started_at,
            started_by: row.started_by,
            ended_at: row.ended_at,
        })
    }
}

/// Writes a new rollout.
pub(super) async fn insert(change: &mut Change, new: &RolloutRecord) -> Result<()> {
    let plan =
        serde_json::to_string(&new.plan).map_err(|error| unreadable("plan", error.to_string()))?;
    sqlx::query(
        "INSERT INTO rollouts (id, device_type, release_id, name, state, plan, machine, revision, created_at,
             created_by, started_at, started_by, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&new.id)
    .bind(new.device_type.as_str())
    .bind(&new.release_id)
    .bind(&new.name)
    .bind(new.state.as_str())
    .bind(plan)
    .bind(&new.machine)
    .bind(new.revision.cast_signed())
    .bind(new.created_at)
    .bind(&new.created_by)
    .bind(new.started_at)
    .bind(&new.started_by)
    .bind(new.ended_at)
    .execute(&mut **change)
    .await?;
    Ok(())
}
