//! The gateway's end of the cable, as smoltcp wants it.

use std::sync::Arc;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use super::cable::Cable;
use crate::ethernet::MAX_FRAME;

/// The gateway's end. It gives the stack one frame at a time, the one put into `frame`: each is looked at first.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) frame: Option<Vec<u8>>,
    cable: Arc<Cable>,
}

impl Device {
    pub(super) const fn new(cable: Arc<Cable>) -> Self {
        Self { frame: None, cable }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, ToSend<'_>)> {
        let frame = self.frame.take()?;
        Some((Received(frame), ToSend(&self.cable)))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        self.cable.has_room().then_some(ToSend(&self.cable))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that came.
#[derive(Debug)]
pub(super) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
#[derive(Debug)]
pub(super) struct ToSend<'a>(&'a Cable);

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.gateway_sends(frame);
        result
    }
}
