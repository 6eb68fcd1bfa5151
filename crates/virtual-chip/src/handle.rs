//! Reaching a chip that runs on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops and resets a running chip, from any thread. Clones reach the same chip.
#[derive(Clone, Debug, Default)]
pub struct ChipHandle {
    wishes: Arc<Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    stop: AtomicBool,
    power_cycle: AtomicBool,
}

impl ChipHandle {
    /// Lets [`VirtualChip::run`](crate::VirtualChip::run) come back, within milliseconds.
    pub fn stop(&self) {
        self.wishes.stop.store(true, Ordering::Relaxed);
    }

    /// Takes the power away and gives it back, between two instructions.
    pub fn power_cycle(&self) {
        self.wishes.power_cycle.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_stop(&self) -> bool {
        self.wishes.stop.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn take_power_cycle(&self) -> bool {
        self.wishes.power_cycle.swap(false, Ordering::Relaxed)
    }
}
