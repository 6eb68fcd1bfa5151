use serde_json::Value;
use updraft_protocol::api::rollout::RolloutState;

use crate::devices::write_all;
use crate::store::Change;
use crate::{DeviceWrite, Result, Store, StoreError, audit};

/// How a rollout moved on, to be written.
#[derive(Debug, Clone)]
pub struct RolloutWrite {
    /// The rollout.
    pub id: String,
    /// The revision it was moved on from. Another one in the database means that somebody else moved it on, and
    /// nothing is written.
    pub was: u64,
    /// Where it stands now.
    pub state: RolloutState,
    /// Where its machine stands now.
    pub machine: String,
    /// When it was started, Unix seconds.
    pub started_at: Option<i64>,
    /// Who started it.
    pub started_by: Option<String>,
    /// When it came to its end, Unix seconds.
    pub ended_at: Option<i64>,
    /// What is to be remembered of it; counting devices is not.
    pub audit: Vec<RolloutAudit>,
}

/// One line of the audit record.
#[derive(Debug, Clone)]
pub struct RolloutAudit {
    /// The token's name, or `server`.
    pub actor: String,
    /// What was done, such as `rollout.start`.
    pub action: String,
    /// The particulars.
    pub detail: Value,
}

impl Store {
    /// Writes the news of devices and of the rollouts that they moved on, in one transaction: all are durable
    /// when this returns, or none. Fails with [`StoreError::Stale`] if a rollout was moved on by somebody else.
    pub async fn write_moves(
        &self,
        devices: &[DeviceWrite],
        rollouts: &[RolloutWrite],
    ) -> Result<()> {
        if rollouts.is_empty() {
            return self.write_devices(devices).await;
        }
        let mut change = self.change().await?;
        for rollout in rollouts {
            write(&mut change, rollout).await?;
        }
        write_all(&mut change, devices).await?;
        change.commit().await?;
        Ok(())
    }
}

async fn write(change: &mut Change, rollout: &RolloutWrite) -> Result<()> {
    let done = sqlx::query(
        "UPDATE rollouts SET state = $1, machine = $2, revision = $3, started_at = $4, started_by = $5,
             ended_at = $6
         WHERE id = $7 AND revision = $8",
    )
    .bind(rollout.state.as_str())
    .bind(&rollout.machine)
    .bind(rollout.was.saturating_add(1).cast_signed())
    .bind(rollout.started_at)
    .bind(&rollout.started_by)
    .bind(rollout.ended_at)
    .bind(&rollout.id)
    .bind(rollout.was.cast_signed())
    .execute(&mut **change)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Stale {
            rollout: rollout.id.clone(),
        });
    }
    for line in &rollout.audit {
        let detail = line.detail.clone();
        audit::record(change, &line.actor, &line.action, &rollout.id, detail).await?;
    }
    Ok(())
}
