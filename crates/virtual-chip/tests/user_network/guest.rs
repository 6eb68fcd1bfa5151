//! A machine on the network's cable, with a TCP/IP stack of its own.

use std::thread;
use std::time;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address};
use updraft_virtual_chip::ethernet::{EthernetPort, MAX_FRAME};
use updraft_virtual_chip::user_network::{GATEWAY, GUEST, PREFIX, Port, UserNetwork};

/// Far longer than anything here takes, so that a test that waits in vain ends.
const GIVE_UP: time::Duration = time::Duration::from_mins(2);
/// How often the guest looks at its cable while it waits.
const REST: time::Duration = time::Duration::from_micros(200);
/// Bytes of each of a socket's buffers, as many as the firmware's have.
const BUFFER: usize = 8 * 1024;

/// Decides the first numbers of the machine's connections.
pub(crate) const SEED: u64 = 7;

/// The machine.
pub(crate) struct Guest {
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    device: Device,
    next_port: u16,
    started: time::Instant,
}

/// Its end of the cable.
pub(crate) struct Device(Port);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Finished,
    Reset,
}

impl Guest {
    /// A machine with the address that is meant for it.
    pub(crate) fn new(network: &UserNetwork) -> Self {
        Self::with_seed(network, SEED)
    }

    /// A machine whose connections have other first numbers.
    pub(crate) fn with_seed(network: &UserNetwork, seed: u64) -> Self {
        let mut guest = Self::bare(network, seed);
        guest.interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(GUEST.into(), PREFIX))
                .expect("room for one");
        });
        guest
            .interface
            .routes_mut()
            .add_default_ipv4_route(GATEWAY)
            .expect("room for one");
        guest
    }

    pub(crate) fn without_address(network: &UserNetwork) -> Self {
        Self::bare(network, SEED)
    }

    fn bare(network: &UserNetwork, seed: u64) -> Self {
        let mut device = Device(network.port());
        let hardware = EthernetAddress([0x02, 0x00, 0x00, 0x12, 0x34, 0x56]);
        let mut config = Config::new(hardware.into());
        config.random_seed = seed;
        Self {
            interface: Interface::new(config, &mut device, Instant::ZERO),
            sockets: SocketSet::new(Vec::new()),
            device,
            next_port: 49_152,
            started: time::Instant::now(),
        }
    }

    pub(crate) fn poll(&mut self) {
        let now = Instant::from_micros(i64::try_from(self.started.elapsed().as_micros()).unwrap());
        self.interface
            .poll(now, &mut self.device, &mut self.sockets);
    }

    /// Runs the machine until this gives something.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let begun = time::Instant::now();
        loop {
            self.poll();
            if let Some(result) = done(self) {
                self.poll();
                return result;
            }
            assert!(begun.elapsed() < GIVE_UP, "waited in vain: {what}");
            thread::sleep(REST);
        }
    }

    /// The next frame, before the stack sees it.
    pub(crate) fn next_frame(&mut self) -> Vec<u8> {
        let begun = time::Instant::now();
        loop {
            if let Some(frame) = self.device.0.receive() {
                return frame;
            }
            assert!(begun.elapsed() < GIVE_UP, "waited in vain: a frame");
            thread::sleep(REST);
        }
    }

    pub(crate) fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub(crate) fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn new_tcp() -> tcp::Socket<'static> {
        let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
        tcp::Socket::new(buffer(), buffer())
    }

    /// Begins a connection to this port of the gateway.
    pub(crate) fn begin(&mut self, port: u16) -> SocketHandle {
        self.begin_to(GATEWAY, port)
    }

    pub(crate) fn begin_to(&mut self, address: Ipv4Address, port: u16) -> SocketHandle {
        let mut socket = Self::new_tcp();
        let context = self.interface.context();
        socket
            .connect(context, (address, port), self.next_port)
            .expect("a connection can be begun");
        self.next_port += 1;
        self.sockets.add(socket)
    }

    /// A connection to this port of the gateway, once it is answered.
    pub(crate) fn connect(&mut self, port: u16) -> SocketHandle {
        let handle = self.begin(port);
        self.until("a connection", |guest| {
            let socket = guest.tcp(handle);
            assert!(socket.is_open(), "refused");
            socket.may_send().then_some(handle)
        })
    }

    pub(crate) fn listen(&mut self, port: u16) -> SocketHandle {
        let mut socket = Self::new_tcp();
        socket.listen(port).expect("a port to listen on");
        self.sockets.add(socket)
    }

    /// A UDP socket on this port.
    pub(crate) fn bind(&mut self, port: u16) -> SocketHandle {
        let buffer = || {
            udp::PacketBuffer::new(
                vec![udp::PacketMetadata::EMPTY; 16],
                vec![0; 16 * MAX_FRAME],
            )
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).expect("a port");
        self.sockets.add(socket)
    }

    /// Sends a datagram.
    pub(crate) fn say(&mut self, handle: SocketHandle, to: (Ipv4Address, u16), bytes: &[u8]) {
        let to = IpEndpoint::new(IpAddress::Ipv4(to.0), to.1);
        self.udp(handle).send_slice(bytes, to).expect("room");
        self.poll();
    }

    /// The next datagram, and who sent it.
    pub(crate) fn hear(&mut self, handle: SocketHandle) -> (Vec<u8>, IpEndpoint) {
        self.until("a datagram", |guest| {
            let (bytes, about) = guest.udp(handle).recv().ok()?;
            Some((bytes.to_vec(), about.endpoint))
        })
    }

    /// Sends all this and takes what comes, side by side, until the other side ends its part. Then, or with `end_first`
    /// as soon as all is sent, it ends its own.
    pub(crate) fn exchange(
        &mut self,
        handle: SocketHandle,
        mut bytes: &[u8],
        end_first: bool,
    ) -> (Vec<u8>, End) {
        let mut taken = Vec::new();
        let end = self.until("the end of a connection", |guest| {
            let socket = guest.tcp(handle);
            if !bytes.is_empty() && socket.can_send() {
                let count = socket.send_slice(bytes).expect("it is open");
                bytes = &bytes[count..];
            }
            if bytes.is_empty() && end_first {
                socket.close();
            }
            while socket.can_recv() {
                let all = |bytes: &mut [u8]| (bytes.len(), bytes.to_vec());
                taken.extend(socket.recv(all).expect("it is open"));
            }
            match socket.recv(|_| (0, ())) {
                Err(tcp::RecvError::Finished) if bytes.is_empty() => Some(End::Finished),
                Ok(()) | Err(tcp::RecvError::Finished) => None,
                Err(tcp::RecvError::InvalidState) if socket.is_active() => None,
                Err(tcp::RecvError::InvalidState) => Some(End::Reset),
            }
        });
        self.tcp(handle).close();
        self.poll();
        (taken, end)
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, ToSend<'_>)> {
        let frame = self.0.receive()?;
        Some((Received(frame), ToSend(&mut self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        Some(ToSend(&mut self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub(crate) struct ToSend<'a>(&'a mut Port);

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.send(&frame);
        result
    }
}
