use updraft_protocol::api::rollout::{Day, Window};

use crate::plan::PlanError;

const DAY_S: i64 = 24 * 3600;

/// Devices keep local times from twelve hours behind UTC to fourteen ahead; anything beyond is taken for that, in minutes.
const OFFSETS: (i16, i16) = (-12 * 60, 14 * 60);

/// A maintenance window, ready to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalWindow {
    /// Seconds after local midnight.
    start_s: i64,
    /// How long it stays open, in seconds: at most a day.
    length_s: i64,
    /// Bit 0 is Monday.
    days: u8,
    /// Whether downloads need not wait for it.
    pub download_early: bool,
}

/// One opening of a window, Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The first second.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
}

impl LocalWindow {
    pub(crate) fn new(window: &Window) -> Result<Self, PlanError> {
        let start = i64::from(window.start.minutes());
        let end = i64::from(window.end.minutes());
        if start == end {
            return Err(PlanError::EmptyWindow);
        }
        let mut days = 0;
        for (bit, day) in Day::WEEK.iter().enumerate() {
            if window.days.is_empty() || window.days.contains(day) {
                days |= 1 << bit;
            }
        }
        Ok(Self {
            start_s: start * 60,
            length_s: (end - start).rem_euclid(24 * 60) * 60,
            days,
            download_early: window.download_early,
        })
    }

    /// The opening that is now, or the next one, for a device whose local time is so many minutes ahead of UTC.
    pub fn opening(&self, now: i64, utc_offset_minutes: i16) -> Opening {
        let ahead = i64::from(utc_offset_minutes.clamp(OFFSETS.0, OFFSETS.1)) * 60;
        let today = (now + ahead).div_euclid(DAY_S);
        // Yesterday's may still be open; a window of one day a week is at most a week away.
        for day in today - 1..=today + 7 {
            // 1970-01-01 was a Thursday, the fourth day.
            let weekday = (day + 3).rem_euclid(7);
            let from = day * DAY_S + self.start_s - ahead;
            let until = from + self.length_s;
            if self.days >> weekday & 1 == 1 && until > now {
                return Opening { from, until };
            }
        }
        unreachable!("a window opens on at least one day of the week")
    }
}

impl Opening {
    /// Whether it is open.
    pub const fn is_open(&self, now: i64) -> bool {
        self.from <= now
    }
}
