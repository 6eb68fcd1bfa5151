//! The host's sockets, clock and randomness behind the updater's traits.

mod clock;
mod datagrams;
mod flash;
mod leds;
mod listeners;
mod mdns;
mod mqtt;
mod network;
mod system;

pub use clock::HostClock;
pub use datagrams::DatagramSocket;
pub use flash::TimedFlash;
pub use leds::VirtualLeds;
pub(crate) use listeners::Listeners;
pub use listeners::{ListenError, LocalPorts, VIRTUAL_HTTP_PORT};
pub use mdns::MulticastSocket;
pub(crate) use mqtt::HostMessages;
pub use mqtt::{BrokerError, MqttBroker};
pub use network::{HostNetwork, LONGEST_BROKEN, Link};

pub use system::{HostSystem, Shown, link_check};
