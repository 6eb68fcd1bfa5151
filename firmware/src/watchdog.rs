//! The watchdog: a program that hangs is reset.
//!
//! It is the second timer group's. The RTC's would do as well on a chip; Espressif's QEMU has none.

use embassy_time::{Duration, Timer};
use esp_hal::peripherals::TIMG1;
use esp_hal::timer::timg::{MwdtStage, TimerGroup, Wdt};

/// A program that lets its tasks wait for so long hangs.
///
/// The longest that anything here holds up the others is one erased block of flash, 2 s by the datasheets' worst case.
/// On an emulated core of 3 million instructions a second, mounting a full NVS takes half a second, and a hundred
/// rounds of an espota password's hash as much. Ten times the longest is 20 s.
const BITES_AFTER: esp_hal::time::Duration = esp_hal::time::Duration::from_secs(20);
/// How often it is told that all is well.
const FEED: Duration = Duration::from_secs(1);

/// Sets the watchdog.
pub fn start(timers: TIMG1<'static>) -> Wdt<TIMG1<'static>> {
    let mut watchdog = TimerGroup::new(timers).wdt;
    watchdog.set_timeout(MwdtStage::Stage0, BITES_AFTER);
    watchdog.enable();
    watchdog
}

/// Feeds the watchdog for as long as tasks run.
#[embassy_executor::task]
pub async fn feed(mut watchdog: Wdt<TIMG1<'static>>) {
    loop {
        watchdog.feed();
        Timer::after(FEED).await;
    }
}
