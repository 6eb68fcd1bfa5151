//! The chip, the app's health and its indicator, as a virtual device has them.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use rand::Rng as _;
use tokio::sync::Notify;
use updraft_agent::{Check, Event, Indicator, System, check};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;

use super::network::Link;
use crate::event::{DeviceEvent, Observer};

/// The virtual chip while one app runs on it.
#[derive(Debug)]
pub struct HostSystem {
    /// The chip.
    pub chip: Chip,
    /// The slot the app was booted from.
    pub running: AppSlot,
    /// Why the chip was reset before.
    pub reset_reason: ResetReason,
    /// What the eFuses accept.
    pub secure_version: u32,
    /// Told when the app asks for a reset.
    pub reset: Arc<Notify>,
}

impl System for HostSystem {
    fn chip(&self) -> Chip {
        self.chip
    }

    fn running_slot(&self) -> AppSlot {
        self.running
    }

    fn reset_reason(&self) -> ResetReason {
        self.reset_reason
    }

    fn secure_version(&self) -> u32 {
        self.secure_version
    }

    fn random(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }

    async fn reboot(&self) -> Infallible {
        self.reset.notify_one();
        std::future::pending().await
    }
}

/// The app is well while its link is up.
pub fn link_check(link: Arc<Link>) -> Box<dyn Check> {
    Box::new(check::wifi(move || link.is_up()))
}

/// Hands the updater's events to an [`Observer`].
#[derive(Clone)]
pub struct Shown(pub Arc<dyn Observer>);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl Indicator for Shown {
    fn show(&mut self, event: &Event<'_>) {
        self.0.event(&DeviceEvent::Updater(event));
    }
}
