use std::sync::Arc;

use updraft_protocol::api::rollout::RolloutState;

use crate::machine::RolloutMachine;
use crate::plan::Plan;
use crate::position::Position;

/// A rollout as far as decisions look at it.
#[derive(Debug, Clone)]
pub struct ActiveRollout {
    /// Its id.
    pub id: String,
    /// The release it gives.
    pub release_id: String,
    /// How it goes.
    pub plan: Arc<Plan>,
    /// Where it stands.
    pub state: RolloutState,
    /// The open step, from 0.
    pub step: Option<u32>,
    /// When it was or is to be started, Unix seconds; none if it never was.
    pub started_at: Option<i64>,
    /// Why it is halted.
    pub halted: Option<String>,
    pub(crate) open_wave: Option<u32>,
    pub(crate) bound: Option<Position>,
    pub(crate) salt: String,
}

impl ActiveRollout {
    /// The rollout of this release, as the machine has it now.
    pub fn new(id: String, release_id: String, machine: &RolloutMachine) -> Self {
        let (plan, progress) = (machine.plan(), machine.progress());
        let step = progress
            .open
            .and_then(|open| plan.steps().get(open as usize));
        Self {
            salt: plan.salt(&release_id).to_owned(),
            id,
            release_id,
            state: progress.state,
            step: progress.open,
            started_at: progress.started_at,
            halted: progress.trip.as_ref().map(|trip| trip.reason.clone()),
            open_wave: step.map(|step| step.wave),
            bound: progress.bound,
            plan: Arc::clone(plan),
        }
    }

    /// The earliest time of a wave, Unix seconds.
    pub(crate) fn wave_opens_at(&self, wave: u32) -> Option<i64> {
        let mut steps = self.plan.steps().iter();
        let first = steps.find(|step| step.wave == wave)?;
        Some(self.started_at?.saturating_add_unsigned(first.not_before_s))
    }
}
