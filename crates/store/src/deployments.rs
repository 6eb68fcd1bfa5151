use updraft_protocol::ReasonCode;
use updraft_protocol::api::{Deployment, DeploymentState};

use crate::device_types::number;
use crate::store::Change;
use crate::{Result, StoreError};

/// Which of a device's deployments: the release's id, and the rollout's unless it came directly.
pub type DeploymentKey = (String, Option<String>);

/// A deployment as it is kept, with its release's version.
#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) device_id: String,
    release_id: String,
    rollout_id: String,
    step: Option<i64>,
    version: String,
    state: String,
    reason: Option<String>,
    detail: Option<String>,
    failures: i64,
    started_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Deployment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let state = DeploymentState::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == row.state)
            .ok_or(StoreError::Unreadable {
                table: "deployments",
                column: "state",
                value: row.state,
            })?;
        Ok(Self {
            release_id: row.release_id,
            version: row.version,
            rollout_id: Some(row.rollout_id).filter(|id| !id.is_empty()),
            step: row
                .step
                .map(|step| number("deployments", "step", step))
                .transpose()?,
            state,
            // Reading a reason never fails: unknown ones are `other`.
            reason: row.reason.and_then(|reason| reason.parse().ok()),
            detail: row.detail,
            failures: number("deployments", "failures", row.failures)?,
            started_at: row.started_at,
            updated_at: row.updated_at,
        })
    }
}

/// Deployments...
pub(crate) const SELECT: &str =
    "SELECT a.device_id, a.release_id, a.rollout_id, a.step, r.version, a.state, a.reason, a.detail,
    a.failures, a.started_at, a.updated_at
    FROM deployments a JOIN releases r ON r.id = a.release_id";

/// ... each device's latest news first.
pub(crate) const ORDER: &str = " ORDER BY a.device_id, a.updated_at DESC, a.started_at DESC";

/// Writes a deployment. One whose release is gone meanwhile is not written: it was never offered.
pub(crate) async fn write(
    change: &mut Change,
    device_id: &str,
    deployment: &Deployment,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO deployments
             (device_id, release_id, state, reason, detail, failures, started_at, updated_at, rollout_id, step)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE EXISTS (SELECT 1 FROM releases WHERE id = $2)
         ON CONFLICT (device_id, release_id, rollout_id) DO UPDATE SET
             step = excluded.step,
             state = excluded.state, reason = excluded.reason, detail = excluded.detail,
             failures = excluded.failures, started_at = excluded.started_at,
             updated_at = excluded.updated_at",
    )
    .bind(device_id)
    .bind(&deployment.release_id)
    .bind(deployment.state.as_str())
    .bind(deployment.reason.map(ReasonCode::as_str))
    .bind(&deployment.detail)
    .bind(i64::from(deployment.failures))
    .bind(deployment.started_at)
    .bind(deployment.updated_at)
    .bind(deployment.rollout_id.as_deref().unwrap_or_default())
    .bind(deployment.step.map(i64::from))
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Forgets a deployment: its offer was taken back before anything came of it.
pub(crate) async fn forget(
    change: &mut Change,
    device_id: &str,
    (release_id, rollout_id): &DeploymentKey,
) -> Result<()> {
    sqlx::query(
        "DELETE FROM deployments WHERE device_id = $1 AND release_id = $2 AND rollout_id = $3",
    )
    .bind(device_id)
    .bind(release_id)
    .bind(rollout_id.as_deref().unwrap_or_default())
    .execute(&mut **change)
    .await?;
    Ok(())
}
