//! The chip's end of the cable.

use std::sync::Arc;

use super::cable::Cable;
use crate::ethernet::EthernetPort;

/// The chip's end of a [`UserNetwork`](super::UserNetwork)'s cable. Frames go into queues and come out of them; neither
/// method waits. Once the network is dropped, what is sent is lost.
#[derive(Clone, Debug)]
pub struct Port {
    cable: Arc<Cable>,
}

impl Port {
    pub(super) const fn new(cable: Arc<Cable>) -> Self {
        Self { cable }
    }
}

impl EthernetPort for Port {
    fn send(&mut self, frame: &[u8]) {
        self.cable.guest_sends(frame);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.cable.guest_takes()
    }
}
