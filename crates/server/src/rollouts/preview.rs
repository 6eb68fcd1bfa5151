use std::sync::Arc;

use updraft_protocol::api::rollout::{Preview, RolloutState, TripAction};
use updraft_rollout::deployment::News;
use updraft_rollout::{ActiveRollout, RolloutMachine, Survey};

use super::Live;
use crate::core::Core;
use crate::published::PublishedRollout;

/// A rollout as decisions look at it, with this machine.
pub(crate) fn active(live: &Live, machine: &RolloutMachine) -> ActiveRollout {
    let record = &live.record;
    ActiveRollout::new(record.id.clone(), record.release_id.clone(), machine)
}

impl Live {
    /// What is published of it, once it was started.
    pub(crate) fn published(&self) -> Option<Arc<PublishedRollout>> {
        let progress = self.machine.progress();
        progress.started_at?;
        let halted = progress.state == RolloutState::Halted;
        let trip = progress.trip.as_ref().filter(|_| halted);
        let action = trip.map(|trip| trip.action);
        let revoked = action >= Some(TripAction::Revoke);
        let dropped =
            progress.state == RolloutState::Cancelled || action >= Some(TripAction::Cancel);
        Some(Arc::new(PublishedRollout {
            device_type: self.record.device_type.clone(),
            active: active(self, &self.machine),
            revoked,
            calls_off: match (revoked, dropped) {
                (true, _) => Some(News::Revoke),
                (false, true) => Some(News::Drop),
                (false, false) => None,
            },
        }))
    }
}

impl Core {
    /// Who is there, for a rollout that asks.
    pub(super) fn survey(
        &self,
        live: &Live,
        machine: &RolloutMachine,
        wave: u32,
        now: i64,
    ) -> Survey {
        let active = active(live, machine);
        let device_type = live.record.device_type.as_str();
        self.devices
            .survey(&self.peek(), device_type, &active, wave, now)
    }

    /// What a rollout would do.
    pub(crate) async fn preview(&self, id: &str) -> Option<Preview> {
        let found = self
            .with_rollout(id, |live| {
                let device_type = live.record.device_type.clone();
                (device_type, active(live, &live.machine))
            })
            .await;
        let (device_type, active) = found?;
        let now = self.clock.now();
        Some(
            self.devices
                .preview(&self.peek(), device_type.as_str(), &active, now),
        )
    }

    /// Takes up what was going on when the last server ended: offers as they were, what has to hold, and time.
    pub(crate) async fn take_up(&self) {
        let live = self.rollouts.live.lock().await;
        self.publish_rollouts(&live).await;
        let standing = live
            .iter()
            .map(|(id, live)| (id.clone(), live.machine.standing()))
            .collect();
        for live in live.values() {
            self.wake(live);
        }
        drop(live);
        self.devices.watch_all(&self.published());
        self.perform(standing).await;
    }
}
