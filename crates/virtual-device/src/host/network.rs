//! TCP over tokio, with a link that can be cut.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

use embedded_nal_async::{AddrType, Dns, TcpConnect};
use rand::RngExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter};
use tokio::net::TcpStream;

/// Most bytes that arrive over a connection that breaks by [`Link::set_breaking`]: a whole image.
pub const LONGEST_BROKEN: u64 = 1 << 20;

/// The state of a device's link to the network, shared by all its connections. Starts up and unlimited.
#[derive(Debug)]
pub struct Link {
    up: AtomicBool,
    /// Bytes that may still arrive before the link breaks; `u64::MAX` for no limit.
    budget: AtomicU64,
    /// Share of new connections that break, in basis points.
    breaking_bp: AtomicU16,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            up: AtomicBool::new(true),
            budget: AtomicU64::new(u64::MAX),
            breaking_bp: AtomicU16::new(0),
        }
    }
}

impl Link {
    /// Takes the link down or brings it back up. While down, connections fail at once.
    pub fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }

    /// Whether the link is up.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Breaks the connection once, after this many more bytes have arrived.
    pub fn break_after(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
    }

    /// Has this share of the connections to come break, in basis points: each at a random moment before
    /// [`LONGEST_BROKEN`] bytes have arrived, so that short requests are hit too.
    pub fn set_breaking(&self, basis_points: u16) {
        self.breaking_bp.store(basis_points, Ordering::Relaxed);
    }

    /// After how many bytes a new connection breaks; `u64::MAX` for one that does not.
    fn fate(&self) -> u64 {
        let breaking = self.breaking_bp.load(Ordering::Relaxed);
        if breaking == 0 || rand::rng().random_range(0..10_000) >= breaking {
            return u64::MAX;
        }
        // As likely within any power of two: most requests are short, and downloads are long.
        let doublings = rand::rng().random_range(0..=LONGEST_BROKEN.ilog2());
        rand::rng().random_range(0..=1 << doublings)
    }

    /// How many of `wanted` bytes may arrive; an error where the link is down or breaks now.
    fn allow(&self, wanted: usize) -> io::Result<usize> {
        if !self.is_up() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let budget = self.budget.load(Ordering::Relaxed);
        if budget == 0 {
            self.budget.store(u64::MAX, Ordering::Relaxed);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(usize::try_from(budget).unwrap_or(usize::MAX).min(wanted))
    }

    fn spend(&self, bytes: usize) {
        let budget = self.budget.load(Ordering::Relaxed);
        if budget != u64::MAX {
            let left = budget.saturating_sub(bytes as u64);
            self.budget.store(left, Ordering::Relaxed);
        }
    }
}

/// The host's network, through one device's [`Link`].
#[derive(Debug, Clone, Default)]
pub struct HostNetwork {
    link: Arc<Link>,
}

impl HostNetwork {
    /// A network behind this link.
    pub fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

/// One TCP connection. What is written leaves at the next flush, so that a request is one packet.
pub struct Connection {
    stream: BufWriter<TcpStream>,
    link: Arc<Link>,
    /// Bytes that may still arrive before it breaks; `u64::MAX` for no limit.
    left: u64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection that was opened already, by either side.
    pub(crate) fn over(stream: TcpStream, link: Arc<Link>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufWriter::new(stream),
            left: u64::MAX,
            link,
        })
    }
}

impl TcpConnect for HostNetwork {
    type Error = io::Error;
    type Connection<'a> = Connection;

    async fn connect(&self, remote: SocketAddr) -> io::Result<Connection> {
        self.link.allow(1)?;
        let stream = TcpStream::connect(remote).await?;
        let mut connection = Connection::over(stream, Arc::clone(&self.link))?;
        connection.left = self.link.fate();
        Ok(connection)
    }
}

impl Dns for HostNetwork {
    type Error = io::Error;

    async fn get_host_by_name(&self, host: &str, wanted: AddrType) -> io::Result<IpAddr> {
        let fits = |address: &IpAddr| match wanted {
            AddrType::IPv4 => address.is_ipv4(),
            AddrType::IPv6 => address.is_ipv6(),
            AddrType::Either => true,
        };
        tokio::net::lookup_host((host, 0))
            .await?
            .map(|address| address.ip())
            .find(fits)
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, host.to_owned()))
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> io::Result<usize> {
        // No part of the updater looks a name up by its address.
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl embedded_io_async::ErrorType for Connection {
    type Error = io::Error;
}

impl embedded_io_async::Read for Connection {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let allowed = self.link.allow(bytes.len())?;
        if self.left == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let allowed = usize::try_from(self.left).unwrap_or(allowed).min(allowed);
        let count = self.stream.read(&mut bytes[..allowed]).await?;
        self.link.spend(count);
        if self.left != u64::MAX {
            self.left -= count as u64;
        }
        Ok(count)
    }
}

impl embedded_io_async::Write for Connection {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.link.allow(bytes.len())?;
        self.stream.write(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }
}
