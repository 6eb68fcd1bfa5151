use std::sync::Arc;

use updraft_protocol::DeviceId;
use updraft_protocol::api::DeploymentState;

use super::Devices;
use super::choice::{Choice, OfferMade};
use crate::identity::Words;
use crate::published::{Offering, Published};

/// What a device would be offered, were it to ask now.
#[derive(Debug)]
pub(crate) enum Proposal {
    /// This.
    Offer(OfferMade),
    /// This, which was never offered before: note that durably, then ask again.
    FirstOffer(Arc<Offering>),
    /// Nothing, or there is no such device.
    Nothing,
}

impl Devices {
    /// The release that a device is to install now; none if its way to that stands in one of the states `at_it`.
    /// Nothing is noted.
    pub(crate) fn due(
        &self,
        published: &Published,
        id: &DeviceId,
        words: &Words,
        at_it: &[DeploymentState],
        now: i64,
    ) -> Option<String> {
        let entry = self.entries.get(id)?;
        let chosen = entry.choose(published, words, &self.places, now).ok()?;
        let release = &chosen.offering.release.id;
        let mut deployments = entry.record.device.deployments.iter();
        let is_at_it = deployments.any(|deployment| {
            deployment.release_id == *release && at_it.contains(&deployment.state)
        });
        (!is_at_it).then(|| release.clone())
    }

    /// Decides for a device that did not ask, as if it had with these words, and notes what is offered. Nothing is learned of
    /// the device by it.
    pub(crate) fn propose(
        &self,
        published: &Published,
        id: &DeviceId,
        words: &Words,
        now: i64,
    ) -> Proposal {
        let Some(mut entry) = self.entries.get_mut(id) else {
            return Proposal::Nothing;
        };
        let was_waiting = entry.has_news();
        let choice = entry.offer(published, words, &self.places, now);
        if entry.has_news() {
            self.after(entry, was_waiting, published, now);
        }
        match choice {
            Choice::Offer(granted) => Proposal::Offer(granted),
            Choice::FirstOffer(offering) => Proposal::FirstOffer(offering),
            Choice::Nothing { .. } => Proposal::Nothing,
        }
    }
}
