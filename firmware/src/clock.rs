//! Time since boot, by the chip's system timer.

use embassy_time::{Duration, Instant, Timer};
use updraft_agent::Clock;

/// The chip's clock. It knows no time of day.
#[derive(Clone, Copy)]
pub struct ChipClock;

impl Clock for ChipClock {
    fn now_ms(&self) -> u64 {
        Instant::now().as_millis()
    }

    async fn sleep_ms(&self, milliseconds: u64) {
        if milliseconds == 0 {
            embassy_futures::yield_now().await;
        } else {
            Timer::after(Duration::from_millis(milliseconds)).await;
        }
    }
}
