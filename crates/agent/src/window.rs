//! Downloaded early, started in its window: an offer may say that its app starts no sooner, or no later, than a while
//! after the answer that brought it.
//!
//! A held app waits whole and verified in its slot, and nothing else does: no session, no timer that a reset would lose.
//! The device goes on polling, so that it can still be called off; the next offer of the same file finds it there.

use updraft_protocol::{Offer, UpdateStatus};

use crate::board::{Board, Clock};
use crate::event::Event;
use crate::failure::Failure;
use crate::updater::Updater;

/// When an offered app may be started, by the device's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    opens_ms: u64,
    closes_ms: Option<u64>,
}

/// An app is whole in its slot, and not to be started yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Milliseconds until its window opens; none if that was missed, and the server must name the next one.
    pub(crate) opens_in_ms: Option<u64>,
}

impl Window {
    /// The window of an offer that came at `now_ms`.
    pub(crate) fn of(offer: &Offer, now_ms: u64) -> Self {
        let after = |seconds: u32| now_ms.saturating_add(u64::from(seconds) * 1000);
        Self {
            opens_ms: after(offer.activate_after_seconds),
            closes_ms: offer.activate_within_seconds.map(after),
        }
    }

    /// What keeps the app from being started at `now_ms`; none while the window is open.
    pub(crate) fn hold(&self, now_ms: u64) -> Option<Held> {
        if now_ms < self.opens_ms {
            let opens_in_ms = Some(self.opens_ms - now_ms);
            return Some(Held { opens_in_ms });
        }
        let missed = self.closes_ms.is_some_and(|closes| now_ms > closes);
        missed.then_some(Held { opens_in_ms: None })
    }
}

impl<B: Board> Updater<B> {
    /// Whether the offered app must wait, and waits already: then there is nothing to do.
    pub(crate) fn waits_for(
        &self,
        offer: &Offer,
        window: &Window,
    ) -> Result<Option<Held>, Failure> {
        let Some(held) = window.hold(self.clock.now_ms()) else {
            return Ok(None);
        };
        let is_whole = self.memory(|memory| {
            let begun = memory.install()?.filter(|install| {
                install.offer.checksum == offer.checksum && install.offer.size == offer.size
            });
            Ok(begun.is_some() && memory.written()? == offer.size)
        })?;
        Ok(is_whole.then_some(held))
    }

    /// The verified app waits from now on.
    pub(crate) async fn hold(&self, offer: &Offer, held: Held) -> Held {
        self.lights.end();
        self.show(&Event::Held {
            version: &offer.version,
            opens_in_ms: held.opens_in_ms,
        });
        self.mention(&offer.into(), UpdateStatus::Downloaded).await;
        held
    }
}
