//! How long to wait between two tries.

use crate::board::System;

/// Seconds before the second, third, … try of a lost connection; then the next poll.
pub(crate) const RETRY_SECONDS: [u32; 5] = [2, 4, 8, 16, 32];

/// A random moment within `percent` either way of `milliseconds`.
pub(crate) fn with_jitter(system: &impl System, milliseconds: u64, percent: u32) -> u64 {
    let spread = milliseconds * u64::from(percent.min(100)) / 100;
    let mut random = [0; 4];
    system.random(&mut random);
    let offset = u64::from(u32::from_le_bytes(random)) % (2 * spread + 1);
    milliseconds - spread + offset
}
