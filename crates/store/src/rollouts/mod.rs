//! Rollouts: how they are drafted, and how they and their devices move on in one transaction.

mod row;
mod write;

use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{RolloutPlan, RolloutState};

pub use write::{NewRollout, Promotion, RolloutAudit, RolloutWrite};

use crate::{Result, Store};
use row::Row;

/// All that is kept of one rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRecord {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// What people call it.
    pub name: Option<String>,
    /// Where it stands.
    pub state: RolloutState,
    /// How it goes.
    pub plan: RolloutPlan,
    /// Where its machine stands: a JSON object, which is the machine's own business.
    pub machine: String,
    /// Grows with every change.
    pub revision: u64,
    /// When it was drafted, Unix seconds.
    pub created_at: i64,
    /// Who drafted it.
    pub created_by: String,
    /// When it was started, Unix seconds.
    pub started_at: Option<i64>,
    /// Who started it.
    pub started_by: Option<String>,
    /// When it came to its end, Unix seconds.
    pub ended_at: Option<i64>,
}

impl Store {
    /// Every rollout, the oldest first.
    pub async fn rollouts(&self) -> Result<Vec<RolloutRecord>> {
        sqlx::query_as::<_, Row>(row::ALL)
            .fetch_all(self.reader())
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }
}
