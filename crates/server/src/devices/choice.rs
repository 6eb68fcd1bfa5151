//! What a device gets: decided, noted, and counted against the caps.

use std::sync::Arc;

use updraft_protocol::api::rollout::Caps;
use updraft_rollout::{DeviceView, Moment, Pin, Whereabouts, decide};
use updraft_store::DeviceRecord;

use super::entry::Entry;
use super::places::{Places, PlacesAt};
use super::ways::By;
use crate::identity::Words;
use crate::published::{Offering, Published, Terms};

/// What is to be offered, and how.
pub(super) struct Chosen {
    pub(super) offering: Arc<Offering>,
    by: Option<By>,
    terms: Terms,
    /// Whether only so many may be under way.
    is_capped: bool,
}

/// An offer as it is made.
#[derive(Debug)]
pub(crate) struct OfferMade {
    pub(crate) offering: Arc<Offering>,
    /// How it is offered.
    pub(crate) terms: Terms,
    /// Whether only so many may be under way: then others have to learn of it at once.
    pub(crate) is_capped: bool,
}

/// What a device gets.
pub(super) enum Choice {
    Offer(OfferMade),
    /// An offer that must be noted durably first.
    FirstOffer(Arc<Offering>),
    Nothing {
        running: Option<Arc<Offering>>,
        /// When time alone changes that, Unix seconds.
        changes_at: Option<i64>,
    },
}

impl Entry {
    /// Decides, and notes what is offered.
    pub(super) fn offer(
        &mut self,
        published: &Published,
        words: &Words,
        places: &Places,
        now: i64,
    ) -> Choice {
        let chosen = match self.choose(published, words, places, now) {
            Ok(chosen) => chosen,
            Err(changes_at) => {
                let device = &self.record.device;
                let running = device.version.as_deref().and_then(|version| {
                    published
                        .version(device.device_type.as_str(), version)
                        .cloned()
                });
                return Choice::Nothing {
                    running,
                    changes_at,
                };
            }
        };
        if !chosen.offering.is_offered() {
            return Choice::FirstOffer(chosen.offering);
        }
        let _turn = chosen.is_capped.then(|| places.turn());
        let chosen = if chosen.is_capped {
            // Somebody may have taken the last place meanwhile.
            self.choose(published, words, places, now)
        } else {
            Ok(chosen)
        };
        let Ok(chosen) = chosen else {
            return Choice::Nothing {
                running: None,
                changes_at: None,
            };
        };
        self.note_offer(&chosen.offering, chosen.by.as_ref(), now);
        self.settle_places(places, now);
        Choice::Offer(OfferMade {
            offering: chosen.offering,
            terms: chosen.terms,
            is_capped: chosen.is_capped,
        })
    }

    /// What is to be offered; if nothing, when time alone will change that.
    pub(super) fn choose(
        &self,
        published: &Published,
        words: &Words,
        places: &Places,
        now: i64,
    ) -> Result<Chosen, Option<i64>> {
        let ledger = PlacesAt(places, now);
        let moment = Moment {
            now,
            ledger: &ledger,
        };
        let view = view(&self.record, words);
        let verdict = decide(&published.snapshot, &view, &moment);
        let granted = verdict.offer.ok_or(verdict.changes_at)?;
        let offering = published
            .offering(&granted.candidate.release.id)
            .ok_or(None)?
            .clone();
        let is_capped = granted
            .rollout
            .is_some_and(|rollout| rollout.plan.wire().caps != Caps::default());
        Ok(Chosen {
            offering,
            by: granted.rollout.zip(granted.step).map(|(rollout, step)| By {
                rollout_id: rollout.id.clone(),
                step,
            }),
            terms: Terms::of(&granted, now),
            is_capped,
        })
    }
}

/// A device as the rules see it when it says these words. Only the slot's state of this moment counts: a remembered trial
/// is over.
pub(crate) fn view<'a>(record: &'a DeviceRecord, words: &Words) -> DeviceView<'a> {
    let device = &record.device;
    DeviceView {
        id: Some(device.id.as_str()),
        device_type: device.device_type.as_str(),
        version: device.version.as_deref(),
        chip: record.chip.as_deref(),
        secure_version: record.secure_version,
        slot_size: record.slot_size,
        state: words.state,
        can_wait: words.can_wait,
        channel: &device.channel,
        whereabouts: Whereabouts::from(&device.attributes),
        pin: device.pin.as_deref().map(Pin::to),
        hold: device.hold.as_ref(),
        deployments: &device.deployments,
    }
}
