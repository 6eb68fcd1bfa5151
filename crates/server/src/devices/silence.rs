//! Devices that say nothing: when that is news, and which.

use updraft_protocol::DeviceId;
use updraft_protocol::ReasonCode;
use updraft_protocol::api::rollout::Timers as Limits;
use updraft_protocol::api::{Deployment, DeploymentState};
use updraft_rollout::deployment::{News, Timing, deadline};
use updraft_store::DeploymentKey;

use super::Devices;
use super::entry::Entry;
use super::progress::Told;
use super::ways::place;
use crate::published::Published;
use crate::rollouts::Due;

/// How soon it is looked again whether a relay told more of a device, in seconds.
const RELAY_AGAIN_S: i64 = 5;

impl Entry {
    /// Tells the device's deployments what their rollouts, as they are published, tell all of theirs. Says whether that is
    /// news to one.
    pub(super) fn call_off(&mut self, published: &Published, now: i64) -> bool {
        let told = Told::because(ReasonCode::Cancelled);
        let mut is_news = false;
        for index in 0..self.record.device.deployments.len() {
            let deployment = &self.record.device.deployments[index];
            let id = deployment.rollout_id.as_deref();
            let rollout = id.and_then(|id| published.rollout(id));
            if place(deployment).is_some_and(DeploymentState::is_open)
                && let Some(news) = rollout.and_then(|rollout| rollout.calls_off)
            {
                is_news |= self.hear(index, news, &told, now);
            }
        }
        is_news
    }

    /// When silence on a deployment becomes news, Unix seconds.
    fn deadline(&self, deployment: &Deployment, published: &Published) -> Option<i64> {
        let place = place(deployment);
        let rollout_id = deployment.rollout_id.as_deref();
        if rollout_id.is_none() && place == Some(DeploymentState::Offered) {
            // It holds nobody's place: the device may take its time.
            return None;
        }
        let plan = rollout_id.and_then(|id| published.plan(id));
        let limits = plan.map_or_else(Limits::default, |plan| plan.wire().timers);
        let offset = self.record.device.attributes.utc_offset_minutes;
        let activate_from = plan
            .filter(|plan| !plan.wire().required)
            .and_then(|plan| plan.window())
            .map(|window| {
                window
                    .opening(deployment.updated_at, offset.unwrap_or_default())
                    .from
            });
        let timing = Timing {
            since: deployment.updated_at,
            began: deployment.updated_at,
            activate_from,
            poll_s: self.record.device.poll_seconds,
        };
        deadline(place, &timing, &limits)
    }

    /// What becomes news by silence, and when.
    pub(super) fn deadlines(&self, published: &Published) -> Vec<(i64, DeploymentKey)> {
        let deployments = &self.record.device.deployments;
        deployments
            .iter()
            .filter_map(|deployment| {
                let at = self.deadline(deployment, published)?;
                Some((
                    at,
                    (deployment.release_id.clone(), deployment.rollout_id.clone()),
                ))
            })
            .collect()
    }
}

impl Devices {
    /// Sees to it that silence of these devices is noticed: they were just read from the store.
    pub(crate) fn watch_all(&self, published: &Published) {
        for entry in &self.entries {
            for (at, key) in entry.deadlines(published) {
                self.timers
                    .add(at, Due::Deployment(entry.key().clone(), key));
            }
        }
    }

    /// The time came at which silence on this deployment would be news. Says whether it is.
    pub(crate) fn silent(
        &self,
        published: &Published,
        id: &DeviceId,
        key: &DeploymentKey,
        now: i64,
    ) -> bool {
        let Some(mut entry) = self.entries.get_mut(id) else {
            return false;
        };
        let Some(index) = entry.way_by(&key.0, key.1.as_deref()) else {
            return false;
        };
        let deployment = &entry.record.device.deployments[index];
        let Some(at) = entry.deadline(deployment, published) else {
            return false;
        };
        let heard_until = self.heard_until(&entry, now);
        if at > heard_until {
            // There was news meanwhile, the device asks less often than was thought, or its relay has more to tell.
            drop(entry);
            let again = if at > now {
                at
            } else {
                now.saturating_add(RELAY_AGAIN_S)
            };
            self.timers
                .add(again, Due::Deployment(id.clone(), key.clone()));
            return false;
        }
        let told = match deployment.state {
            DeploymentState::Downloading | DeploymentState::Downloaded => {
                Told::because(ReasonCode::DownloadTimeout)
            }
            _ => Told::default(),
        };
        let was_waiting = entry.has_news();
        let heard = entry.hear(index, News::Deadline, &told, now);
        self.after(entry, was_waiting, published, now);
        heard
    }

    /// Tells a device that is about to be written what its rollouts tell all of theirs: it may have been offered something
    /// in the very moment in which that was called off.
    pub(super) fn call_off(&self, published: &Published, id: &DeviceId, now: i64) {
        if let Some(mut entry) = self.entries.get_mut(id)
            && entry.call_off(published, now)
        {
            let was_waiting = entry.has_news();
            self.after(entry, was_waiting, published, now);
        }
    }

    /// All devices of a rollout are told something.
    pub(crate) fn tell_all_of(&self, rollout_id: &str, news: News, told: &Told, now: i64) {
        for mut entry in self.entries.iter_mut() {
            let was_waiting = entry.has_news();
            // A rollout has one release, so a device has one deployment by it at most.
            let deployments = &entry.record.device.deployments;
            let found = deployments
                .iter()
                .position(|deployment| deployment.rollout_id.as_deref() == Some(rollout_id));
            let Some(index) = found else {
                continue;
            };
            if place(&deployments[index]).is_some() {
                entry.hear(index, news, told, now);
            } else if news == News::Forgiven {
                // It was kept for its failures only.
                entry.forget(index);
            }
            entry.count(&self.metrics);
            entry.settle_places(&self.places, now);
            let is_new = !was_waiting && entry.has_news();
            let id = entry.key().clone();
            drop(entry);
            if is_new {
                self.wait_for_writing(&id);
            }
        }
    }
}
