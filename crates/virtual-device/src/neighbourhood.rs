//! How a virtual device is found on its own network.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use updraft_agent::mdns::{self, Place};
use updraft_agent::{Board, Updater};

use crate::host::{HostClock, MulticastSocket};

/// How a device is found by mDNS.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Its name, without `.local`. Must be unique in the network.
    pub hostname: String,
    /// The address of the interface it is announced on, and its own; 127.0.0.1 for this host alone.
    pub address: Ipv4Addr,
    /// How many leading bits of that address its network has, 0 to 32.
    pub prefix: u8,
}

impl Announced {
    /// Answers until `leave` is done, then says goodbye. `http` and `ota` are where the device listens, `speed` as in
    /// [`HostClock::new`]. A device whose group cannot be joined is not found, and lives on.
    pub(crate) async fn serve<B: Board>(
        &self,
        updater: &Updater<B>,
        [http, ota]: [SocketAddr; 2],
        speed: u32,
        leave: impl Future<Output = ()>,
    ) {
        let (Ok(mut socket), Ok(about)) = (MulticastSocket::new(self.address), updater.about())
        else {
            return leave.await;
        };
        let place = Place {
            hostname: &self.hostname,
            ipv4: self.address,
            prefix: self.prefix,
            http_port: http.port(),
            ota_port: ota.port(),
        };
        // A clock of its own: the updater's would have this task wait for the flash.
        let clock = HostClock::new(speed, Arc::default());
        mdns::serve(&mut socket, &clock, || about.at(&place), leave).await;
    }
}
