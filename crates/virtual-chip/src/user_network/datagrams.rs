//! Datagrams between the guest and the host's programs.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use mio::Registry;
use mio::net::UdpSocket;

use super::connections::watch;
use super::frame::{Datagram, MAX_DATAGRAM};
use super::{GATEWAY, GUEST};

/// Pairs of a port of the guest's and one of the host's that are remembered at a time, each with a socket. The one that
/// was opened first is forgotten for another.
const MAX_FLOWS: usize = 64;
/// Programs of the host whose datagrams to one forwarded port may be answered; of the earliest the answers are lost.
const MAX_PEERS: usize = 64;

/// Datagrams from a port of the guest's to one of the host's, and back.
struct Flow {
    guest: SocketAddrV4,
    port: u16,
    socket: UdpSocket,
}

/// Datagrams to a port of the guest's, and back.
struct Forwarded {
    guest_port: u16,
    socket: UdpSocket,
    /// Who has sent some, and may be answered. The guest knows them by their port.
    peers: VecDeque<SocketAddr>,
}

/// The host's side of all datagrams.
#[derive(Default)]
pub(super) struct Datagrams {
    flows: VecDeque<Flow>,
    forwarded: Vec<Forwarded>,
}

impl Datagrams {
    /// Has datagrams to this socket led to the guest.
    pub(super) fn forward(&mut self, socket: UdpSocket, guest_port: u16) {
        self.forwarded.push(Forwarded {
            guest_port,
            socket,
            peers: VecDeque::new(),
        });
    }

    /// Sends the host what the guest sent to a port of the gateway. It is lost where the host cannot take it, as
    /// datagrams are.
    pub(super) fn send_to_host(&mut self, registry: &Registry, datagram: &Datagram) {
        let Datagram { from, to, payload } = datagram;
        for forwarded in &self.forwarded {
            if forwarded.guest_port == from.port()
                && let Some(peer) = forwarded.peers.iter().find(|peer| peer.port() == to.port())
            {
                let _ = forwarded.socket.send_to(payload, *peer);
                return;
            }
        }
        let known = |flow: &&Flow| flow.guest == *from && flow.port == to.port();
        if let Some(flow) = self.flows.iter().find(known) {
            let _ = flow.socket.send(payload);
        } else if let Ok(flow) = Flow::open(registry, *from, to.port()) {
            let _ = flow.socket.send(payload);
            self.flows.push_back(flow);
            if self.flows.len() > MAX_FLOWS {
                self.flows.pop_front();
            }
        }
    }

    /// Gives what the host has for the guest.
    pub(super) fn take_from_host(&mut self, mut give: impl FnMut(Datagram)) {
        // One byte more than a datagram has, to tell one that is too long.
        let mut bytes = [0; MAX_DATAGRAM + 1];
        for Forwarded {
            guest_port,
            socket,
            peers,
        } in &mut self.forwarded
        {
            while let Some((length, peer)) = receive(|| socket.recv_from(&mut bytes)) {
                // Another program of the same port, as on another of the loopback's addresses, takes its place.
                peers.retain(|known| known.port() != peer.port());
                peers.push_back(peer);
                if peers.len() > MAX_PEERS {
                    peers.pop_front();
                }
                give(Datagram {
                    from: SocketAddrV4::new(GATEWAY, peer.port()),
                    to: SocketAddrV4::new(GUEST, *guest_port),
                    payload: bytes[..length].to_vec(),
                });
            }
        }
        for Flow {
            guest,
            port,
            socket,
        } in &self.flows
        {
            while let Some(length) = receive(|| socket.recv(&mut bytes)) {
                give(Datagram {
                    from: SocketAddrV4::new(GATEWAY, *port),
                    to: *guest,
                    payload: bytes[..length].to_vec(),
                });
            }
        }
    }
}

impl Flow {
    fn open(registry: &Registry, guest: SocketAddrV4, port: u16) -> io::Result<Self> {
        let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        // From here on it takes datagrams of this port alone.
        socket.connect((Ipv4Addr::LOCALHOST, port).into())?;
        watch(&mut socket, registry)?;
        Ok(Self {
            guest,
            port,
            socket,
        })
    }
}

/// What a socket has, if there is something. A port nobody listens on is told as an error, once for each datagram that
/// went there, and is no end of what may come.
fn receive<T>(mut attempt: impl FnMut() -> io::Result<T>) -> Option<T> {
    loop {
        match attempt() {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return None,
        }
    }
}
