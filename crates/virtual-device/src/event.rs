//! What happens on a virtual device.

use std::fmt;
use std::net::SocketAddr;

use updraft_agent::{Boot, Event};
use updraft_flash::slot::AppSlot;
use updraft_protocol::ResetReason;

use crate::behaviour::Behaviour;

/// One step in a virtual device's life.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeviceEvent<'a> {
    /// The device was powered on and listens, once an app runs.
    Listening {
        /// Where its page is.
        http: SocketAddr,
        /// Where seed 001's push is; the same is served at both.
        ota: SocketAddr,
    },
    /// The bootloader ran.
    Booted {
        /// The slot it started, or none: then it resets for ever.
        slot: Option<AppSlot>,
        /// What it decided, line by line.
        log: &'a [String],
    },
    /// The app was started.
    AppStarted {
        /// What it will do.
        behaviour: Behaviour,
    },
    /// The app's guard ended its trial: the app before it boots next.
    WentBack(&'a Boot),
    /// The updater inside the app did something.
    Updater(&'a Event<'a>),
    /// An LED changed.
    Leds {
        /// Whether the modules' LEDs may show what they like.
        modules: bool,
        /// Whether the link LED is lit.
        link: bool,
    },
    /// The updater could not even start; the app runs without it.
    NoUpdater(&'a str),
    /// The chip was reset.
    Reset(ResetReason),
}

impl fmt::Display for DeviceEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { http, ota } => {
                write!(f, "page at http://{http}/, push to http://{ota}/update")
            }
            Self::Booted {
                slot: Some(slot), ..
            } => write!(f, "the bootloader starts {slot}"),
            Self::Booted { slot: None, .. } => {
                f.write_str("the bootloader finds nothing to boot and resets")
            }
            Self::AppStarted { behaviour } => match behaviour {
                Behaviour::Healthy => f.write_str("the app starts"),
                Behaviour::PanicOnBoot => f.write_str("the app starts and panics"),
                Behaviour::PanicAfter10s => f.write_str("the app starts; it will panic in 10 s"),
                Behaviour::Hang => f.write_str("the app starts and hangs"),
                Behaviour::NoNetwork => f.write_str("the app starts without its network"),
            },
            Self::WentBack(boot) => boot.fmt(f),
            Self::Updater(event) => event.fmt(f),
            Self::Leds { modules, link } => {
                let word = |lit: &bool| if *lit { "on" } else { "off" };
                write!(f, "LEDs: modules {}, link {}", word(modules), word(link))
            }
            Self::NoUpdater(why) => write!(f, "the updater cannot run: {why}"),
            Self::Reset(reason) => write!(f, "reset: {reason:?}"),
        }
    }
}

/// Whoever watches a virtual device.
pub trait Observer: Send + Sync {
    /// Called on every step, from the device's own task. Must not block.
    fn event(&self, event: &DeviceEvent<'_>);
}

/// Nobody watches.
impl Observer for () {
    fn event(&self, _: &DeviceEvent<'_>) {}
}
