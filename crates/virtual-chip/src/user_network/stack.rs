//! The gateway's own TCP/IP: smoltcp, which answers ARP and pings and speaks TCP.

use std::sync::Arc;
use std::time;

use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::cable::Cable;
use super::device::Device;
use super::frame::GATEWAY_HARDWARE;
use super::{DNS, GATEWAY, PREFIX};

/// Shortest wait of the gateway: where the stack wants to act and cannot yet, it would else try without end.
const SHORTEST_WAIT: time::Duration = time::Duration::from_millis(1);
/// Seed of TCP's first numbers and of what else the stack draws. They need not be guessed by nobody on a cable with one
/// machine, and a trial is the more like the last.
const SEED: u64 = 0x0a00_0202;

/// The stack, its sockets, and its end of the cable.
pub(super) struct Stack {
    pub(super) interface: Interface,
    pub(super) sockets: SocketSet<'static>,
    device: Device,
    started: time::Instant,
}

impl Stack {
    pub(super) fn new(cable: Arc<Cable>) -> Self {
        let mut device = Device::new(cable);
        let mut config = Config::new(HardwareAddress::Ethernet(GATEWAY_HARDWARE));
        config.random_seed = SEED;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // Two is what the list holds unless smoltcp is built for more.
            for address in [GATEWAY, DNS] {
                let _ = addresses.push(IpCidr::new(address.into(), PREFIX));
            }
        });
        Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            device,
            started: time::Instant::now(),
        }
    }

    /// A TCP socket; the handle must be one of a TCP socket that was not removed.
    pub(super) fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.started.elapsed().as_micros() as i64)
    }

    /// Takes a frame from the guest.
    pub(super) fn take(&mut self, frame: Vec<u8>) {
        self.device.frame = Some(frame);
        let now = self.now();
        self.interface
            .poll_ingress_single(now, &mut self.device, &mut self.sockets);
    }

    /// Sends what sockets have for the guest, as long as the cable takes it, and gives how long there is nothing more
    /// to do; `None` until something happens.
    pub(super) fn send(&mut self) -> Option<time::Duration> {
        let now = self.now();
        self.interface.poll_maintenance(now);
        while self
            .interface
            .poll_egress(now, &mut self.device, &mut self.sockets)
            == PollResult::SocketStateChanged
        {}
        self.interface
            .poll_delay(self.now(), &self.sockets)
            .map(|delay: Duration| time::Duration::from(delay).max(SHORTEST_WAIT))
    }
}
