//! The device's TCP ports on the host.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use updraft_agent::local::{MAX_CONNECTIONS, OTA_PORT};
use updraft_agent::{Board, Updater};

use super::datagrams::DatagramSocket;
use super::network::{Connection, Link};

/// The port of a virtual device's page: 80 needs rights on many hosts.
pub const VIRTUAL_HTTP_PORT: u16 = 8032;

/// After a failed accept (out of descriptors, say) the next one waits this long.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// How many free TCP ports are tried until one is free for UDP, too.
const PAIR_TRIES: u32 = 20;

/// Where a virtual device listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPorts {
    /// The host's address it has.
    pub address: IpAddr,
    /// The port of its page; 0 takes a free one.
    pub http: u16,
    /// Whether a free one is taken should that be in use.
    pub http_or_free: bool,
    /// The port of seed 001's push, and of espota by UDP; 0 takes a free one.
    pub ota: u16,
    /// Whether a free one is taken should that be in use.
    pub ota_or_free: bool,
}

impl Default for LocalPorts {
    /// This host alone, on the default ports or, where those are taken, free ones.
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            http: VIRTUAL_HTTP_PORT,
            http_or_free: true,
            ota: OTA_PORT,
            ota_or_free: true,
        }
    }
}

impl LocalPorts {
    /// Whether another OTA port than this one would do.
    const fn may_be_free(&self, address: SocketAddr) -> bool {
        self.ota_or_free || self.ota != address.port()
    }

    /// Free ports, on this host alone.
    pub fn free() -> Self {
        Self {
            http: 0,
            ota: 0,
            ..Self::default()
        }
    }
}

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {error}")]
pub struct ListenError {
    /// The address and port.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

/// Both ports, open from power-on to power-off, so that they keep their numbers over resets.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) http: TcpListener,
    pub(crate) ota: TcpListener,
    /// espota, at the same number as `ota`.
    pub(crate) espota: UdpSocket,
}

async fn listen(address: IpAddr, port: u16, or_free: bool) -> Result<TcpListener, ListenError> {
    let wanted = SocketAddr::new(address, port);
    match TcpListener::bind(wanted).await {
        Err(error) if or_free && error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(address, 0)).await
        }
        other => other,
    }
    .map_err(|error| ListenError {
        address: wanted,
        error,
    })
}

/// The OTA port, which is one of TCP and one of UDP with the same number.
async fn listen_ota(ports: &LocalPorts) -> Result<(TcpListener, UdpSocket), ListenError> {
    let mut port = ports.ota;
    for _ in 0..PAIR_TRIES {
        let tcp = listen(ports.address, port, ports.ota_or_free).await?;
        let wrong = |error| ListenError {
            address: SocketAddr::new(ports.address, port),
            error,
        };
        let address = tcp.local_addr().map_err(wrong)?;
        match UdpSocket::bind(address).await {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && ports.may_be_free(address) =>
            {
                port = 0;
            }
            Err(error) => return Err(ListenError { address, error }),
        }
    }
    Err(ListenError {
        address: SocketAddr::new(ports.address, port),
        error: io::ErrorKind::AddrInUse.into(),
    })
}

impl Listeners {
    pub(crate) async fn open(ports: &LocalPorts) -> Result<Self, ListenError> {
        let (ota, espota) = listen_ota(ports).await?;
        Ok(Self {
            http: listen(ports.address, ports.http, ports.http_or_free).await?,
            ota,
            espota,
        })
    }

    /// Where the page is, and where updates are pushed to.
    pub(crate) fn addresses(&self) -> io::Result<[SocketAddr; 2]> {
        Ok([self.http.local_addr()?, self.ota.local_addr()?])
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        tokio::select! {
            accepted = self.http.accept() => accepted,
            accepted = self.ota.accept() => accepted,
        }
    }

    /// Serves what comes in, for as long as it is polled. Dropped, it cuts every connection.
    pub(crate) async fn serve<B: Board>(
        &self,
        updater: &Updater<B>,
        link: &Arc<Link>,
    ) -> std::convert::Infallible {
        let mut udp = DatagramSocket::new(&self.espota, Arc::clone(link));
        tokio::select! {
            never = self.serve_http(updater, link) => never,
            never = updater.serve_espota(&mut udp) => never,
        }
    }

    /// Serves connections, some at a time.
    async fn serve_http<B: Board>(
        &self,
        updater: &Updater<B>,
        link: &Arc<Link>,
    ) -> std::convert::Infallible {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.accept(), if open.len() < MAX_CONNECTIONS => match accepted {
                    // A device without a network answers nobody.
                    Ok(_) if !link.is_up() => {}
                    Ok((stream, peer)) => open.push(serve_one(updater, stream, peer.ip(), link)),
                    Err(_) => tokio::time::sleep(AFTER_FAILURE).await,
                },
                Some(()) = open.next(), if !open.is_empty() => {}
            }
        }
    }
}

async fn serve_one<B: Board>(
    updater: &Updater<B>,
    stream: TcpStream,
    peer: IpAddr,
    link: &Arc<Link>,
) {
    if let Ok(mut connection) = Connection::over(stream, Arc::clone(link)) {
        updater.serve_http(&mut connection, peer).await;
    }
}
