//! The host's sockets, clock and randomness behind the updater's traits.

mod clock;
mod flash;
mod mdns;
mod network;
mod system;

pub use clock::HostClock;
pub use flash::TimedFlash;
pub use mdns::MulticastSocket;
pub use network::{HostNetwork, Link};
pub use system::{AppHealth, HostSystem, Shown};
