//! A device's ways to releases: what news does to them, and what their rollouts are told.

use updraft_protocol::api::{Deployment, DeploymentState};
use updraft_protocol::{Digest, Report};
use updraft_rollout::deployment::{News, Place, Tally, step};
use updraft_rollout::takes;

use super::choice::view;
use super::entry::Entry;
use super::progress::{Told, news_of};
use crate::identity::Words;
use crate::published::{Offering, Published};
use updraft_store::Outcome;

/// What a rollout is told of one of its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// The rollout.
    pub(crate) rollout_id: String,
    /// The deployment's step.
    pub(crate) step: u32,
    pub(crate) from: Place,
    pub(crate) to: Place,
}

/// By which rollout a release comes, and which of its steps is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) rollout_id: String,
    pub(crate) step: u32,
}

/// Where a deployment stands. One of a rollout that belongs to none of its steps is kept for its failures only: its
/// offer was taken back.
pub(crate) fn place(deployment: &Deployment) -> Place {
    let kept_only = deployment.rollout_id.is_some() && deployment.step.is_none();
    (!kept_only).then_some(deployment.state)
}

impl Entry {
    /// The deployment that news of a release is about: the open one, else the latest.
    pub(super) fn way_to(&self, release_id: &str) -> Option<usize> {
        let deployments = &self.record.device.deployments;
        let of_release = |deployment: &Deployment| deployment.release_id == release_id;
        let open = |deployment: &Deployment| {
            of_release(deployment) && place(deployment).is_some_and(DeploymentState::is_open)
        };
        deployments
            .iter()
            .position(open)
            .or_else(|| deployments.iter().position(of_release))
    }

    /// The deployment by exactly this rollout, or directly.
    pub(super) fn way_by(&self, release_id: &str, rollout_id: Option<&str>) -> Option<usize> {
        self.record
            .device
            .deployments
            .iter()
            .position(|deployment| {
                deployment.release_id == release_id
                    && deployment.rollout_id.as_deref() == rollout_id
            })
    }

    /// A deployment that news made: there was none before.
    pub(super) fn begin(
        &mut self,
        (release_id, version): (&str, &str),
        by: Option<&By>,
        news: News,
        told: &Told,
        now: i64,
    ) -> bool {
        let Some(state) = step(None, news).and_then(|next| next.to) else {
            return false;
        };
        let failed = state.is_failure();
        let mut deployment = Deployment {
            release_id: release_id.to_owned(),
            version: version.to_owned(),
            rollout_id: by.map(|by| by.rollout_id.clone()),
            step: by.map(|by| by.step),
            state,
            reason: None,
            detail: None,
            failures: u32::from(failed),
            started_at: now,
            updated_at: now,
        };
        told.note(&mut deployment, None);
        self.record.device.deployments.insert(0, deployment);
        self.moved(0, None, by.map(|by| by.step));
        true
    }

    /// News of a deployment. Says whether anything changed; what does not follow is passed over, so that reports may
    /// come late or twice.
    pub(super) fn hear(&mut self, index: usize, news: News, told: &Told, now: i64) -> bool {
        let Some(deployment) = self.record.device.deployments.get_mut(index) else {
            return false;
        };
        let from = place(deployment);
        let was_step = deployment.step;
        let Some(next) = step(from, news) else {
            // The same word again may say more.
            let same = matches!(news, News::Ended { .. }) && deployment.state.is_failure();
            let is_new = same && told.note(deployment, from);
            if is_new {
                deployment.updated_at = now;
                self.latest(index);
            }
            return is_new;
        };
        deployment.failures = match next.failures {
            Tally::Same => deployment.failures,
            Tally::OneMore => deployment.failures.saturating_add(1),
            Tally::OneLess => deployment.failures.saturating_sub(1),
            Tally::Zero => 0,
        };
        deployment.updated_at = now;
        match next.to {
            Some(state) => {
                deployment.state = state;
                told.note(deployment, from);
                if deployment.rollout_id.is_some() && deployment.step.is_none() {
                    // Taken back before, and the device works on: it counts where the rollout began.
                    deployment.step = Some(0);
                }
                self.latest(index);
                self.moved(0, from, was_step);
            }
            None => self.take_back(index, from),
        }
        true
    }

    /// A deployment is offered in this step of its rollout.
    pub(super) fn offer_by(&mut self, index: usize, by: &By, now: i64) -> bool {
        let Some(deployment) = self.record.device.deployments.get_mut(index) else {
            return false;
        };
        let from = place(deployment);
        let Some(state) = step(from, News::Offered).and_then(|next| next.to) else {
            return false;
        };
        let was_step = deployment.step;
        deployment.state = state;
        deployment.step = Some(by.step);
        deployment.updated_at = now;
        self.latest(index);
        self.moved(0, from, was_step);
        true
    }

    /// An offer that nothing came of: what remains are the device's failures at the release.
    fn take_back(&mut self, index: usize, from: Place) {
        self.has_moved = true;
        let deployments = &mut self.record.device.deployments;
        let deployment = &mut deployments[index];
        if let (Some(rollout_id), Some(step)) = (&deployment.rollout_id, deployment.step) {
            self.moves.push(Move {
                rollout_id: rollout_id.clone(),
                step,
                from,
                to: None,
            });
        }
        let key = (deployment.release_id.clone(), deployment.rollout_id.clone());
        if deployment.failures > 0 && deployment.rollout_id.is_some() {
            deployment.step = None;
            deployment.state = DeploymentState::Cancelled;
            self.note_changed(key);
        } else {
            self.forget(index);
        }
    }

    /// Forgets a deployment.
    pub(super) fn forget(&mut self, index: usize) {
        let deployment = self.record.device.deployments.remove(index);
        let key = (deployment.release_id, deployment.rollout_id);
        self.changed.retain(|changed| *changed != key);
        self.forgotten.push(key);
    }

    /// Puts a deployment first, as the latest.
    fn latest(&mut self, index: usize) {
        self.record.device.deployments[..=index].rotate_right(1);
    }

    /// Notes what the first deployment's rollout is to be told, and that it is to be written.
    fn moved(&mut self, index: usize, from: Place, was_step: Option<u32>) {
        let deployment = &self.record.device.deployments[index];
        let key = (deployment.release_id.clone(), deployment.rollout_id.clone());
        self.heard.push((from, deployment.state, deployment.reason));
        if !deployment.state.is_open() && from != Some(deployment.state) {
            self.outcomes.push(Outcome {
                device_type: self.record.device.device_type.clone(),
                deployment: deployment.clone(),
            });
        }
        self.has_moved = true;
        if let (Some(rollout_id), Some(step)) = (&deployment.rollout_id, deployment.step) {
            let to = Some(deployment.state);
            let mut tell = |step, from, to| {
                self.moves.push(Move {
                    rollout_id: rollout_id.clone(),
                    step,
                    from,
                    to,
                });
            };
            match was_step {
                Some(was) if was != step && from.is_some() => {
                    tell(was, from, None);
                    tell(step, None, to);
                }
                _ => tell(step, from, to),
            }
        }
        self.note_changed(key);
    }

    /// A report on a release. Says whether it changed anything.
    pub(super) fn reported(
        &mut self,
        report: &Report,
        offering: &Offering,
        published: &Published,
        now: i64,
    ) -> bool {
        let release = &offering.release;
        let Some(news) = news_of(report, release.elf_sha256) else {
            return false;
        };
        let told = Told::of(report);
        if let Some(index) = self.way_to(&release.id) {
            return self.hear(index, news, &told, now);
        }
        let by = self.taken_by(&release.id, published, now);
        let named = (release.id.as_str(), release.version.as_str());
        self.begin(named, by.as_ref(), news, &told, now)
    }

    /// The rollout that an update belongs to whose offer is not known: it may have been forgotten, and came by what decides on
    /// the release now, if that takes the device. What somebody installed by hand elsewhere counts for no rollout.
    fn taken_by(&self, release_id: &str, published: &Published, now: i64) -> Option<By> {
        let by = published.decides(release_id)?;
        let rollout = &published.rollout(&by.rollout_id)?.active;
        let device = view(&self.record, &Words::default());
        let device_type = published.snapshot.device_type(device.device_type)?;
        takes(device_type, rollout, &device, now).then_some(by)
    }

    /// Notes an offer. One that is open already stays as it is: a device asks on while it works.
    pub(super) fn note_offer(&mut self, offering: &Offering, by: Option<&By>, now: i64) {
        let release = &offering.release;
        let rollout_id = by.map(|by| by.rollout_id.as_str());
        self.supersede(&release.id, rollout_id, now);
        let told = Told::default();
        match (self.way_by(&release.id, rollout_id), by) {
            (Some(index), Some(by)) => {
                self.offer_by(index, by, now);
            }
            (Some(index), None) => {
                self.hear(index, News::Offered, &told, now);
            }
            (None, by) => {
                let named = (release.id.as_str(), release.version.as_str());
                self.begin(named, by, News::Offered, &told, now);
            }
        }
    }

    /// What the app that runs, settled, proves of the device's deployments. Says which changed.
    pub(super) fn runs(&mut self, elf_sha256: Digest, published: &Published, now: i64) -> bool {
        if self.record.device.deployments.is_empty() {
            return false;
        }
        let device_type = self.record.device.device_type.as_str();
        let running = published.elf(device_type, elf_sha256);
        let running = running.map(|offering| offering.release.id.clone());
        let mut changed = false;
        if let Some(index) = running.as_deref().and_then(|id| self.way_to(id)) {
            changed |= self.hear(index, News::Proven, &Told::default(), now);
        }
        let others = self.record.device.deployments.len();
        for index in 0..others {
            let deployment = &self.record.device.deployments[index];
            if Some(deployment.release_id.as_str()) != running.as_deref() {
                changed |= self.hear(index, News::OtherRuns, &Told::default(), now);
            }
        }
        changed
    }

    /// One active deployment a device: whatever else is open gives way to this offer.
    pub(super) fn supersede(&mut self, release_id: &str, rollout_id: Option<&str>, now: i64) {
        let count = self.record.device.deployments.len();
        for index in 0..count {
            let deployment = &self.record.device.deployments[index];
            let is_this = deployment.release_id == release_id
                && deployment.rollout_id.as_deref() == rollout_id;
            if !is_this {
                self.hear(index, News::Superseded, &Told::default(), now);
            }
        }
    }
}
