//! A UDP socket of the host, behind a device's link.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use embedded_nal_async::UnconnectedUdp;
use tokio::net::UdpSocket;

use super::network::Link;

/// A UDP socket that stays open over the device's resets, as one app of the device sees it: nothing of what came before
/// it started, and nothing while the link is down.
#[derive(Debug)]
pub struct DatagramSocket<'s> {
    socket: &'s UdpSocket,
    link: Arc<Link>,
}

impl<'s> DatagramSocket<'s> {
    /// This socket, behind this link.
    pub fn new(socket: &'s UdpSocket, link: Arc<Link>) -> Self {
        while socket.try_recv_from(&mut [0]).is_ok() {}
        Self { socket, link }
    }
}

impl UnconnectedUdp for DatagramSocket<'_> {
    type Error = io::Error;

    async fn send(&mut self, _: SocketAddr, remote: SocketAddr, data: &[u8]) -> io::Result<()> {
        if self.link.is_up() {
            self.socket.send_to(data, remote).await?;
        }
        Ok(())
    }

    async fn receive_into(
        &mut self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        loop {
            let (length, from) = self.socket.recv_from(buffer).await?;
            if self.link.is_up() {
                return Ok((length, self.socket.local_addr()?, from));
            }
        }
    }
}
