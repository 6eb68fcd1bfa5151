//! The cable: two bounded queues of frames, what is lost between them, and whether it is plugged in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::builder::Loss;
use super::network::Counts;

/// Frames that may wait for either end. More are lost: a burst of a whole window of 64 KiB fits five times.
const MAX_WAITING: usize = 256;
/// Frames for the guest from which on connections hold back theirs, so that a slow guest loses none of them.
const ENOUGH: usize = 64;

/// The cable, shared by its two ends.
pub(super) struct Cable {
    state: Mutex<State>,
    gateway: Waker,
}

struct State {
    to_gateway: VecDeque<Vec<u8>>,
    to_guest: VecDeque<Vec<u8>>,
    loss: Option<(Loss, StdRng)>,
    up: bool,
    /// The gateway has more for the guest and waits for room.
    held_back: bool,
    stopped: bool,
    counts: Counts,
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").finish_non_exhaustive()
    }
}

impl State {
    /// Whether a frame that is sent now does not arrive.
    fn loses(&mut self) -> bool {
        let lost = !self.up
            || match &mut self.loss {
                Some((loss, random)) => random.random_range(0..1000) < loss.per_mille,
                None => false,
            };
        self.counts.lost += u64::from(lost);
        lost
    }
}

impl Cable {
    /// A cable that is plugged in. `gateway` is woken when there is something for the gateway to do.
    pub(super) fn new(gateway: Waker, loss: Option<Loss>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                to_gateway: VecDeque::new(),
                to_guest: VecDeque::new(),
                loss: loss.map(|loss| (loss, StdRng::seed_from_u64(loss.seed))),
                up: true,
                held_back: false,
                stopped: false,
                counts: Counts::default(),
            }),
            gateway,
        })
    }

    /// No code that holds the lock can panic, so that what a panic elsewhere left is sound.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_gateway(&self) {
        // It fails only where the event queue is gone, and with it the gateway.
        let _ = self.gateway.wake();
    }

    /// A frame from the guest.
    pub(super) fn guest_sends(&self, frame: &[u8]) {
        let mut state = self.state();
        state.counts.from_guest += 1;
        if state.loses() {
            return;
        }
        if state.to_gateway.len() >= MAX_WAITING {
            state.counts.lost += 1;
            return;
        }
        let first = state.to_gateway.is_empty();
        state.to_gateway.push_back(frame.to_vec());
        drop(state);
        if first {
            self.wake_gateway();
        }
    }

    /// The next frame for the guest.
    pub(super) fn guest_takes(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        let frame = state.to_guest.pop_front()?;
        let wake = state.held_back && state.to_guest.len() < ENOUGH;
        state.held_back &= !wake;
        drop(state);
        if wake {
            self.wake_gateway();
        }
        Some(frame)
    }

    /// The next frame from the guest.
    pub(super) fn gateway_takes(&self) -> Option<Vec<u8>> {
        self.state().to_gateway.pop_front()
    }

    /// Whether connections may send the guest a frame. If not, the gateway is woken once they may.
    pub(super) fn has_room(&self) -> bool {
        let mut state = self.state();
        state.held_back = state.to_guest.len() >= ENOUGH;
        !state.held_back
    }

    /// A frame from the gateway.
    pub(super) fn gateway_sends(&self, frame: Vec<u8>) {
        let mut state = self.state();
        if state.loses() {
            return;
        }
        if state.to_guest.len() >= MAX_WAITING {
            state.counts.lost += 1;
            return;
        }
        state.counts.to_guest += 1;
        state.to_guest.push_back(frame);
    }

    /// Plugs the cable in or pulls it; what was on its way is lost then.
    pub(super) fn set_up(&self, up: bool) {
        let mut state = self.state();
        state.up = up;
        if !up {
            let on_their_way = state.to_gateway.len() + state.to_guest.len();
            state.counts.lost += on_their_way as u64;
            state.to_gateway.clear();
            state.to_guest.clear();
        }
        drop(state);
        self.wake_gateway();
    }

    pub(super) fn is_up(&self) -> bool {
        self.state().up
    }

    pub(super) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Has the gateway's thread end.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.wake_gateway();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Wakes the gateway, for something that came by another way than the cable.
    pub(super) fn nudge(&self) {
        self.wake_gateway();
    }
}
