use serde_json::{Value, json};
use updraft_protocol::api::rollout::RolloutState;

use super::{RolloutRecord, row};
use crate::devices::write_all;
use crate::releases::change::promote;
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
    /// What its release becomes by it.
    pub promotes: Option<Promotion>,
    /// What is to be remembered of it; counting devices is not.
    pub audit: Vec<RolloutAudit>,
}

/// A channel to be pointed at a rollout's release.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// The release.
    pub release_id: String,
    /// The channel's name.
    pub channel: String,
    /// Who does it, for the audit record.
    pub actor: String,
}

/// A rollout that is written with what others became.
#[derive(Debug, Clone)]
pub struct NewRollout {
    /// All of it, which may have been started already.
    pub record: RolloutRecord,
    /// What is to be remembered of it, beside that it was created.
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
    /// Keeps a new rollout, with its audit record.
    pub async fn create_rollout(&self, new: &RolloutRecord, actor: &str) -> Result<()> {
        let mut change = self.change().await?;
        create(&mut change, new, actor).await?;
        change.commit().await
    }

    /// Writes the news of devices, the rollouts that they moved on, and the rollout that one of these makes, in one
    /// transaction: all are durable when this returns, or none. Fails with [`StoreError::Stale`] if a rollout was moved on by
    /// somebody else.
    pub async fn write_moves(
        &self,
        devices: &[DeviceWrite],
        rollouts: &[RolloutWrite],
        new: Option<&NewRollout>,
    ) -> Result<()> {
        if rollouts.is_empty() && new.is_none() {
            if devices.is_empty() {
                return Ok(());
            }
            return self.write_devices(devices).await;
        }
        let mut change = self.change().await?;
        for rollout in rollouts {
            write(&mut change, rollout).await?;
        }
        if let Some(new) = new {
            create(&mut change, &new.record, &new.record.created_by).await?;
            note(&mut change, &new.record.id, &new.audit).await?;
        }
        write_all(&mut change, devices).await?;
        change.commit().await
    }
}

async fn create(change: &mut Change, new: &RolloutRecord, actor: &str) -> Result<()> {
    row::insert(change, new).await?;
    let detail = json!({
        "device_type": new.device_type, "version": new.version, "release": new.release_id,
        "name": new.name, "plan": new.plan,
    });
    audit::record(change, actor, "rollout.create", &new.id, detail).await
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
    if let Some(promotion) = &rollout.promotes
        && !points(change, promotion).await?
    {
        let Promotion {
            release_id,
            channel,
            actor,
        } = promotion;
        promote(change, release_id, channel, actor).await?;
    }
    note(change, &rollout.id, &rollout.audit).await
}

/// Whether the channel points there already.
async fn points(change: &mut Change, promotion: &Promotion) -> Result<bool> {
    let known: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM channels WHERE name = $1 AND release_id = $2")
            .bind(&promotion.channel)
            .bind(&promotion.release_id)
            .fetch_one(&mut **change)
            .await?;
    Ok(known > 0)
}

async fn note(change: &mut Change, id: &str, audit: &[RolloutAudit]) -> Result<()> {
    for line in audit {
        let detail = line.detail.clone();
        audit::record(change, &line.actor, &line.action, id, detail).await?;
    }
    Ok(())
}
