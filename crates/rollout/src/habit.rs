use serde::{Deserialize, Serialize};

/// The longest gap between two check-ins that is taken for a habit, in seconds: three weeks, for devices that ask once a
/// week. Longer ones were absences.
const LONGEST_S: i64 = 21 * 24 * 3600;

/// A gap shorter than this is a device that asks again about the same thing (a retry, a reboot), in seconds.
const SHORTEST_S: i64 = 2;

/// How often a device asks, learned from its check-ins. Eight bytes a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habit {
    /// The interval in seconds; 0 while unknown.
    interval_s: u32,
    /// How many gaps were seen, up to [`Habit::SETTLED`].
    seen: u16,
}

impl Habit {
    /// From so many gaps on, each counts for an eighth.
    const SETTLED: u16 = 8;

    /// Takes a check-in at `now` after the one before, both Unix seconds.
    pub fn observe(&mut self, before: i64, now: i64) {
        let gap = now.saturating_sub(before);
        if !(SHORTEST_S..=LONGEST_S).contains(&gap) {
            return;
        }
        // An absence is no habit, once there is one; but a device that was told to ask less often is believed in steps.
        let gap = match self.interval_s {
            0 => gap,
            known => gap.min(i64::from(known) * 4),
        };
        self.seen = (self.seen + 1).min(Self::SETTLED);
        let known = i64::from(self.interval_s);
        let next = known + (gap - known) / i64::from(self.seen);
        self.interval_s = u32::try_from(next).unwrap_or(u32::MAX);
    }

    /// Seconds between two check-ins, if at least one gap was seen.
    pub const fn interval_s(&self) -> Option<u32> {
        match self.interval_s {
            0 => None,
            seconds => Some(seconds),
        }
    }
}
