//! All connections through the gateway.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::wire::{IpListenEndpoint, TcpSeqNumber};

use super::connection::{self, Connection};
use super::gateway::HOST;
use super::stack::Stack;
use super::{GATEWAY, GUEST};

/// Connections at a time, those in TCP's last wait among them, with buffers of 16 MiB in all. A chip has a handful.
/// More from the guest are refused, more from the host wait.
pub const MAX_CONNECTIONS: usize = 256;
/// The gateway's ports for connections to the guest: the dynamic ones (RFC 6335, section 6).
const FIRST_PORT: u16 = 49_152;

/// All connections.
pub(super) struct Connections {
    list: Vec<Connection>,
    next_port: u16,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            next_port: FIRST_PORT,
        }
    }
}

impl Connections {
    /// Readies a socket for the connection the guest begins with the frame that comes next. `None` where it needs none
    /// or gets none: the stack then knows the connection, or refuses it.
    pub(super) fn expect(
        &mut self,
        stack: &mut Stack,
        guest: SocketAddrV4,
        port: u16,
        number: TcpSeqNumber,
    ) -> Option<SocketHandle> {
        let known = |c: &Connection| c.guest == guest && c.port == port;
        if let Some(index) = self.list.iter().position(known) {
            let connection = &self.list[index];
            let answered = stack.socket(connection.handle).state() != State::SynReceived;
            if connection.number == Some(number) && !answered {
                return None;
            }
            // The guest has forgotten its connection, as after a reset of the chip, and counts its ports anew. On a
            // cable, which keeps the order, none is begun a second time that had been answered.
            self.remove(stack, index);
        }
        if !self.has_room(stack) {
            return None;
        }
        for connection in &self.list {
            connection::stop_listening(stack.socket(connection.handle));
        }
        let mut socket = connection::socket();
        // The guest gets its answer when the host has given its own.
        socket.pause_synack(true);
        let endpoint = IpListenEndpoint::from((GATEWAY, port));
        socket.listen(endpoint).ok()?;
        Some(stack.sockets.add(socket))
    }

    /// Asks the host for the connection that an expected frame has begun.
    pub(super) fn ask_host(
        &mut self,
        stack: &mut Stack,
        registry: &Registry,
        handle: SocketHandle,
        (guest, port, number): (SocketAddrV4, u16, TcpSeqNumber),
    ) {
        let socket = stack.socket(handle);
        if socket.state() != State::SynReceived {
            stack.sockets.remove(handle);
            return;
        }
        // The one place that connects to anything, and where that is never leaves this host.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let asked = TcpStream::connect(address).and_then(|mut stream| {
            watch(&mut stream, registry)?;
            Ok(stream)
        });
        if let Ok(stream) = asked {
            let connection = Connection::of_guest(handle, guest, port, number, stream);
            self.list.push(connection);
        } else {
            socket.abort();
            stack.send();
            // What else comes for this connection is refused, having no socket.
            stack.sockets.remove(handle);
        }
    }

    /// Calls the guest for a connection the host has begun.
    pub(super) fn call_guest(
        &mut self,
        stack: &mut Stack,
        registry: &Registry,
        guest_port: u16,
        mut stream: TcpStream,
    ) {
        let guest = SocketAddrV4::new(GUEST, guest_port);
        let port = self.free_port(guest);
        let mut socket = connection::socket();
        let ready = watch(&mut stream, registry)
            .and_then(|()| stream.set_nodelay(true))
            .is_ok();
        let context = stack.interface.context();
        if ready
            && socket
                .connect(context, (*guest.ip(), guest_port), (GATEWAY, port))
                .is_ok()
        {
            let handle = stack.sockets.add(socket);
            self.list
                .push(Connection::of_host(handle, guest, port, stream));
        }
    }

    /// Moves what can be moved on all connections.
    pub(super) fn pump(&mut self, stack: &mut Stack) {
        for connection in &mut self.list {
            connection.pump(stack.socket(connection.handle));
        }
    }

    /// Forgets the connections that are over.
    pub(super) fn forget(&mut self, stack: &mut Stack) {
        self.list.retain(|connection| {
            let over = connection.is_over(stack.socket(connection.handle));
            if over {
                stack.sockets.remove(connection.handle);
            }
            !over
        });
    }

    /// Whether there may be one more.
    pub(super) fn has_room(&mut self, stack: &mut Stack) -> bool {
        if self.list.len() < MAX_CONNECTIONS {
            return true;
        }
        let only_waits = |c: &Connection| c.only_waits(stack.socket(c.handle));
        let Some(index) = self.list.iter().position(only_waits) else {
            return false;
        };
        self.remove(stack, index);
        true
    }

    /// Breaks all connections off, as far as the host is concerned.
    pub(super) fn reset_hosts(&mut self) {
        for connection in &mut self.list {
            connection.reset_host();
        }
    }

    fn remove(&mut self, stack: &mut Stack, index: usize) {
        let mut connection = self.list.remove(index);
        connection.reset_host();
        stack.sockets.remove(connection.handle);
    }

    /// A port of the gateway's no other connection to this port of the guest has. There are more than connections.
    fn free_port(&mut self, guest: SocketAddrV4) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.list.iter().any(|c| c.guest == guest && c.port == port) {
                return port;
            }
        }
    }
}

/// Has the gateway woken by what happens to this socket of the host.
pub(super) fn watch(source: &mut impl Source, registry: &Registry) -> std::io::Result<()> {
    registry.register(source, HOST, Interest::READABLE | Interest::WRITABLE)
}
