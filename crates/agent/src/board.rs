//! What the updater needs from whatever it runs on.

use alloc::string::String;

use embedded_nal_async::{Dns, TcpConnect};
use embedded_storage::nor_flash::NorFlash;
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;

use crate::event::Event;

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
    /// Whether the app is well.
    type Health: Health;
    /// What people can see of an update.
    type Indicator: Indicator;
}

/// The parts of one board, handed to the updater.
#[derive(Debug)]
pub struct Parts<B: Board> {
    /// The flash.
    pub flash: B::Flash,
    /// The network.
    pub network: B::Network,
    /// The clock.
    pub clock: B::Clock,
    /// The chip.
    pub system: B::System,
    /// The app's health.
    pub health: B::Health,
    /// The indicator.
    pub indicator: B::Indicator,
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

    /// Why the chip last reset.
    fn reset_reason(&self) -> ResetReason;

    /// The lowest secure version the eFuses accept; 0 without anti-rollback.
    fn secure_version(&self) -> u32 {
        0
    }

    /// Fills `bytes` from the chip's true random source. Tokens are made of it.
    fn random(&mut self, bytes: &mut [u8]);

    /// Resets the chip. The future never ends.
    fn reboot(&mut self) -> impl Future<Output = core::convert::Infallible>;
}

/// Whether the app is well. Asked once a second while a new app is on trial.
pub trait Health {
    /// `Err` names what is wrong, in a few words that a report can carry: "Wi-Fi not connected".
    fn check(&mut self) -> Result<(), String>;
}

/// What people can see of an update: LEDs, a log, a screen.
pub trait Indicator {
    /// Called on every step. Must not block.
    fn show(&mut self, event: &Event<'_>);
}
