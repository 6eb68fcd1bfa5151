//! Rollouts as relays know them.

use std::collections::HashMap;

use updraft_protocol::api::relay::{RelayedDevice, RelayedRollout};
use updraft_rollout::{Plan, Progress};
use updraft_store::RolloutRecord;

use crate::core::Core;
use crate::error::{ApiError, ApiResult};

impl Core {
    /// Every rollout that was started, the oldest first, for a relay of these devices.
    pub(crate) async fn relayed_rollouts(&self, devices: &[RelayedDevice]) -> Vec<RelayedRollout> {
        let mut here: HashMap<&str, u32> = HashMap::new();
        let deployments = devices.iter().flat_map(|device| &device.deployments);
        for deployment in deployments.filter(|deployment| deployment.state.is_open()) {
            if let (Some(rollout), Some(_)) = (&deployment.rollout_id, deployment.step) {
                *here.entry(rollout).or_default() += 1;
            }
        }
        let live = self.rollouts.live.lock().await;
        live.values()
            .filter(|live| live.machine.progress().started_at.is_some())
            .map(|live| {
                let record = &live.record;
                RelayedRollout {
                    id: record.id.clone(),
                    device_type: record.device_type.clone(),
                    release_id: record.release_id.clone(),
                    version: record.version.clone(),
                    name: record.name.clone(),
                    plan: record.plan.clone(),
                    // Numbers and texts always serialise.
                    machine: serde_json::to_string(live.machine.progress()).unwrap_or_default(),
                    elsewhere: live
                        .machine
                        .counts()
                        .open()
                        .saturating_sub(here.get(record.id.as_str()).copied().unwrap_or(0)),
                    created_at: record.created_at,
                    created_by: record.created_by.clone(),
                }
            })
            .collect()
    }
}

/// A rollout as this relay keeps it. One whose plan or machine cannot be read here is refused, and the whole snapshot
/// with it: without it, its release would be offered as if it were nobody's.
pub(crate) fn taken_over(rollout: &RelayedRollout) -> ApiResult<RolloutRecord> {
    let unreadable = |what: &str, why: String| {
        ApiError::unprocessable(
            "snapshot_unreadable",
            format!(
                "rollout {} has a {what} that cannot be read: {why}",
                rollout.id
            ),
        )
        .hint("Is the primary newer than this relay? Upgrade the relay.")
    };
    Plan::new(rollout.plan.clone()).map_err(|error| unreadable("plan", error.to_string()))?;
    let progress: Progress = serde_json::from_str(&rollout.machine)
        .map_err(|error| unreadable("machine", error.to_string()))?;
    Ok(RolloutRecord {
        id: rollout.id.clone(),
        device_type: rollout.device_type.clone(),
        release_id: rollout.release_id.clone(),
        version: rollout.version.clone(),
        name: rollout.name.clone(),
        state: progress.state,
        plan: rollout.plan.clone(),
        machine: rollout.machine.clone(),
        revision: 0,
        created_at: rollout.created_at,
        created_by: rollout.created_by.clone(),
        started_at: progress.started_at,
        started_by: progress.started_by,
        ended_at: progress.ended_at,
    })
}
