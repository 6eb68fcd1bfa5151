//! Rehearsals: what a plan would do with the devices this server knows, or with made-up ones.

use std::sync::Arc;

use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{
    RehearsalReport, RehearsalTerms, RolloutPlan, SyntheticFleet,
};
use updraft_rollout::rehearsal::{Study, StudyError, VirtualFleet};
use updraft_rollout::{ActiveRollout, Plan, PlanError, RolloutMachine};

use crate::core::Core;

/// Events played out at most: some 20 s of one core.
const MAX_EVENTS: u64 = 10_000_000;

/// What is to be rehearsed.
#[derive(Debug)]
pub(crate) struct ToRehearse {
    pub(crate) device_type: DeviceTypeName,
    pub(crate) release_id: String,
    pub(crate) plan: RolloutPlan,
    /// A made-up fleet, or the recorded one.
    pub(crate) fleet: Option<SyntheticFleet>,
    pub(crate) terms: RehearsalTerms,
    /// How often a device asks whose habit is not known, in seconds.
    pub(crate) poll_s: u32,
}

/// Why nothing was rehearsed.
#[derive(Debug)]
pub(crate) enum RehearseError {
    Plan(PlanError),
    Study(StudyError),
    /// The type or its release is gone.
    NotFound,
}

impl Core {
    /// The device type, release and plan of a rollout.
    pub(crate) async fn what_to_rehearse(
        &self,
        id: &str,
    ) -> Option<(DeviceTypeName, String, RolloutPlan)> {
        self.with_rollout(id, |live| {
            let record = &live.record;
            (
                record.device_type.clone(),
                record.release_id.clone(),
                record.plan.clone(),
            )
        })
        .await
    }

    /// Rehearses. It takes seconds of a processor: call it where nobody waits for the thread.
    pub(crate) fn rehearse(&self, what: ToRehearse) -> Result<RehearsalReport, RehearseError> {
        let plan = Arc::new(Plan::new(what.plan.clone()).map_err(RehearseError::Plan)?);
        let published = self.published();
        let known = published.snapshot.device_type(what.device_type.as_str());
        let device_type = known.ok_or(RehearseError::NotFound)?.clone();
        let mut releases = device_type.releases().iter();
        if !releases.any(|candidate| candidate.release.id == what.release_id) {
            return Err(RehearseError::NotFound);
        }
        let now = self.clock.now();
        let fleet = if let Some(synthetic) = &what.fleet {
            VirtualFleet::alike(synthetic, what.terms.bytes_per_s)
        } else {
            let machine = RolloutMachine::new(plan.clone());
            let rollout = ActiveRollout::new(String::new(), what.release_id.clone(), &machine);
            self.recorded_fleet(&what, &rollout, now)
        };
        let study = Study {
            plan,
            device_type,
            release_id: what.release_id,
            start: now,
            terms: what.terms,
            max_events: MAX_EVENTS,
        };
        study.run(&fleet).map_err(RehearseError::Study)
    }

    fn recorded_fleet(&self, what: &ToRehearse, rollout: &ActiveRollout, now: i64) -> VirtualFleet {
        let device_type = what.device_type.as_str();
        let release = self.peek().offering(&what.release_id).cloned();
        let version = release.map(|offering| offering.release.version.clone());
        let mut kinds = self.devices.kinds(device_type, rollout, now);
        // The same fleet is rehearsed the same way every time.
        kinds.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut fleet = VirtualFleet::default();
        for (id, (mut kind, poll_s, pin)) in kinds {
            kind.poll_s = poll_s.unwrap_or(what.poll_s).max(1);
            kind.bytes_per_s = what.terms.bytes_per_s.max(1);
            kind.is_kept_back |= pin.is_some() && pin != version;
            fleet.add(id.as_str(), &kind);
        }
        fleet
    }
}
