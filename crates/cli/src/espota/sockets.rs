//! This machine's two sockets: one the device answers to, one it connects to.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until};
use updraft_protocol::espota::MAX_DATAGRAM;

use super::EspotaError;

/// How long to wait before the next invitation when the last one was rejected: a device that restarts may listen in
/// a moment, and a machine that rejects will not change its mind later.
const REJECTED: Duration = Duration::from_millis(500);

/// What came first.
#[derive(Debug)]
pub(super) enum Event {
    /// A datagram.
    Said(Vec<u8>),
    /// The device's connection.
    Called(TcpStream),
    /// Nothing; `rejected` when the other machine said that nothing listens there.
    Silence { rejected: bool },
}

#[derive(Debug)]
pub(super) struct Sockets {
    device: SocketAddr,
    udp: UdpSocket,
    listener: TcpListener,
    /// The port the device is to connect to.
    pub(super) port: u16,
}

impl Sockets {
    /// Opens both. The datagrams' socket hears this device only.
    pub(super) async fn open(
        device: SocketAddr,
        ip: Option<IpAddr>,
        port: u16,
    ) -> Result<Self, EspotaError> {
        let ip = ip.unwrap_or(match device {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        let failed = |what: String| move |source| EspotaError::Socket { what, source };
        let listener = TcpListener::bind((ip, port))
            .await
            .map_err(failed(format!("TCP port {port} of {ip}")))?;
        let port = listener
            .local_addr()
            .map_err(failed("a TCP port".to_owned()))?
            .port();
        let udp = UdpSocket::bind((ip, 0))
            .await
            .map_err(failed(format!("a UDP port of {ip}")))?;
        udp.connect(device)
            .await
            .map_err(failed(format!("a way to {device}")))?;
        Ok(Self {
            device,
            udp,
            listener,
            port,
        })
    }

    /// Sends a datagram. One that cannot be sent is one that was lost, which the caller expects.
    pub(super) async fn send(&self, text: &str) {
        let _ = self.udp.send(text.as_bytes()).await;
    }

    /// Waits for a datagram or the device's connection. Connections from elsewhere are dropped.
    pub(super) async fn next(&self, timeout: Duration) -> Event {
        let mut deadline = Instant::now() + timeout;
        let mut rejected = false;
        let mut datagram = [0; MAX_DATAGRAM + 1];
        loop {
            tokio::select! {
                heard = self.udp.recv(&mut datagram) => match heard {
                    Ok(length) => {
                        return Event::Said(datagram.get(..length).unwrap_or_default().to_vec());
                    }
                    Err(error) => {
                        rejected |= error.kind() == ErrorKind::ConnectionRefused;
                        deadline = deadline.min(Instant::now() + REJECTED);
                        // An error that stays must not keep this loop spinning.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                called = self.listener.accept() => {
                    if let Some(stream) = self.admit(called) {
                        return Event::Called(stream);
                    }
                }
                () = sleep_until(deadline) => return Event::Silence { rejected },
            }
            if Instant::now() >= deadline {
                return Event::Silence { rejected };
            }
        }
    }

    fn admit(&self, called: io::Result<(TcpStream, SocketAddr)>) -> Option<TcpStream> {
        let (stream, from) = called.ok()?;
        if from.ip() != self.device.ip() {
            return None;
        }
        // Small pieces, each waited for: without this they would wait for each other as well.
        let _ = stream.set_nodelay(true);
        Some(stream)
    }
}
