//! The gateway: everything between the cable and the host's sockets, on one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use mio::net::{TcpListener, UdpSocket};
use mio::{Events, Poll, Token};
use smoltcp::wire::EthernetAddress;

use super::builder::{Forward, Observer, Protocol, StartError};
use super::cable::Cable;
use super::connections::{Connections, watch};
use super::datagrams::Datagrams;
use super::dns::Names;
use super::frame::{self, Datagram, Seen};
use super::stack::Stack;
use super::{DNS, GATEWAY, dhcp, dns};

/// Something came by the cable, or for it.
pub(super) const WAKE: Token = Token(0);
/// Something happened to a socket of the host. Which one is not told: all are looked at, a handful.
pub(super) const HOST: Token = Token(1);

/// Events taken from the system at once. What more there is comes at the next round.
const EVENTS: usize = 64;

/// The gateway.
pub(super) struct Gateway {
    pub(super) observer: Option<Observer>,
    poll: Poll,
    cable: Arc<Cable>,
    stack: Stack,
    connections: Connections,
    datagrams: Datagrams,
    listeners: Vec<(TcpListener, u16)>,
    names: Names,
    injected: Receiver<Datagram>,
    /// The guest's hardware address, once it has sent something.
    guest: Option<EthernetAddress>,
}

impl Gateway {
    pub(super) fn new(
        poll: Poll,
        cable: Arc<Cable>,
        injected: Receiver<Datagram>,
        names: Names,
    ) -> Self {
        Self {
            observer: None,
            poll,
            stack: Stack::new(Arc::clone(&cable)),
            cable,
            connections: Connections::default(),
            datagrams: Datagrams::default(),
            listeners: Vec::new(),
            names,
            injected,
            guest: None,
        }
    }

    /// Opens a forward, and gives it with the address it is bound to.
    pub(super) fn open(&mut self, forward: Forward) -> Result<Forward, StartError> {
        if !forward.host.ip().is_loopback() {
            return Err(StartError::NotLoopback(forward.host));
        }
        let bound = self.bind(forward);
        bound.map_err(|source| StartError::Listen {
            address: forward.host,
            source,
        })
    }

    fn bind(&mut self, mut forward: Forward) -> io::Result<Forward> {
        let registry = self.poll.registry();
        forward.host = match forward.protocol {
            Protocol::Tcp => {
                let mut listener = TcpListener::bind(forward.host)?;
                watch(&mut listener, registry)?;
                let host = listener.local_addr()?;
                self.listeners.push((listener, forward.guest_port));
                host
            }
            Protocol::Udp => {
                let mut socket = UdpSocket::bind(forward.host)?;
                watch(&mut socket, registry)?;
                let host = socket.local_addr()?;
                self.datagrams.forward(socket, forward.guest_port);
                host
            }
        };
        Ok(forward)
    }

    /// Does the gateway's work until the cable is stopped.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.cable.is_stopped() {
            while let Some(frame) = self.cable.gateway_takes() {
                self.take(frame);
            }
            while let Ok(datagram) = self.injected.try_recv() {
                self.give(&datagram);
            }
            self.accept();
            let (cable, guest) = (&self.cable, self.guest);
            self.datagrams
                .take_from_host(|datagram| give(cable, guest, &datagram));
            self.connections.pump(&mut self.stack);
            let wait = self.stack.send();
            self.connections.forget(&mut self.stack);
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                Ok(()) | Err(_) => {}
            }
        }
        self.connections.reset_hosts();
    }

    fn take(&mut self, frame: Vec<u8>) {
        self.guest = frame::sender(&frame).or(self.guest);
        match frame::look(&frame) {
            Seen::Begin(guest, port, number) => {
                let expected = self
                    .connections
                    .expect(&mut self.stack, guest, port, number);
                self.stack.take(frame);
                if let Some(handle) = expected {
                    let which = (guest, port, number);
                    let registry = self.poll.registry();
                    self.connections
                        .ask_host(&mut self.stack, registry, handle, which);
                }
            }
            Seen::Refused(refusal) => self.cable.gateway_sends(refusal),
            Seen::Datagram(datagram) => self.take_datagram(datagram),
            Seen::Other => self.stack.take(frame),
        }
    }

    fn take_datagram(&mut self, datagram: Datagram) {
        let (ip, port) = (*datagram.to.ip(), datagram.to.port());
        if ip.is_multicast() {
            if let Some(observer) = &mut self.observer {
                observer(datagram);
            }
        } else if port == dhcp::SERVER_PORT && (ip.is_broadcast() || ip == GATEWAY) {
            if let Some(payload) = dhcp::answer(&datagram.payload) {
                // The guest may have no address yet.
                let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, dhcp::CLIENT_PORT);
                let from = SocketAddrV4::new(GATEWAY, dhcp::SERVER_PORT);
                self.give(&Datagram { from, to, payload });
            }
        } else if ip == DNS && port == dns::SERVER_PORT {
            if let Some(payload) = self.names.answer(&datagram.payload) {
                let (from, to) = (datagram.to, datagram.from);
                self.give(&Datagram { from, to, payload });
            }
        } else if ip == GATEWAY {
            self.datagrams.send_to_host(self.poll.registry(), &datagram);
        }
    }

    /// Takes the connections that wait at the forwards.
    fn accept(&mut self) {
        for (listener, guest_port) in &self.listeners {
            while self.connections.has_room(&mut self.stack) {
                let Ok((stream, _)) = listener.accept() else {
                    break;
                };
                let registry = self.poll.registry();
                self.connections
                    .call_guest(&mut self.stack, registry, *guest_port, stream);
            }
        }
    }

    fn give(&self, datagram: &Datagram) {
        give(&self.cable, self.guest, datagram);
    }
}

/// Sends the guest a datagram. It is lost while nobody knows the guest.
fn give(cable: &Cable, guest: Option<EthernetAddress>, datagram: &Datagram) {
    if let Some(frame) = guest.and_then(|guest| frame::carry(guest, datagram)) {
        cable.gateway_sends(frame);
    }
}
