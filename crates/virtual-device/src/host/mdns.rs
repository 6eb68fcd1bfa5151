//! A UDP socket in the multicast group of mDNS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use embedded_nal_async::UnconnectedUdp;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use updraft_agent::mdns::{GROUP, PORT};

/// Hops of an mDNS packet, which routers do not pass on anyway (RFC 6762, section 11).
const TTL: u32 = 255;

/// A socket on port 5353 that hears and speaks to the mDNS group on one interface, beside other programs of
/// this host that do so too.
#[derive(Debug)]
pub struct MulticastSocket {
    socket: UdpSocket,
}

impl MulticastSocket {
    /// Joins the group on the interface with this address; 127.0.0.1 for this host alone. Must be called
    /// within a tokio runtime.
    pub fn new(interface: Ipv4Addr) -> io::Result<Self> {
        let IpAddr::V4(group) = GROUP.ip() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        // Without this, Linux hands over what any program of this host has joined on any interface.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_multicast_all_v4(false)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
        socket.join_multicast_v4(&group, &interface)?;
        socket.set_multicast_if_v4(&interface)?;
        socket.set_multicast_loop_v4(true)?;
        socket.set_multicast_ttl_v4(TTL)?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
        })
    }
}

impl UnconnectedUdp for MulticastSocket {
    type Error = io::Error;

    async fn send(&mut self, _: SocketAddr, remote: SocketAddr, data: &[u8]) -> io::Result<()> {
        self.socket.send_to(data, remote).await.map(drop)
    }

    async fn receive_into(
        &mut self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        let (length, from) = self.socket.recv_from(buffer).await?;
        Ok((length, GROUP, from))
    }
}
