use std::sync::Arc;

use serde_json::{Value, json};
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{Rollout, RolloutPlan, RolloutState};
use updraft_rollout::{Event, Plan, PlanError, RolloutMachine};
use updraft_store::{RolloutAudit, RolloutRecord, StoreError, new_id};

use super::Live;
use super::commit::{CommitError, Told};
use super::show::show;
use crate::core::Core;

/// What a person tells a rollout.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// The audit record's word for it, such as `rollout.start`.
    pub(crate) action: &'static str,
    /// What the machine is told.
    pub(crate) event: Event,
    /// The particulars, for the audit record.
    pub(crate) detail: Value,
}

/// A rollout to be drafted.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) device_type: DeviceTypeName,
    pub(crate) release_id: String,
    pub(crate) version: String,
    pub(crate) name: Option<String>,
    pub(crate) plan: RolloutPlan,
}

/// Why a rollout was not drafted.
#[derive(Debug)]
pub(crate) enum DraftError {
    /// The plan is not sound.
    Plan(PlanError),
    /// The database did not take it.
    Store(StoreError),
}

impl Core {
    /// Drafts a rollout; its id.
    pub(crate) async fn draft(&self, draft: Draft, actor: &str) -> Result<String, DraftError> {
        let plan = Plan::new(draft.plan.clone()).map_err(DraftError::Plan)?;
        let machine = RolloutMachine::new(Arc::new(plan));
        let progress = machine.progress();
        let record = RolloutRecord {
            id: new_id(),
            device_type: draft.device_type,
            release_id: draft.release_id,
            version: draft.version,
            name: draft.name,
            state: progress.state,
            plan: draft.plan,
            // Numbers and texts always serialise.
            machine: serde_json::to_string(progress).unwrap_or_default(),
            revision: 0,
            created_at: self.clock.now(),
            created_by: actor.to_owned(),
            started_at: None,
            started_by: None,
            ended_at: None,
        };
        let mut live = self.rollouts.live.lock().await;
        self.store
            .create_rollout(&record, actor)
            .await
            .map_err(DraftError::Store)?;
        let id = record.id.clone();
        live.insert(id.clone(), Live { record, machine });
        Ok(id)
    }

    /// Tells a rollout what a person wants, and shows it as it is then.
    pub(crate) async fn command(
        &self,
        id: &str,
        command: Command,
        actor: &str,
    ) -> Result<Rollout, CommitError> {
        // What devices said before counts before.
        self.devices.hurry();
        let was = self
            .with_rollout(id, |live| live.record.state)
            .await
            .ok_or(CommitError::Unknown)?;
        let told = Told {
            id: id.to_owned(),
            event: command.event,
            audit: Some(RolloutAudit {
                actor: actor.to_owned(),
                action: command.action.to_owned(),
                detail: json!({ "was": was, "particulars": command.detail }),
            }),
        };
        self.tell(told).await?;
        self.show(id).await.ok_or(CommitError::Unknown)
    }

    /// One rollout as it stands.
    pub(crate) async fn show(&self, id: &str) -> Option<Rollout> {
        self.see_counts().await;
        let now = self.clock.now();
        self.with_rollout(id, |live| show(live, now)).await
    }

    /// The latest rollouts before the one of this id that are wanted, the latest first.
    pub(crate) async fn list(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Live) -> bool,
    ) -> Vec<Rollout> {
        self.see_counts().await;
        let now = self.clock.now();
        let live = self.rollouts.live.lock().await;
        live.values()
            .rev()
            .filter(|live| before.is_none_or(|before| live.record.id.as_str() < before))
            .filter(|live| wanted(live))
            .take(limit)
            .map(|live| show(live, now))
            .collect()
    }

    /// The state of every rollout.
    pub(crate) async fn rollout_states(&self) -> Vec<RolloutState> {
        let live = self.rollouts.live.lock().await;
        live.values().map(|live| live.record.state).collect()
    }

    /// Looks at one rollout.
    pub(crate) async fn with_rollout<T>(
        &self,
        id: &str,
        look: impl FnOnce(&Live) -> T,
    ) -> Option<T> {
        self.rollouts.live.lock().await.get(id).map(look)
    }
}
