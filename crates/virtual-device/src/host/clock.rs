//! Time that may run faster than the host's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use updraft_agent::Clock;

/// A clock that runs `speed` times as fast as the host's, so that a device's five minutes can be shown in
/// seconds. Time the flash was busy is waited for, too.
#[derive(Debug, Clone)]
pub struct HostClock {
    began: Instant,
    speed: u32,
    flash_busy_us: Arc<AtomicU64>,
}

impl HostClock {
    /// A clock starting now. `flash_busy_us` counts microseconds of flash work not waited for yet.
    pub fn new(speed: u32, flash_busy_us: Arc<AtomicU64>) -> Self {
        Self {
            began: Instant::now(),
            speed: speed.max(1),
            flash_busy_us,
        }
    }

    async fn sleep_us(&self, microseconds: u64) {
        let real = Duration::from_micros(microseconds / u64::from(self.speed));
        // The host's timer counts in milliseconds: what is shorter is left to add up.
        if real >= Duration::from_millis(1) {
            tokio::time::sleep(real).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

impl Clock for HostClock {
    fn now_ms(&self) -> u64 {
        let real = self.began.elapsed().as_millis();
        u64::try_from(real)
            .unwrap_or(u64::MAX)
            .saturating_mul(u64::from(self.speed))
    }

    async fn sleep_ms(&self, milliseconds: u64) {
        let busy = self.flash_busy_us.swap(0, Ordering::Relaxed);
        let short = busy < u64::from(self.speed) * 1000;
        if short && milliseconds == 0 {
            self.flash_busy_us.fetch_add(busy, Ordering::Relaxed);
            tokio::task::yield_now().await;
        } else {
            self.sleep_us(busy + milliseconds * 1000).await;
        }
    }

    fn unix_time(&self) -> Option<i64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }
}
