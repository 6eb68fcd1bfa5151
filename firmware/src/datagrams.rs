//! Datagrams for espota and mDNS, over embassy-net.

use core::net::{IpAddr, SocketAddr};

use embassy_net::udp::{PacketMetadata, RecvError, SendError, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embedded_io_async::ErrorKind;
use embedded_nal_async::UnconnectedUdp;

/// Memory of one UDP socket.
pub struct DatagramBuffers<const BYTES: usize> {
    received: [u8; BYTES],
    sent: [u8; BYTES],
    /// Datagrams that may wait, each way.
    received_meta: [PacketMetadata; 4],
    sent_meta: [PacketMetadata; 4],
}

impl<const BYTES: usize> DatagramBuffers<BYTES> {
    /// Memory for one socket, `BYTES` each way.
    pub const fn new() -> Self {
        Self {
            received: [0; BYTES],
            sent: [0; BYTES],
            received_meta: [PacketMetadata::EMPTY; 4],
            sent_meta: [PacketMetadata::EMPTY; 4],
        }
    }
}

/// A UDP socket on one port of every address.
pub struct Datagrams {
    socket: UdpSocket<'static>,
    port: u16,
}

impl Datagrams {
    /// A socket on this port; none if the port is taken.
    pub fn bind<const BYTES: usize>(
        stack: Stack<'static>,
        port: u16,
        buffers: &'static mut DatagramBuffers<BYTES>,
    ) -> Option<Self> {
        let mut socket = UdpSocket::new(
            stack,
            &mut buffers.received_meta,
            &mut buffers.received,
            &mut buffers.sent_meta,
            &mut buffers.sent,
        );
        socket.bind(port).ok()?;
        Some(Self { socket, port })
    }

    /// Has its datagrams passed on by so many routers.
    pub fn set_hop_limit(&mut self, hops: u8) {
        self.socket.set_hop_limit(Some(hops));
    }
}

/// Why a datagram did not go or come.
#[derive(Debug)]
pub enum DatagramError {
    /// It was not sent.
    Send(SendError),
    /// It was longer than the buffer.
    Receive(RecvError),
    /// IPv6 is not spoken here.
    NotIpv4,
}

impl core::fmt::Display for DatagramError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Send(error) => write!(f, "not sent: {error:?}"),
            Self::Receive(error) => write!(f, "not received: {error:?}"),
            Self::NotIpv4 => f.write_str("the address is not of IPv4"),
        }
    }
}

impl core::error::Error for DatagramError {}

impl embedded_io_async::Error for DatagramError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

fn endpoint(address: SocketAddr) -> Option<IpEndpoint> {
    match address.ip() {
        IpAddr::V4(ip) => Some(IpEndpoint::new(IpAddress::Ipv4(ip), address.port())),
        IpAddr::V6(_) => None,
    }
}

fn address(endpoint: IpEndpoint) -> SocketAddr {
    let IpAddress::Ipv4(ip) = endpoint.addr;
    SocketAddr::new(IpAddr::V4(ip), endpoint.port)
}

impl UnconnectedUdp for Datagrams {
    type Error = DatagramError;

    async fn send(
        &mut self,
        _: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) -> Result<(), DatagramError> {
        let remote = endpoint(remote).ok_or(DatagramError::NotIpv4)?;
        let sent = self.socket.send_to(data, remote).await;
        sent.map_err(DatagramError::Send)
    }

    async fn receive_into(
        &mut self,
        buffer: &mut [u8],
    ) -> Result<(usize, SocketAddr, SocketAddr), DatagramError> {
        let received = self.socket.recv_from(buffer).await;
        let (length, from) = received.map_err(DatagramError::Receive)?;
        let local = from.local_address.unwrap_or(IpAddress::v4(0, 0, 0, 0));
        let local = address(IpEndpoint::new(local, self.port));
        Ok((length, local, address(from.endpoint)))
    }
}
