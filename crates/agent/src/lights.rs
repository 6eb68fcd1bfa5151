//! What the LEDs of a board show of an update, as seed boards wire them: modules' LEDs go dark, the link LED counts.

use core::cell::{Cell, RefCell};

use crate::board::Clock;

/// Part of an update, in percent, after which the link LED toggles.
pub const STEP_PERCENT: u32 = 5;

/// Milliseconds between two toggles of the link LED while an update is verified, which has no percentage.
pub const BLINK_INTERVAL_MS: u64 = 500;

/// How often the link LED blinks when an update failed.
pub const ERROR_BLINKS: u32 = 10;

/// Milliseconds between two toggles of those blinks.
pub const ERROR_BLINK_MS: u64 = 100;

/// The LEDs of a board.
pub trait Leds {
    /// Lets the modules' LEDs show what they like, or keeps them off: during an update.
    fn modules(&mut self, lit: bool);

    /// Switches the link LED.
    fn link(&mut self, lit: bool);
}

/// A board without LEDs.
impl Leds for () {
    fn modules(&mut self, _: bool) {}

    fn link(&mut self, _: bool) {}
}

/// The LEDs, and what they showed last.
#[derive(Debug)]
pub(crate) struct Lights<L> {
    leds: RefCell<L>,
    link_lit: Cell<bool>,
    steps: Cell<u32>,
    toggled_ms: Cell<u64>,
    /// Whether a failed update has still to be shown.
    pub(crate) blink_due: Cell<bool>,
}

impl<L: Leds> Lights<L> {
    pub(crate) fn new(leds: L) -> Self {
        Self {
            leds: RefCell::new(leds),
            link_lit: Cell::new(true),
            steps: Cell::new(0),
            toggled_ms: Cell::new(0),
            blink_due: Cell::new(false),
        }
    }

    /// An update begins.
    pub(crate) fn begin(&self) {
        self.steps.set(0);
        self.leds.borrow_mut().modules(false);
    }

    /// So many bytes of the update are in flash.
    pub(crate) fn written(&self, written: u32, total: u32) {
        let percent = u64::from(written) * 100 / u64::from(total.max(1));
        let steps = percent as u32 / STEP_PERCENT;
        while self.steps.get() < steps {
            self.steps.set(self.steps.get() + 1);
            self.toggle();
        }
    }

    /// The update is being verified.
    pub(crate) fn verifying(&self, now_ms: u64) {
        if now_ms.saturating_sub(self.toggled_ms.get()) >= BLINK_INTERVAL_MS {
            self.toggled_ms.set(now_ms);
            self.toggle();
        }
    }

    /// The update failed: blinks, then shows what it showed before.
    pub(crate) async fn failed(&self, clock: &impl Clock) {
        for _ in 0..ERROR_BLINKS * 2 {
            self.toggle();
            clock.sleep_ms(ERROR_BLINK_MS).await;
        }
        self.end();
    }

    /// Shows a failed update that was not shown yet, while the updater waits for its next poll.
    pub(crate) async fn blink_if_due(&self, clock: &impl Clock) {
        if self.blink_due.replace(false) {
            self.failed(clock).await;
        }
    }

    /// No update is under way any more.
    pub(crate) fn end(&self) {
        self.link_lit.set(true);
        let mut leds = self.leds.borrow_mut();
        leds.link(true);
        leds.modules(true);
    }

    fn toggle(&self) {
        let lit = !self.link_lit.get();
        self.link_lit.set(lit);
        self.leds.borrow_mut().link(lit);
    }
}
