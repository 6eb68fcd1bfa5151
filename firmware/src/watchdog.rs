//! The watchdog: a program that hangs is reset.
//!
//! It is the second timer group's. The RTC's would do as well on a chip; Espressif's QEMU has none.

use core::cell::RefCell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
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

/// The watchdog, once it is set.
static WATCHDOG: Mutex<CriticalSectionRawMutex, RefCell<Option<Wdt<TIMG1<'static>>>>> =
    Mutex::new(RefCell::new(None));

/// Sets the watchdog.
pub fn start(timers: TIMG1<'static>) {
    let mut watchdog = TimerGroup::new(timers).wdt;
    watchdog.set_timeout(MwdtStage::Stage0, BITES_AFTER);
    watchdog.enable();
    WATCHDOG.lock(|set| set.replace(Some(watchdog)));
}

/// Feeds the watchdog once, where work takes long and no task runs beside it.
pub fn feed_now() {
    WATCHDOG.lock(|set| {
        if let Some(watchdog) = set.borrow_mut().as_mut() {
            watchdog.feed();
        }
    });
}

/// Feeds the watchdog for as long as tasks run.
#[embassy_executor::task]
pub async fn feed() {
    loop {
        feed_now();
        Timer::after(FEED).await;
    }
}
