//! What the updater needs from whatever it runs on.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use embedded_nal_async::{Dns, TcpConnect};
use embedded_storage::nor_flash::NorFlash;
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;

use crate::check::Check;
use crate::event::Event;
use crate::lights::Leds;

/// The types of one kind of board.
pub trait Board {
    /// The whole flash chip, from address 0. Blocking, as on the chip.
    type Flash: NorFlash;
    /// TCP and name resolution.
    type Network: TcpConnect + Dns;
    /// Time.
    type Clock: Clock;
    /// The chip and its reset.
    type System: System;
    /// What people can see of an update.
    type Indicator: Indicator;
    /// The board's LEDs; `()` for none.
    type Leds: Leds;
}

/// The parts of one board, handed to the updater.
pub struct Parts<B: Board> {
    /// The flash.
    pub flash: B::Flash,
    /// The network.
    pub network: B::Network,
    /// The clock.
    pub clock: B::Clock,
    /// The chip.
    pub system: B::System,
    /// What must hold for a new app to be confirmed, besides reaching the server.
    pub checks: Vec<Box<dyn Check>>,
    /// The indicator.
    pub indicator: B::Indicator,
    /// The LEDs.
    pub leds: B::Leds,
}

impl<B: Board> fmt::Debug for Parts<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Time since boot, and waiting.
pub trait Clock {
    /// Milliseconds since some moment before the updater was made. Never goes back.
    fn now_ms(&self) -> u64;

    /// Waits. Other tasks run meanwhile; `sleep_ms(0)` lets them run once.
    fn sleep_ms(&self, milliseconds: u64) -> impl Future<Output = ()>;

    /// Unix time in seconds, if the device knows it.
    fn unix_time(&self) -> Option<i64> {
        None
    }
}

/// The chip: what it is, how it was reset, and resetting it.
pub trait System {
    /// The chip.
    fn chip(&self) -> Chip;

    /// The slot this code runs from, by where it is mapped and not by what otadata says.
    fn running_slot(&self) -> AppSlot;

    /// Why the chip last reset. A chip that cannot tell says [`ResetReason::Unknown`]: a trial that ends so counts
    /// against the app, one that ends by [`ResetReason::PowerOn`] does not
    /// ([`MAX_INTERRUPTED_TRIALS`](crate::guard::MAX_INTERRUPTED_TRIALS) times).
    fn reset_reason(&self) -> ResetReason;

    /// Called after each 4 KiB that are read and hashed at one go ([`guard_boot`](crate::guard::guard_boot) going back
    /// to an app of some 1 MiB takes about a second), for boards whose watchdog is on by then.
    fn feed_watchdog(&self) {}

    /// The lowest secure version the eFuses accept; 0 without anti-rollback.
    fn secure_version(&self) -> u32 {
        0
    }

    /// Fills `bytes` from the chip's true random source. Tokens are made of it.
    fn random(&self, bytes: &mut [u8]);

    /// Resets the chip. The future never ends.
    fn reboot(&self) -> impl Future<Output = core::convert::Infallible>;
}

/// What people can see of an update: LEDs, a log, a screen.
pub trait Indicator {
    /// Called on every step. Must not block.
    fn show(&mut self, event: &Event<'_>);
}
