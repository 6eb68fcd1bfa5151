//! Time that jumps to the next moment somebody waits for.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use updraft_agent::Clock;

/// A clock that stands still until [`VirtualClock::jump`].
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Rc<Moments>);

#[derive(Default)]
struct Moments {
    now_ms: Cell<u64>,
    /// The earliest moment anybody waits for, since the last jump.
    awaited_ms: Cell<Option<u64>>,
}

impl VirtualClock {
    /// Goes on to the earliest moment that is waited for. False if nobody waits: then nothing will ever
    /// happen again.
    pub(crate) fn jump(&self) -> bool {
        let Some(next) = self.0.awaited_ms.take() else {
            return false;
        };
        self.0.now_ms.set(next);
        true
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    async fn sleep_ms(&self, milliseconds: u64) {
        let until = self.now_ms().saturating_add(milliseconds);
        poll_fn(|_| {
            if self.now_ms() >= until {
                return Poll::Ready(());
            }
            let earliest = self
                .0
                .awaited_ms
                .get()
                .map_or(until, |other| other.min(until));
            self.0.awaited_ms.set(Some(earliest));
            Poll::Pending
        })
        .await;
    }

    fn unix_time(&self) -> Option<i64> {
        // Some day in 2026, plus the time that has passed.
        Some(1_790_000_000 + (self.now_ms() / 1000).cast_signed())
    }
}
