//! Virtual time beside the host's: waiting never runs ahead of what the host's clock allows.

use std::time::{Duration, Instant};

/// How long to let the host sleep before looking at the network again.
const NAP: Duration = Duration::from_micros(500);
/// Instructions run between two looks at the world outside, at most.
const LOOK_AFTER: u64 = 100_000;
/// Virtual time between two looks, in nanoseconds, at most: a slow core answers its network no later than a fast one.
const LOOK_EVERY: u64 = 2_000_000;
/// How far virtual time may run ahead while the processor works, in nanoseconds, before the host
/// sleeps: less than a timer of the host can tell.
const AHEAD: u64 = 2_000_000;

#[derive(Debug)]
pub(super) struct Pace {
    speed: Option<f64>,
    host: Instant,
    virtual_start: u64,
    since_look: u64,
    next_look: u64,
    /// Until when the processor may work before the host's clock is asked again, in nanoseconds.
    limit: u64,
}

impl Pace {
    pub(super) fn new(speed: Option<f64>) -> Pace {
        Pace {
            speed,
            host: Instant::now(),
            virtual_start: 0,
            since_look: LOOK_AFTER,
            next_look: 0,
            limit: 0,
        }
    }

    /// Begins a run at `now` nanoseconds of virtual time.
    pub(super) fn start(&mut self, now: u64) {
        self.host = Instant::now();
        self.virtual_start = now;
        self.since_look = LOOK_AFTER;
        self.limit = now;
    }

    pub(super) fn is_limited(&self) -> bool {
        self.speed.is_some()
    }

    /// Whether it is time to look at the world outside, at `now` nanoseconds; then it is some time until the next look.
    pub(super) fn is_time_to_look(&mut self, now: u64) -> bool {
        if self.since_look < LOOK_AFTER && now < self.next_look {
            return false;
        }
        self.since_look = 0;
        self.next_look = now.saturating_add(LOOK_EVERY);
        true
    }

    /// How long the processor may work without a break that works at `now`; both in nanoseconds.
    pub(super) fn stretch(&self, now: u64) -> u64 {
        if self.is_limited() {
            now.saturating_add(AHEAD)
        } else {
            u64::MAX
        }
    }

    /// The processor ran instructions, and it is `now` nanoseconds. Comes back when the host's clock is there too.
    pub(super) fn worked(&mut self, instructions: u32, now: u64) {
        // An event a few instructions away must not make looks rare.
        self.since_look += u64::from(instructions).max(16);
        while now > self.limit {
            self.limit = self.allowed().saturating_add(AHEAD);
            if now > self.limit {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Until when the processor waits that waits for `until`, both in nanoseconds.
    pub(super) fn wait(&mut self, now: u64, until: u64) -> u64 {
        self.since_look = LOOK_AFTER;
        let allowed = self.allowed();
        if until > allowed && allowed <= now.saturating_add(AHEAD / 2) {
            std::thread::sleep(NAP);
        }
        until.min(self.allowed()).max(now)
    }

    /// How far the host's clock lets virtual time come, in nanoseconds.
    fn allowed(&self) -> u64 {
        let Some(speed) = self.speed else {
            return u64::MAX;
        };
        let elapsed = self.host.elapsed().mul_f64(speed);
        self.virtual_start
            .saturating_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }
}
