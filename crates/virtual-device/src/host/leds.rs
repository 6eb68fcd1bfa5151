//! The LEDs of a virtual device.

use std::fmt;
use std::sync::Arc;

use updraft_agent::Leds;

use crate::event::{DeviceEvent, Observer};

/// LEDs that tell an [`Observer`] whenever they change.
#[derive(Clone)]
pub struct VirtualLeds {
    observer: Arc<dyn Observer>,
    modules_lit: bool,
    link_lit: bool,
}

impl VirtualLeds {
    /// LEDs as they are after a reset: the modules' are lit, and so is the link's.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            modules_lit: true,
            link_lit: true,
        }
    }

    fn tell(&self) {
        self.observer.event(&DeviceEvent::Leds {
            modules: self.modules_lit,
            link: self.link_lit,
        });
    }
}

impl fmt::Debug for VirtualLeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualLeds").finish_non_exhaustive()
    }
}

impl Leds for VirtualLeds {
    fn modules(&mut self, lit: bool) {
        if self.modules_lit != lit {
            self.modules_lit = lit;
            self.tell();
        }
    }

    fn link(&mut self, lit: bool) {
        if self.link_lit != lit {
            self.link_lit = lit;
            self.tell();
        }
    }
}
