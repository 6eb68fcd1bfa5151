//! The updater's decisions as lines on the serial port.

use embassy_time::Instant;
use esp_println::println;
use updraft_agent::{Event, Indicator};

use crate::memory;

/// Part of an update, in percent, after which its progress is told.
const STEP_PERCENT: u32 = 10;

/// Tells each step of the updater; the progress of an update every [`STEP_PERCENT`].
#[derive(Default)]
pub struct SerialLog {
    /// The next step to be told.
    next: u32,
}

impl SerialLog {
    fn progress(&mut self, received: u32, total: u32) {
        let percent = (u64::from(received) * 100 / u64::from(total.max(1))) as u32;
        let step = percent / STEP_PERCENT;
        if step >= self.next {
            self.next = step + 1;
            line(format_args!(
                "{} %: {received} of {total} bytes",
                step * STEP_PERCENT
            ));
        }
    }
}

/// One line, with the seconds since boot.
fn line(what: impl core::fmt::Display) {
    let now = Instant::now().as_millis();
    println!("[{:6}.{:03}] {what}", now / 1000, now % 1000);
}

impl Indicator for SerialLog {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress { received, total } => self.progress(*received, *total),
            event => line(event),
        }
        match event {
            Event::Begun { .. } => self.next = 0,
            Event::Verified { .. } | Event::Confirmed { .. } => memory::print(),
            _ => {}
        }
    }
}
