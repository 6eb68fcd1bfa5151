//! On a primary: what devices said to relays.

use updraft_protocol::api::relay::{RelayWord, Said, SaidOffer};

use super::entry::Entry;
use super::{By, Devices, VisitError};
use crate::identity::Words;
use crate::published::Published;

/// How long a relay that says nothing keeps its devices' silence from counting, in seconds: a week, as long as its
/// snapshot holds by default. After that the relay is gone, and its devices with it.
const RELAY_PATIENCE_S: i64 = 7 * 24 * 3600;

/// What became of a device's word that came by a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was applied. What it rests on is to be passed to the writer.
    News(u64),
    /// It was applied before, and may still be on its way to the disk: what that rests on is to be passed to the
    /// writer all the same.
    Known(u64),
    /// What it was to rest on gave way to what another node wrote. Nothing was applied.
    GaveWay,
}

impl Devices {
    /// A device's word that came by a relay. `rests_on` is what the word before it, of the same device, rests on: no
    /// later word may be noted as the last one taken where an earlier one gave way.
    pub(crate) fn relayed(
        &self,
        published: &Published,
        relay: &str,
        word: &RelayWord,
        rests_on: Option<u64>,
        now: i64,
    ) -> Result<Heard, VisitError> {
        // A relay's clock may be ahead; what was said was said before now.
        let at = word.at.min(now);
        let mut entry = self.entry(&word.device_id, || word.device_type.clone(), at)?;
        if rests_on.is_some_and(|before| before != entry.basis) {
            return Ok(Heard::GaveWay);
        }
        if !entry.record.relayed.is_news(relay, word.seq) {
            return Ok(Heard::Known(entry.basis));
        }
        let was_waiting = entry.has_news();
        match &word.said {
            Said::Asked(asked) => {
                // What it said here since is newer; words that no device may say are not taken over.
                let is_news = entry.record.device.last_seen.is_none_or(|seen| seen <= at);
                if is_news && let Ok(words) = Words::of_asked(asked) {
                    let device_type = &word.device_type;
                    if entry.record.device.device_type != *device_type {
                        entry.record.device.device_type = device_type.clone();
                    }
                    entry.absorb(&words, published);
                    entry.record.device.last_seen = Some(at);
                    if asked.poll_seconds.is_some() {
                        entry.record.device.poll_seconds = asked.poll_seconds;
                    }
                    entry.prove(&words, published, at);
                }
            }
            Said::Offered(offer) => entry.take_offer(published, offer, at),
            Said::Reported(report) => {
                entry.take_report(published, report, at);
            }
        }
        entry.record.relayed.take(relay, word.seq);
        entry.dirty = true;
        let basis = entry.basis;
        self.after(entry, was_waiting, published, now);
        Ok(Heard::News(basis))
    }

    /// Notes that a relay has told everything it heard before this time.
    pub(crate) fn relay_told(&self, relay: &str, until: i64) {
        let mut known = self.relays.entry(relay.to_owned()).or_insert(until);
        *known = until.max(*known);
    }

    /// Until when this server has heard all that a device said: a device that speaks through a relay may have said
    /// something that the relay could not pass on yet.
    pub(super) fn heard_until(&self, entry: &Entry, now: i64) -> i64 {
        let Some(relay) = &entry.record.relayed.via else {
            return now;
        };
        let told = self.relays.get(relay).map_or(i64::MIN, |until| *until);
        told.max(now.saturating_sub(RELAY_PATIENCE_S)).min(now)
    }
}

impl Entry {
    /// A relay's offer. What was called off meanwhile is called off for this device, too.
    fn take_offer(&mut self, published: &Published, offer: &SaidOffer, at: i64) {
        let Some(offering) = published.offering(&offer.release_id) else {
            tracing::warn!(device = %self.record.device.id, release = offer.release_id, "a relay offered a release that is not known here");
            return;
        };
        let by = offer.rollout_id.clone().zip(offer.step);
        let by = by.map(|(rollout_id, step)| By { rollout_id, step });
        self.note_offer(offering, by.as_ref(), at);
        self.call_off(published, at);
    }
}
