use std::time::Duration;

use crate::position::Position;

/// Devices are not told to ask more often than this, in seconds.
pub const SHORTEST_POLL_S: u32 = 5;

/// Under load no device is told to stay away for longer, in seconds: a rollout that is halted must be heard of.
pub const LONGEST_POLL_S: u32 = 24 * 3600;

/// Devices whose time comes at the same moment, such as when a window opens, ask within this many seconds after it.
pub const RUSH_S: u32 = 300;

/// So many times slower devices are told to ask when the server has no room left at all.
const SLOWEST: u64 = 8;

/// From this share of its capacity on, in basis points, a server slows devices down.
const BUSY_BP: u64 = 7000;

/// Who is to ask again, and what is known of the time until then.
#[derive(Debug, Clone, Copy)]
pub struct NextPoll<'a> {
    /// The device's name, or whatever tells it from others.
    pub device_id: &'a str,
    /// How often it asks on an ordinary day.
    pub interval: Duration,
    /// How busy the server is, in basis points of its capacity.
    pub load_bp: u32,
    /// When the decision's answer changes by itself ([`crate::Verdict::changes_at`]), Unix seconds.
    pub changes_at: Option<i64>,
}

/// A number of seconds below `within` that is the device's own: the same each time, and others for others.
pub fn spread(device_id: &str, within: u32) -> u32 {
    let hash = Position::of("poll", device_id).hash;
    // Less than `within`, which fits.
    (hash % u64::from(within.max(1))) as u32
}

/// In how many seconds the device is to ask again.
///
/// Each device has a place of its own within the interval, by a hash of its name, and keeps it: devices that were switched on
/// together are spread after one poll. Where the answer changes before that, it asks soon after the change, spread over
/// [`RUSH_S`] (or a whole interval, if that is shorter). Above 70 % load, intervals grow up to eight times.
pub fn next_poll(ask: &NextPoll<'_>, now: i64) -> u32 {
    let shortest = u64::from(SHORTEST_POLL_S);
    let longest = u64::from(LONGEST_POLL_S);
    let ordinary = ask.interval.as_secs().clamp(shortest, longest);
    let over = u64::from(ask.load_bp).clamp(BUSY_BP, 10_000) - BUSY_BP;
    let slowed = ordinary + ordinary * (SLOWEST - 1) * over / (10_000 - BUSY_BP);
    let interval = slowed.min(longest.max(ordinary));
    let hash = Position::of("poll", ask.device_id).hash;
    // The next of the device's own moments that is at least half an interval away.
    let now_s = now.max(0).unsigned_abs();
    let earliest = now_s + interval / 2;
    let place = hash % interval;
    let regular = earliest + (place + interval - earliest % interval) % interval;
    let wait = regular - now_s;
    let rush = ask.changes_at.filter(|at| *at > now).map(|at| {
        let spread = hash % u64::from(RUSH_S).min(interval);
        at.abs_diff(now).saturating_add(spread)
    });
    let wait = rush.map_or(wait, |rush| rush.min(wait));
    u32::try_from(wait.max(shortest)).unwrap_or(LONGEST_POLL_S)
}
